"""What is checked of a template's resources before they are created, by type."""

import functools
from collections.abc import Mapping

from kennel.cloud.apigateway.check import check as check_api
from kennel.cloud.cloudformation.requirements import Check
from kennel.cloud.cloudformation.resource_types import RESOURCE_TYPES
from kennel.cloud.cloudformation.template import Resource
from kennel.cloud.eventbridge.events import check_rule
from kennel.cloud.eventbridge.schedules import check_schedule
from kennel.cloud.eventbridge.targets import EventTargets

_RULE, _SCHEDULE = "AWS::Events::Rule", "AWS::Scheduler::Schedule"


def _check_rule(resource: Resource) -> None:
    check_rule(resource)
    check_schedule(resource)


#: Raises CannotStart for what cannot be run, before anything of the template is created.
CHECKS: Mapping[str, Check] = {
    **{name: check_api for name in RESOURCE_TYPES if "ApiGateway" in name},
    _RULE: _check_rule,
    _SCHEDULE: check_schedule,
}


def role_checks(targets: EventTargets) -> Mapping[str, Check]:
    """Return checks of the roles that targets are sent to with, which exist by then."""
    return dict.fromkeys((_RULE, _SCHEDULE), functools.partial(_check_roles, targets))


def _check_roles(targets: EventTargets, resource: Resource) -> None:
    """Check the roles of a rule's or schedule's targets; raises CannotStart."""
    is_rule = resource.type == "AWS::Events::Rule"
    sender = "events.amazonaws.com" if is_rule else "scheduler.amazonaws.com"
    properties = resource.properties
    for target in properties.get("Targets", []) if is_rule else [properties["Target"]]:
        targets.check(target, sender)
