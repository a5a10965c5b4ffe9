"""Every path through the state machine, and the state of the account after it.

The definition runs in moto's interpreter with the functions' own code behind its tasks; SageMaker,
ECR, CodeBuild and Application Auto Scaling are emulated in memory (`emulated_stack.py`).
"""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.execution import PROVEN_TAG, VERSION_TAG
from common.office_hours import OfficeHours
from tests.functions.aws_account import client_error
from tests.functions.model_package import LIVE, evaluation, package
from tests.functions.scaling import SERVERLESS
from tests.statemachine.emulated_stack import WRONG, EmulatedStack
from tests.statemachine.interpreter import Machine
from tests.statemachine.invariants import Snapshot, assert_invariants, untouched
from tests.statemachine.task_server import MAX_SECONDS, raised, refused

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
    "PublishBreeds",
    "ApplyAutoscaling",
]


def calls(stack: EmulatedStack, *excluded: str) -> list[str]:
    """Return the names of the machine's calls, consecutive repetitions once."""
    return [name for name, _ in itertools.groupby(c for c in stack.calls if c not in excluded)]


def assert_succeeds(
    machine: Machine, stack: EmulatedStack, execution_input: object = None
) -> dict[str, Any]:
    before = Snapshot.of(stack.account)
    execution = machine.run(stack, execution_input)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert_invariants(stack.account, before, execution, released=True)
    output: dict[str, Any] = json.loads(execution["output"])
    return output


def assert_fails(
    machine: Machine, stack: EmulatedStack, execution_input: object = None, released: bool = False
) -> dict[str, Any]:
    before = Snapshot.of(stack.account)
    execution = machine.run(stack, execution_input)
    assert execution["status"] == "FAILED"
    assert_invariants(stack.account, before, execution, released=released)
    assert stack.messages[-1]["subject"] == "Kennel: an execution for kennel failed"
    assert execution["cause"] in stack.messages[-1]["message"]
    return execution


# ---------------------------------------------------------------- success


def test_pretrained_model_is_released_without_photos(machine: Machine, bundle: Path) -> None:
    stack = EmulatedStack(bundle)
    output = assert_succeeds(machine, stack, {"Comment": "hello"})
    assert output["result"] == "released"
    assert output["bundle"]["smoke_breed"] == "Bull Mastiff"
    assert output["judgement"]["reason"].startswith("There are no photos in the bucket")
    assert calls(stack) == [
        *("Preflight", "PublishBundle", "FindPackage", "EnsureImage", "Register", "Release"),
        *("DescribeEndpoint", "SmokeTest", "PublishBreeds", "ApplyAutoscaling", "Publish"),
    ]
    assert stack.messages[0]["subject"] == "Kennel: kennel has a new model"
    assert json.loads(stack.messages[0]["message"])["smoke"]["breed"] == "Bull Mastiff"
    assert stack.account.objects["live/breeds.json"] == b'[{"breed": "Pug"}, {"breed": "Boxer"}]'


RELEASED_AGAIN = [
    *("Preflight", "PublishBundle", "FindPackage", "EnsureImage", "Register"),
    *(name for name in FROM_RELEASE if name != "Probe"),
]


def live_version(stack: EmulatedStack) -> str:
    """Return the version in the tag of the live configuration."""
    endpoints = stack.account.endpoints
    assert endpoints.endpoint is not None
    config = endpoints.configs[endpoints.endpoint["EndpointConfigName"]]
    return endpoints.tags[config["EndpointConfigArn"]][VERSION_TAG]


def test_live_model_is_released_again_without_a_training(
    machine: Machine, live: EmulatedStack
) -> None:
    version = live_version(live)
    output = assert_succeeds(machine, live, {"release": "live"})
    assert calls(live, "Publish", "Probe") == RELEASED_AGAIN
    assert live.account.endpoints.jobs == {}
    assert output["registered"]["package_arn"] == live_version(live) == version
    assert len(live.account.endpoints.packages) == 1


