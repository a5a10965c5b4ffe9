"""`kennel release`: upload a model package, and release it by the state machine of a stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError

from kennel.aws import exists
from kennel.deployed import Target
from kennel.errors import KennelError
from kennel.execution import run_execution
from kennel.package_file import PackageFile
from kennel.progress import OnState
from kennel.releases import live_release

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@dataclass(frozen=True)
class Released:
    """The model that is live after a command.

    Attributes
    ----------
    model
        Its name and version, as the API's answers have them.
    version
        Its ARN in the Model Registry; empty for a model that never was in it.
    released
        False if it was live already, so that nothing was done.
    """

    model: str
    version: str
    api_url: str
    released: bool = True

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))

    def as_text(self) -> str:
        """Return a sentence for a person."""
        what = "is live now" if self.released else "is live already: nothing to do"
        number = self.version.rpartition("/")[2]
        return f"{self.model}{f' (version {number})' if number else ''} {what}, at {self.api_url}"


def release_package(
    target: Target,
    package: PackageFile,
    on_state: OnState,
    on_upload: Callable[[], None] = lambda: None,
) -> Released:
    """Upload a package and release it; return at once if it is live.

    Parameters
    ----------
    on_state
        Called for each state that the execution enters or exits.
    on_upload
        Called before the package is uploaded.

    Raises
    ------
    KennelError
        With the execution's own reason, if the package does not go live.
    """
    url = f"s3://{target.bucket}/{package.key}"
    live = live_release(target.connect("sagemaker"), target.endpoint)
    if live and live.package == url:
        return Released(package.label, live.version, target.api_url, released=False)
    s3: S3Client = target.connect("s3")
    uploaded = partial(s3.head_object, Bucket=target.bucket, Key=package.key)
    if not exists(uploaded, "404", "NoSuchKey"):
        on_upload()
        try:
            s3.upload_file(str(package.path), target.bucket, package.key)
        except S3UploadFailedError as error:  # which is no error of botocore's
            raise KennelError(f"{package.path} could not be uploaded: {error}") from error
    return run_release(target, url, on_state)


def run_release(target: Target, release: str, on_state: OnState) -> Released:
    """Run an execution with `release` as its input `release`; return the model then live."""
    output: dict[str, Any] = run_execution(
        target.connect("stepfunctions"),
        target.machine,
        {"release": release},
        on_state,
        timeout_s=target.timeout_s,
        poll_s=target.poll_s,
    )
    version = output["registered"]["package_arn"]
    return Released(output["smoke"]["model"], version, target.api_url)
