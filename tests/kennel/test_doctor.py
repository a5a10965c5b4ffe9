"""`kennel doctor`: what is missing on a machine."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kennel.doctor import DISK_GB, FILES, MEMORY_GB, Machine, checks, table
from kennel.running_cloud import PORT
from tests.kennel.conftest import RunKennel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def whole(tmp_path: Path) -> Machine:
    """A machine on which nothing is missing."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "kennel.txt").write_text("# a comment\ntorch==2.0  # why\n")
    for name in (".venv-tools", ".venv-lint", ".venv-sdk2", ".venv-sdk3", ".venv-rivals"):
        (tmp_path / name).mkdir()
    (tmp_path / "lambda" / "wheels").mkdir(parents=True)
    (tmp_path / "lambda" / "aws-lambda-rie-x86_64").touch()
    return Machine(
        system="Linux", processor="x86_64", kernel="6.1", python="3.13.1", root=tmp_path,
        prefix=tmp_path, cores=2, files=FILES, memory=lambda: MEMORY_GB * 2**30,
        disk=lambda: DISK_GB * 2**30, which=lambda name: f"/usr/bin/{name}",
        version=lambda _: "2.0", answers=lambda _: True, free_port=lambda _: True,
        mounts=lambda: True,
    )  # fmt: skip


def test_nothing_is_missing_on_a_whole_machine(whole: Machine) -> None:
    assert [check.what for check in checks(whole) if not check.ok] == []


def without(*names: str) -> Callable[[str], str | None]:
    return lambda name: None if name in names else f"/usr/bin/{name}"


@pytest.mark.parametrize(
    ("what", "change", "needed", "remedy"),
    [
        ("Linux", {"system": "Darwin", "processor": "arm64"}, True, "WSL 2"),
        ("Linux", {"processor": "riscv64"}, True, "WSL 2"),
        ("Python", {"python": "3.10.12"}, True, "PYTHON=python3.12"),
        ("packages", {"version": lambda _: "1.9"}, True, "make setup"),
        ("packages", {"version": lambda _: None}, True, "make setup"),
        ("emulator", {"prefix": Path("/nowhere")}, True, "make setup"),
        ("memory", {"memory": lambda: 2**20}, True, "end other programs"),
        ("disk", {"disk": lambda: 2**20}, True, "KENNEL_STATE"),
        ("cores", {"cores": 1}, False, "twice as long"),
        ("open files", {"files": 256}, True, "ulimit -n"),
        (f"port {PORT}", {"free_port": lambda _: False}, False, "--port 0"),
        ("make", {"which": without("make")}, True, "apt-get install make"),
        ("gcc", {"which": without("gcc")}, False, "apt-get install gcc"),
        ("/opt/ml", {"mounts": lambda: False}, False, "SYS_ADMIN"),
        ("Docker", {"which": without("docker")}, False, "DOCKER_HOST"),
        ("Docker", {"answers": lambda _: False}, False, "DOCKER_HOST"),
        ("Chromium", {"which": without("chromium", "chromium-browser")}, False, "apt-get"),
        ("java", {"which": without("java")}, False, "apt-get"),
    ],
)
def test_what_is_missing_is_named_with_its_use_and_remedy(
    what: str, change: dict[str, Any], needed: bool, remedy: str, whole: Machine
) -> None:
    missing = [check for check in checks(replace(whole, **change)) if not check.ok]
    (check,) = [check for check in missing if what in check.what]
    assert check.needed is needed
    assert check.used_for
    assert remedy in check.remedy
    assert set(missing) == {check}


@pytest.mark.parametrize("name", [".venv-tools", ".venv-lint", ".venv-sdk3", ".venv-rivals"])
def test_an_environment_is_made_by_the_command_named(name: str, whole: Machine) -> None:
    (whole.root / name).rmdir()
    (check,) = [check for check in checks(whole) if not check.ok]
    assert check.what == name
    target = check.remedy.split()[-1]
    assert f"\n{target}:" in (ROOT / "Makefile").read_text() or (ROOT / target).exists()


def test_wsl_is_linux(whole: Machine) -> None:
    check = next(checks(replace(whole, kernel="5.15.90.1-microsoft-standard-WSL2")))
    assert check.ok
    assert "WSL" in check.found


def test_this_machine_is_checked_by_the_command(kennel: RunKennel) -> None:
    result = kennel("doctor", "--json")
    results = json.loads(result.stdout)
    assert {"what", "ok", "found", "needed", "used_for", "remedy"} == set(results[0])
    by_name = {check["what"]: check for check in results}
    assert by_name["Python 3.11 or newer"]["ok"]
    assert by_name["make"]["ok"]
    missing = [check["what"] for check in results if check["needed"] and not check["ok"]]
    assert result.status == bool(missing)
    assert result.stderr.count("missing:") == bool(missing)


def test_the_table_has_remedies_for_what_is_missing_only(whole: Machine) -> None:
    rows = table(list(checks(replace(whole, cores=1))))
    states = list(rows.columns[0].cells)
    remedies = [str(cell) for cell in rows.columns[4].cells]
    assert list(map(str, states)).count("optional") == 1
    assert len([each for each in remedies if each]) == 1
