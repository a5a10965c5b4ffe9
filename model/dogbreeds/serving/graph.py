"""Change and check a package's network before it is compiled."""

import numpy as np

from dogbreeds.package.card import PackageError
from dogbreeds.serving.openvino_core import ov

BREED_MAP = "breed_map"  # an output that packages made before it lack
FEATURES = "features"  # an output that is added where it is asked for


def without_map(model: ov.Model) -> ov.Model:
    """Return `model`, or, if it has the output `breed_map`, a copy without all that leads to it."""
    has_map = [BREED_MAP in output.get_names() for output in model.outputs]
    if not any(has_map):
        return model
    copy = model.clone()
    copy.remove_result(copy.get_results()[has_map.index(True)])
    return copy


def with_features(model: ov.Model) -> ov.Model:
    """Return a copy of `model` that has the input of the breed head as an output too."""
    copy = model.clone()
    node = copy.output("breed_logits").get_node()
    while node.get_type_name() != "MatMul":  # the bias is added behind it
        sources = [value.get_node() for value in node.input_values()]
        node = next((each for each in sources if each.get_type_name() != "Constant"), None)
        if node is None:
            raise PackageError("The model package's network has no breed head; build it again.")
    [output] = copy.add_outputs(node.input_value(0))
    output.get_tensor().add_names({FEATURES})
    return copy


def check_numbers(model: ov.Model) -> None:
    """Refuse a NaN or infinite weight: a ReLU6 behind it can hide it from every answer."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Constant" and node.get_element_type().is_real():
            values = node.data
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise PackageError(
                    "The model package's network holds a weight that is not a number; build it "
                    "again."
                )
