"""The names by which a stack's leftovers are found."""

from dataclasses import dataclass

from kennel.deployed import DeployedStack
from kennel.deployment import Deployment


@dataclass(frozen=True)
class StackNames:
    """The names of a stack and of the resources that may outlive it.

    Attributes
    ----------
    stack
        The stack's own name.
    endpoint
        Its parameter EndpointName, with which the name of every SageMaker resource begins.
    repositories, package_groups, buckets
        Names of its ECR repositories, model package groups and S3 buckets.
    keep_data
        Whether its bucket is meant to outlive it.
    """

    stack: str
    endpoint: str
    repositories: tuple[str, ...] = ()
    package_groups: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    keep_data: bool = True

    @classmethod
    def of(cls, deployment: Deployment, deployed: DeployedStack | None) -> "StackNames":
        """Take the names from the deployed stack if it exists, else from the template."""
        parameters = {**deployment.parameters, **(deployed.parameters if deployed else {})}

        def names(resource_type: str) -> tuple[str, ...]:
            if not deployed:
                return tuple(deployment.chosen_names(resource_type).values())
            ids = (resource.logical_id for resource in deployment.stack.of_type(resource_type))
            return tuple(
                deployed.name(logical_id) for logical_id in ids if logical_id in deployed.physical
            )

        return cls(
            deployment.stack_name,
            parameters["EndpointName"],
            names("AWS::ECR::Repository"),
            names("AWS::SageMaker::ModelPackageGroup"),
            names("AWS::S3::Bucket"),
            parameters.get("KeepData", "true") == "true",
        )