def test_version_is_released_again_without_a_training(
    machine: Machine, live: EmulatedStack
) -> None:
    first = live_version(live)
    trained = assert_succeeds(machine, live)["registered"]["package_arn"]
    assert live_version(live) == trained != first
    assert live.account.objects["live/breeds.json"] == b'[{"breed": "Bull Mastiff"}]'
    live.calls.clear()
    output = assert_succeeds(machine, live, {"release": first})
    assert calls(live, "Publish", "Probe") == RELEASED_AGAIN
    assert live_version(live) == first
    assert output["judgement"]["reason"] == "A person has released the version 1."
    assert live.account.objects["live/breeds.json"] == b'[{"breed": "Pug"}, {"breed": "Boxer"}]'


def test_package_released_by_hand_is_a_first_release_too(
    machine: Machine, fresh: EmulatedStack
) -> None:
    fresh.account.objects["models/ec2-i-0/model.tar.gz"] = package()
    url = "s3://kennel-bucket/models/ec2-i-0/model.tar.gz"
    output = assert_succeeds(machine, fresh, {"release": url})
    (version,) = fresh.account.endpoints.packages
    assert version["ModelApprovalStatus"] == "Approved"
    assert version["CustomerMetadataProperties"]["kennel:top1"] == "0.9100"
    assert version["arn"] == output["registered"]["package_arn"] == live_version(fresh)
    assert output["judgement"]["candidate"]["prefix"].startswith("packages/")


@pytest.mark.parametrize(
    ("execution_input", "words"),
    [
        ({"release": "latest"}, 'release is "latest": expected "live", the ARN of a version'),
        ({"release": "live", "hyperparameters": {"epochs": 3}}, "release starts no training"),
        (
            {"release": "arn:aws:sagemaker:us-east-1:123456789012:model-package/kennel/77"},
            "There is no version arn:aws:sagemaker:us-east-1:123456789012:model-package/kennel/77",
        ),
        (
            {"release": "s3://kennel-bucket/packages/none/model.tar.gz"},
            "There is no packages/none/model.tar.gz in the bucket",
        ),
    ],
)
def test_release_that_is_refused(
    machine: Machine, stack: EmulatedStack, execution_input: object, words: str
) -> None:
    assert words in assert_fails(machine, stack, execution_input)["cause"]
    assert untouched(stack.account)


def test_rejected_version_is_released_once_it_is_approved(
    machine: Machine, live: EmulatedStack
) -> None:
    live.evaluation = evaluation(0.3, live=LIVE)
    rejected = json.loads(machine.run(live)["output"])["registered"]["package_arn"]
    cause = assert_fails(machine, live, {"release": rejected})["cause"]
    assert cause.startswith(f"The version {rejected} is Rejected, and only an approved one is")
    live.account.endpoints.packages[-1]["ModelApprovalStatus"] = "Approved"
    assert_succeeds(machine, live, {"release": rejected})
    assert live_version(live) == rejected


def test_live_model_where_nothing_is_live(machine: Machine, fresh: EmulatedStack) -> None:
    cause = assert_fails(machine, fresh, {"release": "live"})["cause"]
    assert cause.startswith("The endpoint kennel has no live model to release again")


def test_tuning_training_and_release(machine: Machine, stack: EmulatedStack) -> None:
    update = stack.account.endpoints.endpoint is not None
    output = assert_succeeds(machine, stack, TUNE)
    assert calls(stack, "Publish", "Probe") == [
        *BEFORE_RELEASE,
        *[name for name in FROM_RELEASE if name != "Probe"],
    ]
    assert ("Probe" in stack.calls) is update  # a first release has no bake
    assert output["judgement"]["accepted"] is True
    assert output["judgement"]["candidate"]["prefix"].startswith("packages/")
    version = stack.account.endpoints.packages[-1]
    assert version["arn"] == output["registered"]["package_arn"]
    assert version["ModelApprovalStatus"] == "Approved"
    (training,) = [job for job in stack.account.endpoints.jobs.values() if "ProfilerConfig" in job]
    assert training["HyperParameters"]["learning-rate"] == "0.004"  # the search's best
    assert stack.account.objects["live/breeds.json"] == b'[{"breed": "Bull Mastiff"}]'


HOURS = OfficeHours(("MON", "FRI"), "08:00", "08:01", "UTC", min_instances=3)


