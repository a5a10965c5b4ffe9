"""Find, describe and stop the running `kennel up`, which writes its address to a file."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.origins import TOKEN_HEADER
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.cloud.runtime.processes import is_running
from kennel.errors import KennelError
from kennel.paths import STATE

if TYPE_CHECKING:
    from kennel.cloud.cloud import Cloud

ADDRESS_FILE = STATE / "up.json"
STATE_FOLDER = STATE / "state"  # what a restart reads again
FAULTS = STATE / "faults.json"
_TEMPORARY = STATE / "tmp"
PORT = 4510  # of `kennel up`, unless another is named
STOP_SECONDS = 70.0  # requests have 30 to be answered, then a serving process 30 to end


@dataclass(frozen=True)
class CloudAddress:
    """The address of an API; of an offline cloud also its AWS endpoint and process.

    Attributes
    ----------
    aws_url, pid
        Empty and 0 for an API on AWS.
    control_token
        What requests to paths under /kennel/ carry, such as those that move the clock.
    outputs
        Of the stack.
    """

    api_url: str
    api_key: str
    aws_url: str = ""
    pid: int = 0
    logs: str = ""
    control_token: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    def control(
        self, method: str, path: str, body: Any = None, seconds: float = 60.0
    ) -> httpx.Response:
        """Send a request to a path below /kennel/, with the control token.

        Raises
        ------
        httpx.TransportError
            There is no answer within `seconds`.
        """
        return httpx.request(
            method,
            f"{self.aws_url}/kennel/{path}",
            json=body,
            headers={TOKEN_HEADER: self.control_token},
            timeout=seconds,
            trust_env=False,
        )

    def variables(self) -> dict[str, str]:
        """Return the environment variables that the README's lines and AWS's tools read.

        botocore reads AWS_DEFAULT_REGION, AWS's other SDKs AWS_REGION. No signature is checked.
        """
        return {
            "API": self.api_url,
            "KEY": self.api_key,
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
            "AWS_SECRET_ACCESS_KEY": "offline",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    def exports(self) -> str:
        """Return the variables as lines that a shell evaluates."""
        return "\n".join(
            f"export {name}={shlex.quote(value)}" for name, value in self.variables().items()
        )

    def as_text(self) -> str:
        """Return what a person reads: the page's address, the variables, and first commands."""
        return (
            f"\nPage  {self.api_url}/\nLogs  {self.logs}/\n\n"
            f"In another terminal:\n\n{self.exports()}\n\n"
            'curl -H "x-api-key: $KEY" -H "content-type: image/jpeg" \\\n'
            "     --data-binary @photo.jpg $API/classify\n"
            "aws s3 ls\n"
        )


@contextlib.contextmanager
def address_file(cloud: Cloud) -> Iterator[CloudAddress]:
    """Write the address file, readable by its owner only, and delete it when the block ends."""
    address = CloudAddress(
        *(cloud.api_url, cloud.api_key, cloud.url, os.getpid(), str(cloud.logs)),
        cloud.control_token,
        dict(cloud.stack.outputs),
    )
    ADDRESS_FILE.parent.mkdir(parents=True, exist_ok=True)
    new = ADDRESS_FILE.with_suffix(".new")
    new.unlink(missing_ok=True)  # one that was left could be anybody's to read
    new.touch(mode=0o600)
    new.write_text(address.as_json())
    new.replace(ADDRESS_FILE)
    try:
        yield address
    finally:
        ADDRESS_FILE.unlink(missing_ok=True)


def find() -> CloudAddress | None:
    """Return the address of the running `kennel up` of this checkout, or None."""
    try:
        address = CloudAddress(**json.loads(ADDRESS_FILE.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return address if is_running(address.pid) else None


def require(remedy: str = "`kennel up` starts one") -> CloudAddress:
    """Return the address of the running `kennel up` of this checkout.

    Raises
    ------
    KennelError
        If none runs; its sentence ends in `remedy`.
    """
    address = find()
    if address is None:
        remove_stale_files()
        raise KennelError(f"no `kennel up` of this checkout runs: {remedy}")
    return address


def refuse_second(remedy: str = "`kennel down` ends it") -> None:
    """Raise KennelError, with a remedy, if a `kennel up` of this checkout runs already."""
    if address := find():
        raise KennelError(
            f"`kennel up` runs already, at {address.api_url} (process {address.pid}): {remedy}"
        )


def read_faults() -> Faults:
    """Return the faults listed in .kennel/faults.json, in the form of `POST /kennel/faults`.

    Raises
    ------
    KennelError
        If the file holds anything else.
    """
    if not FAULTS.exists():
        return Faults()
    try:
        faults = json.loads(FAULTS.read_text())
    except ValueError as error:
        raise KennelError(f"{FAULTS} is not JSON ({error}): mend or remove it") from error
    return Faults(Fault.read(fault) for fault in (faults if isinstance(faults, list) else [faults]))


@contextlib.contextmanager
def temporary_folder() -> Iterator[None]:
    """Put this process's temporary files into one folder, and delete it when the block ends.

    Folders of processes that were killed, and so could not delete theirs, are deleted first.
    """
    remove_stale_files()
    folder = _TEMPORARY / str(os.getpid())
    folder.mkdir(parents=True, exist_ok=True)  # an earlier process had the same id and was killed
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_files() -> None:
    """Delete temporary folders and an address file whose processes no longer run."""
    for folder in _TEMPORARY.glob("[0-9]*"):
        if not is_running(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
    if ADDRESS_FILE.exists() and find() is None:
        ADDRESS_FILE.unlink(missing_ok=True)


def delete_stack() -> list[str]:
    """Delete the stack of the running `kennel up`; return the resources that its template keeps.

    Raises
    ------
    KennelError
        If none runs, or a resource cannot be deleted.
    """
    address = require()
    response = address.control("POST", "delete-stack", seconds=3600)
    document = response.json()
    if not response.is_success:
        raise KennelError(document["message"])
    return list(document["kept"])


def stop() -> CloudAddress:
    """Stop the running `kennel up`, wait until its process has ended, and return its address.

    Raises
    ------
    KennelError
        If none runs, or it does not end in time.
    """
    address = require()
    os.kill(address.pid, signal.SIGTERM)
    started = time.monotonic()
    while is_running(address.pid):
        if time.monotonic() - started > STOP_SECONDS:
            raise KennelError(
                f"process {address.pid} has not ended {STOP_SECONDS:.0f} s after SIGTERM: "
                f"`kill -9 {address.pid}` ends it"
            )
        time.sleep(0.1)
    return address
