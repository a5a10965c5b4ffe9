"""Every way through the state machine, and what it leaves behind.

The definition runs in moto's interpreter and the functions' own code behind it; SageMaker, ECR,
CodeBuild and Application Auto Scaling are an account in memory (`world.py`).
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.execution import PROVEN_TAG
from tests.functions.account import refusal
from tests.functions.package import LIVE, evaluation
from tests.statemachine.sweep import Snapshot, sweep, untouched
from tests.statemachine.world import (
    LONGEST_S,
    WRONG,
    Machine,
    World,
    interpreter,
    raised,
    refused,
    small_bundle,
)

TUNE = {"tune": {"max_jobs": 2, "parallel": 1}}
BEFORE_RELEASE = [
    *("Preflight", "PublishBundle", "EnsureImage", "StartTuning"),
    *("DescribeHyperParameterTuningJob", "StartTraining", "DescribeTrainingJob"),
    *("Judge", "Register"),
]
FROM_RELEASE = [
    "Release",
    "DescribeEndpoint",
    "Probe",
    "SmokeTest",
    "CopyObject",
    "ApplyAutoscaling",
]
Change = Callable[[World], None]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with interpreter() as running:
        yield running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def fresh(bundle: Path) -> World:
    """A stack that was just deployed, with photos in its bucket."""
    world = World(bundle)
    world.photos()
    return world


@pytest.fixture
def live(bundle: Path) -> World:
    """A stack with a model live on three instances, scaled by rules of a person's own."""
    world = World(bundle)
    world.release()
    world.photos()
    world.result = evaluation(live=LIVE)
    endpoint = world.account.endpoints.endpoint
    assert endpoint is not None
    endpoint["ProductionVariants"] = [{"CurrentInstanceCount": 3}]
    world.account.scaling.target = {"MinCapacity": 2, "MaxCapacity": 9}
    world.account.calls.clear()
    return world


@pytest.fixture(params=["fresh", "live"])
def world(request: pytest.FixtureRequest) -> World:
    """Both: a first release and an update."""
    found: World = request.getfixturevalue(request.param)
    return found


def calls(world: World, *leaving_out: str) -> list[str]:
    """Names of the machine's calls, repeated looks once."""
    found: list[str] = []
    for name in world.calls:
        if name not in leaving_out and (not found or found[-1] != name):
            found.append(name)
    return found


def ends_well(machine: Machine, world: World, given: object = None) -> dict[str, Any]:
    before = Snapshot.of(world.account)
    done = machine.run(world, given)
    assert done["status"] == "SUCCEEDED", done.get("cause")
    sweep(world.account, before, done, released=True)
    output: dict[str, Any] = json.loads(done["output"])
    return output


def ends_badly(
    machine: Machine, world: World, given: object = None, released: bool = False
) -> dict[str, Any]:
    before = Snapshot.of(world.account)
    done = machine.run(world, given)
    assert done["status"] == "FAILED"
    sweep(world.account, before, done, released)
    assert world.told[-1]["subject"] == "Kennel: an execution for kennel failed"
    assert done["cause"] in world.told[-1]["message"]  # the person hears the very reason
    return done


# ---------------------------------------------------------------- success


def test_pretrained_model_goes_where_there_are_no_photos(machine: Machine, bundle: Path) -> None:
    world = World(bundle)
    output = ends_well(machine, world, {"Comment": "hello"})
    assert output["result"] == "released"
    assert output["bundle"]["smoke_breed"] == "Bull Mastiff"
    assert output["judgement"]["reason"].startswith("There are no photos in the bucket")
    assert calls(world) == [
        *("Preflight", "PublishBundle", "EnsureImage", "Release", "DescribeEndpoint"),
        *("SmokeTest", "CopyObject", "ApplyAutoscaling", "Publish"),
    ]
    assert world.told[0]["subject"] == "Kennel: kennel has a new model"
    assert json.loads(world.told[0]["message"])["smoke"]["breed"] == "Bull Mastiff"
    assert world.account.objects["live/breeds.json"] == b"[]"


def test_whole_way_with_a_search(machine: Machine, world: World) -> None:
    update = world.account.endpoints.endpoint is not None
    output = ends_well(machine, world, TUNE)
    assert calls(world, "Publish", "Probe") == [
        *BEFORE_RELEASE,
        *[name for name in FROM_RELEASE if name != "Probe"],
    ]
    assert ("Probe" in world.calls) is update  # nothing bakes at a first release
    assert output["judgement"]["accepted"] is True
    assert output["judgement"]["candidate"]["prefix"].startswith("models/k-")
    (package,) = world.account.endpoints.packages
    assert package["ModelApprovalStatus"] == "Approved"
    (training,) = [job for job in world.account.endpoints.jobs.values() if "ProfilerConfig" in job]
    assert training["HyperParameters"]["learning-rate"] == "0.004"  # the search's best
    assert world.account.objects["live/breeds.json"] == b'[{"breed": "Bull Mastiff"}]'