def test_office_hours_survive_releases_and_rollbacks(machine: Machine, live: EmulatedStack) -> None:
    """They come with a release, stay after one that fails, and go with the parameter."""
    refused = client_error("LimitExceededException", "No.")
    live.scaling = replace(live.scaling, office_hours=HOURS)
    live.account.errors["PutScheduledAction"] = [None, refused, None]
    assert machine.run(live, {"release": "live"})["status"] == "FAILED"
    assert live.account.scaling.actions == {}  # as before that execution
    assert machine.run(live, {"release": "live"})["status"] == "SUCCEEDED"
    actions = dict(live.account.scaling.actions)
    assert set(actions) == {"kennel-office-hours-begin", "kennel-office-hours-end"}
    live.account.answer = WRONG
    assert machine.run(live, {"release": "live"})["status"] == "FAILED"
    assert live.account.scaling.actions == actions
    live.scaling = replace(live.scaling, office_hours=None)
    live.evaluation = evaluation(0.3, live=LIVE)
    assert machine.run(live)["status"] == "SUCCEEDED"  # the candidate is rejected
    assert live.account.scaling.actions == {}


def serverless(stack: EmulatedStack) -> EmulatedStack:
    stack.settings = replace(stack.settings, serverless=SERVERLESS)
    stack.release_settings = replace(stack.release_settings, serverless=SERVERLESS, isolated=False)
    return stack


def test_serverless_endpoint_is_released_updated_and_rolled_back_without_autoscaling(
    machine: Machine, bundle: Path
) -> None:
    stack = serverless(EmulatedStack(bundle))
    for _ in range(2):
        output = machine.run(stack, {})["output"]
        assert json.loads(output)["autoscaling"]["unchanged"].endswith("scales by itself")
        assert stack.account.scaling.target is None
    endpoint = stack.account.endpoints.endpoint
    assert endpoint is not None
    proven = endpoint["EndpointConfigName"]
    assert endpoint["ProductionVariants"] == [{"CurrentServerlessConfig": SERVERLESS.config}]
    stack.account.answer = WRONG
    assert machine.run(stack, {})["status"] == "FAILED"
    endpoint = stack.account.endpoints.endpoint
    assert endpoint is not None
    assert endpoint["EndpointConfigName"] == proven


def test_switch_of_hosting_stops_before_anything_is_created(
    machine: Machine, live: EmulatedStack
) -> None:
    execution = assert_fails(machine, serverless(live), {"release": "live"})
    assert "which no update changes: delete the endpoint" in execution["cause"]
    assert untouched(live.account)


def test_fixed_hyperparameters_need_no_search(machine: Machine, live: EmulatedStack) -> None:
    assert_succeeds(machine, live, {"hyperparameters": {"epochs": 3, "learning-rate": 0.02}})
    assert "StartTuning" not in live.calls
    (training,) = live.account.endpoints.jobs.values()
    assert training["HyperParameters"]["epochs"] == "3"
    assert training["HyperParameters"]["learning-rate"] == "0.02"


def test_live_model_is_evaluated_with_the_candidate(machine: Machine, live: EmulatedStack) -> None:
    assert_succeeds(machine, live)
    (training,) = live.account.endpoints.jobs.values()
    assert "live" in {channel["ChannelName"] for channel in training["InputDataConfig"]}


def test_worse_candidate_keeps_the_live_model_and_is_no_failure(
    machine: Machine, live: EmulatedStack
) -> None:
    live.evaluation = evaluation(live={**LIVE, "difference_interval": [-0.05, 0.01]})
    live.scaling = replace(live.scaling, min_instances=2, max_instances=9)  # as registered
    before = Snapshot.of(live.account)
    execution = machine.run(live)
    assert execution["status"] == "SUCCEEDED"
    output = json.loads(execution["output"])
    assert output["result"] == "kept the live model"
    assert output["judgement"]["evaluation"]["live"]["model"] == "kennel@1"
    assert_invariants(live.account, before, execution, released=False)
    assert untouched(live.account)
    assert live.account.endpoints.packages[-1]["ModelApprovalStatus"] == "Rejected"
    assert live.messages[-1]["subject"] == "Kennel: kennel keeps its model"
    assert "may be worse" in live.messages[-1]["message"]


