"""Add an int8 variant of the network to a package if its accuracy on labelled photos is as good.

    python -m dogbreeds.package.quantize UNPACKED_PACKAGE VALID_FOLDER    # the decision, ~20 s

Post-training quantisation by NNCF: the ranges of activations are taken from the valid photos,
weights are rounded to 8 bits, and nothing is trained. The loss of accuracy can only be measured on
labelled photos of the model's own breeds. So a package built after a training gets int8 if its
valid photos allow it, and the pretrained package, which has none, stays in fp32: calibrated on the
twenty photos that foolbox ships, it lost 4 points of top-1 on 1,400 dogs.

The fp32 variant stays in the package for processors without VNNI or dot-product instructions: int8
is no faster there, and its sums overflow. `engine.Engine` chooses. For the same reason int8 is not
tried on such a processor: its accuracy there is not that of the processors that would use it.
"""

import logging
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dogbreeds.network.export import name_nodes
from dogbreeds.package.card import Card, PackageError, read_breeds
from dogbreeds.photos.decode import load_photo
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import FP32, INT8, Engine, has_fast_int8
from dogbreeds.serving.openvino_core import CORE, ov

MAX_TOP1_LOSS = 0.005  # of top-1: 0.5 points
MAX_DOG_MASS_CHANGE = 0.2  # mean; the dog threshold is fitted afterwards, which corrects less
MIN_PHOTOS = 100  # with fewer, 0.5 points would be less than half a photo
CALIBRATION_PHOTOS = 200  # about 0.1 s each


@dataclass(frozen=True)
class Int8Decision:
    """Whether a package gets an int8 variant, and why: `int8` in `card.json`."""

    precision: str  # "fp32" or "int8"
    reason: str  # one sentence
    photos: int  # labelled valid photos that decided
    top1_fp32: float | None
    top1_int8: float | None
    same_top1: float | None  # share of photos with the same top breed in both variants
    dog_mass_moved: float | None  # mean absolute difference

    def as_dict(self) -> dict[str, object]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def add_int8_if_accurate(
    folder: Path, photos: NDArray[np.uint8], labels: Sequence[int]
) -> Int8Decision:
    """Quantise the network in `folder`, and add the int8 variant if it is accurate enough.

    Parameters
    ----------
    folder : Path
        Holds `network.xml` and `network.bin` in fp32, as `export.export` writes them.
    photos : ndarray of uint8, shape (n, size, size, 3)
        Valid photos from `preprocess.prepare`. Accuracy is compared on all of them; at most
        ``CALIBRATION_PHOTOS``, evenly spaced, calibrate.
    labels : sequence of int
        The breed's index for each photo.

    Returns
    -------
    Int8Decision
        Thresholds and temperatures must be fitted afterwards, through the engine, since each
        variant has its own.

    Raises
    ------
    ValueError
        There are not as many labels as photos.
    """
    if len(photos) != len(labels):
        raise ValueError(f"Received {len(labels)} labels for {len(photos)} photos.")
    if len(photos) < MIN_PHOTOS:
        reason = (
            f"{len(photos)} valid photos are too few to decide on int8; "
            f"{MIN_PHOTOS} or more are needed."
        )
        return Int8Decision("fp32", reason, len(photos), None, None, None, None)
    if not has_fast_int8():
        reason = (
            "int8 was not tried: this processor has neither VNNI nor Arm's dot product, so its "
            "sums of 8-bit products overflow; train on one that has."
        )
        return Int8Decision("fp32", reason, len(photos), None, None, None, None)
    expected, expected_mass = top_breeds(Engine(folder, variant=FP32), photos)
    with tempfile.TemporaryDirectory(prefix="kennel-int8-") as name:
        candidate = Path(name)
        quantize(folder, photos, candidate)
        quantized, quantized_mass = top_breeds(Engine(candidate, variant=INT8), photos)
        mass_change = float(np.abs(quantized_mass - expected_mass).mean())
        decision = decide(expected, quantized, mass_change, labels)
        if decision.precision == "int8":
            for file in INT8.files:
                (folder / file).write_bytes((candidate / file).read_bytes())
    return decision


