"""Make boto3 clients of the offline cloud, and the type of a function that makes them."""

import functools
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import boto3
from botocore.config import Config

from kennel.cloud.cloudformation.names import REGION
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.service_models import shared_session

if TYPE_CHECKING:
    from types_boto3_application_autoscaling import ApplicationAutoScalingClient
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_ec2 import EC2Client
    from types_boto3_ecr import ECRClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_iam import IAMClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_stepfunctions import SFNClient


class Clients(Protocol):
    """Returns a boto3 client; a service without a type of its own gives Any."""

    @overload
    def __call__(
        self, service: Literal["application-autoscaling"], /
    ) -> "ApplicationAutoScalingClient": ...
    @overload
    def __call__(self, service: Literal["cloudwatch"], /) -> "CloudWatchClient": ...
    @overload
    def __call__(self, service: Literal["ec2"], /) -> "EC2Client": ...
    @overload
    def __call__(self, service: Literal["ecr"], /) -> "ECRClient": ...
    @overload
    def __call__(self, service: Literal["events"], /) -> "EventBridgeClient": ...
    @overload
    def __call__(self, service: Literal["iam"], /) -> "IAMClient": ...
    @overload
    def __call__(self, service: Literal["logs"], /) -> "CloudWatchLogsClient": ...
    @overload
    def __call__(self, service: Literal["s3"], /) -> "S3Client": ...
    @overload
    def __call__(self, service: Literal["sns"], /) -> "SNSClient": ...
    @overload
    def __call__(self, service: Literal["stepfunctions"], /) -> "SFNClient": ...
    @overload
    def __call__(self, service: str, /) -> Any: ...


def client(service: str, url: str, access_key: str = OPERATOR_KEY) -> Any:
    """Return a boto3 client for the offline cloud at `url`.

    Parameters
    ----------
    access_key
        The operator's, or a role's logical id for a client with that role's permissions.
    """
    make: Any = _session().client  # its type knows a client only where the service is a literal
    return make(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key="offline",  # noqa: S106 - signatures are not checked
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(botocore_session=shared_session())
