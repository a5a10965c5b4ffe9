"""Scaling as a client sees it: boto3's calls, real invocations, real processes that come and go.

The gateway's part is played by an HTTP server over `ScalingService.answer`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from botocore.exceptions import ClientError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from kennel.cloud.autoscaling.api import ScalingService
from kennel.cloud.autoscaling.targets import DIMENSION, ScalableTargets
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.cloudwatch.metrics import Series
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.processes import listen
from kennel.cloud.runtime.store import Store
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import Stage, stage, update, variant

RESOURCE = "endpoint/e/variant/AllTraffic"
NAMED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": DIMENSION,
}
PER_MINUTE = "SageMakerVariantInvocationsPerInstance"
PER_TEN_SECONDS = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


@dataclass
class Scaled:
    """An endpoint `e` of one instance, with everything that scales it."""

    stage: Stage
    service: ScalingService
    alarms: Alarms
    targets: ScalableTargets
    cloudwatch: Any
    boto3: Any

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call Application Auto Scaling as a client does."""
        answer: dict[str, Any] = await asyncio.to_thread(
            getattr(self.boto3, operation), **parameters
        )
        return answer

    async def follow(self, target: float = 10.0, most: int = 4, **more: Any) -> dict[str, Any]:
        """Register the variant, and let it aim at `target`."""
        await self.call("register_scalable_target", **NAMED, MinCapacity=1, MaxCapacity=most)
        metric = more.pop("metric", PER_MINUTE)
        return await self.call(
            "put_scaling_policy",
            **NAMED,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": target,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
                "ScaleInCooldown": 30,
                "ScaleOutCooldown": 30,
                **more,
            },
        )

    async def minute(self, invocations: int = 0) -> tuple[int, int]:
        """Let a minute pass with so many invocations; return instances wanted, and running."""
        await asyncio.gather(*(self.stage.invoke() for _ in range(invocations)))
        before = self.stage.clock.now()
        self.stage.clock.skip(60 - before % 60)
        await self.evaluate()
        description = await self.stage.settled()
        return (
            variant(description)["DesiredInstanceCount"],
            variant(description)["CurrentInstanceCount"],
        )

    async def evaluate(self) -> None:
        """Evaluate the alarms once the heartbeat has counted the time that was skipped."""
        dimensions = {"EndpointName": "e", "VariantName": "AllTraffic"}
        series = Series.of("AWS/SageMaker", "InvocationsPerInstance", dimensions)
        latest = self.stage.clock.now() // 10 * 10 - 10
        async with asyncio.timeout(60):
            while await self.stage.metrics.points(series, "Sum", 10, latest, 1) == [None]:
                await asyncio.sleep(0.01)
        await self.alarms.evaluate()

    async def states(self) -> dict[str, str]:
        """Return the state of each alarm, by High or Low."""
        alarms = await asyncio.to_thread(self.cloudwatch.describe_alarms)
        return {
            each["AlarmName"].split("-Alarm")[1].split("-")[0]: each["StateValue"]
            for each in alarms["MetricAlarms"]
        }


