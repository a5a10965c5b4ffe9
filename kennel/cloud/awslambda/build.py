"""Build functions and layers with the makefile targets that `sam build` calls.

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
from collections.abc import Iterable
from pathlib import Path

from kennel.cloud.runtime.run_folder import is_free, locked
from kennel.errors import CannotStart
from kennel.paths import FUNCTIONS, MODEL, PYTHON, STATE

#: What `scripts/setup.py` laid beside the venv's packages: wheels, runtime, emulator.
LAMBDA = Path(sys.prefix) / "lambda"
BUILDS = STATE / "build"
#: Folders whose files the makefile targets read.
SOURCES = (FUNCTIONS, MODEL)

_LOCK = "lock"
_IN_USE = "in-use"


def build(
    logical_ids: Iterable[str], in_use: contextlib.ExitStack, parent: Path = BUILDS
) -> dict[str, Path]:
    """Build functions and layers that are not built yet; return the folder of each.

    Two processes that start at once build once: the second waits. Builds of other sources that no
    process uses are removed.

    Parameters
    ----------
    logical_ids
        Functions and layers; each is the makefile target `build-<logical id>`.
    in_use
        The builds stay in place until it closes.
    parent
        Holds a folder for each fingerprint; made when absent.

    Raises
    ------
    CannotStart
        With make's output, when a target fails.
    """
    wheels = LAMBDA / "wheels"
    if not wheels.is_dir():
        raise CannotStart(f"{wheels} is missing: run `make setup`, which fetches it once")
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / _LOCK):
        folder = parent / _fingerprint(wheels)
        folder.mkdir(exist_ok=True)
        in_use.enter_context(locked(folder / _IN_USE, fcntl.LOCK_SH))
        _remove_unused(parent)
        return {each: _build(each, folder, wheels) for each in logical_ids}


def _build(logical_id: str, folder: Path, wheels: Path) -> Path:
    """Run the makefile target unless its folder is there; the folder appears when it is whole."""
    target = folder / logical_id
    if target.is_dir():
        return target
    unfinished = folder / f"{logical_id}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    done = subprocess.run(
        [
            *("make", "--no-print-directory", "-C", str(FUNCTIONS), f"build-{logical_id}"),
            f"ARTIFACTS_DIR={unfinished}",
            f"PIP_FLAGS=--no-index --find-links {wheels}",
            f"PYTHON={PYTHON}",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KENNEL_CACHE": str(STATE / "cache")},
    )
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        output = (done.stdout + done.stderr).strip()
        raise CannotStart(f"building {logical_id} failed:\n{output}")
    unfinished.rename(target)
    return target


def _remove_unused(parent: Path) -> None:
    """Remove builds that no process uses: the caller holds its own in use."""
    for folder in parent.iterdir():
        if folder.is_dir() and is_free(folder / _IN_USE):
            shutil.rmtree(folder, ignore_errors=True)
    for stamp in parent.glob("*.stamp"):  # of builds that were not addressed by content
        stamp.unlink()


def _fingerprint(wheels: Path) -> str:
    """Return a digest of every source file, of the wheels' names, and of this Python."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(repr(sorted(wheel.name for wheel in wheels.iterdir())).encode())
    for root in SOURCES:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root.parent)).encode() + path.read_bytes())
    return digest.hexdigest()[:20]
