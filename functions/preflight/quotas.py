"""Compare quotas of this account and region with what an execution needs.

A new account has 0 for most instance types, and SageMaker reports that only when a job or an
endpoint is created. Quotas are matched by name: the code differs for each instance type. The table
quotas.json is also in kennel/preflight, which checks the same before a deployment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.sagemaker import describe_endpoint, describe_or_none

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_service_quotas.client import ServiceQuotasClient

    from preflight.parameters import PreflightSettings

__all__ = ["Need", "needs", "running_instances", "split"]

_TABLE: list[dict[str, str]] = json.loads((Path(__file__).parent / "quotas.json").read_text())


@dataclass(frozen=True, slots=True)
class Need:
    """A quota, what this execution needs of it, and what a later one may need."""

    service: str
    name: str
    now: int
    most: int
    reason: str

    def sentence(self, value: float) -> str:
        """Say that the quota is too small, and what to do."""
        may = f" and a later one may need {self.most}" if self.most > self.now else ""
        return (
            f"The quota {self.name!r} is {value:g}, this execution needs {self.now}{may}: "
            f"{self.reason}. Ask for more at Service Quotas > {self.service}, or choose less or "
            "another instance type."
        )


def needs(settings: PreflightSettings, *, running: int | None, jobs: int) -> Iterator[Need]:
    """Yield the quotas of an execution.

    Parameters
    ----------
    running
        Instances of InstanceType that the endpoint has now; None without an endpoint.
    jobs
        Training jobs at a time; 0 for a release without training.
    """
    scaling = settings.scaling
    parameters = {
        "InstanceType": settings.instance_type,
        "TrainingInstanceType": settings.training_instance_type,
        "MinInstances": scaling.min_instances,
        "MaxInstances": scaling.max_instances,
    }
    if settings.serverless:
        parameters["ServerlessMemory"] = settings.serverless.memory_mb
        parameters["ServerlessMaxConcurrency"] = settings.serverless.max_concurrency
    unused = "endpoint" if settings.serverless else "serverless"
    for row in _TABLE:
        if row["use"] == unused:
            continue
        first, most = (_product(row[key], parameters) for key in ("first", "all"))
        match row["use"]:
            case "endpoint" if running is not None:
                new = max(scaling.min_instances, min(running, scaling.max_instances))
                first = running + new
            case "training" if jobs:
                first = most = jobs
            case "image" if not settings.serving_image:
                first = first if running is None else 0  # an older build may have left the image
            case "endpoint" | "serverless":
                pass
            case _:
                continue
        name = row["name"].format_map(parameters)
        yield Need(row["service"], name, first, max(first, most), row["reason"])


def _product(text: str, parameters: Mapping[str, Any]) -> int:
    """Return a count that the table gives as a number or as "2 * MaxInstances"."""
    return math.prod(int(parameters.get(factor, factor)) for factor in text.split(" * "))


def running_instances(sagemaker: SageMakerClient, settings: PreflightSettings) -> int | None:
    """Return how many instances of InstanceType the endpoint has; None without an endpoint."""
    endpoint = describe_endpoint(sagemaker, settings.endpoint_name)
    if endpoint is None:
        return None
    config = describe_or_none(
        sagemaker.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"]
    )
    types = [each.get("InstanceType") for each in config["ProductionVariants"]] if config else []
    variants = endpoint.get("ProductionVariants", [])
    return sum(
        each.get("CurrentInstanceCount", 0)
        for each, instance_type in zip(variants, types, strict=False)
        if instance_type == settings.instance_type
    )


def split(quotas: ServiceQuotasClient, needed: Iterable[Need]) -> tuple[list[str], list[str]]:
    """Return a sentence for each quota too small for this execution, and for a later one.

    A quota that AWS does not list is ignored.
    """
    needed = list(needed)
    problems: list[str] = []
    warnings: list[str] = []
    for service in sorted({need.service for need in needed}):
        values = _values(quotas, service)
        for need in needed:
            value = values.get(need.name) if need.service == service else None
            if value is not None and value < need.most:
                (problems if value < need.now else warnings).append(need.sentence(value))
    return problems, warnings


def _values(quotas: ServiceQuotasClient, service: str) -> dict[str, float]:
    pages = quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode=service, PaginationConfig={"PageSize": 100}
    )
    return {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