@contextlib.asynccontextmanager
async def scaled(folder: Path, moto: str) -> AsyncIterator[Scaled]:
    """Yield an endpoint in service, and what scales it."""
    targets = ScalableTargets(lambda service: client(service, moto), Store(None))
    async with stage(folder, scalable=targets) as s:
        alarms = Alarms(client("cloudwatch", moto), client("sns", moto), s.metrics, s.clock)
        service = ScalingService(targets, s.endpoints, alarms, s.clock)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await service.answer(Request(scope, receive))
            await response(scope, receive, send)

        sock = listen("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        beating = asyncio.create_task(s.endpoints.beat())
        try:
            assert (await s.up(await s.config("one")))["EndpointStatus"] == "InService"
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            boto3 = client("application-autoscaling", url)
            yield Scaled(s, service, alarms, targets, client("cloudwatch", moto), boto3)
        finally:
            beating.cancel()
            server.should_exit = True
            await serving
            sock.close()


def test_load_brings_instances_and_quiet_takes_them_away(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.follow(target=4)
            await s.minute()
            assert await s.minute(12) == (1, 1)
            assert await s.minute(12) == (1, 1)  # two points of three
            assert await s.minute(12) == (3, 3)  # 12 a minute at 4 for each instance
            assert (await s.states())["High"] == "ALARM"
            names = {(await s.stage.invoke())["pid"] for _ in range(9)}
            assert len(names) == 3

            for minutes in (6, 6):  # all but the last of each without an evaluation
                s.stage.clock.skip(60 * minutes)
                assert await s.minute() == (3, 3)  # 14 points of 15 below nine tenths
            wanted = [(await s.minute())[0] for _ in range(4)]
            assert wanted == [2, 1, 1, 1]  # one at a time, and never below the minimum
            activities = await s.call("describe_scaling_activities", ServiceNamespace="sagemaker")
            descriptions = [each["Description"] for each in activities["ScalingActivities"]]
            assert descriptions == [f"Setting desired instance count to {n}." for n in (1, 2, 3)]

    asyncio.run(scenario())


def test_the_maximum_holds_and_the_cooldown_counts_what_was_added(
    tmp_path: Path, account: str
) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.follow(target=4, most=3, ScaleOutCooldown=600)
            for _ in range(2):
                await s.minute(6)
            assert await s.minute(6) == (2, 2)
            # 8 on 2 instances is 4 for each of them in that minute: not above the target
            assert await s.minute(8) == (2, 2)
            for _ in range(3):
                result = await s.minute(24)  # 12 for each: 3 times one instance, as the base was
            assert result == (3, 3)
            for _ in range(3):
                result = await s.minute(30)
            assert result == (3, 3)

    asyncio.run(scenario())


def test_concurrency_of_ten_seconds_scales_within_half_a_minute(
    tmp_path: Path, account: str
) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            answer = await s.follow(target=2, metric=PER_TEN_SECONDS)
            alarms = await asyncio.to_thread(
                s.cloudwatch.describe_alarms,
                AlarmNames=[each["AlarmName"] for each in answer["Alarms"]],
            )
            periods = {(a["Period"], a["EvaluationPeriods"]) for a in alarms["MetricAlarms"]}
            assert periods == {(10, 3), (10, 90)}
            await s.minute()
            busy = [asyncio.create_task(s.stage.invoke(body="wait 3600")) for _ in range(5)]
            fleet = next(iter(s.stage.endpoints.all())).fleets()[0]
            while fleet.instances[0].in_flight < 5:
                await asyncio.sleep(0.01)
            for _ in range(4):
                s.stage.clock.skip(10)
                await s.evaluate()
            described = await s.stage.settled()
            assert variant(described)["CurrentInstanceCount"] == 3  # 5 at once, 2 for each
            for task in busy:
                task.cancel()
            await asyncio.gather(*busy, return_exceptions=True)

    asyncio.run(scenario())


def test_alarms_have_awss_names_and_go_with_the_policy(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            answer = await s.follow(target=10)
            alarms = await asyncio.to_thread(s.cloudwatch.describe_alarms)
            high, low = sorted(alarms["MetricAlarms"], key=lambda each: each["AlarmName"])
            assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
            assert (high["EvaluationPeriods"], high["Threshold"]) == (3, 10.0)
            assert (low["EvaluationPeriods"], low["Threshold"]) == (15, 9.0)
            assert high["Statistic"] == "Sum" and high["Period"] == 60
            names = [each["AlarmName"] for each in answer["Alarms"]]
            assert sorted(names) == [high["AlarmName"], low["AlarmName"]]
            listed = await s.call("describe_scaling_policies", ServiceNamespace="sagemaker")
            assert len(listed["ScalingPolicies"][0]["Alarms"]) == 2

            await s.follow(target=20, DisableScaleIn=True)  # the same policy, changed
            assert set(await s.states()) == {"High"}
            await s.call("deregister_scalable_target", **NAMED)
            assert await s.states() == {}
            listed = await s.call("describe_scaling_policies", ServiceNamespace="sagemaker")
            assert listed["ScalingPolicies"] == []

    asyncio.run(scenario())


def test_a_deleted_endpoint_takes_its_registration_along(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.follow()
            await s.stage.endpoints.delete_endpoint({"EndpointName": "e"})
            async with asyncio.timeout(60):
                while list(s.stage.endpoints.all()):
                    await asyncio.sleep(0.01)
            listed = await s.call("describe_scalable_targets", ServiceNamespace="sagemaker")
            assert listed["ScalableTargets"] == []
            assert await s.states() == {}

    asyncio.run(scenario())


def test_limits_are_reached_at_once_and_nothing_scales_while_the_endpoint_changes(
    tmp_path: Path, account: str
) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.call("register_scalable_target", **NAMED, MinCapacity=2, MaxCapacity=4)
            described = await s.stage.settled()
            assert variant(described)["CurrentInstanceCount"] == 2
            await s.follow(target=1)
            for _ in range(2):
                await s.minute(20)
            for _ in range(20):
                await s.stage.invoke()
            await s.stage.config("slow", TINY_PING="never")
            await update(s.stage, "slow")
            s.stage.clock.skip(60)
            await s.alarms.evaluate()
            assert (await s.states())["High"] == "ALARM"
            described = await s.stage.describe()
            assert described["EndpointStatus"] == "Updating"
            assert variant(described)["DesiredInstanceCount"] == 2

    asyncio.run(scenario())


def test_registrations_survive_a_restart_of_moto(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.follow(target=10, most=3)
            await s.targets.call("deregister_scalable_target", NAMED)  # moto forgets, the store not
            await asyncio.to_thread(
                s.cloudwatch.delete_alarms,
                AlarmNames=[
                    each["AlarmName"]
                    for each in (await asyncio.to_thread(s.cloudwatch.describe_alarms))[
                        "MetricAlarms"
                    ]
                ],
            )
            await s.targets.restore()
            (target,) = (await s.call("describe_scalable_targets", ServiceNamespace="sagemaker"))[
                "ScalableTargets"
            ]
            assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
            assert set(await s.states()) == {"High", "Low"}

    asyncio.run(scenario())


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "register_scalable_target",
        {**NAMED, "ResourceId": "endpoint/none/variant/A", "MinCapacity": 1, "MaxCapacity": 2},
        "ValidationException",
        "doesn't exist: endpoint/none/variant/A",
    ),
    (
        "register_scalable_target",
        {**NAMED, "ResourceId": "endpoint/e/variant/B", "MinCapacity": 1, "MaxCapacity": 2},
        "ValidationException",
        "doesn't exist: endpoint/e/variant/B",
    ),
    (
        "register_scalable_target",
        {**NAMED, "MinCapacity": 3, "MaxCapacity": 2},
        "ValidationException",
        r"MinCapacity \(3\)",
    ),
    ("register_scalable_target", NAMED, "ValidationException", "are required"),
    (
        "put_scaling_policy",
        {
            **NAMED,
            "PolicyName": "p",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0},
        },
        "ObjectNotFoundException",
        "No scalable target registered",
    ),
    (
        "put_scaling_policy",
        {**NAMED, "PolicyName": "p", "PolicyType": "StepScaling"},
        "NotImplementedOffline",
        "StepScaling",
    ),
    (
        "deregister_scalable_target",
        NAMED,
        "ObjectNotFoundException|ValidationException",
        "No scalable target",
    ),
    (
        "describe_scalable_targets",
        {"ServiceNamespace": "ecs"},
        "NotImplementedOffline",
        "the service ecs",
    ),
]


def test_what_is_refused_has_its_code_and_a_sentence(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            for operation, parameters, code, words in REFUSED:
                with pytest.raises(ClientError, match=words) as raised:
                    await s.call(operation, **parameters)
                assert raised.value.response["Error"]["Code"] in code.split("|")

    asyncio.run(scenario())
