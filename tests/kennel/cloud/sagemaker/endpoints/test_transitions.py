"""Deploy to real server processes, on a clock that only skips."""

import asyncio
from pathlib import Path
from typing import Any

from kennel.cloud.runtime.processes import is_running
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import Stage, stage, status_of, update


def canary(**more: Any) -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 300,
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
    }
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": 600,
            **more,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    }


async def baking(s: Stage, message: str) -> dict[str, Any]:
    """Wait until the pending deployment bakes with this message; return its variant."""

    def bakes(description: dict[str, Any]) -> bool:
        return status_of(description) == "Baking" and message in str(description)

    description = await s.until(bakes)
    pending: dict[str, Any] = description["PendingDeploymentSummary"]["ProductionVariants"][0]
    return pending


def pids(s: Stage, which: str) -> list[int]:
    deployment = getattr(next(iter(s.endpoints.all())), which)
    return [each.pid for each in deployment.fleets["AllTraffic"].instances]


def test_a_canary_takes_its_share_bakes_and_takes_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=4))
            await s.config("new", count=4)
            await update(s, "new", DeploymentConfig=canary())
            assert (await s.describe())["EndpointStatus"] == "Updating"

            pending = await baking(s, "canary capacity")
            assert pending["CurrentInstanceCount"] == 4
            assert pending["VariantStatus"][0]["StatusMessage"] == (
                "Baking for 300 seconds (WaitIntervalInSeconds) with traffic enabled on canary "
                "capacity of 1 instance(s)."
            )
            assert (await s.describe())["EndpointConfigName"] == "old"
            answers = [await s.invoke() for _ in range(40)]
            new = [each["pid"] for each in answers if each["name"] == "new"]
            assert len(new) == 10
            assert len(set(new)) == 1  # the canary is one instance of the four

            s.clock.skip(300)
            await baking(s, "full capacity of 4")
            assert set(await s.names(8)) == {"new"}
            old = pids(s, "live")
            assert all(is_running(pid) for pid in old)  # until the final bake is over

            s.clock.skip(600)
            description = await s.settled()
            assert description["EndpointConfigName"] == "new"
            assert (
                "PendingDeploymentSummary" not in description and "FailureReason" not in description
            )
            assert description["LastDeploymentConfig"] == canary()
            assert not any(is_running(pid) for pid in old)

    asyncio.run(scenario())


def test_an_alarm_in_the_bake_rolls_the_deployment_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=2))
            await s.config("new", count=2)
            await update(s, "new", DeploymentConfig=canary())
            await baking(s, "canary")
            new = pids(s, "pending")
            s.alarms.add("errors")
            s.clock.skip(10)
            description = await s.settled()
            assert description["EndpointStatus"] == "InService"
            assert description["EndpointConfigName"] == "old"
            assert "[errors]" in description["FailureReason"]
            assert set(await s.names(4)) == {"old"}
            assert not any(is_running(pid) for pid in new)
            assert s.states()[-2:] == ["ROLLING_BACK", "IN_SERVICE"]

    asyncio.run(scenario())


def test_linear_steps_shift_more_each_time(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=3))
            await s.config("new", count=3)
            size = {"Type": "CAPACITY_PERCENT", "Value": 34}
            routing = {"Type": "LINEAR", "WaitIntervalInSeconds": 60, "LinearStepSize": size}
            policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
            await update(s, "new", DeploymentConfig=policy)
            for step in (1, 2):
                await baking(s, f"partial capacity of {step} instance(s)")
                assert (await s.names(9)).count("new") == 3 * step
                s.clock.skip(60)
            assert (await s.settled())["EndpointConfigName"] == "new"

    asyncio.run(scenario())


def test_a_rolling_update_never_runs_both_fleets_at_full_size(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=4))
            await s.config("new", count=4)
            size = {"Type": "INSTANCE_COUNT", "Value": 2}
            policy = {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60}
            await update(s, "new", DeploymentConfig={"RollingUpdatePolicy": policy})
            pending = await baking(s, "partial capacity of 2")
            assert pending["CurrentInstanceCount"] == 2
            names = await s.names(8)
            assert (names.count("old"), names.count("new")) == (4, 4)
            s.clock.skip(60)
            await baking(s, "full capacity of 4")
            description = await s.describe()
            assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 2
            s.clock.skip(60)
            description = await s.settled()
            assert description["EndpointConfigName"] == "new"
            assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 4

    asyncio.run(scenario())


def test_a_rolling_update_that_is_rolled_back_restores_the_old_fleet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=2))
            await s.config("new", count=2)
            size = {"Type": "INSTANCE_COUNT", "Value": 1}
            policy = {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60}
            rollback = {"Alarms": [{"AlarmName": "errors"}]}
            await update(
                s,
                "new",
                DeploymentConfig={
                    "RollingUpdatePolicy": policy,
                    "AutoRollbackConfiguration": rollback,
                },
            )
            await baking(s, "partial")
            s.clock.skip(60)
            await baking(s, "full")
            assert len(pids(s, "live")) == 1
            s.alarms.add("errors")
            s.clock.skip(10)
            description = await s.settled()
            assert description["EndpointConfigName"] == "old"
            assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 2
            assert set(await s.names(4)) == {"old"}

    asyncio.run(scenario())


def test_retiring_processes_end_with_the_cloud(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old"))
            await s.config("new")
            slow = asyncio.create_task(s.invoke(body="wait 3600"))
            (instance,) = next(iter(s.endpoints.all())).fleets()[0].instances
            while not instance.in_flight:
                await asyncio.sleep(0.01)
            await update(s, "new")
            await s.until(lambda description: "Terminating 1 instance(s)." in str(description))
            assert is_running(instance.pid)  # it has a request yet
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            instance.in_flight += 1  # as if the request were never answered
        assert not is_running(instance.pid)

    asyncio.run(scenario())


def test_a_deployment_over_its_limit_is_rolled_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old", count=2))
            await s.config("new", count=2)
            more = {"MaximumExecutionTimeoutInSeconds": 901}
            await update(s, "new", DeploymentConfig=canary(**more))
            await baking(s, "canary")
            s.clock.skip(902)
            description = await s.settled()
            assert description["EndpointConfigName"] == "old"
            assert "MaximumExecutionTimeoutInSeconds" in description["FailureReason"]

    asyncio.run(scenario())


def test_the_last_deployment_config_is_used_again_on_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one", count=2))
            for name, members in (
                ("two", {"DeploymentConfig": canary()}),
                ("three", {"RetainDeploymentConfig": True}),
            ):
                await s.config(name, count=2)
                await update(s, name, **members)
                await baking(s, "canary")
                s.clock.skip(300)
                await baking(s, "full")
                s.clock.skip(600)
                assert (await s.settled())["EndpointConfigName"] == name

    asyncio.run(scenario())


def test_requests_in_flight_are_answered_while_their_fleet_retires(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("old"))
            await s.config("new")
            slow = asyncio.create_task(s.invoke(body="wait 1"))
            (instance,) = next(iter(s.endpoints.all())).fleets()[0].instances
            while not instance.in_flight:
                await asyncio.sleep(0.01)
            await update(s, "new")
            assert (await slow)["name"] == "old"
            assert (await s.settled())["EndpointConfigName"] == "new"
            assert set(await s.names(2)) == {"new"}

    asyncio.run(scenario())
