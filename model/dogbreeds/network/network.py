"""The network: a timm backbone, a head for the breeds, and ImageNet's head for "is it a dog?".

    photos uint8 [B, size, size, 3] -> breed_logits float32 [B, breeds], dog_mass float32 [B]

The whole ImageNet head is kept: the probability that it gives to its dog classes, out of all 1,000,
is a dog score that needs no training photo without a dog. On a backbone with random weights that
head is useless; then the highest probability of a breed is the score, which is less accurate. The
network normalises its input itself, so the exported model takes the uint8 pixels that
`preprocess.prepare` returns, a quarter of their size as floats.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dogbreeds.data.imagenet import DOG_CLASSES
from dogbreeds.package.card import IMAGENET_MASS, PackageError, PreprocessConfig

OUTPUTS = ("breed_logits", "dog_mass")
_LINEAR = "linear_classifier"  # the module that use_linear_classifier adds


class Network(nn.Module):
    """Backbone with two heads.

    Parameters
    ----------
    backbone : nn.Module
        A timm classifier with its 1,000-class ImageNet head.
    breeds : int
        Number of outputs of the breed head, which starts with timm's default initialisation.
    preprocess : PreprocessConfig
        The card's `input`: mean and std for pixels scaled to 0..1.
    dog_score : str
        The card's `dog_score`: the kind of the second output.
    """

    scale: Tensor
    shift: Tensor
    dog_classes: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        breeds: int,
        preprocess: PreprocessConfig,
        dog_score: str = IMAGENET_MASS,
    ) -> None:
        super().__init__()
        self.dog_score = dog_score
        self.backbone = backbone
        self.breed_head = nn.Linear(imagenet_head(backbone).in_features, breeds)
        mean, std = torch.tensor(preprocess.mean), torch.tensor(preprocess.std)
        # (pixel / 255 - mean) / std as one multiply-add
        self.register_buffer("scale", (1 / (255 * std)).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean / std).view(3, 1, 1), persistent=False)
        self.register_buffer("dog_classes", torch.tensor(DOG_CLASSES), persistent=False)

    def features(self, photos: Tensor) -> Tensor:
        """Return pooled features [B, channels] of uint8 `photos` [B, size, size, 3]."""
        return self.pooled(self.feature_map(photos))

    def feature_map(self, photos: Tensor) -> Tensor:
        """Return the backbone's last feature map, [B, channels, height, width] in most networks."""
        pixels = photos.permute(0, 3, 1, 2).float() * self.scale + self.shift
        maps: Tensor = self.backbone.forward_features(pixels)  # type: ignore[operator]  # timm's
        return maps

    def pooled(self, maps: Tensor) -> Tensor:
        """Return the features [B, channels] that the heads take, of a feature map."""
        pooled: Tensor = self.backbone.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return pooled.flatten(1)

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        return self.outputs(self.features(photos))

    def outputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of pooled features."""
        logits = self.breed_head(features)
        if self.dog_score != IMAGENET_MASS:
            return logits, logits.softmax(dim=1).amax(dim=1)
        return logits, self.dog_mass(features)

    def dog_mass(self, features: Tensor) -> Tensor:
        """Return the probability [B] that ImageNet's head gives to all dog classes together."""
        imagenet: Tensor = imagenet_head(self.backbone)(features).softmax(dim=1)
        return imagenet[:, self.dog_classes].sum(dim=1)


class Explained(nn.Module):
    """The network with a third output: each breed's logit in each cell of the last feature map.

    A cell goes through pooling and head as if it were the whole map. Where the head is linear in
    the map, the mean of a breed's cells is its logit: a class activation map (Zhou et al., 2016).
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the network's outputs, and `breed_map` [B, breeds, height, width]."""
        network = self.network
        maps = network.feature_map(photos)
        logits, mass = network.outputs(network.pooled(maps))
        _, channels, height, width = maps.shape
        cells = maps.permute(0, 2, 3, 1).reshape(-1, channels, 1, 1)
        of_cells: Tensor = network.breed_head(network.pooled(cells))
        by_cell = of_cells.reshape(-1, height, width, of_cells.shape[1])
        return logits, mass, by_cell.permute(0, 3, 1, 2)


def can_explain(network: Network, size: int) -> bool:
    """Return whether the backbone's last feature map is a picture: channels first, then cells."""
    with torch.inference_mode():
        maps = network.feature_map(torch.zeros(1, size, size, 3, dtype=torch.uint8))
    channels: Any = network.backbone.num_features
    return maps.ndim == 4 and maps.shape[1] == channels and maps[0, 0].numel() > 1  # noqa: PLR2004


def imagenet_head(backbone: nn.Module) -> nn.Linear:
    """Return the backbone's own classifier."""
    head = getattr(backbone, _LINEAR, None) or backbone.get_classifier()  # type: ignore[operator]
    if not isinstance(head, nn.Linear):
        raise TypeError(f"The backbone's classifier is a {type(head).__name__}, expected a Linear.")
    return head


def use_linear_classifier(backbone: nn.Module, classes: int) -> None:
    """Give a backbone a linear layer in place of a classifier that computes the same otherwise.

    Some networks of timm classify by a 1x1 convolution, a batch norm and a linear layer, or the
    mean of two such heads: a linear layer all the same, whose weights are its answers to the unit
    vectors.

    Raises
    ------
    PackageError
        The backbone has no classifier of `classes` classes, or not a linear one.
    """
    own = backbone.get_classifier()  # type: ignore[operator]  # timm's method
    if isinstance(own, nn.Linear) and own.out_features == classes:
        return
    settings: Any = backbone.pretrained_cfg
    if settings.get("num_classes") != classes:
        raise PackageError(
            f"The backbone has a classifier of {settings.get('num_classes') or 'no'} classes; "
            f"choose one of timm's networks with ImageNet's {classes:,}."
        )
    photos = torch.rand(2, *settings["input_size"], generator=torch.Generator().manual_seed(1))
    try:
        with torch.no_grad():
            maps = backbone.forward_features(photos)  # type: ignore[operator]
            features = backbone.forward_head(maps, pre_logits=True)  # type: ignore[operator]
            expected = backbone.forward_head(maps)  # type: ignore[operator]
            heads = own if isinstance(own, tuple) else (own,)
            units = torch.eye(features[0].numel())
            if isinstance(own, nn.Conv2d):
                units = units[:, :, None, None]
            at_zero = sum(head(torch.zeros_like(units[:1])).flatten(1) for head in heads)
            at_units = sum(head(units).flatten(1) for head in heads)
            linear = nn.Linear(len(units), classes)
            linear.weight.copy_((at_units - at_zero).T / len(heads))
            linear.bias.copy_(at_zero[0] / len(heads))
            same = torch.allclose(linear(features.flatten(1)), expected, rtol=1e-3, atol=1e-4)
    except (RuntimeError, TypeError, AttributeError, IndexError):
        same = False
    if not same:
        raise PackageError(
            f"The backbone's classifier ({type(own).__name__}) is not a linear layer; choose "
            "another one of timm's networks."
        )
    setattr(backbone, _LINEAR, linear)


def cut_head(network: Network, classes: Sequence[int]) -> None:
    """Set the breed head to the rows of ImageNet's head for `classes`, in that order."""
    imagenet = imagenet_head(network.backbone)
    with torch.no_grad():
        network.breed_head.weight.copy_(imagenet.weight[list(classes)])
        network.breed_head.bias.copy_(imagenet.bias[list(classes)])