def test_new_scaling_parameters_reach_the_live_model_though_the_candidate_is_rejected(
    machine: Machine, live: EmulatedStack
) -> None:
    live.evaluation = evaluation(0.3, live=LIVE)
    live.scaling = replace(live.scaling, max_instances=9, target_invocations=300)
    output = json.loads(machine.run(live)["output"])
    assert output["result"] == "kept the live model"
    assert output["autoscaling"]["max_instances"] == 9
    assert live.account.scaling.target is not None
    assert live.account.scaling.target["MaxCapacity"] == 9
    (policy,) = live.account.scaling.policies.values()
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 300.0


def test_candidate_below_the_floor_makes_no_first_release(
    machine: Machine, fresh: EmulatedStack
) -> None:
    fresh.evaluation = evaluation(0.3)
    execution = machine.run(fresh)
    assert json.loads(execution["output"])["result"] == "kept the live model"
    assert fresh.account.endpoints.endpoint is None
    assert json.loads(execution["output"])["autoscaling"] == {
        "unchanged": "the endpoint kennel is missing"
    }


def test_image_is_built_once(machine: Machine, live: EmulatedStack) -> None:
    live.account.builds.images.clear()
    live.account.polls = 2
    assert_succeeds(machine, live)
    assert live.account.called("StartBuild") == ["StartBuild"]
    assert live.calls.count("EnsureImage") >= 2


@pytest.mark.parametrize("execution_input", [["a", "list"], 5])
def test_any_input_is_answered_with_a_reason(
    machine: Machine, fresh: EmulatedStack, execution_input: object
) -> None:
    execution = assert_fails(machine, fresh, execution_input)
    assert execution["error"] == "PreflightFailed"
    assert "expected an object: start with {}" in execution["cause"]


# ---------------------------------------------------------------- transient errors are retried


@pytest.mark.parametrize("name", ["Release", "StartTraining", "PublishBreeds"])
def test_throttling_by_lambda_is_retried(machine: Machine, fresh: EmulatedStack, name: str) -> None:
    fresh.responses[name] = [refused("TooManyRequestsException", "Rate exceeded", 429)]
    assert_succeeds(machine, fresh)
    assert fresh.calls.count(name) == 2


@pytest.mark.parametrize("name", ["DescribeTrainingJob", "DescribeEndpoint"])
def test_throttled_service_call_is_retried(
    machine: Machine, fresh: EmulatedStack, name: str
) -> None:
    fresh.responses[name] = [refused("ThrottlingException", "Rate exceeded")] * 4
    assert_succeeds(machine, fresh)


def test_function_that_is_retried_after_a_lambda_error_starts_one_job(
    machine: Machine, live: EmulatedStack
) -> None:
    live.responses = {
        name: [refused("ServiceException", "Try again.", 500)]
        for name in ("StartTuning", "StartTraining", "Register")
    }
    assert_succeeds(machine, live, TUNE)
    assert len(live.account.endpoints.jobs) == 2
    assert len(live.account.endpoints.packages) == 2  # with the live one's


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating"])
def test_release_waits_while_autoscaling_or_aws_changes_the_endpoint(
    machine: Machine, live: EmulatedStack, status: str
) -> None:
    write_package = live.account.on_start

    def change(job: str) -> None:
        write_package(job)
        endpoint = live.account.endpoints.endpoint
        assert endpoint is not None
        endpoint["EndpointStatus"] = status
        live.account.endpoints.polls_left = 2

    live.account.on_start = change
    assert assert_succeeds(machine, live)["result"] == "released"
    assert live.calls.count("Release") == 3


# ---------------------------------------------------------------- failure before Release


@pytest.mark.parametrize(
    "name", ["FindPackage", *(n for n in BEFORE_RELEASE if not n.startswith("Describe"))]
)
def test_function_that_fails_before_release(
    machine: Machine, live: EmulatedStack, name: str
) -> None:
    live.responses[name] = [raised("SomethingFailed", 'It\'s {broken}: "mend" it.')]
    execution = assert_fails(machine, live, {"release": "live"} if name == "FindPackage" else TUNE)
    assert (execution["error"], execution["cause"]) == (
        "SomethingFailed",
        'It\'s {broken}: "mend" it.',
    )
    assert untouched(live.account)


