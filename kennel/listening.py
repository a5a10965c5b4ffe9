"""Where a running `kennel up` listens: a small file that it keeps while it is up."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from kennel.cloud.access import OPERATOR_KEY
from kennel.cloud.cloud import Cloud
from kennel.cloud.processes import is_running
from kennel.errors import KennelError
from kennel.paths import STATE

FILE = STATE / "up.json"
END_SECONDS = 40.0  # a serving process has 30 to drain


@dataclass(frozen=True)
class Place:
    """An API, and for the offline cloud the AWS endpoint beside it."""

    api_url: str
    api_key: str
    aws_url: str = ""
    pid: int = 0

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    def as_text(self, photo: str = "photo.jpg") -> str:
        """Return what a person needs to call it."""
        return (
            f"\nPage     {self.api_url}/\n"
            f"API      {self.api_url}/classify\n"
            f"API key  {self.api_key}\n"
            f"AWS      {self.aws_url}  (AWS_ENDPOINT_URL for boto3, access key {OPERATOR_KEY})\n\n"
            f"curl -H 'x-api-key: {self.api_key}' -H 'content-type: image/jpeg' \\\n"
            f"     --data-binary @{photo} {self.api_url}/classify\n"
        )


@contextlib.contextmanager
def announced(cloud: Cloud) -> Iterator[Place]:
    """Keep the file while the block runs; only its owner may read the key in it."""
    place = Place(cloud.api_url, cloud.api_key, cloud.url, os.getpid())
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


def end() -> None:
    """End the `kennel up` that runs, and wait until it is gone.

    Raises
    ------
    KennelError
        When none runs, or it does not end in time.
    """
    place = find()
    if place is None:
        raise KennelError("nothing is up")
    os.kill(place.pid, signal.SIGTERM)
    started = time.monotonic()
    while is_running(place.pid):
        if time.monotonic() - started > END_SECONDS:
            raise KennelError(f"process {place.pid} has not ended after {END_SECONDS:.0f} s")
        time.sleep(0.1)
