"""Build the optimiser, the schedule and the weights' moving average, all from timm.

AdamW with a rate that decays by block, a cosine with warm-up, and an exponential moving average.
"""

from timm.optim._param_groups import param_groups_layer_decay
from timm.scheduler.cosine_lr import CosineLRScheduler
from timm.utils.model_ema import ModelEmaV3
from torch import nn
from torch.optim import AdamW, Optimizer

from dogbreeds.finetune.recipes import Recipe
from dogbreeds.network.network import Network


def build_optimiser(network: Network, recipe: Recipe, *, fused: bool) -> AdamW:
    """Return AdamW over what `step.set_training` left trainable, slower the further from the head.

    timm's scheduler multiplies the rate by each group's `lr_scale`.
    """
    groups = param_groups_layer_decay(
        network.backbone, recipe.weight_decay, layer_decay=recipe.layer_decay
    )
    groups = [group for group in groups if group["params"]]
    groups.append(
        {
            "params": list(network.breed_head.parameters()),
            "weight_decay": recipe.weight_decay,
            "lr_scale": recipe.head_rate,
        }
    )
    return AdamW(groups, lr=recipe.learning_rate, fused=fused)


def build_schedule(optimiser: Optimizer, recipe: Recipe, steps: int) -> CosineLRScheduler:
    """Return the schedule of the learning rate: a linear warm-up from 0, then a cosine to 0."""
    warm_up = round(recipe.warm_up * steps)
    return CosineLRScheduler(
        optimiser,
        t_initial=max(1, steps),
        warmup_t=warm_up,
        warmup_lr_init=0.0,
        t_in_epochs=False,
    )


def build_average(network: nn.Module, recipe: Recipe) -> ModelEmaV3:
    """Return the exponential moving average of the weights, with a warm-up of its decay."""
    return ModelEmaV3(network, decay=recipe.ema, use_warmup=True)