def test_error_of_a_service_keeps_its_message(machine: Machine, live: EmulatedStack) -> None:
    live.responses["StartTraining"] = [refused("AccessDeniedException", "You may not.", 403)]
    execution = assert_fails(machine, live)
    # The name is part of the cause: some begin with States., which a Fail state may not use.
    assert execution["error"] == "StepFailed"
    assert execution["cause"].startswith("Lambda.AccessDeniedException, You may not.")


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("TrainingJob", ("Failed", "There are photos in two breeds."), "is Failed: There are"),
        ("TrainingJob", ("Failed", "CapacityError: no ml.m5.xlarge"), "CapacityError: no ml.m5"),
        ("TrainingJob", ("Stopped", ""), "(Stopped): it was stopped"),
        ("HyperParameterTuningJob", ("Failed", "InternalServerError"), "is Failed: Internal"),
        ("HyperParameterTuningJob", ("Stopped", ""), "is Stopped without a best training job"),
    ],
    ids=["failed", "no capacity", "stopped", "search failed", "search stopped"],
)
def test_job_that_does_not_complete_gives_its_own_reason(
    machine: Machine, live: EmulatedStack, kind: str, status: tuple[str, str], message: str
) -> None:
    live.account.jobs_end[kind] = status
    execution = assert_fails(machine, live, TUNE)
    assert message in execution["cause"]
    assert execution["error"] == ("TrainingFailed" if kind == "TrainingJob" else "TuningFailed")
    assert untouched(live.account)


def test_tuning_whose_jobs_all_fail_gives_the_first_ones_own_sentence(
    machine: Machine, live: EmulatedStack
) -> None:
    live.account.jobs_end["HyperParameterTuningJob"] = ("Failed", "No training job succeeded.")
    reason = "AlgorithmError: The audit stops the run: 1 unreadable (train/beagle/{1}.jpg)."
    live.account.trials_fail = [reason, "AlgorithmError: another"]
    cause = assert_fails(machine, live, TUNE)["cause"]
    assert re.fullmatch(
        r"The tuning job (k-[0-9a-f]{20}-tune) is Failed, and its training job \1-001-abc failed "
        rf"first: {re.escape(reason)}",
        cause,
    )


def test_tuning_whose_jobs_cannot_be_listed_gives_its_own_reason(
    machine: Machine, live: EmulatedStack
) -> None:
    live.account.jobs_end["HyperParameterTuningJob"] = ("Failed", "No training job succeeded.")
    listing = "ListTrainingJobsForHyperParameterTuningJob"
    live.responses[listing] = [refused("AccessDeniedException", "You may not.", 403)] * 5
    cause = assert_fails(machine, live, TUNE)["cause"]
    assert cause.endswith("is Failed: No training job succeeded.")


@pytest.mark.parametrize("execution_input", [{}, TUNE])
def test_live_configuration_of_another_name_stops_before_any_job(
    machine: Machine, live: EmulatedStack, execution_input: Any
) -> None:
    endpoints = live.account.endpoints
    (config,) = endpoints.configs.values()
    endpoints.configs["by-hand"] = {**config, "EndpointConfigName": "by-hand"}
    assert endpoints.endpoint is not None
    endpoints.endpoint["EndpointConfigName"] = "by-hand"
    execution = assert_fails(machine, live, execution_input)
    assert execution["error"] == "PreflightFailed"
    assert "The endpoint kennel runs the configuration by-hand" in execution["cause"]
    assert endpoints.jobs == {}


def test_endpoint_changed_by_hand_during_the_tuning_is_no_access_denied(
    machine: Machine, live: EmulatedStack
) -> None:
    def change_by_hand(job: str) -> None:
        endpoint = live.account.endpoints.endpoint
        assert endpoint is not None
        endpoint["EndpointConfigName"] = "by-hand"
        live.account.endpoints.configs["by-hand"] = {}

    live.account.on_start = change_by_hand
    execution = machine.run(live, TUNE)
    assert execution["error"] == "LiveModelUnusable"
    assert "runs the configuration by-hand, which the pipeline may neither" in execution["cause"]


