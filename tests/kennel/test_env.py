"""`kennel env` reads the address file that a running `kennel up` writes."""

import json
import os
import subprocess
from pathlib import Path

import boto3
import pytest

from kennel import running_cloud
from kennel.cloud.cloud import Cloud
from tests.kennel.conftest import RunKennel


@pytest.fixture
def address_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "a folder" / "up.json"
    monkeypatch.setattr(running_cloud, "ADDRESS_FILE", file)
    return file


@pytest.mark.usefixtures("address_file")
def test_a_shell_that_evaluates_the_lines_reaches_the_cloud(
    bare_cloud: Cloud, kennel: RunKennel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_cloud.address_file(bare_cloud) as address:
        lines = kennel("env").stdout
        variables = json.loads(kennel("env", "--json").stdout)
    shell = subprocess.run(
        ["sh", "-c", 'eval "$1"; env', "sh", lines],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    assert (
        variables.items()
        <= dict(line.partition("=")[::2] for line in shell.stdout.splitlines()).items()
    )
    assert lines.strip() in address.as_text()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert boto3.Session().client("s3").list_buckets()["Buckets"][0]["Name"] == "bare-bucket"


@pytest.mark.usefixtures("address_file")
def test_without_a_cloud_it_is_one_sentence_and_nothing_to_evaluate(kennel: RunKennel) -> None:
    result = kennel("env")
    assert (result.status, result.stdout) == (1, "")
    assert result.stderr == (
        "kennel: no `kennel up` of this checkout runs: `kennel up` starts one\n"
    )


def test_values_are_quoted_for_the_shell() -> None:
    address = running_cloud.CloudAddress("http://127.0.0.1:1/a b", "$(id)", "http://127.0.0.1:1")
    lines = address.exports().splitlines()
    assert lines[:2] == ["export API='http://127.0.0.1:1/a b'", "export KEY='$(id)'"]
