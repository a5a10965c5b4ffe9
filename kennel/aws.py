"""How the operator's commands reach AWS, or the offline cloud in its place.

A command takes a `Connect`: what makes a client of a service. Tests hand in their own.
"""

from collections.abc import Callable
from typing import Any

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
from kennel.cloud.cloudformation.stack import client as offline_client
from kennel.errors import KennelError

Connect = Callable[[str], Any]

#: What boto3 raises before it has sent anything.
NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    SSOError,
)
#: AWS's words for credentials that it does not take, whatever was asked.
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
    """Return what makes clients, for AWS with the operator's credentials or for `kennel up`.

    Parameters
    ----------
    region, profile
        As for the AWS command line; empty means what its configuration and environment say.
    offline
        Whether to ask the running `kennel up` instead.

    Raises
    ------
    KennelError
        For an unknown profile, a missing region, or when `kennel up` does not run.
    """
    if offline:
        place = running_cloud.find()
        if place is None:
            raise KennelError("--offline asks the running `kennel up`, and none runs: start it")
        return lambda service: offline_client(service, place.aws_url)
    try:
        session = boto3.Session(region_name=region or None, profile_name=profile or None)
    except ProfileNotFound as error:
        raise KennelError(f"{error}: `aws configure list-profiles` lists them") from error
    if session.region_name is None:
        raise KennelError(
            "no AWS region is set: give --region, set AWS_REGION, or put region into "
            "samconfig.toml or the AWS configuration"
        )
    # Enough patience for a listing of thousands of quotas, which AWS throttles.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard"})
    return lambda service: session.client(service, config=config)


def code_of(error: ClientError) -> str:
    """Return AWS's code of a refusal, such as ``ValidationException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def are_credentials(error: BaseException) -> bool:
    """Return whether an error says that there are no credentials, or none that AWS takes."""
    if isinstance(error, ClientError):
        return code_of(error) in _REFUSED_CREDENTIALS
    return isinstance(error, NO_CREDENTIALS)


def sentence(error: BotoCoreError | ClientError) -> str:
    """Return one sentence for what went wrong with a call."""
    if are_credentials(error):
        return (
            f"AWS takes no call with these credentials ({reason(error)}): log in again "
            "(`aws sso login`, or `aws configure`), and try `aws sts get-caller-identity`"
        )
    if isinstance(error, NoRegionError):
        return "no AWS region is set: give --region or set AWS_REGION"
    return reason(error)


def reason(error: BotoCoreError | ClientError) -> str:
    """Return AWS's own words on one line."""
    text = str(error)
    if isinstance(error, ClientError):
        said = error.response.get("Error", {}).get("Message", "")
        text = f"{code_of(error)}: {said}" if said else code_of(error)
    return " ".join(text.split()).rstrip(".")
