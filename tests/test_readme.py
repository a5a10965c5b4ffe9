"""The README's commands, run as a reader would run them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.demo import samples
from kennel.running_cloud import CloudAddress
from tests.guide import block

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()

_ROW = re.compile(r"│ (imagenet_\S+) +│ (.+?) +│ +([\d.]*) +│ (yes|no) +│")


@pytest.fixture
def reader(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a reader who pasted what `kennel up` prints, beside a photo."""
    dalmatian = next(each for each in samples() if each.breed == "Dalmatian")
    shutil.copy(dalmatian.photo, tmp_path / "photo.jpg")
    printed = CloudAddress(cloud.api_url, cloud.api_key, cloud.url).as_text()
    pasted = "\n".join(line for line in printed.splitlines() if line.startswith("export "))
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # no region, no credentials
    shell = ["bash", "-c", f"{pasted}\nenv"]
    done = subprocess.run(shell, env=bare, capture_output=True, text=True, check=True)
    environment = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {**environment, "PWD": str(tmp_path)}


def test_make_demo_prints_what_the_readme_says() -> None:
    command = block("README.md", "sh", "make demo")
    # Without the flags of an outer `make`.
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    shown = README[README.index("│ imagenet_00_243") : README.index("`make demo PHOTOS")]
    assert set(_ROW.findall(shown)) <= set(_ROW.findall(done.stdout))
    documented = json.loads(shown.strip().splitlines()[-2])
    printed = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(printed) == set(documented)
    assert (printed["right"], printed["photos"]) == (documented["right"], documented["photos"])


def test_the_curl_line_answers_as_shown(reader: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        ["bash", "-c", block("README.md", "sh", "curl")],
        cwd=tmp_path,
        env=reader,
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    shown = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])
    assert set(answer) == set(shown)
    assert answer["breeds"][0]["breed"] == shown["breeds"][0]["breed"]
    assert round(answer["breeds"][0]["probability"], 2) == shown["breeds"][0]["probability"]


def test_the_python_lines_print_the_breed(reader: dict[str, str], tmp_path: Path) -> None:
    code = block("README.md", "python", "httpx")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=reader, capture_output=True, check=True
    )
    assert done.stdout == b"Dalmatian\n"


def test_boto3_needs_nothing_but_the_printed_lines(reader: dict[str, str]) -> None:
    code = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'][0]['Name'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=reader, capture_output=True, text=True, check=True
    )
    assert done.stdout == "kennel-bucket\n"


def test_the_printed_curl_line_answers(
    cloud: Cloud, reader: dict[str, str], tmp_path: Path
) -> None:
    printed = CloudAddress(cloud.api_url, cloud.api_key, cloud.url).as_text()
    line = printed[printed.index("curl") : printed.index("aws s3")]
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env=reader, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["breeds"][0]["breed"] == "Dalmatian"


def test_preflight_finds_nothing_that_blocks_in_an_empty_account(bare_cloud: Cloud) -> None:
    aws = {
        "AWS_ENDPOINT_URL": bare_cloud.url,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        ["bash", "-c", block("README.md", "sh", "kennel preflight")],
        cwd=ROOT,
        env={**os.environ, **aws},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stack kennel-dev" in done.stdout
    assert "nothing found that blocks" in done.stderr


def test_every_local_link_and_make_target_exists() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / link).exists(), link
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"`?make ([a-z-]+)", README):
        assert target in targets, target


def test_ci_runs_the_readmes_test_command() -> None:
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()
    assert "```sh\nmake test\n```" in README
