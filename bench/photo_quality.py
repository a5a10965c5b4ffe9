"""Measure the recall and the false positives of the audit's notes on defective photos.

    python bench/photo_quality.py            # ../shared/data; about 2 minutes on two cores

Defects are made of every tenth photo: blurred (Gaussian, 3 and 6 pixels), shaken, enlarged from a
sixth, darkened, brightened, faded, of one colour, cut to a strip; and photos of no dog, or of one
that fills a tenth of the height of another scene. The last line is JSON.
"""

import sys  # isort: skip
import heads  # isort: skip  # makes model/ importable

sys.path.append(str(heads.ROOT))  # for tests/
import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from dogbreeds.data.audit_rules import MAX_NO_DOG, NO_DOG
from dogbreeds.network.features import Extractor
from dogbreeds.network.network import Network
from dogbreeds.network.weights import load_backbone
from dogbreeds.package.pretrained import BACKBONE, preprocess_config
from dogbreeds.photos.decode import load_photo
from dogbreeds.photos.quality import defects
from tests.model.spoiled import DEFECTS, kinds_of

DATA = heads.ROOT.parent / "shared" / "data"
EVERY = 10  # photo of which defects are made


def share_found(name: str, photos: Sequence[Path]) -> float:
    """Return the share of the photos whose defect is noted once it is made."""
    kind, make = DEFECTS[name]
    opened = (Image.open(photo).convert("RGB") for photo in photos)
    return sum(kind in kinds_of(make(image)) for image in opened) / len(photos)


def pasted(dog: Path, scene: Path) -> Image.Image:
    """Return a scene with the dog's photo in it, a tenth as high."""
    picture = Image.open(scene).convert("RGB").resize((640, 480))
    small = Image.open(dog).convert("RGB")
    picture.paste(small.resize((max(1, 48 * small.width // small.height), 48)), (300, 260))
    return picture


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description="What the audit notes of photos.")
    parser.add_argument("--data", type=Path, default=DATA)
    folder = parser.parse_args().data
    dogs = sorted([*(folder / "woof10").rglob("*.jp*g"), *(folder / "pets13").rglob("*.jp*g")])
    scenes = sorted((folder / "notdogs").glob("*.jpg"))
    backbone = load_backbone(BACKBONE)
    config = preprocess_config(backbone.module)
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as cache:
        extractor = Extractor(Network(backbone.module, 2, config).eval(), config, Path(cache))
        tiny = []
        for number, dog in enumerate(dogs[::EVERY]):
            tiny.append(Path(cache) / f"{number}.jpg")
            pasted(dog, scenes[number % len(scenes)]).save(tiny[-1], quality=90)
        groups = {"real": dogs, "no dog": scenes, "tiny dog": tiny}
        scores = {name: extractor(photos).dog_mass for name, photos in groups.items()}
    detected = {name: share_found(name, dogs[::EVERY]) for name in DEFECTS}
    detected |= {name: (scores[name] < MAX_NO_DOG).mean() for name in ("no dog", "tiny dog")}
    noted = [{kind for kind, _ in defects(load_photo(dog))} for dog in dogs]
    for kinds, score in zip(noted, scores["real"], strict=True):
        kinds.update({NO_DOG} if score < MAX_NO_DOG else ())
    false = Counter(kind for kinds in noted for kind in kinds)
    print(f"{'defect':20}{'found':>8}")
    for name, share in detected.items():
        print(f"{name:20}{share:8.3f}")
    print(f"\n{'real photos noted':20}{sum(map(bool, noted)):8,} of {len(dogs):,}")
    for kind, count in false.most_common():
        print(f"{kind:20}{count:8,}")
    shares = {name: round(float(share), 3) for name, share in detected.items()}
    print(json.dumps({"found": shares, "real": len(dogs), "noted": sum(map(bool, noted)), **false}))


if __name__ == "__main__":
    main()
