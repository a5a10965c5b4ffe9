"""Where a running `kennel up` listens: a small file that it keeps while it is up."""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import httpx

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.runtime.processes import is_running
from kennel.errors import KennelError
from kennel.paths import STATE

FILE = STATE / "up.json"
STATE_FOLDER = STATE / "state"  # what survives a restart
FAULTS = STATE / "faults.json"
_TEMPORARY = STATE / "tmp"
END_SECONDS = 40.0  # a serving process has 30 to drain


@dataclass(frozen=True)
class Place:
    """An API, and for the offline cloud the AWS endpoint beside it."""

    api_url: str
    api_key: str
    aws_url: str = ""
    pid: int = 0
    logs: str = ""

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    def as_text(self, photo: str = "photo.jpg") -> str:
        """Return what a person needs to call it."""
        logs = f"Logs     {self.logs}/\n" if self.logs else ""
        return (
            f"\nPage     {self.api_url}/\n"
            f"API      {self.api_url}/classify\n"
            f"API key  {self.api_key}\n"
            f"AWS      {self.aws_url}  (AWS_ENDPOINT_URL for boto3, access key {OPERATOR_KEY})\n"
            f"{logs}\n"
            f"curl -H 'x-api-key: {self.api_key}' -H 'content-type: image/jpeg' \\\n"
            f"     --data-binary @{photo} {self.api_url}/classify\n"
        )


@contextlib.contextmanager
def announced(cloud: Cloud) -> Iterator[Place]:
    """Keep the file while the block runs; only its owner may read the key in it."""
    place = Place(cloud.api_url, cloud.api_key, cloud.url, os.getpid(), str(cloud.logs))
    FILE.parent.mkdir(parents=True, exist_ok=True)
    new = FILE.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(place.as_json())
    new.replace(FILE)
    try:
        yield place
    finally:
        FILE.unlink(missing_ok=True)


def find() -> Place | None:
    """Return the place of the `kennel up` that runs, or None."""
    try:
        place = Place(**json.loads(FILE.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return place if is_running(place.pid) else None


def refuse_second() -> None:
    """Raise KennelError when a `kennel up` of this checkout runs already."""
    if place := find():
        raise KennelError(
            f"it is up already, at {place.api_url} (process {place.pid}): `kennel down` ends it"
        )


def read_faults() -> Faults:
    """Return the faults that .kennel/faults.json asks for, a list as `POST /kennel/faults` takes.

    Raises
    ------
    KennelError
        When the file holds anything else.
    """
    if not FAULTS.exists():
        return Faults()
    try:
        listed = json.loads(FAULTS.read_text())
    except ValueError as error:
        raise KennelError(f"{FAULTS} is not JSON ({error}): mend or remove it") from error
    return Faults(Fault.read(each) for each in (listed if isinstance(listed, list) else [listed]))


@contextlib.contextmanager
def own_temporary_files() -> Iterator[None]:
    """Keep this process's temporary files in one folder, and remove those of processes that died.

    A killed process removes nothing: the next one does it.
    """
    remove_leftovers()
    folder = _TEMPORARY / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)  # an earlier process had the same id and was killed
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the temporary files, and the announcement, of processes that are gone."""
    for folder in _TEMPORARY.glob("[0-9]*"):
        if not is_running(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    if FILE.exists() and find() is None:
        FILE.unlink(missing_ok=True)


def delete_stack() -> list[str]:
    """Delete the stack of the `kennel up` that runs; return what its template says to keep.

    Raises
    ------
    KennelError
        When none runs, or something blocks its own deletion.
    """
    place = find()
    if place is None:
        raise KennelError("nothing is up")
    answer = httpx.post(f"{place.aws_url}/kennel/delete-stack", timeout=3600, trust_env=False)
    said = answer.json()
    if not answer.is_success:
        raise KennelError(said["message"])
    return list(said["kept"])


def end() -> None:
    """End the `kennel up` that runs, and wait until it is gone.

    Raises
    ------
    KennelError
        When none runs, or it does not end in time.
    """
    place = find()
    if place is None:
        remove_leftovers()
        raise KennelError("nothing is up")
    os.kill(place.pid, signal.SIGTERM)
    started = time.monotonic()
    while is_running(place.pid):
        if time.monotonic() - started > END_SECONDS:
            raise KennelError(f"process {place.pid} has not ended after {END_SECONDS:.0f} s")
        time.sleep(0.1)
