"""Models and endpoint configurations: what was given is what is described."""

from collections import Counter

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.endpoint import Plan
from kennel.cloud.sagemaker.errors import ServiceError, existing, missing
from kennel.cloud.sagemaker.resources import arn_of


class Models:
    """Create, describe and delete models and configurations: one method an API action.

    Deleting what an endpoint uses is allowed, as on AWS; the endpoint goes on with its own copy.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create_model(self, request: Json) -> Json:
        """CreateModel."""
        given = {"PrimaryContainer", "Containers", "InferenceExecutionConfig"} & set(request)
        if not given & {"PrimaryContainer", "Containers"}:
            raise _invalid("Exactly one of PrimaryContainer or Containers must be specified.")
        if len(given & {"PrimaryContainer", "Containers"}) > 1:
            raise _invalid("PrimaryContainer and Containers cannot be specified together.")
        containers = request.get("Containers") or [request["PrimaryContainer"]]
        if len(containers) > 1 or any("Mode" in each for each in containers):
            raise _unknown("models of several containers or several models")
        return self._create("model", "Model", request)

    async def describe_model(self, request: Json) -> Json:
        """DescribeModel."""
        return self._described("model", request["ModelName"])

    async def delete_model(self, request: Json) -> Json:
        """DeleteModel."""
        self._described("model", request["ModelName"])
        self._store.delete("model", request["ModelName"])
        return {}

    async def create_endpoint_config(self, request: Json) -> Json:
        """CreateEndpointConfig: each variant's model must exist."""
        for member in _NOT_IMITATED & set(request):
            raise _unknown(member)
        variants = request["ProductionVariants"]
        names = Counter(each["VariantName"] for each in variants)
        if twice := [name for name, number in names.items() if number > 1]:
            raise _invalid(f"Duplicate variant name found: {twice[0]}.")
        for each in variants:
            for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
                if member not in each:  # serverless, instance pools, inference components
                    raise _unknown(f"a production variant without {member}")
            self._described("model", each["ModelName"])
        return self._create("endpoint-config", "EndpointConfig", request)

    async def describe_endpoint_config(self, request: Json) -> Json:
        """DescribeEndpointConfig."""
        return self._described("endpoint-config", request["EndpointConfigName"])

    async def delete_endpoint_config(self, request: Json) -> Json:
        """DeleteEndpointConfig."""
        self._described("endpoint-config", request["EndpointConfigName"])
        self._store.delete("endpoint-config", request["EndpointConfigName"])
        return {}

    def plan(self, config_name: str) -> Plan:
        """Return a configuration with its models; raises ServiceError where one is missing."""
        config = self._described("endpoint-config", config_name)
        names = [each["ModelName"] for each in config["ProductionVariants"]]
        return Plan(config, {name: self._described("model", name) for name in names})

    def _create(self, kind: str, word: str, request: Json) -> Json:
        name = request[f"{word}Name"]
        arn = arn_of(kind, name)
        if self._store.get(kind, name):
            raise existing(_words(kind), arn)
        kept = {key: value for key, value in request.items() if key != "Tags"}
        kept |= {f"{word}Arn": arn, "CreationTime": self._clock.now()}
        self._store.put(kind, name, kept)
        return {f"{word}Arn": arn}

    def _described(self, kind: str, name: str) -> Json:
        kept = self._store.get(kind, name)
        if kept is None:
            raise missing(_words(kind), arn_of(kind, name))
        return kept


#: Members of a configuration that would change what an endpoint does.
_NOT_IMITATED = {
    "AsyncInferenceConfig",
    "DataCaptureConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
}


def _words(kind: str) -> str:
    return kind.replace("-config", " configuration")


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _unknown(what: str) -> ServiceError:
    return ServiceError("NotImplementedOffline", f"the offline cloud does not imitate {what}", 501)
