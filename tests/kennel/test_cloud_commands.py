"""`kennel up`, `down` and `classify`, each in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.processes import descendants, is_running, listen
from kennel.demo import samples
from kennel.paths import STATE
from tests.kennel.conftest import RunKennel
from tests.kennel.packages import with_breed

KENNEL = [sys.executable, "-m", "kennel.cli"]


def run_process(*arguments: str, state: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", "KENNEL_STATE": str(state)}
    return subprocess.run(
        [*KENNEL, *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
    )


def running(pids: Iterable[int]) -> set[int]:
    return {pid for pid in pids if is_running(pid)}


@dataclass(frozen=True)
class Up:
    """A running `kennel up` and the address that it printed."""

    process: "subprocess.Popen[str]"
    address: dict[str, str]


@contextlib.contextmanager
def start(state: Path, *arguments: str) -> Iterator[Up]:
    env = {**os.environ, "KENNEL_STATE": str(state)}
    command = [*KENNEL, "up", "--port", "0", "--bind", "127.0.0.2", "--json", *arguments]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=env)
        assert process.stdout is not None
        out = process.stdout
        line = out.readline()
        said.seek(0)
        assert line, said.read()
    with out:
        try:
            yield Up(process, json.loads(line))
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class FirstRun:
    """What the first `kennel up` in a state folder printed, and the breeds that it served."""

    address: dict[str, str]
    breeds: str


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder for all `kennel up` of this module: only the first has to release."""
    folder = tmp_path_factory.mktemp("state")
    for name in ("build", "cache"):  # the same for every state folder, and slow to make
        (folder / name).symlink_to(STATE / name)
    return folder


@pytest.fixture(scope="module")
def first_run(state: Path) -> FirstRun:
    """Release a model, put an object into S3, and stop."""
    with start(state) as up:
        s3 = client("s3", up.address["aws_url"])
        s3.put_object(Bucket="kennel-bucket", Key="mine", Body=b"photo")
        breeds = httpx.get(f"{up.address['api_url']}/breeds", timeout=60).text
        assert run_process("down", state=state).returncode == 0
        up.process.wait()
    return FirstRun(up.address, breeds)


@pytest.mark.slow
@pytest.mark.usefixtures("first_run")
@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 0),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_up_ends_with_all_its_processes(number: signal.Signals, status: int, state: Path) -> None:
    with start(state) as up:
        children = descendants(up.process.pid)
        assert len(children) >= 3  # moto, an emulator with its function, the model server
        up.process.send_signal(number)
        assert up.process.wait(timeout=20) == status
    for _ in range(50):
        if not running(children):
            break
        time.sleep(0.1)
    assert running(children) == set()
    run_process("down", state=state)  # deletes what a killed process left
    assert list((state / "tmp").iterdir()) == []
    assert not (state / "up.json").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("first_run")
def test_up_with_a_model_rollback_down_and_classify_find_each_other(
    state: Path, tmp_path: Path
) -> None:
    bundles = (state / "cache").glob("bundle-*/model.tar.gz")
    pretrained = max(bundles, key=lambda package: package.stat().st_mtime).read_bytes()
    own = with_breed(tmp_path / "model.tar.gz", pretrained, "Dalmatian", "My Breed")
    with start(state, "--model", str(own)) as up:
        assert up.address["api_url"].startswith("http://127.0.0.1:")
        bound = up.address["api_url"].replace("127.0.0.1", "127.0.0.2")
        assert httpx.get(f"{bound}/breeds", timeout=60).status_code == 200
        photo = str(samples()[0].photo)
        answer = json.loads(run_process("classify", photo, "--json", state=state).stdout)
        assert answer["is_dog"]
        breeds = f"{up.address['api_url']}/breeds"
        assert "My Breed" in httpx.get(breeds, timeout=60).text
        back = run_process("rollback", state=state)
        assert back.returncode == 0, back.stderr
        assert "My Breed" not in httpx.get(breeds, timeout=60).text
        second = run_process("up", "--model", str(own), state=state)
        assert second.returncode == 1
        assert f"`kennel release {own}` releases a model there" in second.stderr
        second = run_process("up", state=state)
        assert second.returncode == 1
        assert "`kennel up` runs already" in second.stderr
        children = descendants(up.process.pid)
        down = run_process("down", state=state)
        assert down.returncode == 0
        assert f"Ended the offline cloud at {up.address['aws_url']} (process" in down.stderr
        assert up.process.wait(timeout=1) == 128 + signal.SIGTERM
        assert running(children) == set()
    again = run_process("down", state=state)
    assert again.returncode == 1
    assert again.stderr.startswith("kennel: no `kennel up` of this checkout runs")


@pytest.mark.slow
def test_state_outlives_a_restart_until_it_is_deleted(first_run: FirstRun, state: Path) -> None:
    with start(state) as up:
        assert up.address["api_key"] == first_run.address["api_key"]
        s3 = client("s3", up.address["aws_url"])
        assert s3.get_object(Bucket="kennel-bucket", Key="mine")["Body"].read() == b"photo"
        assert httpx.get(f"{up.address['api_url']}/breeds", timeout=60).text == first_run.breeds
        states = client("stepfunctions", up.address["aws_url"])
        machines = {each["name"]: each for each in states.list_state_machines()["stateMachines"]}
        machine = machines["kennel-TrainAndDeploy"]["stateMachineArn"]
        releases = states.list_executions(stateMachineArn=machine)["executions"]
        assert {each["status"] for each in releases} == {"SUCCEEDED"}  # the first one, and later
        deleted = run_process("down", "--delete", state=state)
        assert deleted.returncode == 0
        assert deleted.stderr.splitlines()[:2] == [
            "Deleted the stack.",
            "kept, as the template says: Bucket",
        ]


def test_damaged_state_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    file = tmp_path / "state" / "moto.sqlite"
    file.write_bytes(b"garbage" * 1000)
    result = run_process("up", "--port", "0", state=tmp_path)
    assert result.returncode == 1
    line, *more = result.stderr.strip().splitlines()
    assert more == []
    assert line.startswith(f"kennel: {file} is damaged (file is not a database): put the folder")
    assert "`kennel up --fresh`" in line


def test_a_busy_port_is_one_sentence(kennel: RunKennel) -> None:
    with listen("127.0.0.1", 0) as busy:
        port = str(busy.getsockname()[1])
        result = kennel("demo", "--port", port)
    assert result.status == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(f"kennel: cannot listen on 127.0.0.1:{port}")


def test_classify_prints_a_table_and_the_problem_of_a_photo(
    cloud: Cloud, tmp_path: Path, kennel: RunKennel
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no photo")
    dog = samples()[1].photo
    api = ("--url", cloud.api_url, "--key", cloud.api_key)
    result = kennel("classify", str(dog), str(broken), *api)
    assert "Dalmatian" in result.stdout
    assert "400" in result.stdout
    assert result.status == 1
