"""Functions and layers, built as `sam build` builds them: by a Makefile's target, or by copying.

Only the pip flags differ: wheels for this machine's Python, out of the folder that set-up
filled, so that an edited function needs no network.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from kennel.errors import CannotStart
from kennel.paths import PYTHON, STATE

#: What `scripts/setup.py` laid beside the venv's packages: wheels, runtime, emulator.
LAMBDA = Path(sys.prefix) / "lambda"
BUILT = STATE / "build"

_URIS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class Source:
    """The source code of a function or a layer.

    Attributes
    ----------
    folder
        Its CodeUri or ContentUri.
    method
        BuildMethod of its metadata: "makefile", a runtime, or empty.
    is_layer
        Whether its files belong under `python/`.
    """

    folder: Path
    method: str
    is_layer: bool


def read_sources(template: Path) -> dict[str, Source]:
    """Return the sources of a SAM template's functions and layers by logical id."""
    source: dict[str, Any] = yaml_parse(template.read_text())
    defaults = source.get("Globals", {}).get("Function", {})
    sources = {}
    for logical_id, resource in source["Resources"].items():
        kind = resource["Type"]
        if kind not in _URIS:
            continue
        is_layer = kind == "AWS::Serverless::LayerVersion"
        properties = {**({} if is_layer else defaults), **resource.get("Properties", {})}
        uri = properties.get(_URIS[kind], ".")
        if not isinstance(uri, str):
            raise CannotStart(f"{logical_id} has the {_URIS[kind]} {uri}, expected a local folder")
        method = resource.get("Metadata", {}).get("BuildMethod", "")
        sources[logical_id] = Source((template.parent / uri).resolve(), method, is_layer)
    return sources


def build(
    sources: Mapping[str, Source], inputs: Iterable[Path] = (), folder: Path = BUILT
) -> dict[str, Path]:
    """Build what is not built yet; return the folder of each logical id.

    Parameters
    ----------
    inputs
        Further folders whose files go into the builds.

    Raises
    ------
    CannotStart
        With the output of make or pip, when a build fails.
    """
    wheels = LAMBDA / "wheels"
    if not wheels.is_dir():
        raise CannotStart(f"{wheels} is missing: run `make setup`, which fetches it once")
    folder.mkdir(parents=True, exist_ok=True)
    stamp = _fingerprint({*inputs, *(each.folder for each in sources.values())})
    built = {}
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clouds that start at once build once
        for logical_id, source in sources.items():
            built[logical_id] = folder / logical_id
            mark = folder / f"{logical_id}.stamp"
            if mark.exists() and mark.read_text() == stamp:
                continue
            mark.unlink(missing_ok=True)
            _build(logical_id, source, built[logical_id], wheels)
            mark.write_text(stamp)
    return built


def _build(logical_id: str, source: Source, target: Path, wheels: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    pip_flags = ["--no-index", "--find-links", str(wheels)]
    if source.method == "makefile":
        _run(
            logical_id,
            target,
            *("make", "--no-print-directory", "-C", str(source.folder), f"build-{logical_id}"),
            f"ARTIFACTS_DIR={target}",
            f"PIP_FLAGS={' '.join(pip_flags)}",
            f"PYTHON={PYTHON}",
        )
        return
    content = target / "python" if source.is_layer and source.method else target
    shutil.copytree(source.folder, content, dirs_exist_ok=True)
    requirements = source.folder / "requirements.txt"
    if requirements.exists():
        pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        options = (*pip_flags, "--target", str(content), "--requirement", str(requirements))
        _run(logical_id, target, *pip, *options)


def _run(logical_id: str, target: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KENNEL_CACHE": str(STATE / "cache")},
    )
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        output = (done.stdout + done.stderr).strip()
        raise CannotStart(f"building {logical_id} failed:\n{output}")


def _fingerprint(roots: Iterable[Path]) -> str:
    """Digest of every file that goes into a build, and of this Python."""
    digest = hashlib.sha256(sys.version.encode())
    for root in sorted(roots):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root.parent)).encode() + path.read_bytes())
    return digest.hexdigest()