def test_fixed_hyperparameters_need_no_search(machine: Machine, live: World) -> None:
    ends_well(machine, live, {"hyperparameters": {"epochs": 3, "learning-rate": 0.02}})
    assert "StartTuning" not in live.calls
    (training,) = live.account.endpoints.jobs.values()
    assert training["HyperParameters"]["epochs"] == "3"
    assert training["HyperParameters"]["learning-rate"] == "0.02"


def test_live_model_is_evaluated_with_the_candidate(machine: Machine, live: World) -> None:
    live.account.endpoints.models[next(iter(live.account.endpoints.models))]["PrimaryContainer"][
        "ModelDataUrl"
    ] = "s3://kennel-bucket/code/x/model.tar.gz"
    ends_well(machine, live)
    (training,) = live.account.endpoints.jobs.values()
    assert "live" in {channel["ChannelName"] for channel in training["InputDataConfig"]}


def test_worse_candidate_keeps_the_live_model_and_is_no_failure(
    machine: Machine, live: World
) -> None:
    live.result = evaluation(live={**LIVE, "difference_interval": [-0.05, 0.01]})
    before = Snapshot.of(live.account)
    done = machine.run(live)
    assert done["status"] == "SUCCEEDED"
    output = json.loads(done["output"])
    assert output["result"] == "kept the live model"
    assert output["judgement"]["evaluation"]["live"]["model"] == "kennel@1"
    sweep(live.account, before, done, released=False)
    assert untouched(live.account)
    assert live.account.endpoints.packages[0]["ModelApprovalStatus"] == "Rejected"
    assert live.told[-1]["subject"] == "Kennel: kennel keeps its model"
    assert "may be worse" in live.told[-1]["message"]


def test_candidate_below_the_floor_makes_no_first_release(machine: Machine, fresh: World) -> None:
    fresh.result = evaluation(0.3)
    done = machine.run(fresh)
    assert json.loads(done["output"])["result"] == "kept the live model"
    assert fresh.account.endpoints.endpoint is None


def test_image_is_built_once_and_awaited(machine: Machine, live: World) -> None:
    live.account.builds.images.clear()
    live.account.polls = 2
    ends_well(machine, live)
    assert live.account.asked("StartBuild") == ["StartBuild"]
    assert live.calls.count("EnsureImage") >= 2


@pytest.mark.parametrize("given", [["a", "list"], 5])
def test_any_input_is_answered_with_a_reason(machine: Machine, fresh: World, given: object) -> None:
    done = ends_badly(machine, fresh, given)
    assert done["error"] == "PreflightFailed"
    assert "where an object belongs: start with {}" in done["cause"]


# ---------------------------------------------------------------- what can pass is retried


@pytest.mark.parametrize("name", ["Release", "StartTraining"])
def test_throttle_of_lambda_passes(machine: Machine, fresh: World, name: str) -> None:
    fresh.instead[name] = [refused("TooManyRequestsException", "Rate exceeded", 429)]
    ends_well(machine, fresh)
    assert fresh.calls.count(name) == 2


@pytest.mark.parametrize("name", ["DescribeTrainingJob", "DescribeEndpoint", "CopyObject"])
def test_throttled_look_is_repeated(machine: Machine, fresh: World, name: str) -> None:
    fresh.instead[name] = [refused("ThrottlingException", "Rate exceeded")] * 4
    ends_well(machine, fresh)


def test_answer_that_was_lost_changes_nothing_at_the_second_time(
    machine: Machine, live: World
) -> None:
    """The function has done its work and Lambda says 500: it is called again."""
    for name in ("StartTuning", "StartTraining", "Release"):
        live.instead[name] = []
    lost = [refused("ServiceException", "Try again.", 500)]
    live.instead = {name: list(lost) for name in ("StartTuning", "StartTraining", "Register")}
    ends_well(machine, live, TUNE)
    assert len(live.account.endpoints.jobs) == 2
    assert len(live.account.endpoints.packages) == 1


# ---------------------------------------------------------------- failure before Release


@pytest.mark.parametrize("name", [n for n in BEFORE_RELEASE if not n.startswith("Describe")])
def test_function_that_fails_before_release(machine: Machine, live: World, name: str) -> None:
    live.instead[name] = [raised("SomethingFailed", 'It\'s {broken}: "mend" it.')]
    done = ends_badly(machine, live, TUNE)
    assert (done["error"], done["cause"]) == ("SomethingFailed", 'It\'s {broken}: "mend" it.')
    assert untouched(live.account)


