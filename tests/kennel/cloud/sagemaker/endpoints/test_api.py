"""Run endpoints with server processes that hold no model, on a clock that only skips."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.faults import Fault
from kennel.cloud.runtime.health import Health
from kennel.cloud.runtime.processes import is_running
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.transitions import NO_CAPACITY
from tests.kennel.cloud.sagemaker.endpoints.serving_tools import (
    Stage,
    scale,
    stage,
    update,
    variant,
)

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def test_an_endpoint_is_created_serves_and_is_deleted_with_its_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.config("one", count=2)
            await s.endpoints.create_endpoint({"EndpointName": "e", "EndpointConfigName": "one"})
            creating = await s.describe()
            assert creating["EndpointStatus"] == "Creating"
            assert creating["PendingDeploymentSummary"]["EndpointConfigName"] == "one"
            with pytest.raises(ServiceError, match="in-progress"):
                await s.endpoints.delete_endpoint({"EndpointName": "e"})
            with pytest.raises(ServiceError, match="not found"):
                await s.invoke()

            description = await s.settled()
            assert description["EndpointStatus"] == "InService"
            assert variant(description)["CurrentInstanceCount"] == 2
            pids = {(await s.invoke())["pid"] for _ in range(4)}
            assert len(pids) == 2 and all(is_running(pid) for pid in pids)

            await s.endpoints.delete_endpoint({"EndpointName": "e"})
            assert (await s.describe())["EndpointStatus"] == "Deleting"
            async with asyncio.timeout(60):
                while list(s.endpoints.all()):
                    await asyncio.sleep(0.01)
            assert not any(is_running(pid) for pid in pids)
            with pytest.raises(ServiceError, match="Could not find endpoint"):
                await s.describe()
            assert s.states() == ["CREATING", "IN_SERVICE", "DELETING"]
            deployments = [detail for kind, detail in s.events if "Deployment" in kind]
            assert "Launching 2 instance(s)." in str(deployments[0]["PendingDeploymentSummary"])

    asyncio.run(scenario())


def test_a_container_that_never_answers_a_ping_fails_after_its_timeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path, grace_seconds=0) as s:
            patience = {"ContainerStartupHealthCheckTimeoutInSeconds": 300}
            await s.config("mute", patience, TINY_PING="never")
            await s.endpoints.create_endpoint({"EndpointName": "e", "EndpointConfigName": "mute"})
            while not list(tmp_path.glob("*.log")):  # its process has started
                await asyncio.sleep(0.01)
            s.clock.skip(299)
            assert (await s.describe())["EndpointStatus"] == "Creating"
            s.clock.skip(2)
            description = await s.settled()
            assert description["EndpointStatus"] == "Failed"
            assert description["FailureReason"].startswith(
                "The primary container for production variant AllTraffic did not pass the ping "
                "health check."
            )
            await s.endpoints.delete_endpoint({"EndpointName": "e"})

    asyncio.run(scenario())


def test_a_container_that_ends_fails_with_its_last_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            description = await s.up(await s.config("dead", TINY_PING="dies"))
            assert description["EndpointStatus"] == "Failed"
            assert description["FailureReason"].endswith("no model here")

    asyncio.run(scenario())


def test_an_update_drops_to_the_initial_count_unless_it_retains(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.up(await s.config("one"))
            await scale(s, 3, DesiredWeight=2.0)
            assert (await s.describe())["EndpointStatus"] == "Updating"
            words = "Scaling out desired instance count to 3."
            await s.until(lambda description: words in str(description))
            assert _size(await s.settled()) == (3, 2.0)

            await s.config("two")
            await update(s, "two", RetainAllVariantProperties=True)
            assert _size(await s.settled()) == (3, 2.0)

            await s.config("three", count=2)
            excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
            await update(
                s,
                "three",
                RetainAllVariantProperties=True,
                ExcludeRetainedVariantProperties=excluded,
            )
            assert _size(await s.settled()) == (2, 2.0)

            await s.config("four")
            await update(s, "four")
            assert _size(await s.settled()) == (1, 1.0)

    asyncio.run(scenario())


def _size(description: dict[str, Any]) -> tuple[int, float]:
    return variant(description)["CurrentInstanceCount"], variant(description)["CurrentWeight"]


def test_variants_share_traffic_by_weight_and_can_be_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            await s.config("small")
            await s.config(
                "both",
                {"VariantName": "A", "InitialVariantWeight": 3.0},
                {"VariantName": "B", "ModelName": "small", "InitialVariantWeight": 1.0},
            )
            await s.up("both")
            names = await s.names(12)
            assert (names.count("both"), names.count("small")) == (9, 3)
            target = "X-Amzn-SageMaker-Target-Variant"
            assert [(await s.invoke(**{target: "B"}))["name"] for _ in range(3)] == ["small"] * 3
            answer = await s.endpoints.invoke("e", b"", {target: "B"})
            assert answer.headers["x-amzn-invoked-production-variant"] == "B"
            with pytest.raises(ServiceError, match="Variant C not found for Endpoint e") as raised:
                await s.invoke(**{target: "C"})
            assert (raised.value.code, raised.value.status) == ("ValidationError", 400)

    asyncio.run(scenario())


def test_a_process_that_dies_is_replaced_and_its_request_gets_a_503(tmp_path: Path) -> None:
    lines: list[str] = []

    async def scenario() -> None:
        async with stage(tmp_path, health=Health(lines.append)) as s:
            await s.up(await s.config("one"))
            first = (await s.invoke())["pid"]
            with pytest.raises(ServiceError) as raised:
                await s.invoke(body="die")
            assert (raised.value.code, raised.value.status) == ("ServiceUnavailable", 503)
            assert await _another(s, first) != first
            assert (await s.describe())["EndpointStatus"] == "InService"

    asyncio.run(scenario())
    name = "endpoint configuration one, variant AllTraffic"
    assert lines[0] == f"not well: {name}: an instance has ended; another one starts"
    assert lines[1].startswith(f"well again: {name}, after")


async def _another(s: Stage, first: int) -> int:
    """Wait until another process than `first` answers."""
    async with asyncio.timeout(60):
        while True:
            try:
                if (pid := (await s.invoke())["pid"]) != first:
                    return int(pid)
            except ServiceError as error:
                assert error.status == 503
            await asyncio.sleep(0.01)


def test_capacity_and_failure_faults_have_the_services_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            s.faults.add(Fault("CreateEndpoint", "capacity"))
            description = await s.up(await s.config("one"), "f")
            assert (description["EndpointStatus"], description["FailureReason"]) == (
                "Failed",
                NO_CAPACITY,
            )
            assert "ProductionVariants" not in description

            await s.up("one")
            await s.config("two")
            s.faults.add(Fault("UpdateEndpoint", "fail", "broken on request"))
            await update(s, "two")
            description = await s.settled()
            assert description["EndpointConfigName"] == "one"
            assert description["FailureReason"] == "broken on request"

            s.faults.add(Fault("UpdateEndpointWeightsAndCapacities", "capacity"))
            await scale(s, 2)
            description = await s.settled()
            assert description["FailureReason"] == NO_CAPACITY
            assert variant(description)["DesiredInstanceCount"] == 1
            assert s.states()[-2:] == ["ROLLING_BACK", "IN_SERVICE"]

            s.faults.add(Fault("UpdateEndpoint", "fail"))
            s.faults.add(Fault("RollBack", "fail"))
            await update(s, "two")
            assert (await s.settled())["EndpointStatus"] == "UpdateRollbackFailed"
            with pytest.raises(ServiceError, match="UpdateRollbackFailed"):
                await update(s, "two")

    asyncio.run(scenario())


def test_stored_endpoints_start_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = Store(tmp_path / "state.db")
        async with stage(tmp_path, store) as s:
            await s.up(await s.config("one"))
            await scale(s, 2)
            before = await s.settled()
            # What it runs does not need the configuration and the model any more, as on AWS.
            await s.configs.delete_endpoint_config({"EndpointConfigName": "one"})
            await s.models.delete_model({"ModelName": "one"})
        store.close()
        store = Store(tmp_path / "state.db")
        async with stage(tmp_path, store) as s:
            await s.endpoints.start()
            after = await s.describe()
            assert after["EndpointStatus"] == "InService"
            assert after["CreationTime"] == before["CreationTime"]
            assert variant(after)["CurrentInstanceCount"] == 2
            assert (await s.invoke())["name"] == "one"
        store.close()

    asyncio.run(scenario())


def test_what_was_under_way_is_finished_or_failed_at_the_next_start(tmp_path: Path) -> None:
    forgotten: list[str] = []

    class Registered:
        async def variants(self, endpoint: str) -> set[str]:
            return set()

        async def forget(self, endpoint: str) -> None:
            forgotten.append(endpoint)

    async def scenario() -> None:
        store = Store(tmp_path / "state.db")
        patience = {"ContainerStartupHealthCheckTimeoutInSeconds": 300}
        async with stage(tmp_path, store) as s:
            await s.up(await s.config("one"))
            await s.config("mute", patience, TINY_PING="never")
            create = {"EndpointName": "created", "EndpointConfigName": "mute"}
            await s.endpoints.create_endpoint(create)
            await update(s, "mute")
            deleted = store.get("endpoint", "e") or {}
            deleted |= {"EndpointName": "deleted", "EndpointStatus": "Deleting"}
            store.put("endpoint", "deleted", deleted)
        store.close()
        store = Store(tmp_path / "state.db")
        async with stage(tmp_path, store, scalable=Registered()) as s:
            await s.endpoints.start()
            updated = await s.describe()
            assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == (
                "InService",
                "one",
            )
            named = {"EndpointName": "created"}
            failed = await s.endpoints.describe_endpoint(named)
            assert failed["EndpointStatus"] == "Failed"
            assert failed["FailureReason"].startswith("the offline cloud ended while")
            assert [each.name for each in s.endpoints.all()] == ["e", "created"]
            assert forgotten == ["deleted"]
            await s.endpoints.delete_endpoint(named)
        store.close()

    asyncio.run(scenario())


def test_a_scalable_targets_instance_type_cannot_change(tmp_path: Path) -> None:
    forgotten: list[str] = []

    class Registered:
        async def variants(self, endpoint: str) -> set[str]:
            return {"AllTraffic"}

        async def forget(self, endpoint: str) -> None:
            forgotten.append(endpoint)

    async def scenario() -> None:
        async with stage(tmp_path, scalable=Registered()) as s:
            await s.up(await s.config("one"))
            await s.config("larger", {"InstanceType": "ml.c5.xlarge"})
            with pytest.raises(ServiceError, match="must be deregistered as scalable targets"):
                await update(s, "larger")
            await s.config("same")
            await update(s, "same")
            assert (await s.settled())["EndpointConfigName"] == "same"
            named = {"EndpointName": "e"}
            (permission,) = await s.endpoints.dependent_permissions("DeleteEndpoint", named)
            assert permission.action == "application-autoscaling:DeregisterScalableTarget"
            assert await s.endpoints.dependent_permissions("DescribeEndpoint", named) == []
            await s.endpoints.delete_endpoint(named)
            async with asyncio.timeout(60):
                while not forgotten:
                    await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert forgotten == ["e"]


def test_missing_and_duplicate_names_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with stage(tmp_path) as s:
            create = s.endpoints.create_endpoint
            with pytest.raises(ServiceError, match=f'endpoint configuration "{ARN}:endpoint-conf'):
                await create({"EndpointName": "e", "EndpointConfigName": "none"})
            await s.config("one")
            await s.models.delete_model({"ModelName": "one"})
            with pytest.raises(ServiceError, match=f'Could not find model "{ARN}:model/one"'):
                await create({"EndpointName": "e", "EndpointConfigName": "one"})
            with pytest.raises(ServiceError, match="Duplicate variant name"):
                await s.config("twice", {"ModelName": "twice"}, {"ModelName": "twice"})

    asyncio.run(scenario())


def test_features_that_are_not_emulated_are_refused_by_name(tmp_path: Path) -> None:
    variant = {"VariantName": "A", "ModelName": "m", "InitialInstanceCount": 1}
    shadow = {"ShadowProductionVariants": [variant]}
    several = [{"Image": "a"}, {"Image": "b"}]

    async def scenario() -> None:
        async with stage(tmp_path) as s:
            config = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
            for call, request, words in (
                (s.configs.create_endpoint_config, config, "without InstanceType"),
                (s.configs.create_endpoint_config, {**config, **shadow}, "Shadow"),
                (
                    s.models.create_model,
                    {"ModelName": "m", "Containers": several},
                    "several containers",
                ),
            ):
                with pytest.raises(ServiceError, match=words) as raised:
                    await call(request)
                assert raised.value.code == "NotImplementedOffline"

    asyncio.run(scenario())
