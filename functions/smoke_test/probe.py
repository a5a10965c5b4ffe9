"""Test invocations while an update bakes: a quiet endpoint trips no alarm.

Whether the answers are right is for SmokeTest; here SageMaker's own metrics shall see traffic, and
errors count in them. So an answer of any kind will do, and none is no failure of this step.
"""

from typing import Any

from botocore.exceptions import ClientError, HTTPClientError

from common.aws import code_of
from smoke_test.smoke import S3, Runtime, read_photo

__all__ = ["INVOCATIONS", "probe"]

INVOCATIONS = 10  # each poll; some reach a canary that takes half of the traffic or less


def probe(
    event: dict[str, Any], endpoint_name: str, bucket: str, *, runtime: Runtime, s3: S3
) -> dict[str, Any]:
    """Ask the endpoint about the smoke photo a few times.

    Parameters
    ----------
    event
        candidate (prefix).

    Returns
    -------
    dict
        asked and failed: numbers of invocations.
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
            if code_of(error) in {"AccessDeniedException", "AccessDenied"}:
                raise  # then no probe ever arrives, and the alarms would watch nothing
            failed += 1
    return {"asked": INVOCATIONS, "failed": failed}