@pytest.mark.parametrize(
    ("operation", "execution_input"),
    [("CreateTrainingJob", {}), ("CreateHyperParameterTuningJob", TUNE)],
)
def test_exceeded_quota_of_jobs(
    machine: Machine, live: EmulatedStack, operation: str, execution_input: Any
) -> None:
    live.account.refuse(operation, "ResourceLimitExceeded", "The account-level limit is 0.")
    assert "The account-level limit is 0." in assert_fails(machine, live, execution_input)["cause"]


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_image_build_that_fails(machine: Machine, live: EmulatedStack, status: str) -> None:
    live.account.builds.images.clear()
    live.account.build_ends = status
    execution = assert_fails(machine, live)
    assert execution["error"] == "ImageBuildFailed"
    assert f"is {status}" in execution["cause"]


def test_photos_missing_for_a_search(machine: Machine, bundle: Path) -> None:
    execution = assert_fails(machine, EmulatedStack(bundle), TUNE)
    assert "s3://kennel-bucket/data/ holds no photos" in execution["cause"]


def test_search_without_anything_to_search(machine: Machine, live: EmulatedStack) -> None:
    fixed = {"learning-rate": 0.01, "batch-size": 32, "epochs": 5}
    execution = assert_fails(machine, live, {**TUNE, "hyperparameters": fixed})
    assert execution["error"] == "PreflightFailed"
    assert "fixes all that is searched (learning-rate, batch-size, epochs)" in execution["cause"]
    assert live.account.endpoints.jobs == {}
    assert untouched(live.account)


def test_job_without_a_package(machine: Machine, live: EmulatedStack) -> None:
    live.account.on_start = lambda _job: None
    assert "There is no models/k-" in assert_fails(machine, live)["cause"]


# ---------------------------------------------------------------- failure from Release on


@pytest.mark.parametrize("name", ["Release", "Probe", "SmokeTest", "ApplyAutoscaling"])
def test_function_that_fails_from_release_on(
    machine: Machine, stack: EmulatedStack, name: str
) -> None:
    update = stack.account.endpoints.endpoint is not None
    if name == "Probe" and not update:
        pytest.skip("a first release has no bake")
    stack.responses[name] = [raised("SomethingFailed", "It broke.")]
    execution = assert_fails(machine, stack, released=update and name == "ApplyAutoscaling")
    assert execution["cause"] == "It broke."


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_release_that_fails_half_way(
    machine: Machine, fresh: EmulatedStack, operation: str
) -> None:
    fresh.account.refuse(operation, "ResourceLimitExceeded", "The limit is 0.")
    assert "The limit is 0." in assert_fails(machine, fresh)["cause"]


@pytest.mark.parametrize("operation", ["CreateModel", "CreateEndpointConfig", "UpdateEndpoint"])
def test_update_that_fails_half_way(machine: Machine, live: EmulatedStack, operation: str) -> None:
    live.account.refuse(operation, "ResourceLimitExceeded", "The limit is 0.", times=1)
    assert "The limit is 0." in assert_fails(machine, live)["cause"]


def test_endpoint_that_never_comes_up(machine: Machine, fresh: EmulatedStack) -> None:
    fresh.account.changes_end = ["failed"]
    execution = assert_fails(machine, fresh)
    assert execution["error"] == "EndpointNotInService"
    assert execution["cause"] == (
        "The endpoint kennel is Failed after the release: "
        "The container did not pass the ping health check."
    )


@pytest.mark.parametrize("status", ["back", "failed"])
def test_update_that_sagemaker_rolled_back(
    machine: Machine, live: EmulatedStack, status: str
) -> None:
    live.account.changes_end = [status]  # silently, or because an alarm went off
    execution = assert_fails(machine, live)
    assert execution["error"] == "SmokeTestFailed"
    assert "SageMaker rolled the update back" in execution["cause"]


def test_wrong_answer_to_the_smoke_photo(machine: Machine, stack: EmulatedStack) -> None:
    stack.account.answer = WRONG
    execution = assert_fails(machine, stack)
    assert (
        execution["cause"]
        == "kennel@2 recognises the Bull Mastiff of the smoke photo as a Pug (0.60)."
    )


def test_model_that_fails_on_the_smoke_photo(machine: Machine, stack: EmulatedStack) -> None:
    stack.account.answer = client_error("ModelError", "500")
    assert "failed on the smoke photo" in assert_fails(machine, stack)["cause"]


