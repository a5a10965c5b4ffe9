"""Check of the network that an EC2 or notebook instance would be put into."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from kennel.aws import Connect, code_of
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

_INSTANCES = ("AWS::EC2::Instance",)


def network(wanted: Deployment, connect: Connect) -> Iterator[Finding]:
    """Check the subnet chosen, or that there is a default one, where an instance is switched on."""
    check = "network"
    instances = [each for kind in _INSTANCES for each in wanted.stack.of_type(kind)]
    if not instances:
        yield Finding(check, Level.FINE, "not needed: no EC2 instance is switched on")
        return
    ec2 = connect("ec2")
    for instance in instances:
        subnet = instance.properties.get("SubnetId")
        if subnet:
            yield _subnet(check, ec2, subnet)
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


def _subnet(check: str, ec2, subnet: str) -> Finding:  # type: ignore[no-untyped-def]
    try:
        (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    except ClientError as error:
        if not code_of(error).startswith("InvalidSubnet"):
            raise
        return Finding(
            check,
            Level.BLOCKS,
            f"there is no subnet {subnet} in this region",
            "`aws ec2 describe-subnets` lists them",
        )
    return Finding(check, Level.FINE, f"{subnet} in {found['VpcId']}")
