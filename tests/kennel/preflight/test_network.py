"""The subnet of an EC2 instance, when one is switched on."""

import dataclasses
from typing import Any

import pytest

from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.runtime.clients import client
from kennel.deployment import Deployment, read
from kennel.preflight.findings import Level
from kennel.preflight.network import network
from tests.kennel.conftest import clients


def with_instance(**properties: str) -> Deployment:
    deployment = read(None)
    instance = Resource("Trainer", "AWS::EC2::Instance", "Trainer", "", properties)
    stack = Stack(deployment.stack.name, {"Trainer": instance}, {})
    return dataclasses.replace(deployment, stack=stack)


@pytest.fixture
def ec2(account: str) -> Any:
    return client("ec2", account)


def test_without_an_instance_nothing_is_called() -> None:
    (finding,) = network(read(None), clients("http://127.0.0.1:1"))
    assert finding.level is Level.FINE


def test_default_vpc(ec2: Any, account: str) -> None:
    (finding,) = network(with_instance(), clients(account))
    assert finding.level is Level.FINE
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    (finding,) = network(with_instance(), clients(account))
    assert finding.level is Level.BLOCKS
    assert "create-default-vpc" in finding.remedy


def test_subnet_chosen(ec2: Any, account: str) -> None:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    (finding,) = network(with_instance(SubnetId=subnet), clients(account))
    assert finding.level is Level.FINE
    (finding,) = network(with_instance(SubnetId="subnet-0123456789abcdef0"), clients(account))
    assert finding.level is Level.BLOCKS