@pytest.mark.parametrize("operation", ["RegisterScalableTarget", "PutScalingPolicy"])
def test_scaling_that_is_refused(machine: Machine, stack: EmulatedStack, operation: str) -> None:
    update = stack.account.endpoints.endpoint is not None
    stack.account.refuse(operation, "ValidationException", "It cannot autoscale.", times=1)
    execution = assert_fails(machine, stack, released=update)
    assert "It cannot autoscale." in execution["cause"]
    if update:  # it is proven, so it stays
        assert any(PROVEN_TAG in tags for tags in stack.account.endpoints.tags.values())


def test_breeds_that_cannot_be_published(machine: Machine, stack: EmulatedStack) -> None:
    update = stack.account.endpoints.endpoint is not None
    stack.responses["PublishBreeds"] = [refused("AccessDenied", "You may not.", 403)] * 5
    assert_fails(machine, stack, released=update)


def test_failed_notification_is_no_failure(machine: Machine, live: EmulatedStack) -> None:
    live.responses["Publish"] = [refused("AuthorizationError", "You may not.", 403)] * 5
    assert_succeeds(machine, live)


def test_clean_up_that_fails_for_good_is_repeated_by_the_rule(
    machine: Machine, stack: EmulatedStack
) -> None:
    stack.account.answer = WRONG
    stack.responses["CleanUp"] = [raised("Sandbox", "It was too slow.")] * 4
    execution = assert_fails(machine, stack)
    assert execution["cause"].startswith("kennel@2 recognises the Bull Mastiff")
    assert "And cleaning up after it failed too" in execution["cause"]


# ---------------------------------------------------------------- aborted executions


@pytest.mark.parametrize("name", BEFORE_RELEASE)
def test_abort_before_release_leaves_the_endpoint_alone(
    machine: Machine, live: EmulatedStack, name: str
) -> None:
    abort_during(machine, live, name, released=False)
    assert untouched(live.account)


@pytest.mark.parametrize("name", ["DescribeTrainingJob", "DescribeHyperParameterTuningJob"])
def test_abort_stops_the_running_job(machine: Machine, live: EmulatedStack, name: str) -> None:
    live.account.polls = 5  # the execution is aborted while the job runs
    abort_during(machine, live, name, released=False)
    statuses = {job[f"{job['kind']}Status"] for job in live.account.endpoints.jobs.values()}
    assert "Stopped" in statuses


@pytest.mark.parametrize("name", [*FROM_RELEASE, "Publish"])
def test_abort_from_release_on_keeps_only_a_proven_update(
    machine: Machine, stack: EmulatedStack, name: str
) -> None:
    update = stack.account.endpoints.endpoint is not None
    if name == "Probe" and not update:
        pytest.skip("a first release has no bake")
    proven = name in {"SmokeTest", "PublishBreeds", "ApplyAutoscaling", "Publish"}
    abort_during(machine, stack, name, released=update and proven)
    assert (stack.account.endpoints.endpoint is not None) is update


def abort_during(machine: Machine, stack: EmulatedStack, name: str, *, released: bool) -> None:
    """Abort the execution when a call has been executed, before it gets the response."""
    before = Snapshot.of(stack.account)
    stack.paused_call = name
    arn = machine.start(stack, TUNE if "Tuning" in name else {})
    assert stack.paused.wait(MAX_SECONDS)
    machine.abort(arn)
    stack.resume.set()
    execution = machine.wait(arn)
    assert execution["status"] == "ABORTED"
    stack.paused_call = ""
    machine.clean_up(stack, execution)
    assert_invariants(stack.account, before, execution, released=released)


def test_new_execution_after_an_aborted_one(machine: Machine, stack: EmulatedStack) -> None:
    stack.paused_call = "SmokeTest"
    arn = machine.start(stack)
    assert stack.paused.wait(MAX_SECONDS)
    machine.abort(arn)
    stack.resume.set()
    machine.clean_up(stack, machine.wait(arn))
    stack.paused_call = ""
    assert_succeeds(machine, stack)


# ---------------------------------------------------------------- a new execution after a failure


@pytest.mark.parametrize("name", ["StartTraining", "SmokeTest"])
def test_execution_after_a_failed_one_succeeds(
    machine: Machine, stack: EmulatedStack, name: str
) -> None:
    stack.responses[name] = [raised("SomethingFailed", "It broke.")]
    assert_fails(machine, stack)
    assert_succeeds(machine, stack)
