"""What the tests of endpoints share: a stand-in over tiny servers, and waiting for a state."""

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
from kennel.cloud.sagemaker.endpoints.instance import Command
from kennel.cloud.sagemaker.shapes import check_response

TINY = "kennel/tiny:offline"
SERVER = Path(__file__).with_name("tiny_server.py")
WAIT_SECONDS = 60.0
ROLE = "arn:aws:iam::123456789012:role/model"


async def tiny_images(image: str) -> Command | None:
    return [sys.executable, SERVER] if image == TINY else None


async def no_fetch(uri: str) -> Path:
    raise AssertionError(f"nothing is fetched here, and {uri} was asked for")


@dataclass
class Stage:
    """An Endpoints with what is around it; its clock stands still but for skips."""

    endpoints: Endpoints
    clock: Clock
    faults: Faults
    metrics: Metrics
    store: Store
    alarms: set[str] = field(default_factory=set)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def config(self, name: str, *variants: dict[str, Any], count: int = 1, **env: str) -> str:
        """Make a model and a configuration of that name."""
        container = {"Image": TINY, "Environment": {"TINY_NAME": name, **env}}
        await self.endpoints.create_model(
            {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE}
        )
        base = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": count,
            "InstanceType": "ml.c5.large",
        }
        await self.endpoints.create_endpoint_config(
            {
                "EndpointConfigName": name,
                "ProductionVariants": [{**base, **each} for each in variants or ({},)],
            }
        )
        return name

    def states(self) -> list[str]:
        """Return the states that were announced, in EventBridge's writing."""
        kind = "SageMaker Endpoint State Change"
        return [detail["EndpointStatus"] for each, detail in self.notices if each == kind]

    async def up(self, config: str, name: str = "e") -> dict[str, Any]:
        """Create an endpoint and wait until it is settled."""
        request = {"EndpointName": name, "EndpointConfigName": config}
        await self.endpoints.create_endpoint(request)
        return await self.settled(name)

    async def describe(self, name: str = "e") -> dict[str, Any]:
        """Describe it, in the service's own form."""
        told = await self.endpoints.describe_endpoint({"EndpointName": name})
        check_response("DescribeEndpoint", told)
        return told

    async def until(
        self, true: Callable[[dict[str, Any]], bool], name: str = "e"
    ) -> dict[str, Any]:
        """Wait until its description is so."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not true(told := await self.describe(name)):
                await asyncio.sleep(0.01)
        return told

    async def settled(self, name: str = "e") -> dict[str, Any]:
        """Wait until no change is under way."""
        settled = {"InService", "Failed", "UpdateRollbackFailed"}
        return await self.until(lambda told: told["EndpointStatus"] in settled, name)

    async def ask(self, name: str = "e", body: str = "", **headers: str) -> dict[str, Any]:
        """Invoke it; return what the tiny server says."""
        answer = await self.endpoints.invoke(name, body.encode(), headers)
        told: dict[str, Any] = json.loads(answer.body)
        return told

    async def names(self, count: int, name: str = "e") -> list[str]:
        """Invoke it `count` times; return which model answered."""
        return [(await self.ask(name))["name"] for _ in range(count)]


def status_of(told: dict[str, Any]) -> str:
    """Return the VariantStatus of a pending deployment's first variant, or "" without one."""
    variants = told.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])
    return str(variants[0].get("VariantStatus", [{"Status": ""}])[0]["Status"])


def variant(told: dict[str, Any]) -> dict[str, Any]:
    """Return the first production variant of a description."""
    found: dict[str, Any] = told["ProductionVariants"][0]
    return found


async def update(s: Stage, config: str, **more: Any) -> None:
    """Call UpdateEndpoint."""
    await s.endpoints.update_endpoint({"EndpointName": "e", "EndpointConfigName": config, **more})


async def scale(s: Stage, count: int, **more: Any) -> None:
    """Call UpdateEndpointWeightsAndCapacities for the only variant."""
    wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": count, **more}
    await s.endpoints.update_endpoint_weights_and_capacities(
        {"EndpointName": "e", "DesiredWeightsAndCapacities": [wanted]}
    )


@contextlib.asynccontextmanager
async def stage(folder: Path, store: Store | None = None, **given: Any) -> AsyncIterator[Stage]:
    """Yield a stage; every process of it ends with it."""
    clock, faults = Clock(speed=0), Faults()
    metrics = Metrics(clock)
    store = store or Store(None)
    alarms: set[str] = set()
    notices: list[tuple[str, dict[str, Any]]] = []

    async def tripped(names: Any, since: float) -> list[str]:
        return [name for name in names if name in alarms]

    settings: dict[str, Any] = {
        "clock": clock,
        "faults": faults,
        "images": tiny_images,
        "metrics": metrics,
        "tripped": tripped,
        "notice": lambda kind, detail: notices.append((kind, detail)),
        **given,
    }
    endpoints = Endpoints(store, no_fetch, folder, **settings)
    try:
        yield Stage(endpoints, clock, faults, metrics, store, alarms, notices)
    finally:
        await endpoints.stop()
