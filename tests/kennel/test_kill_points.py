"""Kill `kennel up` and all its processes at any state of an execution, and start it again.

After each kill the interrupted execution is ABORTED, its release is taken back or kept, whichever
the clean-up decides, the endpoint scales again, and a new execution succeeds.
"""

import contextlib
import functools
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.processes import descendants, free_ports
from kennel.cloud.state import INTERRUPTED
from kennel.demo import samples
from kennel.paths import STATE
from kennel.tags import EXECUTION_TAG, PROVEN_TAG
from tests.statemachine.test_offline import COUNTS, HYPERPARAMETERS, photos

WAIT_SECONDS = 600.0  # on a machine that may be busy
STATES = (
    *("Preflight", "PublishBundle", "FindPackage", "EnsureImage", "Register", "Release"),
    *("WaitForEndpoint", "Probe", "SmokeTest", "PublishBreeds", "ApplyAutoscaling"),
    "NotifyOfRelease",
)


#: A cloud that makes a serving image of its own, until it is killed.
BUILDS = """
import json, os, signal, sys
from pathlib import Path
from kennel.cloud.runtime.faults import Fault, Faults
from kennel.local_cloud import local_cloud

state, faults = Path(os.environ["KENNEL_STATE"]) / "state", Faults()
if sys.argv[1] == "hang":
    faults.add(Fault("StartBuild", "hang"))
with local_cloud({"ServingImage": ""}, port=int(sys.argv[-1]), state=state, faults=faults) as cloud:
    print(json.dumps({"api_url": cloud.api_url, "api_key": cloud.api_key}), flush=True)
    signal.pause()
"""
UP = ("-m", "kennel.cli", "up", "--json", "--port")


