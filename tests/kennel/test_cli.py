"""The commands as a person types them, each in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.cloud.runtime.processes import is_running, listen
from kennel.demo import samples
from kennel.paths import STATE

KENNEL = [sys.executable, "-m", "kennel.cli"]


def kennel(*arguments: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200"}
    if state:
        env["KENNEL_STATE"] = str(state)
    return subprocess.run(
        [*KENNEL, *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
    )


def descendants(pid: int) -> set[int]:
    """Every process below `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if is_running(pid)}


Up = tuple["subprocess.Popen[str]", dict[str, str]]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A `kennel up` of its own (process, what it printed)."""
    with start(tmp_path) as started:
        yield started


@contextlib.contextmanager
def start(tmp_path: Path) -> Iterator[Up]:
    env = {**os.environ, "KENNEL_STATE": str(tmp_path)}
    for made in ("build", "cache"):  # the same for every state folder, and slow to make
        if not (tmp_path / made).exists():
            (tmp_path / made).symlink_to(STATE / made)
    command = [*KENNEL, "up", "--port", "0", "--bind", "127.0.0.2", "--json"]
    # A shell's background jobs, and so a CI run may be one, ignore Ctrl-C and hand that down.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
    )
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    with process.stdout as out:
        yield process, json.loads(out.readline())
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("ending", "status"),
    [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_up_ends_with_all_its_processes(
    up: Up, ending: signal.Signals, status: int, tmp_path: Path
) -> None:
    process, _ = up
    below = descendants(process.pid)
    assert len(below) >= 3  # moto, an emulator with its function, the model server
    process.send_signal(ending)
    assert process.wait(timeout=20) == status
    for _ in range(50):
        if not alive(below):
            break
        time.sleep(0.1)
    assert alive(below) == set()
    kennel("down", state=tmp_path)  # nothing is up: it removes what a killed one left
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "up.json").exists()


def test_what_was_there_is_there_after_a_restart(up: Up, tmp_path: Path) -> None:
    process, place = up
    client("s3", place["aws_url"]).put_object(Bucket="kennel-bucket", Key="mine", Body=b"photo")
    breeds = httpx.get(f"{place['api_url']}/breeds").text
    assert kennel("down", state=tmp_path).returncode == 0
    process.wait()
    with start(tmp_path) as (_, again):
        assert again["api_key"] == place["api_key"]
        got = client("s3", again["aws_url"]).get_object(Bucket="kennel-bucket", Key="mine")
        assert got["Body"].read() == b"photo"
        assert httpx.get(f"{again['api_url']}/breeds").text == breeds
        states = client("stepfunctions", again["aws_url"])
        machine = states.list_state_machines()["stateMachines"][0]["stateMachineArn"]
        assert states.list_executions(stateMachineArn=machine)["executions"] == []  # no release
        answer = kennel("classify", str(samples()[0].photo), "--json", state=tmp_path)
        assert json.loads(answer.stdout)["is_dog"]
        deleted = kennel("down", "--delete", state=tmp_path)
        assert (deleted.returncode, deleted.stderr.strip()) == (
            0,
            "kept, as the template says: Bucket",
        )


def test_up_down_and_classify_find_each_other(up: Up, tmp_path: Path) -> None:
    process, place = up
    assert place["api_url"].startswith("http://127.0.0.1:")
    bound = place["api_url"].replace("127.0.0.1", "127.0.0.2")
    assert httpx.get(f"{bound}/breeds").status_code == 200
    photo = str(samples()[0].photo)
    answer = json.loads(kennel("classify", photo, "--json", state=tmp_path).stdout)
    assert answer["is_dog"]
    second = kennel("up", state=tmp_path)
    assert second.returncode == 1
    assert "it is up already" in second.stderr
    below = descendants(process.pid)
    assert kennel("down", state=tmp_path).returncode == 0
    assert process.wait(timeout=1) == 128 + signal.SIGTERM
    assert alive(below) == set()
    nothing = kennel("down", state=tmp_path)
    assert (nothing.returncode, nothing.stderr.strip()) == (1, "kennel: nothing is up")


def test_a_busy_port_is_one_line_and_leaves_nothing() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        refused = kennel("demo", "--port", port)
    assert refused.returncode == 1
    (line,) = refused.stderr.strip().splitlines()
    assert line.startswith(f"kennel: cannot listen on 127.0.0.1:{port}")


def test_classify_prints_a_table_and_says_what_is_wrong(cloud: Cloud, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    dog = samples()[1].photo
    api = ("--url", cloud.api_url, "--key", cloud.api_key)
    shown = kennel("classify", str(dog), str(broken), *api)
    assert "Dalmatian" in shown.stdout
    assert "400" in shown.stdout
    assert shown.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("classify", "/nowhere.jpg"), "/nowhere.jpg does not exist"),
        (("classify", "{empty}"), "holds no photo"),
        (("classify", "{photo}", "--url", "http://127.0.0.1:1", "--key", "k"), "is it up?"),
        (("demo", "--photos", "/nowhere"), "/nowhere does not exist"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    photo = str(samples()[0].photo)
    said = kennel(*(each.format(empty=tmp_path, photo=photo) for each in arguments))
    assert said.returncode == 1
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr


def test_help_names_every_command() -> None:
    shown = kennel("--help").stdout
    for command in ("up", "down", "classify", "demo"):
        assert command in shown
