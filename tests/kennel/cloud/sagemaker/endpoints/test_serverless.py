"""A serverless variant: its process starts on the first call and ends when nobody calls."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.processes import is_running
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.serverless import IDLE_SECONDS
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import (
    ROLE,
    TINY,
    Stage,
    scale,
    stage,
    update,
    variant,
)

SERVERLESS = {"MemorySizeInMB": 3072, "MaxConcurrency": 2}


async def config(s: Stage, name: str, *, model: Any = None, env: Any = None, **members: Any) -> str:
    """Make a model and a configuration of that name with a serverless variant."""
    container = {"Image": TINY, "Environment": {"TINY_NAME": name, **(env or {})}}
    await s.models.create_model(
        {
            "ModelName": name,
            "PrimaryContainer": container,
            "ExecutionRoleArn": ROLE,
            **(model or {}),
        }
    )
    serverless = {"VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": SERVERLESS}
    await s.configs.create_endpoint_config(
        {"EndpointConfigName": name, "ProductionVariants": [{**serverless, **members}]}
    )
    return name


async def ended(pid: int) -> None:
    async with asyncio.timeout(60):
        while is_running(pid):
            await asyncio.sleep(0.01)


def test_process_starts_on_the_first_call_and_ends_when_idle(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            description = await s.up(await config(s, "one"))
            assert description["EndpointStatus"] == "InService"
            assert variant(description)["CurrentServerlessConfig"] == SERVERLESS
            assert "CurrentInstanceCount" not in variant(description)
            assert not list(tmp_path.glob("*.log"))  # no process has started

            first = (await s.invoke())["pid"]
            s.clock.skip(IDLE_SECONDS - 1)
            assert (await s.invoke())["pid"] == first  # and it waits as long again
            s.clock.skip(IDLE_SECONDS - 1)
            await asyncio.sleep(0.05)
            assert is_running(first)
            s.clock.skip(2)
            await ended(first)
            assert (await s.describe())["EndpointStatus"] == "InService"
            second = (await s.invoke())["pid"]
            assert second != first

            await config(s, "two")
            await update(s, "two")
            await s.settled()
            await ended(second)
            assert (await s.invoke())["name"] == "two"

    asyncio.run(scenario())


def test_calls_above_max_concurrency_are_throttled(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await config(s, "one"))
            # Both wait for one cold start; the third is refused meanwhile.
            two = asyncio.gather(*(s.invoke(body="wait 0.2") for _ in range(2)))
            await asyncio.sleep(0)
            with pytest.raises(ServiceError, match="Rate exceeded") as raised:
                await s.invoke()
            assert (raised.value.code, raised.value.status) == ("ThrottlingException", 400)
            assert len({each["pid"] for each in await two}) == 1
            await s.invoke()
            with pytest.raises(ServiceError, match="takes at most 4194304"):
                await s.invoke(body="x" * 4_194_305)

    asyncio.run(scenario())


def test_cold_start_goes_on_without_its_caller(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await config(s, "one"))
            impatient = asyncio.ensure_future(s.invoke())
            await asyncio.sleep(0.01)
            impatient.cancel()
            await asyncio.gather(impatient, return_exceptions=True)
            (fleet,) = next(iter(s.endpoints.all())).fleets()
            async with asyncio.timeout(60):
                while not fleet.instances:
                    await asyncio.sleep(0.01)
            assert (await s.invoke())["pid"] == fleet.instances[0].pid
            assert len(list(tmp_path.glob("*.log"))) == 1

    asyncio.run(scenario())


def test_container_that_does_not_start_is_the_models_error(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await config(s, "dead", env={"TINY_PING": "dies"}))
            for _ in range(2):
                with pytest.raises(ServiceError, match="did not pass the ping") as raised:
                    await s.invoke()
                assert raised.value.code == "ModelError"

    asyncio.run(scenario())


def test_endpoint_survives_a_restart_without_a_process(tmp_path: Path) -> None:
    store = Store(None)

    async def scenario() -> None:
        async with stage(tmp_path, store) as s:
            await s.up(await config(s, "one"))
            first = (await s.invoke())["pid"]
        assert not is_running(first)
        async with stage(tmp_path, store) as s:
            await s.endpoints.start()
            assert (await s.describe())["EndpointStatus"] == "InService"
            assert len(list(tmp_path.glob("*.log"))) == 1
            assert (await s.invoke())["name"] == "one"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"InstanceType": "ml.c5.large"}, "InstanceType cannot be specified together"),
        ({"InitialInstanceCount": 1}, "InitialInstanceCount cannot be specified together"),
        ({"ServerlessConfig": {**SERVERLESS, "MemorySizeInMB": 1500}}, "must be one of 1024, 2048"),
        ({"model": {"EnableNetworkIsolation": True}}, "does not support network isolation"),
        ({"model": {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}}, "VPC"),
    ],
)
def test_what_the_service_excludes_is_refused(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            with pytest.raises(ServiceError, match=words) as raised:
                await config(s, "one", **given)
            assert raised.value.code == "ValidationException"

    asyncio.run(scenario())


def test_one_variant_alone_may_be_serverless(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            with pytest.raises(ServiceError, match="multiple production variants"):
                await s.config("one", {"VariantName": "A"}, {"VariantName": "B"})
                two = [
                    {"VariantName": name, "ModelName": "one", "ServerlessConfig": SERVERLESS}
                    for name in "AB"
                ]
                request = {"EndpointConfigName": "both", "ProductionVariants": two}
                await s.configs.create_endpoint_config(request)

    asyncio.run(scenario())


def test_only_the_way_to_instances_is_open(tmp_path: Path) -> None:
    rolling = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1},
            "WaitIntervalInSeconds": 0,
        }
    }

    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await config(s, "serverless"))
            await config(s, "next")
            with pytest.raises(ServiceError, match="does not support rolling"):
                await update(s, "next", DeploymentConfig=rolling)
            with pytest.raises(ServiceError, match="cannot be set for a serverless variant"):
                await scale(s, 2)
            await s.config("instances")
            await update(s, "instances", RetainAllVariantProperties=True)
            assert variant(await s.settled())["CurrentInstanceCount"] == 1
            with pytest.raises(ServiceError, match="Cannot update an instance-based") as raised:
                await update(s, "next")
            assert raised.value.code == "ValidationException"

    asyncio.run(scenario())
