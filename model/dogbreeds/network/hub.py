"""Find a backbone by timm's name, and fetch its weights from timm's hub.

    python -m dogbreeds.network.hub resnet50   # into model/weights/, so that a job has them too

Weights are pinned by the commit of their repository: once fetched, the commit in the cache is used
until `--backbone-revision` demands another one, and the card records it with the file's SHA-256.
The cache is huggingface_hub's own (HF_HOME), which also knows proxies, mirrors (HF_ENDPOINT) and
HF_HUB_OFFLINE. The hub's digest of the file is compared before every use. Files in model/weights/
come before the cache: `model/bundle.py` packs that folder with the source, so that a job without a
network has them.
"""

import argparse
import difflib
import functools
import importlib.util
import json
import re
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from dogbreeds.package.archive import sha256, whole_file
from dogbreeds.package.card import PackageError

BUNDLED = Path(__file__).resolve().parents[2] / "weights"
FILE = "model.safetensors"  # in a repository of the hub; its older pickles are never fetched
TIMEOUT = 10.0  # s; huggingface_hub alone would try for minutes where there is no network
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OTHER_WAYS = (
    "give the file by --backbone-weights FILE, or start from nothing learned by --random-weights"
)


@dataclass(frozen=True)
class HubWeights:
    """A file with weights, and where it comes from."""

    path: Path
    repository: str  # timm/resnet50.a1_in1k
    revision: str  # commit
    sha256: str

    def origin(self) -> dict[str, str]:
        """Return all but the path, for a card or the file beside bundled weights."""
        return {name: value for name, value in asdict(self).items() if name != "path"}


@functools.cache
def architectures() -> frozenset[str]:
    """Return timm's names of networks, and of their weights, from its source files.

    timm itself is not imported: it imports PyTorch, 4 s and 0.4 GB for a typing mistake.
    """
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        raise PackageError("timm is not installed; run `make setup`.")
    names: set[str] = set()
    for path in (Path(spec.origin).parent / "models").glob("*.py"):
        text = path.read_text("utf-8")
        names.update(re.findall(r"@register_model\s+def (\w+)\(", text))
        names.update(re.findall(r"""['"](\w+\.\w+)['"]\s*:\s*\w*cfg\w*\(""", text))  # with a tag
        # names of earlier releases
        if match := re.search(r"register_model_deprecations\(__name__, \{(.*?)\}\)", text, re.S):
            names.update(re.findall(r"""['"](\w+)['"]\s*:""", match[1]))
    return frozenset(name for name in names if name.partition(".")[0] in names)


def check_name(name: str) -> None:
    """Refuse a network that timm lacks.

    Raises
    ------
    PackageError
        With the names that are spelt like it.
    """
    known = architectures()
    network = name.partition(".")[0]
    tagged = {full for full in known if full.startswith(f"{network}.")}
    # timm makes some tags in loops, which are not in its source as text: it will check them itself
    if name in known or (network in known and not tagged):
        return
    similar = difflib.get_close_matches(name, tagged or known, 3, cutoff=0.5)
    hint = f"; did you mean {', '.join(similar)}?" if similar else "."
    raise PackageError(f"timm has no network {name!r}{hint}")


def weights_in(path: Path) -> Path:
    """Return the weights file that is `path`, or the only one in that folder.

    Raises
    ------
    PackageError
        There is none, or several.
    """
    if path.is_file():
        return path
    kinds = (".safetensors", ".pth", ".pt", ".bin")
    files = [file for file in path.glob("*") if file.suffix in kinds] if path.is_dir() else []
    if len(files) != 1:
        state = f"holds {len(files)} files with weights" if path.is_dir() else "does not exist"
        raise PackageError(
            f"--backbone-weights {path} {state}; expected a file ({', '.join(kinds)}), or a folder "
            "with one."
        )
    return files[0]