class Up:
    """A `kennel up`, or another command, with its state below `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.errors = folder / "stderr"
        command = [sys.executable, *(arguments or UP), str(port)]
        env = {**os.environ, "COLUMNS": "200", "KENNEL_STATE": str(folder)}
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=env)

    @functools.cache  # noqa: B019 - a client takes longer to make than most calls
    def __call__(self, service: str) -> Any:
        return client(service, self.url)

    @functools.cached_property
    def address(self) -> dict[str, str]:
        """What it prints once a model serves."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return dict(json.loads(line))

    def kill(self) -> None:
        """Stop all its processes, then kill them, so that none can react to the end of another."""
        if self.process.poll() is not None:
            return
        pids = [self.process.pid, *descendants(self.process.pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.process.wait()

    def end(self) -> None:
        """End it as `kennel down` does."""
        self.process.terminate()
        self.process.wait()

    def machine(self) -> str:
        (arn,) = [
            each["stateMachineArn"]
            for each in self("stepfunctions").list_state_machines()["stateMachines"]
            if "TrainAndDeploy" in each["name"]
        ]
        return str(arn)

    def start(self, given: dict[str, Any]) -> str:
        """Start an execution with this input; return its ARN."""
        started = self("stepfunctions").start_execution(
            stateMachineArn=self.machine(), input=json.dumps(given)
        )
        return str(started["executionArn"])

    def status(self, execution: str) -> str:
        described = self("stepfunctions").describe_execution(executionArn=execution)
        return str(described["status"])

    def passed(self, execution: str) -> dict[str, list[str]]:
        """Return the states that were entered, and those that were left."""
        pages = self("stepfunctions").get_paginator("get_execution_history")
        events = [e for p in pages.paginate(executionArn=execution) for e in p["events"]]
        return {
            moment: [event[key]["name"] for event in events if key in event]
            for moment, key in (
                ("in", "stateEnteredEventDetails"),
                ("after", "stateExitedEventDetails"),
            )
        }


@contextlib.contextmanager
def up(folder: Path, *arguments: str) -> Iterator[Up]:
    running = Up(folder, *arguments)
    try:
        yield running
    finally:
        running.kill()


def wait_until(true: Callable[[], object], expected: str) -> None:
    latest = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < latest, f"no {expected}"
        time.sleep(0.05)


def folder_for(tmp_path: Path, state: Path | None = None) -> Path:
    """Return a new KENNEL_STATE with a copy of this state."""
    for name in ("build", "cache"):  # the same for every state folder, and slow to make
        (tmp_path / name).symlink_to(STATE / name)
    if state:
        shutil.copytree(state, tmp_path / "state")
    return tmp_path


def unproven(running: Up, execution: str) -> list[str]:
    """Return the models and configurations of an execution, unless its release is proven."""
    sagemaker = running("sagemaker")
    arns = [each["ModelArn"] for each in sagemaker.list_models()["Models"]]
    arns += [e["EndpointConfigArn"] for e in sagemaker.list_endpoint_configs()["EndpointConfigs"]]
    tags = {}
    for arn in arns:
        with contextlib.suppress(ClientError):  # it was deleted meanwhile
            tags[arn] = {e["Key"]: e["Value"] for e in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    own = [arn for arn, each in tags.items() if each.get(EXECUTION_TAG) == execution]
    return [] if any(PROVEN_TAG in tags[arn] for arn in own) else own


def serves(running: Up) -> bool:
    """Whether the endpoint is in service and registered for scaling."""
    try:
        endpoint = running("sagemaker").describe_endpoint(EndpointName="kennel")
    except ClientError:
        return False
    scaling = running("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    return endpoint["EndpointStatus"] == "InService" and len(targets) == len(policies) == 1


def check_taken_back(running: Up, interrupted: str, *, may_have_ended: bool = False) -> None:
    """Check that an interrupted execution is aborted, and leaves nothing that is not proven.

    Parameters
    ----------
    may_have_ended
        The kill came in the last state, which may have been quicker.
    """
    assert running.address
    described = running("stepfunctions").describe_execution(executionArn=interrupted)
    if may_have_ended and described["status"] == "SUCCEEDED":
        return
    assert (described["status"], described["error"]) == ("ABORTED", INTERRUPTED)
    wait_until(lambda: not unproven(running, interrupted), "end of the clean-up")


def check_whole(running: Up, given: dict[str, Any] | None = None) -> None:
    """Check that a new execution succeeds, and that its model answers and is scaled."""
    execution = running.start(given or {})
    wait_until(lambda: running.status(execution) != "RUNNING", "end of the new execution")
    new = running("stepfunctions").describe_execution(executionArn=execution)
    assert new["status"] == "SUCCEEDED", new["cause"]
    assert serves(running)
    dog = next(each for each in samples() if each.breed)
    headers = {"x-api-key": running.address["api_key"], "content-type": "image/jpeg"}
    url = f"{running.address['api_url']}/classify"
    answer = httpx.post(url, content=dog.photo.read_bytes(), headers=headers, timeout=60)
    assert answer.json()["breeds"][0]["breed"] == dog.breed


def kill_at(running: Up, execution: str, state: str, moment: str) -> None:
    """Kill when an execution is in a state, or has left it."""
    wait_until(lambda: state in running.passed(execution)[moment], f"{state}")
    running.kill()


@dataclass(frozen=True)
class Killed:
    """A state folder after two kills, and what `kennel up` printed after each."""

    state: Path
    after_release: str
    after_update: str


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Kill `kennel up` in its first release, then in an update."""
    folder = folder_for(tmp_path_factory.mktemp("killed"))
    with up(folder) as first:
        executions: list[str] = []

        def started() -> bool:
            with contextlib.suppress(BotoCoreError, ClientError, ValueError):
                pages = first("stepfunctions").list_executions(stateMachineArn=first.machine())
                executions.extend(each["executionArn"] for each in pages["executions"])
            return bool(executions)

        wait_until(started, "execution")
        kill_at(first, executions[0], "WaitForEndpoint", "in")
    with up(folder) as second:
        check_taken_back(second, executions[0])
        assert serves(second)  # `kennel up` has released again
        after_release = second.errors.read_text()
        execution = second.start({})
        kill_at(second, execution, "WaitForEndpoint", "in")
    with up(folder) as third:
        check_taken_back(third, execution)
        after_update = third.errors.read_text()
        wait_until(lambda: serves(third), "endpoint that scales")
        check_whole(third)
        third.end()
    return Killed(folder / "state", after_release, after_update)


TAKEN_BACK = (
    r"The execution [-\w]+ ran when the offline cloud ended: it is aborted, and its clean-up takes "
    r"back: endpoint configuration kennel-\w+, model kennel-\w+\."
)


@pytest.mark.slow
def test_first_release_that_was_killed_is_taken_back_and_made_again(killed: Killed) -> None:
    assert re.search(TAKEN_BACK, killed.after_release)
    assert re.search(r"\d s  Done\n", killed.after_release)


@pytest.mark.slow
def test_update_that_was_killed_is_taken_back_and_the_model_serves_on(killed: Killed) -> None:
    assert re.search(TAKEN_BACK, killed.after_update)
    assert "The endpoint serves the same model as before" in killed.after_update


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
def test_update_that_was_killed_at_any_state_is_taken_back_or_kept(
    killed: Killed, tmp_path: Path, state: str
) -> None:
    folder = folder_for(tmp_path, killed.state)
    for moment in ("in", "after"):
        with up(folder) as running:
            assert running.address
            execution = running.start({})
            kill_at(running, execution, state, moment)
        with up(folder) as again:
            check_taken_back(again, execution, may_have_ended=state == STATES[-1])
            wait_until(lambda again=again: serves(again), "endpoint that scales")  # type: ignore[misc]
            check_whole(again)
            again.end()


@pytest.mark.slow
@pytest.mark.shared
def test_training_that_was_killed_is_failed_and_can_be_made_again(
    killed: Killed, tmp_path: Path, shared_data: Path
) -> None:
    folder, given = folder_for(tmp_path, killed.state), {"hyperparameters": HYPERPARAMETERS}
    with up(folder) as running:
        assert running.address
        for breed, files in photos(shared_data / "woof10").items():
            rest = iter(files)
            for split, count in COUNTS.items():
                for file in itertools.islice(rest, count):
                    key = f"data/{split}/{breed}/{file.name}"
                    running("s3").upload_file(str(file), "kennel-bucket", key)
        execution = running.start(given)
        wait_until(lambda: job(running, "Training") is not None, "training")
        running.kill()
    with up(folder) as again:
        check_taken_back(again, execution)
        assert job(again, "Failed") is not None
        check_whole(again, given)


def job(running: Up, status: str) -> Any:
    """Return a training job with this secondary status; None when there is none."""
    sagemaker = running("sagemaker")
    names = [e["TrainingJobName"] for e in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    jobs = (sagemaker.describe_training_job(TrainingJobName=name) for name in names)
    return next((each for each in jobs if each["SecondaryStatus"] == status), None)


@pytest.mark.slow
def test_image_build_that_was_killed_can_be_made_again(tmp_path: Path) -> None:
    folder = folder_for(tmp_path)
    with up(folder, "-c", BUILDS, "hang") as running:
        assert running.address
        execution = running.start({})
        kill_at(running, execution, "WaitForImage", "in")
    with up(folder, "-c", BUILDS, "build") as again:
        check_taken_back(again, execution)
        check_whole(again)


@pytest.mark.slow
def test_first_release_that_fails_leaves_the_cloud_up(killed: Killed, tmp_path: Path) -> None:
    folder = folder_for(tmp_path, killed.state)
    with up(folder) as running:
        assert running.address
        running("sagemaker").delete_endpoint(EndpointName="kennel")
        running.end()
    fault = {"on": "CreateEndpoint", "how": "fail", "reason": "no such luck"}
    (folder / "faults.json").write_text(json.dumps(fault))
    with up(folder) as again:
        assert again.address["api_url"]
        printed = again.errors.read_text()
        assert "No model is in service, since the execution failed: " in printed
        assert "no such luck" in printed
        execution = again.start({})
        wait_until(lambda: again.status(execution) == "SUCCEEDED", "release")
