"""Checks of a template's resources before they are created, by resource type."""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kennel.cloud.apigateway.access_log import check_destination
from kennel.cloud.apigateway.check import check as check_api
from kennel.cloud.awslambda import checks, event_sources
from kennel.cloud.cloudformation.requirements import Check
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.eventbridge.events import check_rule
from kennel.cloud.eventbridge.schedules import check_schedule
from kennel.cloud.eventbridge.targets import EventTargets
from kennel.cloud.runtime.errors import ServiceError
from kennel.errors import CannotStart

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

_RULE, _SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"


def _check_rule(resource: Resource) -> None:
    check_rule(resource)
    check_schedule(resource)


def _emulated(check: Callable[[Mapping[str, Any]], None]) -> Check:
    """Return the check of a resource that a service's API makes of a call with its properties."""

    def check_resource(resource: Resource) -> None:
        try:
            check(resource.properties)
        except ServiceError as error:
            raise CannotStart(f"{resource.logical_id}: {error}") from error

    return check_resource


#: Raises CannotStart for what cannot be run, before anything of the template is created.
CHECKS: Mapping[str, Check] = {
    **{name: check_api for name in RESOURCE_TYPES if "ApiGateway" in name},
    _RULE: _check_rule,
    "AWS::Lambda::EventSourceMapping": _emulated(event_sources.check_emulated),
    "AWS::Lambda::Function": _emulated(checks.check_emulated),
    _SCHEDULE: check_schedule,
}


def late_checks(targets: EventTargets, logs: "CloudWatchLogsClient") -> Mapping[str, Check]:
    """Return the checks that are made right before a resource is created, by its type.

    They read roles of targets and log groups of access logs, which have been created by then.
    """
    return {
        **dict.fromkeys((_RULE, _SCHEDULE), functools.partial(_check_roles, targets)),
        "AWS::ApiGateway::Stage": functools.partial(check_destination, logs),
    }


def _check_roles(targets: EventTargets, resource: Resource) -> None:
    """Check the roles of a rule's or schedule's targets; raises CannotStart."""
    is_rule = resource.type == "AWS::Events::Rule"
    sender = "events.amazonaws.com" if is_rule else "scheduler.amazonaws.com"
    properties = resource.properties
    for target in properties.get("Targets", []) if is_rule else [properties["Target"]]:
        targets.check(target, sender)
