"""Answer CreateEndpointConfig, DescribeEndpointConfig and DeleteEndpointConfig."""

from collections import Counter

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.records import create_record, delete_record, read_record
from kennel.cloud.sagemaker.endpoints.serverless import check_variant
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler, not_emulated

#: Members of a configuration that would change what an endpoint does.
_NOT_EMULATED = {
    "AsyncInferenceConfig",
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
}


_CAPACITY = ("InstanceType", "InitialInstanceCount")


class EndpointConfigs:
    """Endpoint configurations.

    Deleting a configuration that an endpoint uses is allowed, as on AWS.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateEndpointConfig": self.create_endpoint_config,
            "DescribeEndpointConfig": self.describe_endpoint_config,
            "DeleteEndpointConfig": self.delete_endpoint_config,
        }

    async def create_endpoint_config(self, request: Json) -> Json:
        """CreateEndpointConfig: each variant's model must exist."""
        for member in _NOT_EMULATED & set(request):
            raise not_emulated(member)
        variants = request["ProductionVariants"]
        names = Counter(variant["VariantName"] for variant in variants)
        if duplicates := [name for name, count in names.items() if count > 1]:
            raise invalid(f"Duplicate variant name found: {duplicates[0]}.")
        for variant in variants:
            serverless = "ServerlessConfig" in variant
            for member in ("ModelName", *(() if serverless else _CAPACITY)):
                if member not in variant:  # instance pools, inference components
                    raise not_emulated(f"a production variant without {member}")
            model = read_record(self._store, "model", variant["ModelName"])
            if serverless:
                check_variant(variant, model, alone=len(variants) == 1)
        return create_record(self._store, self._clock, "endpoint-config", request)

    async def describe_endpoint_config(self, request: Json) -> Json:
        """DescribeEndpointConfig."""
        return read_record(self._store, "endpoint-config", request["EndpointConfigName"])

    async def delete_endpoint_config(self, request: Json) -> Json:
        """DeleteEndpointConfig."""
        delete_record(self._store, "endpoint-config", request["EndpointConfigName"])
        return {}
