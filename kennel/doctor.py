"""`kennel doctor`: say what is missing on this machine, what it is for, and how to get it."""

import importlib.metadata
import json
import os
import platform
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kennel import running_cloud
from kennel.cloud.sagemaker.frameworks.container import can_mount
from kennel.errors import KennelError
from kennel.paths import ROOT, STATE

_GB = 2**30
MEMORY_GB = 3  # `kennel up` holds 1.3 GB, a fine-tuning on two cores up to 3.3
DISK_GB = 2  # three builds of 160 MB, models, logs
FILES = 1024  # Linux's default: each connection takes one

_LOCAL = "all of Kennel on this machine"
_CLOUD = "the offline cloud: `kennel up`, `make demo`"
_ALL_TESTS = "some tests of `make test-all`"


def _available_memory() -> int:
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:  # not Linux
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(re.findall(r"MemAvailable:\s+(\d+)", text)[0]) * 1024


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _answers(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=3, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class Machine:
    """What the checks ask about a machine; the defaults ask this one.

    Attributes
    ----------
    prefix
        The virtual environment.
    which
        The path of a program, or None.
    version
        The installed version of a package, or None.
    answers
        Whether a command ends with status 0.
    free_port
        Whether nothing listens on a port of loopback.
    """

    system: str = platform.system()
    processor: str = platform.machine()
    kernel: str = platform.release()
    python: str = platform.python_version()
    root: Path = ROOT
    prefix: Path = Path(sys.prefix)
    cores: int = len(getattr(os, "sched_getaffinity", lambda _: (0,))(0))
    files: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    memory: Callable[[], int] = _available_memory
    disk: Callable[[], int] = lambda: shutil.disk_usage(ROOT).free
    which: Callable[[str], str | None] = shutil.which
    version: Callable[[str], str | None] = _version
    answers: Callable[[list[str]], bool] = _answers
    free_port: Callable[[int], bool] = _is_free
    mounts: Callable[[], bool] = can_mount


@dataclass(frozen=True)
class Check:
    """One thing that Kennel uses.

    Attributes
    ----------
    found
        What is there.
    needed
        Whether something of Kennel's first page does not run without it.
    used_for
        What does not run without it.
    remedy
        What to do if it is missing.
    """

    what: str
    ok: bool
    found: str
    needed: bool
    used_for: str
    remedy: str


def checks(machine: Machine) -> Iterator[Check]:
    """Yield what this machine has and lacks: first what is needed, then what is optional."""
    yield from _system(machine)
    yield from _environment(machine)
    yield from _resources(machine)
    yield from _programs(machine)


def _system(machine: Machine) -> Iterator[Check]:
    wsl = " (WSL)" if "microsoft" in machine.kernel.lower() else ""
    is_linux = machine.system == "Linux" and machine.processor in {"x86_64", "aarch64"}
    yield Check(
        "Linux on x86-64 or Arm", is_linux, f"{machine.system}{wsl}, {machine.processor}", True,
        _LOCAL,
        "use Linux, WSL 2, or a Linux virtual machine or container: AWS's Lambda emulator runs on "
        "Linux only. A deployed API and an exported model (`kennel export`) run anywhere",
    )  # fmt: skip
    version = tuple(int(part) for part in re.findall(r"\d+", machine.python)[:2])
    yield Check(
        "Python 3.11 or newer", version >= (3, 11), machine.python, True, _LOCAL,
        "install a newer Python, and name it: make setup PYTHON=python3.12",
    )  # fmt: skip


def _environment(machine: Machine) -> Iterator[Check]:
    pins = re.findall(
        r"^([\w.-]+)==([^\s;#]+)",
        (machine.root / "requirements" / "kennel.txt").read_text(),
        re.MULTILINE,
    )
    other = [name for name, version in pins if machine.version(name) != version]
    yield Check(
        "packages of requirements/kennel.txt", not other,
        f"missing, or of another version: {', '.join(other)}" if other else f"all {len(pins)}",
        True, _LOCAL, "make setup",
    )  # fmt: skip
    folder = machine.prefix / "lambda"
    emulator = [*folder.glob("aws-lambda-rie-*")] and (folder / "wheels").is_dir()
    yield Check(
        "AWS's Lambda emulator", bool(emulator), str(folder) if emulator else "missing", True,
        _CLOUD, "make setup",
    )  # fmt: skip
    for name, target, used_for in (
        (".venv-tools", "make tools", "the README's part on AWS (`sam`, `aws`), `make check`"),
        (".venv-lint", "make lint", "`make check`, `make test`"),
        (".venv-sdk2", "make sdks", _ALL_TESTS),
        (".venv-sdk3", "make sdks", f"the notebook; {_ALL_TESTS}"),
        (
            ".venv-rivals",
            ".venv/bin/python bench/make_rivals.py",
            "benchmarks beside other servers",
        ),
    ):
        there = (machine.root / name).is_dir()
        yield Check(name, there, "there" if there else "missing", False, used_for, target)


def _resources(machine: Machine) -> Iterator[Check]:
    memory, disk = machine.memory() / _GB, machine.disk() / _GB
    yield Check(
        f"{MEMORY_GB} GB of memory", memory >= MEMORY_GB, f"{memory:.1f} GB available", True,
        "the offline cloud, trainings", "end other programs, or use a machine with more memory",
    )  # fmt: skip
    yield Check(
        f"{DISK_GB} GB of disk", disk >= DISK_GB, f"{disk:.0f} GB free", True,
        f"{_CLOUD}; `make setup` takes 7 GB more",
        f"free some room, or name another disk's folder by KENNEL_STATE (now {STATE})",
    )  # fmt: skip
    yield Check(
        "2 cores", machine.cores >= 2, str(machine.cores), False,  # noqa: PLR2004
        "the times that README and docs name", "on one core all takes about twice as long",
    )  # fmt: skip
    yield Check(
        f"{FILES:,} open files", machine.files >= FILES, f"{machine.files:,}", True,
        _CLOUD, f"ulimit -n {FILES}",
    )  # fmt: skip
    running = running_cloud.find()
    free = machine.free_port(running_cloud.PORT)
    yield Check(
        f"port {running_cloud.PORT}", free or running is not None,
        "free" if free else "`kennel up` runs" if running else "another program's", False,
        "`kennel up`", "kennel up --port 0, which takes a free one",
    )  # fmt: skip


def _programs(machine: Machine) -> Iterator[Check]:
    def program(name: str, needed: bool, used_for: str, remedy: str) -> Check:
        path = machine.which(name)
        return Check(name, path is not None, path or "missing", needed, used_for, remedy)

    yield program(
        "make", True, "the offline cloud, which builds functions with it", "apt-get install make"
    )
    yield program("git", False, "`make test`", "apt-get install git")
    yield program("gcc", False, "`make setup`: one package is compiled", "apt-get install gcc")
    yield program(
        "setpriv", False, "ending what a killed `kennel up` had started",
        "apt-get install util-linux",
    )  # fmt: skip
    mounts = machine.mounts()
    yield Check(
        "/opt/ml", mounts, "can be mounted" if mounts else "cannot be mounted", False,
        "scripts of training jobs that name /opt/ml instead of SageMaker's variables",
        "allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0), or in a "
        "container the capability SYS_ADMIN",
    )  # fmt: skip
    docker = machine.which("docker") is not None and machine.answers(["docker", "version"])
    yield Check(
        "Docker", docker, "its engine answers" if docker else "no engine answers", False,
        f"`sam local`, building the serving image; {_ALL_TESTS}",
        "install and start Docker, or name its engine by DOCKER_HOST",
    )  # fmt: skip
    browser = machine.which("chromium") or machine.which("chromium-browser")
    yield Check(
        "Chromium", browser is not None, browser or "missing", False,
        "tests of the page and of reports", "apt-get install chromium",
    )  # fmt: skip
    yield program("java", False, _ALL_TESTS, "apt-get install default-jre-headless")


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say what is missing on this machine, what it is for, and how to get it.

    Changes nothing. Exit status 1 if something is missing that Kennel needs; what some commands
    or tests can do without is marked optional. `kennel preflight` checks an AWS account.
    """
    results = list(checks(Machine()))
    if json_:
        print(json.dumps([asdict(check) for check in results]))
    else:
        Console().print(table(results))
    missing = [check.what for check in results if check.needed and not check.ok]
    if missing:
        raise KennelError(f"missing: {'; '.join(missing)}")


def table(results: list[Check]) -> Table:
    """Return the checks as a table, with the remedy of what is missing."""
    shown = Table(title_justify="left")
    for column in ("", "what", "here", "for", "what to do"):
        shown.add_column(column, overflow="fold")
    for check in results:
        state, style = ("ok", "green") if check.ok else ("optional", "yellow")
        if check.needed and not check.ok:
            state, style = "missing", "bold red"
        remedy = "" if check.ok else check.remedy
        shown.add_row(Text(state, style), *map(Text, (check.what, check.found)),
                      *map(Text, (check.used_for, remedy)))  # fmt: skip
    return shown