def test_refusal_of_a_service_keeps_its_words(machine: Machine, live: World) -> None:
    live.instead["StartTraining"] = [refused("AccessDeniedException", "You may not.", 403)]
    done = ends_badly(machine, live)
    # Its name is part of the sentence: some names begin with States., which no Fail state may.
    assert done["error"] == "StepFailed"
    assert done["cause"].startswith("Lambda.AccessDeniedException, You may not.")


@pytest.mark.parametrize(
    ("kind", "ends", "words"),
    [
        ("TrainingJob", ("Failed", "There are photos in two breeds."), "is Failed: There are"),
        ("TrainingJob", ("Failed", "CapacityError: no ml.m5.xlarge"), "CapacityError: no ml.m5"),
        ("TrainingJob", ("Stopped", ""), "(Stopped): somebody stopped it"),
        ("HyperParameterTuningJob", ("Failed", "No job succeeded."), "is Failed: No job"),
        ("HyperParameterTuningJob", ("Stopped", ""), "is Stopped without a best training job"),
    ],
    ids=["failed", "no capacity", "stopped", "search failed", "search stopped"],
)
def test_job_that_does_not_complete_gives_its_own_reason(
    machine: Machine, live: World, kind: str, ends: tuple[str, str], words: str
) -> None:
    live.account.jobs_end[kind] = ends
    done = ends_badly(machine, live, TUNE)
    assert words in done["cause"]
    assert done["error"] == ("TrainingFailed" if kind == "TrainingJob" else "TuningFailed")
    assert untouched(live.account)


@pytest.mark.parametrize(
    ("operation", "given"),
    [("CreateTrainingJob", {}), ("CreateHyperParameterTuningJob", TUNE)],
)
def test_quota_of_jobs(machine: Machine, live: World, operation: str, given: Any) -> None:
    live.account.refuse(operation, "ResourceLimitExceeded", "The account-level limit is 0.")
    assert "The account-level limit is 0." in ends_badly(machine, live, given)["cause"]


@pytest.mark.parametrize("ends", ["FAILED", "STOPPED"])
def test_image_build_that_fails(machine: Machine, live: World, ends: str) -> None:
    live.account.builds.images.clear()
    live.account.build_ends = ends
    done = ends_badly(machine, live)
    assert done["error"] == "ImageBuildFailed"
    assert f"is {ends}" in done["cause"]


def test_photos_missing_for_a_search(machine: Machine, bundle: Path) -> None:
    done = ends_badly(machine, World(bundle), TUNE)
    assert "s3://kennel-bucket/data/ holds no photos" in done["cause"]


def test_job_that_leaves_no_package(machine: Machine, live: World) -> None:
    live.account.on_start = lambda _job: None
    assert "has left no models/k-" in ends_badly(machine, live)["cause"]


# ---------------------------------------------------------------- failure from Release on


@pytest.mark.parametrize("name", ["Release", "Probe", "SmokeTest", "ApplyAutoscaling"])
def test_function_that_fails_from_release_on(machine: Machine, world: World, name: str) -> None:
    update = world.account.endpoints.endpoint is not None
    if name == "Probe" and not update:
        pytest.skip("nothing bakes at a first release")
    world.instead[name] = [raised("SomethingFailed", "It broke.")]
    done = ends_badly(machine, world, released=update and name == "ApplyAutoscaling")
    assert done["cause"] == "It broke."


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_release_that_breaks_off_half_way(machine: Machine, fresh: World, operation: str) -> None:
    fresh.account.refuse(operation, "ResourceLimitExceeded", "The limit is 0.")
    assert "The limit is 0." in ends_badly(machine, fresh)["cause"]


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "UpdateEndpoint"])
def test_update_that_breaks_off_half_way(machine: Machine, live: World, operation: str) -> None:
    live.account.refuse(operation, "ResourceLimitExceeded", "The limit is 0.", times=1)
    assert "The limit is 0." in ends_badly(machine, live)["cause"]


def test_endpoint_that_never_comes_up(machine: Machine, fresh: World) -> None:
    fresh.account.changes_end = ["failed"]
    done = ends_badly(machine, fresh)
    assert done["error"] == "EndpointNotInService"
    assert done["cause"] == (
        "The endpoint kennel is Failed after the release: "
        "The container did not pass the ping health check."
    )


