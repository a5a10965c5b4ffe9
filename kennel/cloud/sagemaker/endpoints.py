"""Models, endpoint configurations and endpoints, with the service's states."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from kennel.cloud.names import ACCOUNT
from kennel.cloud.sagemaker.errors import ServiceError, existing, missing, model_error
from kennel.cloud.sagemaker.resources import arn_of
from kennel.cloud.sagemaker.serving import OFFLINE_IMAGE, CannotServe, Instance
from kennel.cloud.sagemaker.store import Json, Store

#: Brings an object of S3 to a local file: (s3 URI) -> path.
Fetch = Callable[[str], Awaitable[Path]]


@dataclass
class Endpoint:
    """An endpoint and what runs behind it."""

    name: str
    config: str
    status: str = "Creating"
    failure: str | None = None
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    instances: list[Instance] = field(default_factory=list)
    turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def become(self, status: str, failure: str | None = None) -> None:
        """Enter a state."""
        self.status, self.failure, self.modified = status, failure, time.time()


class Endpoints:
    """The stand-in's models, configurations and endpoints: one method an API action.

    Parameters
    ----------
    store
        Where models and configurations are kept, and each endpoint as it is described.
    fetch
        Brings a model's package from the offline S3.
    logs
        Where serving processes write.
    """

    def __init__(self, store: Store, fetch: Fetch, logs: Path) -> None:
        self._store = store
        self._fetch = fetch
        self._logs = logs
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._endings: set[asyncio.Task[None]] = set()  # a stop waits for them

    # models and configurations: what was given is what is described

    async def create_model(self, request: Json) -> Json:
        """CreateModel."""
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
        for variant in request["ProductionVariants"]:
            self._described("model", variant["ModelName"])
        return self._create("endpoint-config", "EndpointConfig", request)

    async def describe_endpoint_config(self, request: Json) -> Json:
        """DescribeEndpointConfig."""
        return self._described("endpoint-config", request["EndpointConfigName"])

    async def delete_endpoint_config(self, request: Json) -> Json:
        """DeleteEndpointConfig."""
        self._described("endpoint-config", request["EndpointConfigName"])
        self._store.delete("endpoint-config", request["EndpointConfigName"])
        return {}

    def _create(self, kind: str, word: str, request: Json) -> Json:
        name = request[f"{word}Name"]
        arn = arn_of(kind, name)
        if self._store.get(kind, name):
            raise existing(kind.replace("-config", " configuration"), arn)
        kept = {key: value for key, value in request.items() if key != "Tags"}
        kept |= {f"{word}Arn": arn, "CreationTime": time.time()}
        self._store.put(kind, name, kept)
        return {f"{word}Arn": arn}

    def _described(self, kind: str, name: str) -> Json:
        kept = self._store.get(kind, name)
        if kept is None:
            raise missing(kind.replace("-config", " configuration"), arn_of(kind, name))
        return kept

    # endpoints

    async def create_endpoint(self, request: Json) -> Json:
        """CreateEndpoint: answers at once, the instances come up behind."""
        name, config = request["EndpointName"], request["EndpointConfigName"]
        if name in self._endpoints:
            raise existing("endpoint", arn_of("endpoint", name))
        self._described("endpoint-config", config)
        endpoint = self._endpoints[name] = Endpoint(name, config)
        self._keep(endpoint)
        self._later(self._bring_up(endpoint, config))
        return {"EndpointArn": arn_of("endpoint", name)}

    async def update_endpoint(self, request: Json) -> Json:
        """UpdateEndpoint: new instances first, then the old ones end (blue/green, all at once)."""
        endpoint = self._settled(request["EndpointName"], "update")
        self._described("endpoint-config", request["EndpointConfigName"])
        endpoint.become("Updating")
        self._keep(endpoint)
        self._later(self._bring_up(endpoint, request["EndpointConfigName"]))
        return {"EndpointArn": arn_of("endpoint", endpoint.name)}

    async def delete_endpoint(self, request: Json) -> Json:
        """DeleteEndpoint: gone at once from every listing, its processes ended behind."""
        endpoint = self._settled(request["EndpointName"], "delete")
        del self._endpoints[endpoint.name]
        self._store.delete("endpoint", endpoint.name)
        self._end_later(endpoint.instances)
        return {}

    async def describe_endpoint(self, request: Json) -> Json:
        """DescribeEndpoint."""
        return self._description(self._existing(request["EndpointName"]))

    def _keep(self, endpoint: Endpoint) -> None:
        self._store.put("endpoint", endpoint.name, self._description(endpoint))

    def _description(self, endpoint: Endpoint) -> Json:
        config = self._store.get("endpoint-config", endpoint.config) or {}
        described = {
            "EndpointName": endpoint.name,
            "EndpointArn": arn_of("endpoint", endpoint.name),
            "EndpointConfigName": endpoint.config,
            "EndpointStatus": endpoint.status,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.modified,
            "ProductionVariants": [
                {
                    "VariantName": variant["VariantName"],
                    "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
                    "DesiredWeight": variant.get("InitialVariantWeight", 1.0),
                    "CurrentInstanceCount": len(endpoint.instances),
                    "DesiredInstanceCount": variant["InitialInstanceCount"],
                }
                for variant in config.get("ProductionVariants", [])
            ],
        }
        return described | ({"FailureReason": endpoint.failure} if endpoint.failure else {})

    async def invoke(
        self, name: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[str, httpx.Response]:
        """InvokeEndpoint, on the next instance in turn: the variant's name and its answer."""
        endpoint = self._endpoints.get(name)
        if endpoint is None or not endpoint.instances:
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {ACCOUNT} not found."
            )
        instance = endpoint.instances[next(endpoint.turn) % len(endpoint.instances)]
        try:
            answer = await instance.invoke(body, headers)
        except httpx.TimeoutException as error:
            raise model_error(
                500, "Your invocation timed out while waiting for a response from container primary"
            ) from error
        except httpx.TransportError as error:
            raise ServiceError(
                "ServiceUnavailable", "The service is currently unavailable.", 503
            ) from error
        if not answer.is_success:
            raise model_error(answer.status_code, answer.text)
        (variant,) = self._described("endpoint-config", endpoint.config)["ProductionVariants"]
        return variant["VariantName"], answer

    async def stop(self) -> None:
        """End every serving process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._endings)
        await _end([each for one in self._endpoints.values() for each in one.instances])

    def _existing(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise missing("endpoint", arn_of("endpoint", name))
        return self._endpoints[name]

    def _settled(self, name: str, verb: str) -> Endpoint:
        endpoint = self._existing(name)
        if endpoint.status in {"Creating", "Updating", "RollingBack"}:
            arn = arn_of("endpoint", name)
            raise ServiceError(
                "ValidationException", f'Cannot {verb} in-progress endpoint "{arn}".'
            )
        return endpoint

    async def _bring_up(self, endpoint: Endpoint, config: str) -> None:
        """Start the instances of `config`, then let them answer in place of the old ones."""
        updating = endpoint.status == "Updating"
        try:
            started = await self._start_instances(endpoint.name, config)
        except CannotServe as error:
            # A failed update leaves the old instances serving.
            endpoint.become("InService" if updating else "Failed", str(error))
            self._keep(endpoint)
            return
        old, endpoint.instances, endpoint.config = endpoint.instances, started, config
        endpoint.become("InService")
        self._keep(endpoint)
        self._end_later(old)

    async def _start_instances(self, endpoint: str, config: str) -> list[Instance]:
        (variant,) = self._described("endpoint-config", config)["ProductionVariants"]
        container = self._described("model", variant["ModelName"])["PrimaryContainer"]
        if container["Image"] != OFFLINE_IMAGE:
            raise CannotServe(
                f"no image can be pulled offline: expected {OFFLINE_IMAGE}, "
                f"received {container['Image']}"
            )
        package = await self._fetch(container["ModelDataUrl"])
        started: list[Instance] = []
        try:
            for number in range(variant["InitialInstanceCount"]):
                log = self._logs / f"endpoint-{endpoint}-{config}-{number}.log"
                environment = container.get("Environment", {})
                started.append(await Instance.start(package, environment, log))
        except BaseException:
            await _end(started)
            raise
        return started

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end_later(self, instances: list[Instance]) -> None:
        task = asyncio.ensure_future(_end(instances))
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)


async def _end(instances: list[Instance]) -> None:
    await asyncio.gather(*(each.stop() for each in instances))
