"""Invoke endpoints with real server processes: errors, headers, faults and metrics."""

import asyncio
import json
from pathlib import Path

import pytest

from kennel.cloud.cloudwatch.metrics import Series
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Fault
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import stage


def test_a_models_error_keeps_its_status_and_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one"))
            with pytest.raises(ServiceError) as raised:
                await s.invoke(body="status 415 no photo")
            assert (raised.value.code, raised.value.status) == ("ModelError", 424)
            assert raised.value.details["OriginalStatusCode"] == 415
            assert raised.value.details["OriginalMessage"] == "no photo"
            assert str(raised.value).startswith(
                'Received client error (415) from primary with message "no photo". See https://'
            )
            assert "/aws/sagemaker/Endpoints/e in account 123456789012" in str(raised.value)
            with pytest.raises(ServiceError, match="less than or equal to 6291456") as raised:
                await s.invoke(body="x" * 6_291_457)
            assert (raised.value.code, raised.value.status) == ("ValidationError", 400)

    asyncio.run(scenario())


def test_a_model_that_takes_too_long_is_a_model_error_of_status_0(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, invoke_seconds=0.3) as s:
            await s.up(await s.config("one"))
            with pytest.raises(ServiceError, match=r"server error \(0\) .*timed out") as raised:
                await s.invoke(body="wait 3600")
            assert (raised.value.code, raised.value.status) == ("ModelError", 424)

    asyncio.run(scenario())


def test_headers_pass_both_ways(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one"))
            answer = await s.endpoints.invoke(
                "e",
                b"",
                {
                    "Content-Type": "application/x-npy",
                    "Accept": "application/json",
                    "X-Amzn-SageMaker-Custom-Attributes": "trace=7",
                    "Authorization": "AWS4 secret",
                },
            )
            seen = json.loads(answer.body)["headers"]
            assert seen["content-type"] == "application/x-npy"
            assert seen["accept"] == "application/json"
            assert "authorization" not in seen
            assert answer.headers["x-amzn-sagemaker-custom-attributes"] == "seen trace=7"
            with pytest.raises(ServiceError, match="TargetModel") as raised:
                await s.invoke(**{"X-Amzn-SageMaker-Target-Model": "m.tar.gz"})
            assert raised.value.code == "NotImplementedOffline"

    asyncio.run(scenario())


def test_faults_fail_hang_and_lose_instances(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one"))
            s.faults.add(Fault("InvokeEndpoint", "fail", "out of memory"))
            with pytest.raises(ServiceError, match="out of memory") as raised:
                await s.invoke()
            assert raised.value.status == 424
            s.faults.add(Fault("InvokeEndpoint", "hang"))
            asked = asyncio.create_task(s.invoke())
            await asyncio.sleep(0)
            s.clock.skip(60)
            with pytest.raises(ServiceError, match="timed out"):
                await asked
            first = (await s.invoke())["pid"]
            s.faults.add(Fault("InvokeEndpoint", "lose"))
            with pytest.raises(ServiceError) as raised:
                await s.invoke()
            assert raised.value.status == 503
            fleet = next(iter(s.endpoints.all())).fleets()[0]
            async with asyncio.timeout(60):
                while not fleet.pick():
                    await asyncio.sleep(0.01)
            assert (await s.invoke())["pid"] != first

    asyncio.run(scenario())


def test_invocations_are_counted_as_the_service_counts_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one", count=2))
            start = s.clock.now() // 60 * 60
            for body in ("", "", "status 400 no", "status 500 no"):
                try:
                    await s.invoke(body=body)
                except ServiceError:
                    continue
            dimensions = {"EndpointName": "e", "VariantName": "AllTraffic"}

            async def point(name: str, statistic: str, **more: str) -> float | None:
                series = Series.of("AWS/SageMaker", name, {**dimensions, **more})
                (value,) = await s.metrics.points(series, statistic, 60, start, 1)
                return value

            assert await point("Invocations", "Sum") == 4
            assert await point("Invocations", "Sum", EndpointConfigName="one") == 4
            assert await point("InvocationsPerInstance", "Sum") == 2
            assert await point("Invocation4XXErrors", "Average") == 0.25
            assert await point("Invocation5XXErrors", "Sum") == 1
            assert await point("InvocationModelErrors", "Sum") == 2
            assert await point("ModelLatency", "SampleCount") == 4
            assert (await point("ModelLatency", "Average") or 0) > 0

    asyncio.run(scenario())


def test_an_idle_endpoint_publishes_zeros_for_skipped_time_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            beating = asyncio.create_task(s.endpoints.beat())
            await s.up(await s.config("one"))
            start = s.clock.now() // 60 * 60 + 60
            s.clock.skip(600)
            dimensions = {"EndpointName": "e", "VariantName": "AllTraffic"}
            series = Series.of("AWS/SageMaker", "InvocationsPerInstance", dimensions)
            async with asyncio.timeout(60):
                while await s.metrics.points(series, "Sum", 60, start, 9) != [0.0] * 9:
                    await asyncio.sleep(0.01)
            beating.cancel()

    asyncio.run(scenario())
