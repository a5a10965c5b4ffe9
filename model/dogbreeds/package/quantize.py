"""A second form of the network, in int8, if real photos prove that it names breeds as well.

    python -m dogbreeds.package.quantize UNPACKED_PACKAGE VALID_FOLDER    # the decision, ~20 s

Post-training quantisation by NNCF: activations' ranges are taken from the valid photos, weights
are rounded to 8 bits, and nothing is trained. What it costs in accuracy cannot be known without
labelled photos of the model's own breeds. So a package made from training gets int8 where its
valid photos allow it, and the pretrained package, which has none, stays in fp32: calibrated on the
twenty photos that foolbox ships, it lost 4 points on 1,400 dogs (docs/serving.md).

The fp32 form stays beside it, for processors that multiply no 8-bit numbers in one step (VNNI, dot
product): int8 is no faster there, and its sums overflow. `engine.Engine` chooses.
"""

import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.package.card import Card, PackageError, read_breeds
from dogbreeds.photos.decode import load_photo
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import FP32, INT8, Engine
from dogbreeds.serving.quiet_openvino import ov

MOST_LOST = 0.005  # of top-1: 0.5 points
MOST_MASS_MOVED = 0.2  # mean change of the dog mass; the threshold, fitted after, takes up less
FEWEST_PHOTOS = 100  # with fewer, 0.5 points would be less than half a photo
CALIBRATION_PHOTOS = 200  # about 0.1 s each
BATCH = 8  # photos a call, when checking


@dataclass(frozen=True)
class Decision:
    """Which form of the network a package gets, and why: `card.json` keeps this."""

    precision: str  # "fp32" or "int8"
    reason: str  # one sentence
    photos: int  # labelled valid photos that decided; 0 where there were none
    top1_fp32: float | None
    top1_int8: float | None
    same_top1: float | None  # share of photos on which both forms name the same breed
    dog_mass_moved: float | None  # mean absolute difference

    def as_dict(self) -> dict[str, object]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def best_form(folder: Path, photos: NDArray[np.uint8], labels: Sequence[int]) -> Decision:
    """Put an int8 form beside the network in `folder`, if that is good enough.

    Parameters
    ----------
    folder : Path
        Holds `network.xml` and `network.bin` in fp32, as `export.export` writes them.
    photos : ndarray of uint8, shape (n, size, size, 3)
        Valid photos as `preprocess.prepare` makes them. All are checked; an even choice of at most
        ``CALIBRATION_PHOTOS`` calibrates.
    labels : sequence of int
        The breed's index for each photo.

    Returns
    -------
    Decision
        What was decided. Thresholds and temperatures are to be fitted after this, through
        the engine, since they belong to the form that serves.

    Raises
    ------
    ValueError
        There are not as many labels as photos.
    """
    if len(photos) != len(labels):
        raise ValueError(f"Received {len(labels)} labels for {len(photos)} photos.")
    if len(photos) < FEWEST_PHOTOS:
        reason = (
            f"{len(photos)} valid photos are too few to prove int8; "
            f"{FEWEST_PHOTOS} or more are needed."
        )
        return Decision("fp32", reason, len(photos), None, None, None, None)
    expected, expected_mass = answers(Engine(folder, form=FP32), photos)
    with tempfile.TemporaryDirectory(prefix="kennel-int8-") as name:
        candidate = Path(name)
        quantize(folder, photos, candidate)
        found, found_mass = answers(Engine(candidate, form=INT8), photos)
        form = _judge(expected, found, float(np.abs(found_mass - expected_mass).mean()), labels)
        if form.precision == "int8":
            for file in INT8.files:
                (folder / file).write_bytes((candidate / file).read_bytes())
    return form


