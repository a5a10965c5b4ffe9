"""Build functions and layers as `sam build` does: by a makefile's target, or by copying.

Only the pip flags differ: wheels for this machine's Python, out of the folder that set-up
filled, so that an edited function needs no network.

Builds are addressed by content: `.kennel/build/<fingerprint>/<logical id>`. A build is never
changed once it is there, so an edited function does not alter what a running cloud executes.
"""

import contextlib
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

from kennel.cloud.cloudformation.local_code import CODE_PROPERTIES
from kennel.cloud.cloudformation.yaml_text import parse_yaml
from kennel.cloud.runtime.run_folder import is_free, locked
from kennel.errors import CannotStart
from kennel.paths import PYTHON, STATE

#: What `scripts/setup.py` laid beside the venv's packages: wheels, runtime, emulator.
LAMBDA = Path(sys.prefix) / "lambda"
BUILDS = STATE / "build"
KEPT_BUILDS = 3  # each of Kennel's has about 160 MB

_LOCK = "lock"
_IN_USE = "in-use"
#: Folders that are no function's code, though they lie in its folder.
_LEFT_OUT = {".aws-sam", ".git", ".venv", "__pycache__", "node_modules"}
#: Where `sam build` writes, below a project: its template names folders that are built.
_BUILT = (".aws-sam", "build")


@dataclass(frozen=True)
class Source:
    """The source code of a function or a layer.

    Attributes
    ----------
    folder
        Its CodeUri or ContentUri, or a zip file of its files.
    method
        BuildMethod of its metadata: "makefile", a runtime, or empty; "built" needs no build.
    is_layer
        Whether its files belong under `python/`.
    """

    folder: Path
    method: str
    is_layer: bool


def is_built(template: Path) -> bool:
    """Return whether a template is one that `sam build` wrote."""
    return template.resolve().parent.parts[-2:] == _BUILT


def read_sources(template: Path) -> dict[str, Source]:
    """Return the sources of a template's functions and layers by logical id.

    Code in a bucket and inline code have none.

    Raises
    ------
    CannotStart
        For code that is not there.
    """
    source: dict[str, Any] = parse_yaml(template.read_text())
    defaults = source.get("Globals", {}).get("Function", {})
    needs_no_build = is_built(template)
    sources = {}
    for logical_id, resource in source["Resources"].items():
        kind = resource["Type"]
        if kind not in CODE_PROPERTIES:
            continue
        is_layer = kind.endswith("::LayerVersion")
        is_serverless = kind.startswith("AWS::Serverless")
        properties = dict(resource.get("Properties") or {})
        if kind == "AWS::Serverless::Function":
            properties = {**defaults, **properties}
        uri = properties.get(CODE_PROPERTIES[kind], "." if is_serverless else {})
        if "InlineCode" in properties or not isinstance(uri, str) or uri.startswith("s3://"):
            continue
        folder = (template.parent / uri).resolve()
        if not folder.exists():
            raise CannotStart(f"{logical_id} has its code in {folder}, which is not there")
        method = (resource.get("Metadata") or {}).get("BuildMethod", "")
        sources[logical_id] = Source(folder, "built" if needs_no_build else method, is_layer)
    return sources


def build(
    sources: Mapping[str, Source],
    in_use: contextlib.ExitStack,
    inputs: Iterable[Path] = (),
    parent: Path = BUILDS,
    kept: int = KEPT_BUILDS,
) -> dict[str, Path]:
    """Build functions and layers that are not built yet; return the folder of each logical id.

    Two processes that start at once build once: the second waits. Builds of other sources that no
    process uses are removed, but for the latest.

    Parameters
    ----------
    sources
        By logical id.
    in_use
        The builds stay in place until it closes.
    inputs
        Further folders whose files go into the builds.
    parent
        Holds a folder for each fingerprint; made when absent.
    kept
        Builds that stay, the latest ones, though no process uses them.

    Raises
    ------
    CannotStart
        With the output of make or pip, when a build fails.
    """
    wheels = LAMBDA / "wheels"
    if not wheels.is_dir():
        raise CannotStart(f"{wheels} is missing: run `make setup`, which fetches it once")
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / _LOCK):
        folder = parent / _fingerprint(sources, inputs, wheels)
        folder.mkdir(exist_ok=True)
        in_use.enter_context(locked(folder / _IN_USE, fcntl.LOCK_SH))
        os.utime(folder)  # the order of use, for _remove_unused
        _remove_unused(parent, kept)
        return {name: _build(name, source, folder, wheels) for name, source in sources.items()}


def _build(logical_id: str, source: Source, folder: Path, wheels: Path) -> Path:
    """Build one function or layer unless its folder exists, which is created atomically."""
    target = folder / logical_id
    if target.is_dir():
        return target
    unfinished = folder / f"{logical_id}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        _fill(unfinished, logical_id, source, wheels)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(target)
    return target


def _fill(folder: Path, logical_id: str, source: Source, wheels: Path) -> None:
    pip_flags = ["--no-index", "--find-links", str(wheels)]
    if source.method == "makefile":
        _run(
            logical_id,
            *("make", "--no-print-directory", "-C", str(source.folder), f"build-{logical_id}"),
            f"ARTIFACTS_DIR={folder}",
            f"PIP_FLAGS={' '.join(pip_flags)}",
            f"PYTHON={PYTHON}",
        )
    elif source.folder.is_file():
        shutil.unpack_archive(source.folder, folder, "zip")
    elif source.method == "built":
        shutil.copytree(source.folder, folder, dirs_exist_ok=True)
    else:
        content = folder / "python" if source.is_layer and source.method else folder
        ignored = shutil.ignore_patterns(*_LEFT_OUT)
        shutil.copytree(source.folder, content, dirs_exist_ok=True, ignore=ignored)
        requirements = source.folder / "requirements.txt"
        if requirements.exists():
            pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            options = ("--target", str(content), "--requirement", str(requirements))
            try:
                _run(logical_id, *pip, *pip_flags, *options)
            except CannotStart:  # other packages than Kennel's own are in a registry only
                _run(logical_id, *pip, "--find-links", str(wheels), *options)


def _run(logical_id: str, *command: str) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KENNEL_CACHE": str(STATE / "cache")},
    )
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise CannotStart(f"building {logical_id} failed:\n{output}")


def _remove_unused(parent: Path, kept: int) -> None:
    """Remove builds that no process uses, except the latest `kept`."""
    builds = sorted(
        (folder for folder in parent.iterdir() if folder.is_dir()),
        key=lambda folder: folder.stat().st_mtime,
        reverse=True,
    )
    for folder in builds[kept:]:
        if is_free(folder / _IN_USE):
            shutil.rmtree(folder, ignore_errors=True)
    for stamp in parent.glob("*.stamp"):  # of builds that were not addressed by content
        stamp.unlink()


def _fingerprint(sources: Mapping[str, Source], inputs: Iterable[Path], wheels: Path) -> str:
    """Return a digest of every source file, of the ways to build, the wheels, and this Python."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(repr(sorted(wheel.name for wheel in wheels.iterdir())).encode())
    digest.update(repr(sorted((name, each.method) for name, each in sources.items())).encode())
    for root in sorted({*inputs, *(each.folder for each in sources.values())}):
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.is_file() and not _LEFT_OUT & set(path.relative_to(root).parts):
                digest.update(str(path.relative_to(root.parent)).encode() + path.read_bytes())
    return digest.hexdigest()[:20]
