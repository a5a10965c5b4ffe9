"""How SageMaker says that something is not there, or there already."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from botocore.exceptions import ClientError

from common.aws import code_of
from common.execution import EXECUTION_TAG, Execution
from common.failure import JobRefused
from common.tags import Tagged, tags_of

__all__ = ["BUSY", "Endpoints", "adopt", "describe_endpoint", "described", "is_missing"]

#: States of an endpoint that pass by themselves; it takes no update and no deletion in them.
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
#: Jobs that run or have run to their end: an execution may go on with one of these.
_ADOPTABLE = frozenset({"InProgress", "Completed"})


class Endpoints(Protocol):
    """What `describe_endpoint` needs of boto3's `sagemaker` client."""

    def describe_endpoint(self, **request: Any) -> dict[str, Any]:
        """Status, live and pending configuration, instance counts."""


def is_missing(error: ClientError) -> bool:
    """Tell whether SageMaker means that there is no such thing.

    It has no code of its own for endpoints, models and configurations; botocore's waiter for a
    deleted endpoint takes a ValidationException for the same. Jobs have ResourceNotFound.
    """
    return code_of(error) in {"ValidationException", "ResourceNotFound"}


def described(describe: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any] | None:
    """Describe something, or None where it is missing; any other refusal goes on."""
    try:
        return describe(**request)
    except ClientError as error:
        if not is_missing(error):
            raise
        return None


def describe_endpoint(sagemaker: Endpoints, endpoint_name: str) -> dict[str, Any] | None:
    """Describe the endpoint, or None where there is none."""
    return described(sagemaker.describe_endpoint, EndpointName=endpoint_name)


def adopt(
    sagemaker: Tagged, execution: Execution, job: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    """Take a job that is there already, if this very execution has started it and it is well.

    Parameters
    ----------
    job
        What a describe call says of it.
    kind
        "TrainingJob" or "HyperParameterTuningJob", the first part of its fields' names.

    Returns
    -------
    dict
        job_name: what the step says that started it.

    Raises
    ------
    JobRefused
        It is another execution's, or it has failed or was stopped.
    """
    name, status = job[f"{kind}Name"], job[f"{kind}Status"]
    if tags_of(sagemaker, job[f"{kind}Arn"]).get(EXECUTION_TAG) != execution.arn:
        raise JobRefused(f"The job {name} exists and is not this execution's: start a new one.")
    if status not in _ADOPTABLE:
        reason = f" ({job['FailureReason']})" if job.get("FailureReason") else ""
        raise JobRefused(f"The job {name} is {status}{reason} already: start a new execution.")
    return {"job_name": name}
