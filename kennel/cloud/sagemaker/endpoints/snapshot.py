"""Copy an endpoint configuration with its models, as a deployment uses them."""

from dataclasses import dataclass

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.records import read_record


@dataclass
class ConfigSnapshot:
    """An endpoint configuration with its models, as they were when it was deployed.

    A deployment goes on with its copy when configuration and models are deleted, as on AWS.

    Attributes
    ----------
    config
        As DescribeEndpointConfig answers it.
    models
        As DescribeModel answers them, by name.
    """

    config: Json
    models: dict[str, Json]

    @property
    def name(self) -> str:
        """The configuration's name."""
        return str(self.config["EndpointConfigName"])

    def variants(self) -> dict[str, Json]:
        """Return the production variants by name."""
        return {variant["VariantName"]: variant for variant in self.config["ProductionVariants"]}

    def counts(self) -> dict[str, int]:
        """Return InitialInstanceCount by variant; 0 for a serverless one."""
        return {
            name: variant.get("InitialInstanceCount", 0)
            for name, variant in self.variants().items()
        }

    def serverless(self) -> bool:
        """Return whether its only variant has a ServerlessConfig."""
        return any("ServerlessConfig" in variant for variant in self.variants().values())

    def weights(self) -> dict[str, float]:
        """Return InitialVariantWeight by variant."""
        return {
            name: variant.get("InitialVariantWeight", 1.0)
            for name, variant in self.variants().items()
        }

    def container(self, variant: str) -> Json:
        """Return the container definition of a variant's model."""
        return container_of(self.models[self.variants()[variant]["ModelName"]])


def take_snapshot(store: Store, config_name: str) -> ConfigSnapshot:
    """Return a copy of a configuration and its models; ServiceError where one is missing."""
    config = read_record(store, "endpoint-config", config_name)
    names = [variant["ModelName"] for variant in config["ProductionVariants"]]
    return ConfigSnapshot(config, {name: read_record(store, "model", name) for name in names})


def container_of(model: Json) -> Json:
    """Return the only container of a model, as DescribeModel answers it."""
    containers: list[Json] = model.get("Containers") or [model["PrimaryContainer"]]
    return containers[0]


def package_uri(container: Json) -> str | None:
    """Return the S3 URI of a container's model.tar.gz; None for a container without one."""
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri: str | None = container.get("ModelDataUrl") or source.get("S3Uri")
    return uri
