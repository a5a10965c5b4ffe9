"""Check the quotas of SageMaker and CodeBuild, many of which are 0 in a new account.

The table quotas.json is also in functions/preflight, which checks the same in each execution.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kennel.aws import Connect
from kennel.batch import transform_instance_type
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

if TYPE_CHECKING:
    from types_boto3_service_quotas.client import ServiceQuotasClient

_TABLE: list[dict[str, str]] = json.loads((Path(__file__).parent / "quotas.json").read_text())


@dataclass(frozen=True)
class RequiredQuota:
    """A quota and how much Kennel needs of it.

    Attributes
    ----------
    service
        Its service in Service Quotas.
    first
        With less, the first release fails.
    most
        With less, a later step fails.
    """

    service: str
    name: str
    first: int
    most: int
    reason: str


def required_quotas(deployment: Deployment) -> Iterator[RequiredQuota]:
    """Yield the quotas that this deployment uses."""
    given = deployment.parameters
    builds = given["ServingHost"] == "kennel" and not given["ServingImage"]
    serverless = given["Hosting"] == "serverless"
    batch = transform_instance_type("" if serverless else given["InstanceType"])
    parameters = {**given, "BatchInstanceType": batch}
    unused = {"endpoint" if serverless else "serverless"}
    if not builds:
        unused.add("image")
    for row in _TABLE:
        if row["use"] not in unused:
            first, most = (_product(row[key], parameters) for key in ("first", "all"))
            name = row["name"].format_map(parameters)
            yield RequiredQuota(row["service"], name, first, most, row["reason"])


def _product(text: str, parameters: Mapping[str, str]) -> int:
    """Return a count that the table gives as a number or as "2 * MaxInstances"."""
    return math.prod(int(parameters.get(factor, factor)) for factor in text.split(" * "))


def quotas(deployment: Deployment, connect: Connect) -> Iterator[Finding]:
    """Compare each required quota with the account's."""
    required = list(required_quotas(deployment))
    client: ServiceQuotasClient = connect("service-quotas")
    values = {
        service: _quotas_by_name(
            {quota.name for quota in required if quota.service == service}, service, client
        )
        for service in sorted({quota.service for quota in required})
    }
    for quota in required:
        check = f"quota: {quota.name}"
        if quota.name not in values[quota.service]:
            yield Finding(
                check,
                Level.UNKNOWN,
                "Service Quotas has no quota of this name in this region",
                f"see in the prices of {quota.service} whether the region has it",
            )
            continue
        code, value = values[quota.service][quota.name]
        if value >= quota.most:
            yield Finding(check, Level.FINE, f"{value}; {quota.most} needed")
            continue
        yield Finding(
            check,
            Level.BLOCKS if value < quota.first else Level.WARNS,
            f"{value}; the first release needs {quota.first}, a later step {quota.most}: "
            f"{quota.reason}",
            f"aws service-quotas request-service-quota-increase --service-code {quota.service} "
            f"--quota-code {code} --desired-value {quota.most} (an answer takes hours to days), or "
            "choose another instance type",
        )


def _quotas_by_name(
    names: set[str], service: str, service_quotas: ServiceQuotasClient
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
        for page in paginator.paginate(ServiceCode=service, PaginationConfig={"PageSize": 100}):
            for quota in page["Quotas"]:
                if quota["QuotaName"] in names - set(values):
                    values[quota["QuotaName"]] = quota["QuotaCode"], int(quota["Value"])
    return values
