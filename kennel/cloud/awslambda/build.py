"""Functions and layers, built by the makefile targets that `sam build` calls.

Only the pip flags differ: wheels for this machine's Python, out of the folder that set-up
filled, so that an edited function needs no network.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from kennel.errors import CannotStart
from kennel.paths import FUNCTIONS, MODEL, PYTHON, STATE

#: What `scripts/setup.py` laid beside the venv's packages: wheels, runtime, emulator.
LAMBDA = Path(sys.prefix) / "lambda"
BUILT = STATE / "build"


def build(logical_ids: Iterable[str], folder: Path = BUILT) -> dict[str, Path]:
    """Build what is not built yet; return the folder of each logical id.

    Raises
    ------
    CannotStart
        With the last line of make's output, when a target fails.
    """
    wheels = LAMBDA / "wheels"
    if not wheels.is_dir():
        raise CannotStart(f"{wheels} is missing: run `make setup`, which fetches it once")
    folder.mkdir(parents=True, exist_ok=True)
    stamp = _fingerprint()
    made = {}
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two `kennel up` at once build once
        for logical_id in logical_ids:
            made[logical_id] = folder / logical_id
            mark = folder / f"{logical_id}.stamp"
            if mark.exists() and mark.read_text() == stamp:
                continue
            mark.unlink(missing_ok=True)
            _make(logical_id, made[logical_id], wheels)
            mark.write_text(stamp)
    return made


def _make(logical_id: str, target: Path, wheels: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    done = subprocess.run(
        [
            *("make", "--no-print-directory", "-C", str(FUNCTIONS), f"build-{logical_id}"),
            f"ARTIFACTS_DIR={target}",
            f"PIP_FLAGS=--no-index --find-links {wheels}",
            f"PYTHON={PYTHON}",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KENNEL_CACHE": str(STATE / "cache")},
    )
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        output = (done.stdout + done.stderr).strip()
        raise CannotStart(f"building {logical_id} failed:\n{output}")


def _fingerprint() -> str:
    """Digest of every file that goes into a function, and of this Python."""
    digest = hashlib.sha256(sys.version.encode())
    for root in (FUNCTIONS, MODEL):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(root.parent)).encode() + path.read_bytes())
    return digest.hexdigest()
