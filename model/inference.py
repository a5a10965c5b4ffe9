"""SageMaker's four functions, where its hosts look for them: load, read, predict, write."""

from dogbreeds.serving.inference import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
