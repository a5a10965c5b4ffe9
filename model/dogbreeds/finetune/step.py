"""Compute a training step's loss: cross-entropy of the breeds, and distillation of the backbone.

    loss = cross-entropy(breeds) + distill_weight * KL(teacher || student)

Teacher and student are the backbone's ImageNet probabilities before the training and now. The
second term keeps the dog score meaningful: it comes from the backbone's own head, which is frozen,
and would drift with features that learn nothing but dogs (learning without forgetting, Li and
Hoiem, 2016). The teacher's probabilities are computed once for each photo. Where the set is
uneven, the breeds' logits are adjusted (`network/head.py`).
"""

from typing import NamedTuple

import torch
from timm.models._manipulate import group_parameters
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from dogbreeds.finetune.augment import augment, blend, partners
from dogbreeds.finetune.recipes import Recipe
from dogbreeds.network.network import Network, imagenet_head


class StepOutput(NamedTuple):
    """The results of a step, on the device."""

    loss: Tensor  # mean for each photo, with the distillation: what is minimised
    breeds_loss: Tensor  # the cross-entropy alone
    accuracy: Tensor  # share of the augmented photos whose breed was predicted


class Step(nn.Module):
    """The network with its loss, as one module that DDP wraps and torch.compile sees whole."""

    def __init__(self, network: Network, recipe: Recipe, size: int, adjustment: Tensor) -> None:
        super().__init__()
        self.network, self.recipe, self.size = network, recipe, size
        self.adjustment = adjustment  # added to the logits in the loss, [breeds]

    def forward(  # noqa: PLR0917  # DDP and torch.compile pass positions on best
        self,
        pixels: Tensor,
        aspects: Tensor,
        draws: Tensor,
        share: Tensor,
        labels: Tensor,
        teacher_probs: Tensor | None,
    ) -> StepOutput:
        """Return the means over a batch.

        Parameters
        ----------
        pixels, aspects, draws : Tensor
            As `augment.augment` takes them.
        share : Tensor
            Weight of each photo in the blend with its partner, [1]; not read without mixup.
        labels : Tensor
            Breed indices [B].
        teacher_probs : Tensor or None
            The backbone's probabilities [B, ImageNet classes] before the training.
        """
        recipe = self.recipe
        with torch.no_grad():
            photos = augment(pixels, aspects, draws, self.size, recipe)
            if recipe.mixup:
                photos = blend(photos, share)
        features = self.network.features(photos)
        logits = self.network.breed_head(features).float()
        adjusted = logits + self.adjustment
        loss = cross_entropy(adjusted, labels, label_smoothing=recipe.label_smoothing)
        if recipe.mixup:
            others = labels[partners(len(labels)).to(labels.device)]
            blended = cross_entropy(adjusted, others, label_smoothing=recipe.label_smoothing)
            loss = (share * loss + (1 - share) * blended).reshape(())
        total = loss
        if teacher_probs is not None and recipe.distill_weight:
            student = log_softmax(imagenet_head(self.network.backbone)(features).float(), dim=1)
            divergence = kl_div(student, teacher_probs.float(), reduction="batchmean")
            total = loss + recipe.distill_weight * divergence
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        return StepOutput(total, loss, accuracy)


def set_training(network: Network, recipe: Recipe) -> None:
    """Put `network` into training mode, and freeze what the recipe freezes."""
    network.train()
    backbone, head = network.backbone, imagenet_head(network.backbone)
    head_parameters = {id(parameter) for parameter in head.parameters()}
    frozen = _first_stages(backbone, recipe.frozen_stages)
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name not in frozen and id(parameter) not in head_parameters)
    for name, module in backbone.named_modules():
        norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
        if norm and (recipe.frozen_norms or f"{name}.weight" in frozen):
            module.eval()


def _first_stages(backbone: nn.Module, count: int) -> set[str]:
    """Return the names of the parameters in the first `count` stages, as timm groups them.

    Of EfficientNet-Lite2 0 is the stem and 1 to 7 are the blocks, of a ResNet 1 to 4 its layers.
    """
    matcher = backbone.group_matcher(coarse=True)  # type: ignore[operator]  # timm's method
    stages = group_parameters(backbone, matcher)
    return {name for stage, names in stages.items() if stage < count for name in names}
