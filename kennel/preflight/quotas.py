"""Check SageMaker's quotas, many of which are 0 in a new account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kennel.aws import Connect
from kennel.batch import transform_instance_type
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

if TYPE_CHECKING:
    from types_boto3_service_quotas.client import ServiceQuotasClient

SERVICE = "sagemaker"


@dataclass(frozen=True)
class RequiredQuota:
    """A quota and the number of instances that Kennel needs of it.

    Attributes
    ----------
    name
        Its name in Service Quotas: instance type, then purpose.
    least
        With fewer, the first steps fail.
    most
        With fewer, a later step fails.
    reason
        Why `most` are needed.
    optional
        Whether only an optional command needs it.
    """

    name: str
    least: int
    most: int
    reason: str
    optional: bool = False


def required_quotas(deployment: Deployment) -> Iterator[RequiredQuota]:
    """Yield the quotas that this deployment uses."""
    hosting = deployment.parameters["InstanceType"]
    low, high = deployment.number("MinInstances"), deployment.number("MaxInstances")
    yield RequiredQuota(
        f"{hosting} for endpoint usage",
        2 * low,
        2 * high,
        "a release runs the old and the new instances side by side, so twice "
        f"MinInstances={low} to MaxInstances={high}",
    )
    training = deployment.parameters["TrainingInstanceType"]
    yield RequiredQuota(f"{training} for training job usage", 1, 1, "one training job")
    batch = transform_instance_type(hosting)
    yield RequiredQuota(
        f"{batch} for transform job usage", 1, 1, "`kennel batch` runs on one", optional=True
    )
    for notebook in deployment.stack.of_type("AWS::SageMaker::NotebookInstance"):
        instance_type = notebook.properties["InstanceType"]
        name = f"{instance_type} for notebook instance usage"
        yield RequiredQuota(name, 1, 1, "the notebook instance")


def quotas(deployment: Deployment, connect: Connect) -> Iterator[Finding]:
    """Compare each required quota with the account's."""
    required = list(required_quotas(deployment))
    values = _quotas_by_name({quota.name for quota in required}, connect("service-quotas"))
    for quota in required:
        check = f"SageMaker quota: {quota.name}"
        if quota.name not in values:
            yield Finding(
                check,
                Level.UNKNOWN,
                "Service Quotas has no quota of this name in this region",
                f"see in the SageMaker prices whether the region has {quota.name.split()[0]}",
            )
            continue
        code, value = values[quota.name]
        if value >= quota.most:
            yield Finding(check, Level.FINE, f"{value}; {quota.most} needed")
            continue
        blocks = value < quota.least and not quota.optional
        yield Finding(
            check,
            Level.BLOCKS if blocks else Level.WARNS,
            f"{value}, and {quota.most} are needed: {quota.reason}",
            f"aws service-quotas request-service-quota-increase --service-code {SERVICE} "
            f"--quota-code {code} --desired-value {quota.most} (an answer takes hours to days), or "
            "choose another instance type",
        )


def _quotas_by_name(
    names: set[str], service_quotas: ServiceQuotasClient
) -> dict[str, tuple[str, int]]:
    """Return (code, value) by name: AWS's default if the account has no value of its own."""
    values: dict[str, tuple[str, int]] = {}
    paginators = (
        service_quotas.get_paginator("list_service_quotas"),
        service_quotas.get_paginator("list_aws_default_service_quotas"),
    )
    for paginator in paginators:
        if names <= set(values):
            break
        for page in paginator.paginate(ServiceCode=SERVICE, PaginationConfig={"PageSize": 100}):
            for quota in page["Quotas"]:
                if quota["QuotaName"] in names - set(values):
                    values[quota["QuotaName"]] = quota["QuotaCode"], int(quota["Value"])
    return values
