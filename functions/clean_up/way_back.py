"""After a failure: the endpoint as it was, and nothing of the failed release left.

    before Release            nothing of the endpoint's is touched
    an update, not proven     back to the previous configuration, if the new one is live
    an update, proven         the new configuration stays: it has answered rightly
    a first release           no endpoint, configuration, model or registration

and an update's scaling registration is what it was before, whatever happened. Each call does what
can be done now and says whether to call again; SageMaker takes no update or deletion while it works
on an endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clean_up.clients import Clients
from clean_up.jobs import stop_jobs
from common.execution import (
    EXECUTION_TAG,
    PREVIOUS_TAG,
    PROVEN_TAG,
    ROLLED_BACK_TAG,
    Execution,
)
from common.failure import CleanUpFailed
from common.record import read_record
from common.registration import deregister, restore
from common.sagemaker import BUSY, describe_endpoint, described
from common.tags import as_list, tags_of

__all__ = ["Settings", "clean_up"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of CleanUpFunction."""

    endpoint_name: str  # ENDPOINT_NAME
    bucket: str  # BUCKET_NAME
    project: str  # PROJECT_NAME: of CodeBuild; empty where no image is built


@dataclass(frozen=True, slots=True)
class _Case:
    """What every step needs, and what was done so far."""

    execution: Execution
    settings: Settings
    clients: Clients
    did: list[str]

    def ends(self, status: str, *did: str) -> dict[str, Any]:
        """Give the answer."""
        return {"status": status, "did": [*self.did, *did]}


@dataclass(frozen=True, slots=True)
class _Release:
    """What the execution has released, as its configuration tells."""

    name: str  # of model and configuration
    arn: str  # of the configuration
    previous: str | None
    proven: bool
    rolled_back: bool


def clean_up(execution: Execution, settings: Settings, clients: Clients) -> dict[str, Any]:
    """Do what can be done now; called again after "done", it finds nothing to do.

    Returns
    -------
    dict
        status: "done", or "waiting" for SageMaker; did: a line for each thing done.

    Raises
    ------
    CleanUpFailed
        The endpoint is in a state that a person must look at.
    """
    case = _Case(execution, settings, clients, stop_jobs(execution, settings.project, clients))
    release = _release(case)
    if release is None:  # it may have ended between the model and the configuration
        _delete_model(case, execution.release(settings.endpoint_name))
        return case.ends("done")
    endpoint = describe_endpoint(clients.sagemaker, settings.endpoint_name)
    if endpoint is not None and endpoint["EndpointStatus"] in BUSY:
        return case.ends("waiting")
    if release.previous is None:
        return _leave_nothing(case, release, endpoint)
    return _as_it_was(case, release, endpoint)


def _release(case: _Case) -> _Release | None:
    sagemaker, name = case.clients.sagemaker, case.execution.release(case.settings.endpoint_name)
    config = described(sagemaker.describe_endpoint_config, EndpointConfigName=name)
    if config is None:
        return None
    arn = config["EndpointConfigArn"]
    tags = tags_of(sagemaker, arn)
    if tags.get(EXECUTION_TAG) != case.execution.arn:
        return None
    return _Release(name, arn, tags.get(PREVIOUS_TAG), PROVEN_TAG in tags, ROLLED_BACK_TAG in tags)


def _leave_nothing(
    case: _Case, release: _Release, endpoint: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Delete a first release; one that somebody has released over since is only history."""
    name = case.settings.endpoint_name
    own = endpoint is not None and endpoint["EndpointConfigName"] == release.name
    if (own or endpoint is None) and deregister(case.clients.autoscaling, name):
        case.did.append("took the scaling registration away")
    if own:
        case.clients.sagemaker.delete_endpoint(EndpointName=name)
        return case.ends("waiting", f"deletes {name}")
    return _delete(case, release)


def _as_it_was(
    case: _Case, release: _Release, endpoint: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Take an update back, unless it is proven, and restore the scaling."""
    if endpoint is None:
        return _delete(case, release)  # somebody has deleted it meanwhile
    name, live = case.settings.endpoint_name, endpoint["EndpointConfigName"]
    if live not in {release.name, release.previous}:
        return _delete(case, release)  # a later release has taken over
    if live == release.name and not release.proven:
        return _roll_back(case, release, endpoint)
    if endpoint["EndpointStatus"] != "InService":
        raise CleanUpFailed(
            f"The endpoint {name} is {endpoint['EndpointStatus']} on {live}: "
            f"{endpoint.get('FailureReason', 'SageMaker gives no reason')}. Look at it by hand."
        )
    former = read_record(case.clients.s3, case.settings.bucket, case.execution)["scaling"]
    if restore(case.clients.autoscaling, name, former):
        case.did.append("restored the scaling registration")
    if live == release.name:
        return case.ends("done")  # proven: it stays
    return _delete(case, release)


def _roll_back(case: _Case, release: _Release, endpoint: Mapping[str, Any]) -> dict[str, Any]:
    name = case.settings.endpoint_name
    if release.rolled_back:
        raise CleanUpFailed(
            f"The endpoint {name} is {endpoint['EndpointStatus']} on {release.name}, which failed, "
            f"and did not go back to {release.previous}: update it by hand."
        )
    case.clients.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=release.previous,
        RetainAllVariantProperties=True,  # as many instances as now, not as it once began with
    )
    tags = as_list({ROLLED_BACK_TAG: "yes"})
    case.clients.sagemaker.add_tags(ResourceArn=release.arn, Tags=tags)
    return case.ends("waiting", f"goes back to {release.previous}")


def _delete(case: _Case, release: _Release) -> dict[str, Any]:
    """Delete the model first: the configuration is what leads to it."""
    _delete_model(case, release.name)
    case.clients.sagemaker.delete_endpoint_config(EndpointConfigName=release.name)
    return case.ends("done", f"deleted the configuration {release.name}")


def _delete_model(case: _Case, name: str) -> None:
    sagemaker = case.clients.sagemaker
    model = described(sagemaker.describe_model, ModelName=name)
    if model is None:
        return
    if tags_of(sagemaker, model["ModelArn"]).get(EXECUTION_TAG) == case.execution.arn:
        sagemaker.delete_model(ModelName=name)
        case.did.append(f"deleted the model {name}")
