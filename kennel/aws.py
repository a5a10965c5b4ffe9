"""Make boto3 clients for the operator's commands, of AWS or of the running offline cloud.

A command takes a `Connect`, a function that makes the client of a service; tests pass their own.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from kennel import running_cloud
from kennel.cloud.runtime.clients import client as offline_client
from kennel.errors import KennelError

#: Makes the client of the service named. Whoever calls it annotates the client with its type from
#: types-boto3: `s3: S3Client = connect("s3")`.
Connect = Callable[[str], Any]
_Found = TypeVar("_Found")

#: What boto3 raises for missing credentials, before it sends a request.
NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
#: AWS's error codes for credentials that it rejects, whatever the request.
_REFUSED_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
}


def connect(region: str = "", profile: str = "", *, offline: bool = False) -> Connect:
    """Return a function that makes clients, of AWS or of the running `kennel up`.

    Parameters
    ----------
    region, profile
        As for the AWS command line; empty means those of its configuration and environment.
    offline
        Whether the clients call the running `kennel up` instead of AWS.

    Raises
    ------
    KennelError
        For an unknown profile, a missing region, or if `kennel up` does not run.
    """
    if offline:
        address = running_cloud.find()
        if address is None:
            raise KennelError("--offline needs a running `kennel up`, and none runs: start it")
        return lambda service: offline_client(service, address.aws_url)
    try:
        session = boto3.Session(region_name=region or None, profile_name=profile or None)
    except ProfileNotFound as error:
        raise KennelError(f"{error}: `aws configure list-profiles` lists them") from error
    if session.region_name is None:
        raise KennelError(
            "no AWS region is set: give --region, set AWS_REGION, or put region into "
            "samconfig.toml or the AWS configuration"
        )
    # Standard mode repeats throttled requests: AWS throttles a listing of thousands of quotas.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
    make_client: Any = session.client  # its types know services by literal names only
    return lambda service: make_client(service, config=config)


def code_of(error: ClientError) -> str:
    """Return the code of AWS's error, such as ``ValidationException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def find(call: Callable[[], _Found], *absent: str) -> _Found | None:
    """Return what a call for one resource answers; None if the resource does not exist.

    Parameters
    ----------
    call
        Describes the resource.
    absent
        Error codes which say that it does not exist; any other error is raised.
    """
    try:
        return call()
    except ClientError as error:
        if code_of(error) not in absent:
            raise
        return None


def exists(call: Callable[[], object], *absent: str) -> bool:
    """Return whether a call for one resource finds it; see `find`."""
    return find(call, *absent) is not None


def is_about_credentials(error: BaseException) -> bool:
    """Return whether the error's cause is missing or rejected credentials."""
    if isinstance(error, ClientError):
        return code_of(error) in _REFUSED_CREDENTIALS
    return isinstance(error, NO_CREDENTIALS)


def sentence(error: BotoCoreError | ClientError) -> str:
    """Return one sentence for an error: AWS's reason and, if known, what to do."""
    if is_about_credentials(error):
        return (
            f"AWS does not accept these credentials ({reason(error)}): log in again "
            "(`aws sso login`, or `aws configure`), and try `aws sts get-caller-identity`"
        )
    if isinstance(error, NoRegionError):
        return "no AWS region is set: give --region or set AWS_REGION"
    return reason(error)


def reason(error: BotoCoreError | ClientError) -> str:
    """Return the error's code and message on one line."""
    text = str(error)
    if isinstance(error, ClientError):
        message = error.response.get("Error", {}).get("Message", "")
        text = f"{code_of(error)}: {message}" if message else code_of(error)
    return " ".join(text.split()).rstrip(".")
