"""Tell how many of the valid photos a backbone pretrained on ImageNet has learnt from.

A choice that rests on such photos is made by memory: they favour a network that has seen them, and
do not say what it does on new photos. A valid photo counts as seen in two cases:

- its file has the name of one of ImageNet's photos, as in ImageNet itself, Stanford Dogs and
  Imagewoof (n02085620_10074.jpg, ILSVRC2012_val_00003014.JPEG);
- its breed is a class of ImageNet, and its file's name tells no other source: Kaggle's copy of
  Stanford Dogs has names like 000bec180eb18c7604dcecc8fe0dba07.jpg, and others count (17.jpg).

Two kinds of names tell another source: a camera's or a phone's (IMG_2041.jpg), and the breed's name
with an underscore and a number (boxer_144.jpg), as Oxford's pets and Udacity's dogImages have them;
no published copy of ImageNet names its photos so.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dogbreeds.data.audit_rules import is_imagenet_name
from dogbreeds.data.dataset import Dataset, Photo
from dogbreeds.data.labels import breed_of

SEEN_BY_BACKBONE = "seen-by-backbone"  # --accept lets seen photos choose all the same
_BREED_NUMBER = re.compile(r"(?P<breed>.+)_\d+$")
_CAMERA = re.compile(
    r"(IMG|MVIMG|VID|PXL|DSC|DSCN|DSCF|_DSC|_MG|DCP|GOPR|SAM|WhatsApp Image|Screenshot)"
    r"[ _-]?\d|\d{8}_\d{6}|P\d{7}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SeenPhotos:
    """How many of the valid photos the backbone has learnt from, and how that is known."""

    valid_photos: int
    by_name: int
    by_breed: int

    @property
    def most(self) -> bool:
        """Whether more than half of the valid photos count as seen."""
        return 2 * (self.by_name + self.by_breed) > self.valid_photos

    def sentence(self) -> str:
        """Return why fine-tuning is left out."""
        reasons = [
            f"{count:,} by {how}"
            for count, how in (
                (self.by_name, "ImageNet's names of their files"),
                (self.by_breed, "their breeds, which ImageNet has, under names of no other source"),
            )
            if count
        ]
        return (
            f"The package has the head-only network, not a fine-tuned one, because the backbone "
            f"has learnt from {self.by_name + self.by_breed:,} of the {self.valid_photos:,} valid "
            f"photos ({'; '.join(reasons)}), so that they cannot tell whether fine-tuning helps on "
            f"new photos; --accept {SEEN_BY_BACKBONE} lets them choose."
        )

    def as_json(self) -> dict[str, Any]:
        """Return what `evaluation.json` holds."""
        return asdict(self) | {"most": self.most}


def seen_photos(dataset: Dataset, pretrained: bool = True) -> SeenPhotos:
    """Count the valid photos that the backbone has learnt from.

    Parameters
    ----------
    pretrained : bool
        Whether the backbone has ImageNet's weights; one of random weights has seen nothing.
    """
    valid = dataset.of_split("valid")
    synset_of = {label.breed: label.synset for label in dataset.labels}
    if not pretrained:
        return SeenPhotos(len(valid), 0, 0)
    others = [photo for photo in valid if not is_imagenet_name(photo.path.name)]
    by_breed = [
        photo
        for photo in others
        if synset_of[photo.breed] and not _tells_another_source(photo, dataset.spellings)
    ]
    return SeenPhotos(len(valid), len(valid) - len(others), len(by_breed))


def _tells_another_source(photo: Photo, spellings: Mapping[str, tuple[str, ...]]) -> bool:
    stem = photo.path.stem
    if _CAMERA.match(stem):
        return True
    if not (match := _BREED_NUMBER.match(stem)):
        return False
    names = (photo.breed, *spellings.get(photo.breed, ()))
    return breed_of(match["breed"])[1] in {breed_of(name)[1] for name in names}
