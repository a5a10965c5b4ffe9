"""Export SageMaker's four functions under the module name that its hosts import."""

from dogbreeds.serving.inference import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
