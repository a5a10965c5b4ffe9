"""Updates of template.yaml that CloudFormation refuses, and those that it takes."""

import pytest

from kennel.cloud.cloudformation.changes import ChangeRefused, changes_of
from kennel.cloud.cloudformation.parameters import parameter_values
from kennel.cloud.cloudformation.template import Template, read_file
from kennel.paths import TEMPLATE


def update(**parameters: str) -> dict[str, str]:
    """Return the action on each resource when these parameters change in a deployed stack."""
    before = Template(read_file(TEMPLATE), parameter_values(read_file(TEMPLATE), {}), "kennel")
    source = read_file(TEMPLATE)
    after = Template(source, parameter_values(source, parameters), "kennel")
    existing = before.stack().resources
    return {each.resource.logical_id: each.action for each in changes_of(after, existing)}


def test_a_new_endpoint_name_is_refused() -> None:
    with pytest.raises(ChangeRefused, match=r"service token|custom-named resource"):
        update(EndpointName="another")


def test_another_value_of_any_other_kind_is_taken() -> None:
    changed = update(MaxInstances="9", InstanceType="ml.m5.large", JudgeFloor="0.8")
    assert changed
    assert set(changed.values()) == {"Modify"}
