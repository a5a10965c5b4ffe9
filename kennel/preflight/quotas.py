"""Check of SageMaker's quotas; a new account starts with many of them at 0."""

from collections.abc import Iterator
from dataclasses import dataclass

from kennel.aws import Connect
from kennel.batch import transform_instance_type
from kennel.deployment import Deployment
from kennel.preflight.findings import Finding, Level

SERVICE = "sagemaker"


@dataclass(frozen=True)
class Need:
    """One quota and what Kennel asks of it.

    Attributes
    ----------
    quota
        Its name in Service Quotas: instance type, then what it is used for.
    least
        Fewer than this and the first steps fail.
    most
        Fewer than this and a later step fails.
    why
        What `most` is made of.
    optional
        Whether only a command that nobody has to use needs it.
    """

    quota: str
    least: int
    most: int
    why: str
    optional: bool = False


def needs(wanted: Deployment) -> Iterator[Need]:
    """Yield what this deployment will use."""
    hosting = wanted.parameters["InstanceType"]
    low, high = wanted.number("MinInstances"), wanted.number("MaxInstances")
    yield Need(
        f"{hosting} for endpoint usage",
        2 * low,
        2 * high,
        "a release runs the old and the new instances side by side, so twice "
        f"MinInstances={low} to MaxInstances={high}",
    )
    training = wanted.parameters["TrainingInstanceType"]
    yield Need(f"{training} for training job usage", 1, 1, "one training job")
    batch = transform_instance_type(hosting)
    yield Need(
        f"{batch} for transform job usage", 1, 1, "`kennel batch` runs on one", optional=True
    )
    for notebook in wanted.stack.of_type("AWS::SageMaker::NotebookInstance"):
        kind = notebook.properties["InstanceType"]
        yield Need(f"{kind} for notebook instance usage", 1, 1, "the notebook instance")


def quotas(wanted: Deployment, connect: Connect) -> Iterator[Finding]:
    """Compare each need with the account's quota."""
    needed = list(needs(wanted))
    known = _known({each.quota for each in needed}, connect("service-quotas"))
    for need in needed:
        check = f"SageMaker quota: {need.quota}"
        if need.quota not in known:
            yield Finding(
                check,
                Level.UNKNOWN,
                "Service Quotas has no quota of this name in this region",
                f"is {need.quota.split()[0]} offered here? See the SageMaker prices of the region",
            )
            continue
        code, value = known[need.quota]
        if value >= need.most:
            yield Finding(check, Level.FINE, f"{value}; {need.most} needed")
            continue
        blocks = value < need.least and not need.optional
        yield Finding(
            check,
            Level.BLOCKS if blocks else Level.WARNS,
            f"{value}, and {need.most} are needed: {need.why}",
            f"aws service-quotas request-service-quota-increase --service-code {SERVICE} "
            f"--quota-code {code} --desired-value {need.most} (an answer takes hours to days), or "
            "choose another instance type",
        )


def _known(names: set[str], service_quotas) -> dict[str, tuple[str, int]]:  # type: ignore[no-untyped-def]
    """Return (code, value) by name; AWS's default where the account has no value of its own."""
    found: dict[str, tuple[str, int]] = {}
    for listing in ("list_service_quotas", "list_aws_default_service_quotas"):
        if names <= set(found):
            break
        for page in service_quotas.get_paginator(listing).paginate(
            ServiceCode=SERVICE, PaginationConfig={"PageSize": 100}
        ):
            for quota in page["Quotas"]:
                if quota["QuotaName"] in names - set(found):
                    found[quota["QuotaName"]] = quota["QuotaCode"], int(quota["Value"])
    return found
