"""One step's loss: the breeds' cross-entropy, and how far the backbone strays from what it knew.

    loss = cross-entropy(breeds) + remember * KL(ImageNet's classes before || now)

The second term keeps "is it a dog" meaningful: that score is read off the backbone's own head,
which stays as it was, and would drift if its features learnt nothing but dogs (learning without
forgetting, Li and Hoiem, 2016). What the backbone said before is computed once for each photo.
"""

from typing import NamedTuple

import torch
from timm.models._manipulate import group_parameters
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from dogbreeds.finetune.augment import augment, blend, partners
from dogbreeds.finetune.recipes import Recipe
from dogbreeds.network.network import Network, imagenet_head


class Told(NamedTuple):
    """What a step found, on the device."""

    loss: Tensor  # mean for each photo, with `remember`'s part: what is minimised
    breeds_loss: Tensor  # the cross-entropy alone
    right: Tensor  # share of the photos, varied and blended as they are, told right


class Step(nn.Module):
    """The network with its loss, as one module that DDP wraps and torch.compile sees whole."""

    def __init__(self, network: Network, recipe: Recipe, size: int) -> None:
        super().__init__()
        self.network, self.recipe, self.size = network, recipe, size

    def forward(  # noqa: PLR0917  # DDP and torch.compile pass positions on best
        self,
        pixels: Tensor,
        aspects: Tensor,
        draws: Tensor,
        share: Tensor,
        labels: Tensor,
        knew: Tensor | None,
    ) -> Told:
        """Return the means over a batch.

        Parameters
        ----------
        pixels, aspects, draws : Tensor
            As `augment.augment` takes them.
        share : Tensor
            How much of itself each photo keeps in the blend, [1]; unread without mixup.
        labels : Tensor
            Breed indices [B].
        knew : Tensor or None
            Probabilities [B, ImageNet classes] that the backbone gave before training.
        """
        recipe = self.recipe
        with torch.no_grad():
            photos = augment(pixels, aspects, draws, self.size, recipe)
            if recipe.mixup:
                photos = blend(photos, share)
        features = self.network.features(photos)
        logits = self.network.breed_head(features).float()
        loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        if recipe.mixup:
            others = labels[partners(len(labels)).to(labels.device)]
            blended = cross_entropy(logits, others, label_smoothing=recipe.label_smoothing)
            loss = (share * loss + (1 - share) * blended).reshape(())
        whole = loss
        if knew is not None and recipe.remember:
            now = log_softmax(imagenet_head(self.network.backbone)(features).float(), dim=1)
            whole = loss + recipe.remember * kl_div(now, knew.float(), reduction="batchmean")
        right = (logits.argmax(dim=1) == labels).float().mean()
        return Told(whole, loss, right)


def set_training(network: Network, recipe: Recipe) -> None:
    """Put `network` into training mode, and freeze what the recipe freezes."""
    network.train()
    backbone, head = network.backbone, imagenet_head(network.backbone)
    own = {id(parameter) for parameter in head.parameters()}
    frozen = _first_stages(backbone, recipe.frozen_stages)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name not in frozen and id(parameter) not in own)
    for name, module in backbone.named_modules():
        norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if norm and (recipe.frozen_norms or f"{name}.weight" in frozen):
            module.eval()


def _first_stages(backbone: nn.Module, count: int) -> set[str]:
    """Return the names of the parameters in the first `count` stages; timm knows what a stage is.

    Of EfficientNet-Lite2 0 is the stem and 1 to 7 are the blocks, of a ResNet 1 to 4 its layers.
    """
    matcher = backbone.group_matcher(coarse=True)  # type: ignore[operator]  # timm's method
    stages = group_parameters(backbone, matcher)
    return {name for place, names in stages.items() if place < count for name in names}
