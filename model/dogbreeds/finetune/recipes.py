"""The settings of a fine-tuning: `--recipe small`, `--recipe large`, or a file that changes one.

A file is JSON with the name of a recipe and the changes: {"recipe": "small", "epochs": 12}.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from dogbreeds.data.layouts import DataError
from dogbreeds.package.card import PreprocessConfig

LARGE_FROM = 5_000  # training photos
_ABOVE_ZERO = {"epochs", "batch_size", "patience", "learning_rate", "input_scale", "smallest_crop"}
_SHARES = {
    "warm_up",
    "label_smoothing",
    "smallest_crop",
    "jitter",
    "ema",
    "layer_decay",
    "crop_pct",
}


@dataclass(frozen=True)
class Recipe:
    """The settings of one fine-tuning. Rates are AdamW's; shares lie in 0..1."""

    name: str
    epochs: int
    batch_size: int  # photos in a step, over all processes
    learning_rate: float  # of the network's last layers; a cosine takes it to 0
    head_rate: float  # times learning_rate: the breed head's
    layer_decay: float  # times learning_rate for each block further from the head
    weight_decay: float  # not of biases and norms
    warm_up: float  # share of all steps in which the rate rises from 0
    label_smoothing: float  # share of a photo's target that is spread over all breeds
    mixup: float  # Beta(mixup, mixup) blends photos two by two; 0: none
    distill_weight: float  # of the distillation from the original backbone (step.py)
    smallest_crop: float  # share of the centred square's area that a training crop keeps at least
    jitter: float  # brightness and contrast vary by this share
    ema: float  # decay of the averaged weights for each step, reached after a warm-up
    frozen_stages: int  # of the backbone, its stem counted as one
    frozen_norms: bool  # batch norms keep their statistics: small batches give poor ones
    patience: int  # epochs without a lower valid loss that end the run early
    input_scale: float  # of the backbone's own input side; a larger one costs serving its square
    crop_pct: float | None  # share of the shorter side that the crop keeps; None: timm's
    interpolation_shares: tuple[float, ...]  # to try; 0: head-only network, 1: fine-tuned
    seed: int = 20

    def for_card(self) -> dict[str, Any]:
        """Return all settings as JSON has them."""
        return asdict(self) | {"interpolation_shares": list(self.interpolation_shares)}


# For about 100 photos a breed. Chosen by cross-validation over photos that the backbone was trained
# on (1,200 of 10 breeds) and over others (130 of 13), in a search that is not kept. It takes few
# steps and stays close to the start: more would overfit to a thousand photos.
SMALL = Recipe(
    name="small",
    epochs=5,
    batch_size=32,
    learning_rate=2e-4,
    head_rate=1.0,
    layer_decay=0.8,
    weight_decay=0.0,
    warm_up=0.1,
    label_smoothing=0.0,
    mixup=0.0,
    distill_weight=1.0,
    smallest_crop=0.5,
    jitter=0.1,
    ema=0.99,
    frozen_stages=4,
    frozen_norms=True,
    patience=3,
    input_scale=1.108,  # 288 for a backbone of 260: 1.23 times the work of a call
    crop_pct=0.95,
    interpolation_shares=(0.0, 0.1, 0.25, 0.5, 0.75, 1.0),
)

# For 5,000 photos or more (dogImages: 6,680 of 133 breeds): the whole network is trained.
LARGE = Recipe(
    name="large",
    epochs=12,
    batch_size=128,
    learning_rate=5e-4,
    head_rate=2.0,
    layer_decay=0.85,
    weight_decay=0.02,
    warm_up=0.1,
    label_smoothing=0.1,
    mixup=0.2,
    distill_weight=0.3,
    smallest_crop=0.35,
    jitter=0.2,
    ema=0.999,
    frozen_stages=0,
    frozen_norms=False,
    patience=4,
    input_scale=1.0,
    crop_pct=None,
    interpolation_shares=(0.0, 0.25, 0.5, 0.75, 1.0),
)

RECIPES = {recipe.name: recipe for recipe in (SMALL, LARGE)}


def recipe_for(photos: int, named: str = "") -> Recipe:
    """Return the recipe that was named, or the one for a set of `photos` training photos.

    Raises
    ------
    DataError
        `named` is neither a recipe nor a file that changes one.
    """
    if not named:
        return LARGE if photos >= LARGE_FROM else SMALL
    if named in RECIPES:
        return RECIPES[named]
    try:
        values = json.loads(Path(named).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"--recipe {named}: expected {' or '.join(RECIPES)}, or a JSON file that names one of "
            "them and the changes."
        ) from error
    return _changed(values, named)


def input_for(recipe: Recipe, config: PreprocessConfig, largest: int) -> PreprocessConfig:
    """Return the preprocessing of the fine-tuned network: the backbone's, enlarged by the recipe.

    Parameters
    ----------
    largest : int
        Pixels of the wire's shorter side, above which nothing is gained.
    """
    if recipe.input_scale == 1.0 and recipe.crop_pct is None:
        return config
    size = min(largest, round(config.size * recipe.input_scale / 4) * 4)
    return replace(config, size=size, crop_pct=recipe.crop_pct or config.crop_pct)


def _changed(values: Any, file: str) -> Recipe:
    if not isinstance(values, dict) or values.get("recipe") not in RECIPES:
        raise DataError(f'{file} names no recipe; begin with {{"recipe": "small"}}.')
    base = RECIPES[values["recipe"]]
    changes = {name: value for name, value in values.items() if name != "recipe"}
    known = {entry.name for entry in fields(Recipe)} - {"name"}
    for name, value in changes.items():
        if name not in known:
            raise DataError(f"{file}: a recipe has no setting {name!r}, only {sorted(known)}.")
        old = getattr(base, name)
        if not (_fits(value, old) and _in_range(name, value)):
            raise DataError(f"{file}: {name} is {value!r}, expected something like {old!r}.")
    if "interpolation_shares" in changes:
        changes["interpolation_shares"] = tuple(map(float, changes["interpolation_shares"]))
    return replace(base, name=Path(file).stem, **changes)


def _fits(value: Any, old: Any) -> bool:
    if isinstance(old, tuple):
        in_range = isinstance(value, list) and all(_number(v) and 0 <= v <= 1 for v in value)
        return in_range and bool(value)
    if isinstance(old, bool):
        return isinstance(value, bool)
    if isinstance(old, int):
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return _number(value) and value >= 0


def _in_range(name: str, value: Any) -> bool:
    if name in _ABOVE_ZERO and not value > 0:
        return False
    return name not in _SHARES or value <= 1


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
