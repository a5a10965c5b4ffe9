"""Apply the rules for endpoint variants that Application Auto Scaling has as scalable targets."""

from typing import Protocol

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot
from kennel.cloud.sagemaker.errors import invalid


class ScalableVariants(Protocol):
    """The variants that are registered as scalable targets."""

    async def variants(self, endpoint: str) -> set[str]:
        """Return the registered variants of an endpoint."""

    async def forget(self, endpoint: str) -> None:
        """Deregister all variants of an endpoint."""


async def refuse_scaled_changes(
    scalable: ScalableVariants | None, endpoint: str, old: ConfigSnapshot, new: ConfigSnapshot
) -> None:
    """Raise ServiceError where `new` removes a scalable target or changes its instance type.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    if scalable is None:
        return
    before, after = old.variants(), new.variants()
    changed = sorted(
        name
        for name in await scalable.variants(endpoint)
        if name not in after
        or (name in before and before[name].get("InstanceType") != after[name].get("InstanceType"))
    )
    if changed:
        raise invalid(
            f'The variant(s) "[{", ".join(changed)}]" must be deregistered as scalable targets '
            "with AWS Auto Scaling before they can be removed or have their instance type "
            "updated."
        )


async def deregistration_permissions(
    scalable: ScalableVariants | None, endpoint: str
) -> list[RequiredPermission]:
    """Return what DeleteEndpoint requires to deregister the endpoint's scalable targets.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
    """
    if scalable is None or not await scalable.variants(endpoint):
        return []
    target = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/offline"
    context = {
        "application-autoscaling:service-namespace": "sagemaker",
        "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
    }
    action = "application-autoscaling:DeregisterScalableTarget"
    return [RequiredPermission(action, target, context)]
