"""Describe SageMaker resources that may be missing, and reuse a job that exists already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from botocore.exceptions import ClientError

from common.aws import error_code
from common.execution import EXECUTION_TAG, Execution
from common.failures import JobRefused
from common.tags import tags_of

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

__all__ = ["BROKEN", "BUSY", "adopt", "describe_endpoint", "describe_or_none", "refusal"]

_P = ParamSpec("_P")
_Description = TypeVar("_Description")

#: Transitional states of an endpoint, in which it accepts no update and no deletion.
BUSY = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
#: States of an endpoint that never accepts an update again.
BROKEN = frozenset({"Failed", "OutOfService", "UpdateRollbackFailed"})
_REUSABLE_JOB_STATES = frozenset({"InProgress", "Completed"})
#: SageMaker has no code of its own for a missing endpoint, model or configuration; botocore's
#: waiter for a deleted endpoint relies on ValidationException too. Jobs have ResourceNotFound.
_MISSING = frozenset({"ValidationException", "ResourceNotFound"})


def describe_or_none(
    describe: Callable[_P, _Description], *args: _P.args, **request: _P.kwargs
) -> _Description | None:
    """Call a describe operation; None if the resource is missing, any other error propagates."""
    try:
        return describe(*args, **request)
    except ClientError as error:
        if error_code(error) not in _MISSING:
            raise
        return None


def describe_endpoint(
    sagemaker: SageMakerClient, endpoint_name: str
) -> DescribeEndpointOutputTypeDef | None:
    """Describe the endpoint; None if it does not exist."""
    return describe_or_none(sagemaker.describe_endpoint, EndpointName=endpoint_name)


def refusal(endpoint: DescribeEndpointOutputTypeDef) -> str:
    """Say why an endpoint that is not InService accepts no release, and what to do."""
    name, status = endpoint["EndpointName"], endpoint["EndpointStatus"]
    reason = f" ({endpoint['FailureReason']})" if endpoint.get("FailureReason") else ""
    remedy = "delete it and start again" if status in BROKEN else "start again when it is InService"
    return f"The endpoint {name} is {status}{reason} and accepts no new model: {remedy}."


def adopt(
    sagemaker: SageMakerClient, execution: Execution, job: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    """Reuse an existing job if this execution started it and it has not failed.

    Parameters
    ----------
    job
        Result of the describe operation.
    kind
        "TrainingJob" or "HyperParameterTuningJob", the prefix of its field names.

    Returns
    -------
    dict
        job_name, as after starting the job.

    Raises
    ------
    JobRefused
        The job belongs to another execution, or it has failed or was stopped.
    """
    name, status = job[f"{kind}Name"], job[f"{kind}Status"]
    if tags_of(sagemaker, job[f"{kind}Arn"]).get(EXECUTION_TAG) != execution.arn:
        raise JobRefused(f"The job {name} exists and is not this execution's: start a new one.")
    if status not in _REUSABLE_JOB_STATES:
        reason = f" ({job['FailureReason']})" if job.get("FailureReason") else ""
        raise JobRefused(f"The job {name} is {status}{reason} already: start a new execution.")
    return {"job_name": name}
