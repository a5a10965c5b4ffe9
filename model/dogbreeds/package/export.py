"""Export a model package as a folder that runs without Kennel.

    python model/export.py trained/model.tar.gz --to onnx --out FOLDER    # about 10 s

FOLDER then holds the network in fp32, `breeds.json`, `model.json` with what happens to a photo
before the network and to its outputs after it, `smoke.jpg`, and `classify.py`, which needs ONNX
Runtime (or OpenVINO), numpy and Pillow only.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jinja2

from dogbreeds.package.archive import unpacked
from dogbreeds.package.card import Card, PackageError
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving import inference
from dogbreeds.serving.engine import FP32

LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino"}  # by --to: what the script imports
_TEMPLATES = Path(__file__).with_name("templates")


def export_package(package: Path, to: str, out: Path) -> Card:
    """Write an unpacked package's folder for `to` to `out` atomically.

    Parameters
    ----------
    to : str
        A key of `LIBRARIES`.
    out : Path
        Must not exist, or be empty.

    Raises
    ------
    PackageError
        `out` holds something, a file of the package is missing or broken, or the exported network
        gives other answers than the package's.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise PackageError(f"{out} exists and is no empty folder; name a new one by --out.")
    card = Card.read(package)
    inference.check_smoke_photo(inference.model_fn(str(package)), package)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        folder = Path(name) / "export"
        folder.mkdir()
        _write_network(package, card, to, folder)
        for file in ("breeds.json", "smoke.jpg"):
            shutil.copyfile(package / file, folder / file)
        (folder / "model.json").write_text(json.dumps(_settings(card), indent=2) + "\n", "utf-8")
        (folder / "classify.py").write_text(_script(LIBRARIES[to]), "utf-8")
        folder.rename(out)
    return card


def _write_network(package: Path, card: Card, to: str, folder: Path) -> None:
    if to == "openvino" and all((package / file).is_file() for file in FP32.files):
        for file in FP32.files:
            shutil.copyfile(package / file, folder / file)
        return
    # Only here: PyTorch takes seconds to import.
    from dogbreeds.network.export import check_parity, export, export_onnx  # noqa: PLC0415
    from dogbreeds.serving.eager import load_network  # noqa: PLC0415

    network = load_network(package)
    write = export_onnx if to == "onnx" else export
    write(network, card.input.size, folder)
    photo = prepare(wire_image((package / "smoke.jpg").read_bytes()), card.input)
    check_parity(network, folder, photo)


def _settings(card: Card) -> dict[str, object]:
    """Return what `model.json` holds: all numbers between a photo and its answer."""
    return {
        "model": f"{card.name}@{card.version}",
        "network": {
            "input": "photos: uint8, RGB, [batch, size, size, 3]; normalised inside the network",
            "outputs": ["breed_logits", "dog_mass"],
        },
        "preprocess": {
            **card.wire,  # short and long: first the photo is brought to these sides, if larger
            "size": card.input.size,
            "crop_pct": card.input.crop_pct,  # the centred square has this share of a short side
            "interpolation": card.input.interpolation,
        },
        "postprocess": {
            "temperature": card.temperature,  # probabilities: softmax(breed_logits / temperature)
            "dog_threshold": card.dog_threshold,  # is_dog: dog_mass >= dog_threshold
            "sure_dog_threshold": card.sure_dog_threshold or card.dog_threshold,
            "likely_threshold": card.likely_threshold,  # of probability; null: no likely breeds
            "top": inference.TOP,
        },
    }


def _script(library: str) -> str:
    environment = jinja2.Environment(  # noqa: S701  # it makes Python, not HTML
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("classify.py.j2").render(library=library)


def main(arguments: Sequence[str] | None = None) -> None:
    """Export the package named on the command line.

    Raises
    ------
    PackageError, OSError
        As `export_package`.
    """
    parser = argparse.ArgumentParser(description="Export a model package for use without Kennel.")
    parser.add_argument("package", type=Path, help="model.tar.gz, or its folder")
    parser.add_argument("--to", choices=LIBRARIES, required=True, help="what will run the network")
    parser.add_argument("--out", type=Path, required=True, help="a new or an empty folder")
    options = parser.parse_args(arguments)
    with unpacked(options.package) as package:
        card = export_package(package, options.to, options.out)
    print(f"{options.out}: {card.name}@{card.version} in fp32. It runs without Kennel:")
    print(f"  pip install {LIBRARIES[options.to]} numpy pillow")
    print(f"  python {options.out}/classify.py {options.out}/smoke.jpg")
