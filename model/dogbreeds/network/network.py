"""The network: a timm backbone, a head for the breeds, and ImageNet's head for "is it a dog?".

    photos uint8 [B, size, size, 3] -> breed_logits float32 [B, breeds], dog_mass float32 [B]

The whole ImageNet head is kept: the probability that it gives to its dog classes, out of all 1,000,
is a dog score that needs no training photo without a dog. On a backbone with random weights that
head is useless; then the highest probability of a breed is the score, which is less accurate. The
network normalises its input itself, so the exported model takes the uint8 pixels that
`preprocess.prepare` returns, a quarter of their size as floats.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dogbreeds.data.imagenet import DOG_CLASSES
from dogbreeds.package.card import IMAGENET_MASS, PreprocessConfig

OUTPUTS = ("breed_logits", "dog_mass")


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
        pixels = photos.permute(0, 3, 1, 2).float() * self.scale + self.shift
        maps = self.backbone.forward_features(pixels)  # type: ignore[operator]  # timm's method
        pooled: Tensor = self.backbone.forward_head(maps, pre_logits=True)  # type: ignore[operator]
        return pooled

    def forward(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """Return `breed_logits` [B, breeds] and `dog_mass` [B] for uint8 [B, size, size, 3]."""
        features = self.features(photos)
        logits = self.breed_head(features)
        if self.dog_score != IMAGENET_MASS:
            return logits, logits.softmax(dim=1).amax(dim=1)
        return logits, self.dog_mass(features)

    def dog_mass(self, features: Tensor) -> Tensor:
        """Return the probability [B] that ImageNet's head gives to all dog classes together."""
        imagenet: Tensor = imagenet_head(self.backbone)(features).softmax(dim=1)
        return imagenet[:, self.dog_classes].sum(dim=1)


def imagenet_head(backbone: nn.Module) -> nn.Linear:
    """Return the backbone's own classifier."""
    head = backbone.get_classifier()  # type: ignore[operator]  # timm's method
    if not isinstance(head, nn.Linear):
        raise TypeError(f"The backbone's classifier is a {type(head).__name__}, expected a Linear.")
    return head


def cut_head(network: Network, classes: Sequence[int]) -> None:
    """Set the breed head to the rows of ImageNet's head for `classes`, in that order."""
    imagenet = imagenet_head(network.backbone)
    with torch.no_grad():
        network.breed_head.weight.copy_(imagenet.weight[list(classes)])
        network.breed_head.bias.copy_(imagenet.bias[list(classes)])