@pytest.mark.parametrize("ends", ["back", "failed"])
def test_update_that_sagemaker_took_back(machine: Machine, live: World, ends: str) -> None:
    live.account.changes_end = [ends]  # silently, or because an alarm went off
    done = ends_badly(machine, live)
    assert done["error"] == "SmokeTestFailed"
    assert "SageMaker gave up the update and went back" in done["cause"]


def test_wrong_answer_to_the_smoke_photo(machine: Machine, world: World) -> None:
    world.account.answer = WRONG
    done = ends_badly(machine, world)
    assert done["cause"] == "kennel@2 takes the Bull Mastiff of the smoke photo for a Pug (0.60)."


def test_model_that_fails_on_the_smoke_photo(machine: Machine, world: World) -> None:
    world.account.answer = refusal("ModelError", "500")
    assert "failed on the smoke photo" in ends_badly(machine, world)["cause"]


@pytest.mark.parametrize("operation", ["RegisterScalableTarget", "PutScalingPolicy"])
def test_scaling_that_is_refused(machine: Machine, world: World, operation: str) -> None:
    update = world.account.endpoints.endpoint is not None
    world.account.refuse(operation, "ValidationException", "It cannot autoscale.", times=1)
    done = ends_badly(machine, world, released=update)
    assert "It cannot autoscale." in done["cause"]
    if update:  # it has answered rightly, so it stays
        assert any(PROVEN_TAG in tags for tags in world.account.endpoints.tags.values())


def test_breeds_that_cannot_be_published(machine: Machine, world: World) -> None:
    update = world.account.endpoints.endpoint is not None
    world.instead["CopyObject"] = [refused("AccessDenied", "You may not.", 403)] * 5
    ends_badly(machine, world, released=update)


def test_notification_that_fails_takes_nothing_back(machine: Machine, live: World) -> None:
    live.instead["Publish"] = [refused("AuthorizationError", "You may not.", 403)] * 5
    ends_well(machine, live)


def test_clean_up_that_fails_once_is_done_by_the_rule(machine: Machine, world: World) -> None:
    world.account.answer = WRONG
    world.instead["CleanUp"] = [raised("Sandbox", "It was too slow.")]
    done = ends_badly(machine, world)
    assert done["cause"].startswith("kennel@2 takes the Bull Mastiff")
    assert "And cleaning up after it failed too" in done["cause"]


# ---------------------------------------------------------------- aborted, in every state


@pytest.mark.parametrize("name", BEFORE_RELEASE)
def test_execution_that_is_aborted_before_release(machine: Machine, live: World, name: str) -> None:
    abort_in(machine, live, name, released=False)
    assert untouched(live.account)


@pytest.mark.parametrize("name", ["DescribeTrainingJob", "DescribeHyperParameterTuningJob"])
def test_execution_that_is_aborted_while_its_job_runs(
    machine: Machine, live: World, name: str
) -> None:
    live.account.polls = 5
    abort_in(machine, live, name, released=False)
    assert untouched(live.account)


@pytest.mark.parametrize("name", [*FROM_RELEASE, "Publish"])
def test_execution_that_is_aborted_from_release_on(
    machine: Machine, world: World, name: str
) -> None:
    update = world.account.endpoints.endpoint is not None
    if name == "Probe" and not update:
        pytest.skip("nothing bakes at a first release")
    proven = name in {"SmokeTest", "CopyObject", "ApplyAutoscaling", "Publish"}
    abort_in(machine, world, name, released=update and proven)


def abort_in(machine: Machine, world: World, name: str, released: bool) -> None:
    """Abort when the step has done its work: nobody reads its answer any more."""
    before = Snapshot.of(world.account)
    world.hold = name
    arn = machine.start(world, TUNE if "Tuning" in name else {})
    assert world.held.wait(LONGEST_S)
    machine.abort(arn)
    world.let_go.set()
    done = machine.ended(arn)
    assert done["status"] == "ABORTED"
    world.hold = ""
    world.rule(done)
    sweep(world.account, before, done, released)


def test_new_execution_after_an_aborted_one(machine: Machine, world: World) -> None:
    world.hold = "SmokeTest"
    arn = machine.start(world)
    assert world.held.wait(LONGEST_S)
    machine.abort(arn)
    world.let_go.set()
    world.rule(machine.ended(arn))
    world.hold = ""
    ends_well(machine, world)


# ---------------------------------------------------------------- again, after each failure


@pytest.mark.parametrize("name", ["StartTraining", "SmokeTest"])
def test_execution_after_a_failure_is_as_good_as_the_first(
    machine: Machine, world: World, name: str
) -> None:
    world.instead[name] = [raised("SomethingFailed", "It broke.")]
    ends_badly(machine, world)
    ends_well(machine, world)