def quantize(folder: Path, photos: NDArray[np.uint8], out: Path) -> None:
    """Write the int8 variant of the network in `folder` to `out`, calibrated on `photos`.

    Raises
    ------
    PackageError
        NNCF is not installed.
    """
    try:  # only here: the import takes 3 s, and serving does not need it
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
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns without a GPU
    calibration = photos[
        np.linspace(0, len(photos) - 1, min(len(photos), CALIBRATION_PHOTOS), dtype=int)
    ]
    model = CORE.read_model(*(folder / file for file in FP32.files))
    quantized = nncf.quantize(
        model,
        nncf.Dataset([photo[None] for photo in calibration]),
        subset_size=len(calibration),
        # The two heads stay in fp32: they take 1 % of the time, and probabilities depend on them.
        ignored_scope=nncf.IgnoredScope(types=["MatMul"]),
        # The fix halves the weights' range for processors without VNNI, which run fp32 anyway; in
        # all layers it cost 3 points of top-1.
        advanced_parameters=AdvancedQuantizationParameters(overflow_fix=OverflowFix.DISABLE),
    )
    name_nodes(quantized)
    ov.save_model(quantized, out / INT8.files[0], compress_to_fp16=False)


def top_breeds(
    engine: Engine, photos: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the top breed's index [n] and the dog mass [n] of each photo."""
    logits, mass = engine(photos)
    if not np.isfinite(logits).all():
        raise PackageError("The network's answer is not a number; its weights are broken.")
    return logits.argmax(axis=1), mass


def decide(
    fp32: NDArray[np.int64], int8: NDArray[np.int64], mass_change: float, labels: Sequence[int]
) -> Int8Decision:
    """Accept int8 if top-1 falls by at most ``MAX_TOP1_LOSS`` and the dog mass changes little.

    Parameters
    ----------
    fp32, int8 : ndarray of int64, shape (photos,)
        The top breed of each photo in both variants.
    mass_change : float
        Mean absolute change of the dog mass; a NaN is refused.
    """
    truth = np.asarray(labels)
    top1_fp32, top1_int8 = float((fp32 == truth).mean()), float((int8 == truth).mean())
    same_top1 = float((fp32 == int8).mean())
    compared = f"top-1 {top1_int8:.3f} against {top1_fp32:.3f} in fp32 on {len(truth)} valid photos"
    photos_lost = int((fp32 == truth).sum()) - int((int8 == truth).sum())
    if photos_lost > MAX_TOP1_LOSS * len(truth):
        precision, reason = "fp32", f"int8 was refused: {compared}."
    elif not mass_change <= MAX_DOG_MASS_CHANGE:
        precision = "fp32"
        reason = f"int8 was refused: it changes the dog mass by {mass_change:.3f}."
    else:
        precision, reason = "int8", f"int8 was accepted: {compared}."
    figures = (round(value, 4) for value in (top1_fp32, top1_int8, same_top1, mass_change))
    return Int8Decision(precision, reason, len(truth), *figures)


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
            decision = add_int8_if_accurate(Path(name), photos, labels)
    except (PackageError, OSError) as error:
        sys.exit(str(error))
    print(decision.reason)


def labelled(package: Path, folder: Path) -> tuple[NDArray[np.uint8], list[int]]:
    """Read and preprocess labelled photos: a folder for each breed, or files named by synset.

    Raises
    ------
    PackageError
        No photo belongs to a breed of the package.
    """
    card, breeds = Card.read(package), read_breeds(package)
    by_name = {_normalised(entry.breed): index for index, entry in enumerate(breeds)}
    by_synset = {entry.synset: index for index, entry in enumerate(breeds) if entry.synset}
    photos, labels = [], []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        synset, breed = path.name.partition("_")[0], _normalised(path.parent.name)
        label = by_synset.get(synset, by_name.get(breed))
        if label is not None:
            photos.append(prepare(load_photo(path), card.input))
            labels.append(label)
    if not photos:
        raise PackageError(f"There is no photo of a breed of this package in {folder}.")
    return np.stack(photos), labels


def _normalised(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ")


if __name__ == "__main__":
    main()
