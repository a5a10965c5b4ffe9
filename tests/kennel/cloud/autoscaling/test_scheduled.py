"""Scheduled actions by the offline clock, as a client sees them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.kennel.cloud.autoscaling.test_scaler import NAMED, Scaled, scaled
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import variant
from tests.kennel.cloud.sagemaker.endpoints.test_serverless import config

MORNING = {
    **NAMED,
    "ScheduledActionName": "morning",
    "Schedule": "cron(0 8 ? * MON-FRI *)",
    "Timezone": "Europe/Berlin",
    "ScalableTargetAction": {"MinCapacity": 3},
}
EVENING = {
    **MORNING,
    "ScheduledActionName": "evening",
    "Schedule": "cron(0 18 ? * MON-FRI *)",
    "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
}


async def run_until(s: Scaled, moment: datetime) -> tuple[int, int, int]:
    """Skip to a moment and run what is due; return the limits, and the instances running."""
    clock, since = s.stage.clock, s.stage.clock.now()
    clock.skip(moment.timestamp() - since)
    await s.service.scheduled.run_due(since, clock.now())
    running = variant(await s.stage.settled())["CurrentInstanceCount"]
    (target,) = (await s.call("describe_scalable_targets", ServiceNamespace="sagemaker"))[
        "ScalableTargets"
    ]
    return target["MinCapacity"], target["MaxCapacity"], running


def test_limits_change_at_their_times_in_their_zone(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            s.stage.clock.skip(
                datetime(2030, 1, 7, 6, 59, tzinfo=UTC).timestamp() - s.stage.clock.now()
            )  # a Monday, a minute before 8 in Berlin
            await s.call("register_scalable_target", **NAMED, MinCapacity=1, MaxCapacity=4)
            await s.call("put_scheduled_action", **MORNING)
            await s.call("put_scheduled_action", **EVENING)
            listed = await s.call("describe_scheduled_actions", **NAMED)
            assert len(listed["ScheduledActions"]) == 2
            monday = datetime(2030, 1, 7, tzinfo=UTC)
            assert await run_until(s, monday.replace(hour=6, minute=59, second=59)) == (1, 4, 1)
            assert await run_until(s, monday.replace(hour=7)) == (3, 4, 3)
            activities = await s.call("describe_scaling_activities", ServiceNamespace="sagemaker")
            cause = activities["ScalingActivities"][0]["Cause"]
            assert cause == "scheduled action name morning was triggered"
            assert await run_until(s, monday.replace(hour=17)) == (1, 2, 2)
            # A jump over several times ends with the latest one.
            assert await run_until(s, monday.replace(day=8, hour=18)) == (1, 2, 2)
            await s.call("deregister_scalable_target", **NAMED)
            listed = await s.call("describe_scheduled_actions", ServiceNamespace="sagemaker")
            assert listed["ScheduledActions"] == []

    asyncio.run(scenario())


def test_an_action_is_changed_in_part_and_repeated_by_rate(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            await s.call("register_scalable_target", **NAMED, MinCapacity=1, MaxCapacity=4)
            await s.call("put_scheduled_action", **MORNING)
            changed = {**NAMED, "ScheduledActionName": "morning", "Schedule": "rate(10 minutes)"}
            await s.call("put_scheduled_action", **changed)
            (action,) = (await s.call("describe_scheduled_actions", **NAMED))["ScheduledActions"]
            assert action["ScalableTargetAction"] == {"MinCapacity": 3}
            created = action["CreationTime"]
            later = datetime.fromtimestamp(created.timestamp() + 599, UTC)
            assert (await run_until(s, later))[0] == 1
            later = datetime.fromtimestamp(created.timestamp() + 601, UTC)
            assert (await run_until(s, later))[0] == 3
            named = {**NAMED, "ScheduledActionName": "morning"}
            await s.call("delete_scheduled_action", **named)
            with pytest.raises(ClientError, match="No scheduled action found: morning"):
                await s.call("delete_scheduled_action", **named)

    asyncio.run(scenario())


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "ObjectNotFoundException", "No scalable target registered"),
    ({"Schedule": "cron(0 8 * * *)"}, "ValidationException", "Invalid schedule"),
    ({"Timezone": "Europe/Berlln"}, "ValidationException", "Invalid time zone: Europe/Berlln"),
    ({"ScalableTargetAction": {}}, "ValidationException", "Min or max capacity must be"),
    (
        {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
        "ValidationException",
        "MinCapacity must be at most MaxCapacity",
    ),
    ({"StartTime": 2e9}, "NotImplementedOffline", "StartTime of an action"),
]


def test_what_the_service_refuses_is_refused(tmp_path: Path, account: str) -> None:
    async def scenario() -> None:
        async with scaled(tmp_path, account) as s:
            for change, code, words in REFUSED:
                with pytest.raises(ClientError, match=words) as raised:
                    await s.call("put_scheduled_action", **{**MORNING, **change})
                assert raised.value.response["Error"]["Code"] == code
                await s.call("register_scalable_target", **NAMED, MinCapacity=1, MaxCapacity=4)
            await s.stage.up(await config(s.stage, "serverless"), "other")
            resource = "endpoint/other/variant/AllTraffic"
            limits = {"MinCapacity": 1, "MaxCapacity": 2}
            with pytest.raises(ClientError, match="A serverless variant has no instances"):
                await s.call(
                    "register_scalable_target", **{**NAMED, "ResourceId": resource}, **limits
                )

    asyncio.run(scenario())