def quantize(folder: Path, photos: NDArray[np.uint8], out: Path) -> None:
    """Write the int8 form of `folder`'s network to `out`, calibrated on `photos`.

    Raises
    ------
    PackageError
        NNCF is not installed.
    """
    try:  # only here: it takes 3 s, and serving does not have it
        import nncf  # type: ignore[import-untyped]  # noqa: PLC0415
        from nncf.quantization.advanced_parameters import (  # type: ignore[import-untyped]  # noqa: PLC0415
            AdvancedQuantizationParameters,
            OverflowFix,
        )
    except ModuleNotFoundError as error:
        raise PackageError(
            f"int8 needs the package {error.name!r}, which is not installed; run `make setup`."
        ) from error
    nncf.set_log_level(logging.ERROR)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it misses a GPU
    chosen = photos[
        np.linspace(0, len(photos) - 1, min(len(photos), CALIBRATION_PHOTOS), dtype=int)
    ]
    model = ov.Core().read_model(*(folder / file for file in FP32.files))
    quantized = nncf.quantize(
        model,
        nncf.Dataset([photo[None] for photo in chosen]),
        subset_size=len(chosen),
        # The two heads decide probabilities and cost 1 % of the time: they stay in fp32.
        ignored_scope=nncf.IgnoredScope(types=["MatMul"]),
        # It would halve the weights' range for processors without VNNI, which get fp32 anyway;
        # in all layers it cost 3 points of top-1.
        advanced_parameters=AdvancedQuantizationParameters(overflow_fix=OverflowFix.DISABLE),
    )
    ov.save_model(quantized, out / INT8.files[0], compress_to_fp16=False)


def answers(
    engine: Engine, photos: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the top breed's index [n] and the dog mass [n] of each photo."""
    parts = [engine(photos[start : start + BATCH]) for start in range(0, len(photos), BATCH)]
    logits = np.concatenate([part[0] for part in parts])
    if not np.isfinite(logits).all():
        raise PackageError("The network's answer is not a number; its weights are broken.")
    return logits.argmax(axis=1), np.concatenate([part[1] for part in parts])


def _judge(
    expected: NDArray[np.int64], found: NDArray[np.int64], moved: float, labels: Sequence[int]
) -> Decision:
    truth = np.asarray(labels)
    before, after = float((expected == truth).mean()), float((found == truth).mean())
    same = float((expected == found).mean())
    compared = f"top-1 {after:.3f} against {before:.3f} in fp32 on {len(truth)} valid photos"
    lost = int((expected == truth).sum()) - int((found == truth).sum())  # in photos: exact
    if lost > MOST_LOST * len(truth):
        precision, reason = "fp32", f"int8 was refused: {compared}."
    elif not moved <= MOST_MASS_MOVED:
        precision, reason = "fp32", f"int8 was refused: it moves the dog mass by {moved:.3f}."
    else:
        precision, reason = "int8", f"int8 was accepted: {compared}."
    facts = (round(value, 4) for value in (before, after, same, moved))
    return Decision(precision, reason, len(truth), *facts)


def main() -> None:
    """Decide for an unpacked package and a folder of photos named by synset or breed."""
    if len(sys.argv) != 3:  # noqa: PLR2004  # the script and its two arguments
        sys.exit("usage: python -m dogbreeds.package.quantize UNPACKED_PACKAGE VALID_FOLDER")
    package, valid = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        photos, labels = labelled(package, valid)
        with tempfile.TemporaryDirectory() as name:
            for file in FP32.files:
                (Path(name) / file).write_bytes((package / file).read_bytes())
            form = best_form(Path(name), photos, labels)
    except (PackageError, OSError) as error:
        sys.exit(str(error))
    print(form.reason)


def labelled(package: Path, folder: Path) -> tuple[NDArray[np.uint8], list[int]]:
    """Read photos from a folder with one folder a breed (or files named by synset), in order.

    Raises
    ------
    PackageError
        No photo belongs to a breed of the package.
    """
    card, breeds = Card.read(package), read_breeds(package)
    index = {_plain(entry.breed): number for number, entry in enumerate(breeds)}
    synsets = {entry.synset: number for number, entry in enumerate(breeds) if entry.synset}
    photos, labels = [], []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        label = synsets.get(path.name.partition("_")[0], index.get(_plain(path.parent.name)))
        if label is not None:
            photos.append(prepare(load_photo(path), card.input))
            labels.append(label)
    if not photos:
        raise PackageError(f"No photo of a breed of this package lies in {folder}.")
    return np.stack(photos), labels


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")


if __name__ == "__main__":
    main()
