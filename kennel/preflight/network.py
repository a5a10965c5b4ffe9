"""Check the network of the EC2 instance, if the template has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client


def network(deployment: Deployment, connect: Connect) -> Iterator[Finding]:
    """Check that the subnet named exists, or else that the region has a default subnet."""
    check = "network"
    instances = deployment.stack.of_type("AWS::EC2::Instance")
    if not instances:
        yield Finding(check, Level.FINE, "not needed: no EC2 instance is switched on")
        return
    ec2: EC2Client = connect("ec2")
    for instance in instances:
        subnet_id = instance.properties.get("SubnetId")
        if subnet_id:
            yield _subnet(check, ec2, subnet_id)
            continue
        default = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
        if default["Subnets"]:
            yield Finding(check, Level.FINE, "the default VPC has subnets")
        else:
            yield Finding(
                check,
                Level.BLOCKS,
                f"{instance.logical_id} names no subnet, and the region has no default VPC",
                "name a subnet in the parameters, or `aws ec2 create-default-vpc`",
            )


def _subnet(check: str, ec2: EC2Client, subnet_id: str) -> Finding:
    try:
        (subnet,) = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"]
    except ClientError as error:
        if not code_of(error).startswith("InvalidSubnet"):
            raise
        return Finding(
            check,
            Level.BLOCKS,
            f"there is no subnet {subnet_id} in this region",
            "`aws ec2 describe-subnets` lists them",
        )
    return Finding(check, Level.FINE, f"{subnet_id} in {subnet['VpcId']}")