def bundled(repository: str, folder: Path = BUNDLED) -> HubWeights | None:
    """Return the weights that are packed with the source, or None.

    Raises
    ------
    PackageError
        They are not those that were fetched.
    """
    path = folder / f"{repository.rpartition('/')[2]}.safetensors"
    if not path.is_file():
        return None
    origin = json.loads(path.with_suffix(".json").read_text("utf-8"))
    weights = HubWeights(path, **origin)
    if sha256(path) != weights.sha256:
        raise PackageError(f"{path} is not the file that was fetched; fetch it again.")
    return weights


def fetch(repository: str, revision: str = "") -> HubWeights:
    """Return a repository's weights from the cache, or else from the hub.

    Parameters
    ----------
    revision : str
        A commit, branch or tag; "" for the commit in the cache, or else the newest.

    Raises
    ------
    PackageError
        They are in neither, or what the hub sends does not have the digest that it names.
    """
    if weights := _cached(repository, revision):
        return weights
    from huggingface_hub import (  # noqa: PLC0415  # 0.4 s, which the default backbone can save
        constants,
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
    )

    url = hf_hub_url(repository, FILE, revision=revision or None)
    try:
        metadata = get_hf_file_metadata(url, timeout=TIMEOUT)
        hf_hub_download(repository, FILE, revision=metadata.commit_hash)
        weights = _cached(repository, metadata.commit_hash or "")
        if weights and not revision:  # the pin: what `_cached` looks up next time
            ref = (
                Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}/refs/main"
            )
            with whole_file(ref) as temporary:
                temporary.write_text(weights.revision)
    except Exception as error:  # of the client, its transport and the disk: all end in a sentence
        raise PackageError(
            f"The weights {repository} are not in the cache and cannot be fetched from {url} "
            f"({_reason(error)}): fetch them once where the hub can be reached, {_OTHER_WAYS}."
        ) from error
    if weights is None:
        raise PackageError(
            f"The weights that {url} sent do not have the SHA-256 that it names, so they are not "
            f"used: try again, {_OTHER_WAYS}."
        )
    return weights


def _cached(repository: str, revision: str) -> HubWeights | None:
    """Return the cached weights, or None; those that differ from their digest are deleted."""
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415

    cached = try_to_load_from_cache(repository, FILE, revision=revision or None)
    if not isinstance(cached, str):
        return None
    path = Path(cached)
    blob = path.resolve()  # named by the hub's digest
    digest = sha256(blob)
    if _SHA256.fullmatch(blob.name) and digest != blob.name:
        path.unlink(missing_ok=True)
        blob.unlink(missing_ok=True)
        return None
    return HubWeights(path, repository, path.parent.name, digest)


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")


def repository_of(name: str) -> str:
    """Return the repository with the weights of timm's network `name`.

    Raises
    ------
    PackageError
        timm lists no weights under this name.
    """
    import timm  # noqa: PLC0415  # it imports PyTorch

    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # a tag that timm does not know
        tags = timm.list_pretrained(f"{name.partition('.')[0]}.*")
        raise PackageError(
            f"timm has no weights {name!r}; expected one of {', '.join(tags)}."
        ) from error
    if config is None or not config.hf_hub_id:
        raise PackageError(f"timm's hub has no weights for the backbone {name!r}: {_OTHER_WAYS}.")
    return str(config.hf_hub_id)


def main() -> None:
    """Fetch the weights named on the command line into model/weights/."""
    parser = argparse.ArgumentParser(description="Fetch weights that the bundle takes along.")
    parser.add_argument("name", help="timm's name of the network")
    parser.add_argument("--revision", default="", help="commit of its repository")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder (default: %(default)s)")
    flags = parser.parse_args()
    try:
        check_name(flags.name)
        weights = fetch(repository_of(flags.name), flags.revision)
    except PackageError as error:
        sys.exit(str(error))
    path = flags.out / f"{weights.repository.rpartition('/')[2]}.safetensors"
    with whole_file(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(weights.origin(), indent=1) + "\n", "utf-8")
    with whole_file(path) as temporary:
        shutil.copyfile(weights.path, temporary)
    print(f"{path}: {weights.repository} at {weights.revision}")


if __name__ == "__main__":
    main()
