"""Send test invocations during an update's bake: without traffic no alarm can go off.

They feed SageMaker's metrics, in which errors count. So neither a wrong answer nor an error is a
failure of this step; SmokeTest checks the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError

from common.aws import error_code
from smoke_test.smoke import read_photo

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

__all__ = ["INVOCATIONS", "probe"]

INVOCATIONS = 10  # per poll; some reach a canary with half of the traffic or less


def probe(
    event: dict[str, Any],
    endpoint_name: str,
    bucket: str,
    *,
    runtime: SageMakerRuntimeClient,
    s3: S3Client,
) -> dict[str, Any]:
    """Invoke the endpoint with the smoke photo a few times.

    Parameters
    ----------
    event
        candidate (prefix).

    Returns
    -------
    dict
        invoked and failed: numbers of invocations.
    """
    photo = read_photo(s3, bucket, event["candidate"]["prefix"])
    failed = 0
    for _ in range(INVOCATIONS):
        try:
            runtime.invoke_endpoint(
                EndpointName=endpoint_name,
                ContentType="image/jpeg",
                Accept="application/json",
                Body=photo,
            )["Body"].read()
        except HTTPClientError:
            failed += 1
        except ClientError as error:
            if error_code(error) in {"AccessDeniedException", "AccessDenied"}:
                raise  # no probe arrives, so the alarms would have no data
            failed += 1
    return {"invoked": INVOCATIONS, "failed": failed}
