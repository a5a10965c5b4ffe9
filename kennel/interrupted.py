"""Report the executions that the last offline cloud's end interrupted; wait for their clean-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.runtime.clients import client
from kennel.cloud.state import INTERRUPTED
from kennel.tags import EXECUTION_TAG, PROVEN_TAG, tags_of

if TYPE_CHECKING:
    from kennel.cloud.cloud import Cloud

LONGEST_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.2


def wait_for_clean_up(cloud: Cloud, since: float, tell: Callable[[str], None]) -> None:
    """Report the interrupted executions, and wait until none of their models is live.

    Parameters
    ----------
    since
        Unix time at which the cloud began to start: it aborts the interrupted executions then.
    tell
        Receives a sentence for each execution.
    """
    interrupted = _interrupted(cloud, since)
    for arn in interrupted:
        left = _left_by(cloud, arn)
        clean_up = f", and its clean-up takes back: {', '.join(left)}" if left else ""
        name = arn.rpartition(":")[2]
        tell(f"The execution {name} ran when the offline cloud ended: it is aborted{clean_up}.")
    latest = time.monotonic() + LONGEST_WAIT_SECONDS
    while _is_unproven(cloud, interrupted) and time.monotonic() < latest:
        time.sleep(_POLL_SECONDS)


def _interrupted(cloud: Cloud, since: float) -> list[str]:
    states = client("stepfunctions", cloud.url)
    machine = cloud.stack.outputs["StateMachineArn"]
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="ABORTED"
    )
    aborted = [each["executionArn"] for page in pages for each in page["executions"]]
    described = (states.describe_execution(executionArn=arn) for arn in aborted)
    return [
        each["executionArn"]
        for each in described
        if each.get("error") == INTERRUPTED and each["stopDate"].timestamp() >= since
    ]


def _left_by(cloud: Cloud, execution: str) -> list[str]:
    """Return the models and configurations of an execution, unless its release is proven."""
    sagemaker = client("sagemaker", cloud.url)
    resources = {
        each["EndpointConfigArn"]: f"endpoint configuration {each['EndpointConfigName']}"
        for page in sagemaker.get_paginator("list_endpoint_configs").paginate()
        for each in page["EndpointConfigs"]
    } | {
        each["ModelArn"]: f"model {each['ModelName']}"
        for page in sagemaker.get_paginator("list_models").paginate()
        for each in page["Models"]
    }
    tags = {arn: tags_of(sagemaker, arn) for arn in resources}
    own = [arn for arn in resources if tags[arn].get(EXECUTION_TAG) == execution]
    return [] if any(PROVEN_TAG in tags[arn] for arn in own) else [resources[arn] for arn in own]


def _is_unproven(cloud: Cloud, executions: list[str]) -> bool:
    """Return whether the endpoint's release is of one of these executions and not proven."""
    sagemaker = client("sagemaker", cloud.url)
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=cloud.stack.outputs["EndpointName"])
        config = sagemaker.describe_endpoint_config(
            EndpointConfigName=endpoint["EndpointConfigName"]
        )
    except ClientError:  # there is none
        return False
    tags = tags_of(sagemaker, config["EndpointConfigArn"])
    return tags.get(EXECUTION_TAG) in executions and PROVEN_TAG not in tags
