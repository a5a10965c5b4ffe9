"""Resources as services see them, after a creation and after a restart."""

import pytest

from kennel.cloud.cloudformation.custom_resources import CustomResources
from kennel.cloud.cloudformation.deployed import DeployedResources
from kennel.cloud.cloudformation.resources import Resources
from kennel.cloud.cloudformation.template import Resource
from kennel.errors import CannotStart


def refuse(resource: Resource) -> None:
    raise CannotStart("its role is not known")


def test_what_survived_a_restart_is_not_checked_before_what_it_needs_is_there() -> None:
    moto = "http://127.0.0.1:1"  # nothing is called
    deployed = DeployedResources()
    custom = CustomResources(moto, lambda arn, event: None)
    rule = Resource("Rule", "AWS::Events::Rule", "rule", "arn:rule", {})
    resources = Resources(moto, custom, deployed, before_create={rule.type: refuse})
    with pytest.raises(CannotStart, match="its role is not known"):
        resources.create("stack", rule)
    resources.restore("stack", rule)
    assert [each.name for each in deployed.of_type(rule.type)] == ["rule"]
