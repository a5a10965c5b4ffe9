"""What all tests share: photos, and offline clouds that are started once in a run."""

import functools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from kennel.cloud.cloud import Cloud
from kennel.execution import follow
from kennel.local_cloud import local_cloud
from tests.iam.recording import Recorder, recording, settle

#: Takes what `local_cloud` takes.
StartCloud = Callable[..., AbstractContextManager[Cloud]]

ROOT = Path(__file__).resolve().parent.parent


class ByFileAndCloud(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Keep each file in one process of a parallel run, and all that share a cloud in the same one.

    Otherwise every process would start the session's clouds, and release a model in one of them.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "a cloud" if takes_a_cloud(file) else file


@functools.cache
def takes_a_cloud(file: str) -> bool:
    """Return whether a test file has the parameter of a cloud: only workers know the fixtures."""
    return "cloud: Cloud" in (ROOT / file).read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndCloud | None:
    return ByFileAndCloud(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_reaches_processes() -> None:
    """Let tests send Ctrl-C: a shell's background jobs ignore it, and their children inherit that.

    A CI run may be such a job.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def calls_are_known() -> Iterator[Recorder]:
    """Hold every call that a role makes in an offline cloud against tests/iam/calls.json."""
    with recording() as recorder:
        yield recorder
    settle(recorder.seen)


@pytest.fixture(scope="session")
def start_cloud(calls_are_known: Recorder) -> StartCloud:
    """Start an offline cloud of Kennel's stack whose roles' calls are recorded."""
    return functools.partial(local_cloud, on_authorised=calls_are_known.record)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real photos beside a checkout; a test that needs it is skipped without."""
    folder = Path(os.environ.get("KENNEL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}: set KENNEL_SHARED_DATA to where they are")
    return folder


@pytest.fixture(scope="session")
def released(
    start_cloud: StartCloud,
) -> Iterator[tuple[Cloud, dict[str, Any], list[str]]]:
    """A cloud with the pretrained model live: (cloud, the execution's output, states passed)."""
    # A client that posts photos as fast as it can must not meet the usage plan here.
    with start_cloud(parameters={"RateLimit": "1000", "BurstLimit": "1000"}) as cloud:
        states: list[str] = []
        output = follow(
            cloud.url,
            cloud.stack.outputs["StateMachineArn"],
            {},
            lambda state: states.append(state.name) if state.exited else None,
        )
        yield cloud, output, states


@pytest.fixture(scope="session")
def cloud(released: tuple[Cloud, dict[str, Any], list[str]]) -> Cloud:
    return released[0]


@pytest.fixture(scope="session")
def bare_cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    """A cloud in which nothing was released, with the tightest limits."""
    tight = {"RateLimit": "1", "BurstLimit": "1", "ReservedConcurrency": "1"}
    with start_cloud(parameters=tight, stack_name="bare") as cloud:
        yield cloud
