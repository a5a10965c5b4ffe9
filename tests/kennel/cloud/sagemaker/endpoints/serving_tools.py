"""Run endpoints over tiny model servers in tests, and wait for their states."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.cloud.cloudwatch.metrics import Metrics
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.faults import Faults
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.api import Endpoints
from kennel.cloud.sagemaker.endpoints.configs import EndpointConfigs
from kennel.cloud.sagemaker.endpoints.images import Command
from kennel.cloud.sagemaker.endpoints.models import Models
from kennel.cloud.sagemaker.shapes import check_response

TINY = "kennel/tiny:offline"
SERVER = Path(__file__).with_name("tiny_server.py")
WAIT_SECONDS = 60.0
ROLE = "arn:aws:iam::123456789012:role/model"


#: The servers import only the standard library: -S and -E save a third of their start.
async def resolve_tiny_image(image: str) -> Command | None:
    return [sys.executable, "-S", "-E", SERVER] if image == TINY else None


async def no_fetch(uri: str, role: str) -> Path:
    raise AssertionError(f"no package is fetched in these tests: received {uri}")


@dataclass
class Stage:
    """Endpoints with their surroundings; the clock stands still except for skips."""

    endpoints: Endpoints
    models: Models
    configs: EndpointConfigs
    clock: Clock
    faults: Faults
    metrics: Metrics
    store: Store
    alarms: set[str] = field(default_factory=set)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def config(self, name: str, *variants: dict[str, Any], count: int = 1, **env: str) -> str:
        """Make a model and a configuration of that name."""
        container = {"Image": TINY, "Environment": {"TINY_NAME": name, **env}}
        await self.models.create_model(
            {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
        )
        base = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": count,
            "InstanceType": "ml.c5.large",
        }
        await self.configs.create_endpoint_config(
            {
                "EndpointConfigName": name,
                "ProductionVariants": [{**base, **each} for each in variants or ({},)],
            }
        )
        return name

    def states(self) -> list[str]:
        """Return the published states, as EventBridge writes them."""
        state_change = "SageMaker Endpoint State Change"
        return [
            detail["EndpointStatus"]
            for detail_type, detail in self.events
            if detail_type == state_change
        ]

    async def up(self, config: str, name: str = "e") -> dict[str, Any]:
        """Create an endpoint and wait until it is settled."""
        request = {"EndpointName": name, "EndpointConfigName": config}
        await self.endpoints.create_endpoint(request)
        return await self.settled(name)

    async def describe(self, name: str = "e") -> dict[str, Any]:
        """Return DescribeEndpoint's answer, checked against the service's model."""
        description = await self.endpoints.describe_endpoint({"EndpointName": name})
        check_response("DescribeEndpoint", description)
        return description

    async def until(
        self, condition: Callable[[dict[str, Any]], bool], name: str = "e"
    ) -> dict[str, Any]:
        """Wait until the endpoint's description meets the condition."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition(description := await self.describe(name)):
                await asyncio.sleep(0.01)
        return description

    async def settled(self, name: str = "e") -> dict[str, Any]:
        """Wait until the endpoint is in a final status; return its description."""
        settled = {"InService", "Failed", "UpdateRollbackFailed"}
        return await self.until(lambda described: described["EndpointStatus"] in settled, name)

    async def invoke(self, name: str = "e", body: str = "", **headers: str) -> dict[str, Any]:
        """Invoke the endpoint; return the tiny server's answer."""
        response = await self.endpoints.invoke(name, body.encode(), headers)
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    async def names(self, count: int, name: str = "e") -> list[str]:
        """Invoke the endpoint `count` times; return the name of each model that answered."""
        return [(await self.invoke(name))["name"] for _ in range(count)]


def status_of(description: dict[str, Any]) -> str:
    """Return the VariantStatus of a pending deployment's first variant, or "" without one."""
    variants = description.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
    return str(variants[0].get("VariantStatus", [{"Status": ""}])[0]["Status"])


def variant(description: dict[str, Any]) -> dict[str, Any]:
    """Return the first production variant of a description."""
    first: dict[str, Any] = description["ProductionVariants"][0]
    return first


async def update(s: Stage, config: str, **members: Any) -> None:
    """Call UpdateEndpoint."""
    await s.endpoints.update_endpoint(
        {"EndpointName": "e", "EndpointConfigName": config, **members}
    )


async def scale(s: Stage, count: int, **members: Any) -> None:
    """Call UpdateEndpointWeightsAndCapacities for the only variant."""
    desired = {"VariantName": "AllTraffic", "DesiredInstanceCount": count, **members}
    await s.endpoints.update_endpoint_weights_and_capacities(
        {"EndpointName": "e", "DesiredWeightsAndCapacities": [desired]}
    )


@contextlib.asynccontextmanager
async def stage(folder: Path, store: Store | None = None, **overrides: Any) -> AsyncIterator[Stage]:
    """Yield endpoints whose processes end with the block."""
    clock, faults = Clock(speed=0), Faults()
    metrics = Metrics(clock)
    store = store or Store(None)
    alarms: set[str] = set()
    events: list[tuple[str, dict[str, Any]]] = []

    async def tripped_alarms(names: Any, since: float) -> list[str]:
        return [name for name in names if name in alarms]

    def publish(detail_type: str, source: str, detail: Any, resources: list[str]) -> None:
        assert (source, resources) == ("aws.sagemaker", [detail["EndpointArn"]])
        events.append((detail_type, detail))

    settings: dict[str, Any] = {
        "clock": clock,
        "faults": faults,
        "metrics": metrics,
        "tripped_alarms": tripped_alarms,
        "publish": publish,
        **overrides,
    }
    endpoints = Endpoints(store, no_fetch, folder, resolve_tiny_image, **settings)
    try:
        yield Stage(
            endpoints,
            Models(store, clock),
            EndpointConfigs(store, clock),
            clock,
            faults,
            metrics,
            store,
            alarms,
            events,
        )
    finally:
        await endpoints.stop()
