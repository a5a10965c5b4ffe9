"""Roll a failed release back, so that the endpoint is what it was before the execution.

    failed before Release     the endpoint is not touched
    update, not proven        the previous configuration, if the new one is live
    update, proven            the new configuration: it has passed the smoke test
    first release             no endpoint, configuration, model or registration

After an update the scaling registration is restored in either case. Each call does what is possible
at once and says whether to call again, because SageMaker accepts no update or deletion while it
changes an endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clean_up.clients import Clients
from clean_up.jobs import stop_jobs
from common.execution import (
    EXECUTION_TAG,
    PREVIOUS_TAG,
    PROVEN_TAG,
    ROLLED_BACK_TAG,
    Execution,
)
from common.failures import CleanUpFailed
from common.record import read_record
from common.registration import deregister, restore
from common.sagemaker import BUSY, describe_endpoint, describe_or_none
from common.tags import as_list, tags_of

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

__all__ = ["CleanUpSettings", "clean_up"]


@dataclass(frozen=True, slots=True)
class CleanUpSettings:
    """The environment of CleanUpFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    project: str  # PROJECT_NAME: CodeBuild project; empty if no image is built


@dataclass(frozen=True, slots=True)
class _CleanUp:
    """Arguments of one call of `clean_up`, and the actions taken so far."""

    execution: Execution
    settings: CleanUpSettings
    clients: Clients
    actions: list[str]

    def result(self, status: str, *actions: str) -> dict[str, Any]:
        """Return the result of `clean_up`, with further actions."""
        return {"status": status, "actions": [*self.actions, *actions]}


@dataclass(frozen=True, slots=True)
class _Release:
    """The execution's release, as described by the tags of its endpoint configuration."""

    name: str  # of model and configuration
    arn: str  # of the configuration
    previous: str | None  # name of the configuration before an update
    proven: bool
    rolled_back: bool


def clean_up(execution: Execution, settings: CleanUpSettings, clients: Clients) -> dict[str, Any]:
    """Take every step of the clean-up that is possible now; idempotent after "done".

    Returns
    -------
    dict
        status: "done", or "waiting" for SageMaker; actions: one line for each action taken.

    Raises
    ------
    CleanUpFailed
        The endpoint is in a state that this function cannot change.
    """
    actions = stop_jobs(execution, settings.project, clients)
    run = _CleanUp(execution, settings, clients, actions)
    release = _release(run)
    if release is None:  # Release may have failed after it created the model
        _delete_model(run, execution.release(settings.endpoint_name))
        return run.result("done")
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    if endpoint is not None and endpoint["EndpointStatus"] in BUSY:
        return run.result("waiting")
    if release.previous is None:
        return _remove_first_release(run, release, endpoint)
    return _undo_update(run, release, endpoint)


def _release(run: _CleanUp) -> _Release | None:
    sagemaker = run.clients.sagemaker
    name = run.execution.release(run.settings.endpoint_name)
    config = describe_or_none(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        return None
    arn = config["EndpointConfigArn"]
    tags = tags_of(sagemaker, arn)
    if tags.get(EXECUTION_TAG) != run.execution.arn:
        return None
    return _Release(name, arn, tags.get(PREVIOUS_TAG), PROVEN_TAG in tags, ROLLED_BACK_TAG in tags)


def _remove_first_release(
    run: _CleanUp, release: _Release, endpoint: DescribeEndpointOutputTypeDef | None
) -> dict[str, Any]:
    """Delete a first release; an endpoint that a later release has updated stays."""
    name = run.settings.endpoint_name
    is_live = endpoint is not None and endpoint["EndpointConfigName"] == release.name
    if (is_live or endpoint is None) and deregister(run.clients.autoscaling, name):
        run.actions.append("removed the scaling registration")
    if is_live:
        run.clients.sagemaker.delete_endpoint(EndpointName=name)
        return run.result("waiting", f"deletes the endpoint {name}")
    return _delete(run, release)


def _undo_update(
    run: _CleanUp, release: _Release, endpoint: DescribeEndpointOutputTypeDef | None
) -> dict[str, Any]:
    """Roll an update back, unless it is proven, and restore the scaling registration."""
    if endpoint is None:
        return _delete(run, release)  # it was deleted in the meantime
    name, live = run.settings.endpoint_name, endpoint["EndpointConfigName"]
    if live not in {release.name, release.previous}:
        return _delete(run, release)  # a later release is live
    if live == release.name and not release.proven:
        return _roll_back(run, release, endpoint)
    if endpoint["EndpointStatus"] != "InService":
        raise CleanUpFailed(
            f"The endpoint {name} is {endpoint['EndpointStatus']} on {live}: "
            f"{endpoint.get('FailureReason', 'SageMaker gives no reason')}. Repair it by hand."
        )
    former = read_record(run.clients.s3, run.settings.bucket, run.execution)["scaling"]
    if restore(run.clients.autoscaling, name, former):
        run.actions.append("restored the scaling registration")
    if live == release.name:
        return run.result("done")  # proven: it stays
    return _delete(run, release)


def _roll_back(
    run: _CleanUp, release: _Release, endpoint: DescribeEndpointOutputTypeDef
) -> dict[str, Any]:
    name = run.settings.endpoint_name
    if release.rolled_back or release.previous is None:
        raise CleanUpFailed(
            f"The endpoint {name} is {endpoint['EndpointStatus']} on {release.name}, which failed, "
            f"and the rollback to {release.previous} failed too: update the endpoint by hand."
        )
    run.clients.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=release.previous,
        RetainAllVariantProperties=True,  # keeps the instance count that autoscaling has set
    )
    tags = as_list({ROLLED_BACK_TAG: "yes"})
    run.clients.sagemaker.add_tags(ResourceArn=release.arn, Tags=tags)
    return run.result("waiting", f"rolls back to {release.previous}")


def _delete(run: _CleanUp, release: _Release) -> dict[str, Any]:
    """Delete the model first: it is found through the configuration."""
    _delete_model(run, release.name)
    run.clients.sagemaker.delete_endpoint_config(EndpointConfigName=release.name)
    return run.result("done", f"deleted the configuration {release.name}")


def _delete_model(run: _CleanUp, name: str) -> None:
    sagemaker = run.clients.sagemaker
    model = describe_or_none(sagemaker.describe_model, ModelName=name)
    if model is None:
        return
    if tags_of(sagemaker, model["ModelArn"]).get(EXECUTION_TAG) == run.execution.arn:
        sagemaker.delete_model(ModelName=name)
        run.actions.append(f"deleted the model {name}")
