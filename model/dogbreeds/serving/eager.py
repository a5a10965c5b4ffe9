"""Run the network in eager PyTorch, the fallback where OpenVINO is not installed.

It reads the package's `model.safetensors`, needs torch, timm and safetensors, and uses a GPU where
there is one. Answers equal those of OpenVINO's fp32 variant; on a CPU it is several times slower.
"""

from pathlib import Path

import numpy as np
import safetensors.torch
import timm
import torch
from numpy.typing import NDArray

from dogbreeds.network.network import Explained, Network, can_explain
from dogbreeds.package.card import Card, PackageError

HEAD = "breed_head.weight"


class EagerEngine:
    """The network in PyTorch, with the interface of `engine.Engine`.

    Parameters
    ----------
    package : Path
        Unpacked package with `card.json` and `model.safetensors`.
    threads : int
        Cores that one call may use; 0 leaves it to PyTorch. The limit is the process's.

    Raises
    ------
    PackageError
        The weights are missing, broken, or not those of the card's backbone.
    """

    def __init__(self, package: Path, threads: int = 0) -> None:
        network = load_network(package)
        self.breeds = network.breed_head.out_features
        self.precision = "fp32"
        if threads:
            torch.set_num_threads(threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.explains = can_explain(network, Card.read(package).input.size)
        self._network = network.to(self._device).to(memory_format=torch.channels_last)

    def __call__(
        self, photos: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(photos)).to(self._device)
            logits, mass = self._network(pixels)
        return logits.cpu().numpy(), mass.cpu().numpy()

    def explain(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return `breed_logits`, `dog_mass` and `breed_map`; see `engine.Engine.explain`."""
        if not self.explains:
            return *self(photo), None
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(photo)).to(self._device)
            logits, mass, breed_map = Explained(self._network)(pixels)
        return logits.cpu().numpy(), mass.cpu().numpy(), breed_map.cpu().numpy()

    def embed(
        self, photo: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return `breed_logits`, `dog_mass` and the features; see `engine.Engine.embed`."""
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(photo)).to(self._device)
            features = self._network.features(pixels)
            logits, mass = self._network.outputs(features)
        return logits.cpu().numpy(), mass.cpu().numpy(), features.cpu().numpy()


def load_network(package: Path) -> Network:
    """Load the network of an unpacked package in PyTorch, on the CPU and ready to predict.

    Raises
    ------
    PackageError
        The weights are missing, broken, or not those of the card's backbone.
    """
    card = Card.read(package)
    try:
        state = safetensors.torch.load_file(package / "model.safetensors")
    except FileNotFoundError as error:
        raise PackageError("The model package has no model.safetensors; build it again.") from error
    except safetensors.SafetensorError as error:
        raise PackageError(f"model.safetensors cannot be read: {error}.") from error
    if HEAD not in state:
        raise PackageError(f"model.safetensors holds no {HEAD}; build the package again.")
    if not all(values.isfinite().all() for values in state.values()):
        raise PackageError(
            "model.safetensors holds a weight that is not a number; build the package again."
        )
    if not timm.is_model(card.backbone):  # hf-hub:NAME would make timm ask its hub
        raise PackageError(f"timm has no backbone {card.backbone!r}, which card.json names.")
    backbone = timm.create_model(card.backbone, pretrained=False)
    network = Network(backbone, int(state[HEAD].shape[0]), card.input, card.dog_score)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise PackageError(
            f"model.safetensors does not fit the backbone {card.backbone}."
        ) from error
    return network.eval()
