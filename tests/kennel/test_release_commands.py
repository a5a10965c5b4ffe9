"""`kennel release` and `kennel rollback`, against an offline cloud and a stack on AWS."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kennel import running_cloud
from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from kennel.deployed import target_of
from kennel.errors import KennelError
from kennel.package_file import read_package
from kennel.release import release_package
from tests.kennel.conftest import RunKennel, clients, scripted
from tests.kennel.packages import with_breed, write_package

DALMATIAN = next(each.photo for each in samples() if each.breed == "Dalmatian")


@pytest.fixture
def no_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_cloud, "ADDRESS_FILE", tmp_path / "up.json")


@pytest.fixture
def running(cloud: Cloud, no_cloud: None) -> Iterator[Cloud]:
    """A cloud that the commands find as they find that of `kennel up`."""
    with running_cloud.address_file(cloud):
        yield cloud


def answers(cloud: Cloud) -> tuple[bool, str]:
    """Return whether GET /breeds has Dalmatians, and the breed of a photo of one."""
    breeds = httpx.get(f"{cloud.api_url}/breeds").raise_for_status().json()["breeds"]
    answer = httpx.post(
        f"{cloud.api_url}/classify",
        content=DALMATIAN.read_bytes(),
        headers={"x-api-key": cloud.api_key, "content-type": "image/jpeg"},
        timeout=60,
    )
    breed = str(answer.raise_for_status().json()["breeds"][0]["breed"])
    assert breed in breeds
    return "Dalmatian" in breeds, breed


def stack_of(cloud: Cloud) -> Any:
    """Return a client of CloudFormation that describes the cloud's stack as one on AWS."""
    outputs = [
        {"OutputKey": key, "OutputValue": str(value)} for key, value in cloud.stack.outputs.items()
    ]
    stack = {"StackName": "kennel", "StackStatus": "UPDATE_COMPLETE", "CreationTime": 0}
    return scripted(
        "cloudformation",
        ("describe_stacks", {"Stacks": [{**stack, "Outputs": outputs}]}),
        ("list_stack_resources", {"StackResourceSummaries": []}),
    )


@pytest.mark.slow
def test_releases_and_a_rollback(running: Cloud, tmp_path: Path, kennel: RunKennel) -> None:
    s3, bucket = client("s3", running.url), running.stack.outputs["BucketName"]
    (bundle,) = s3.list_objects_v2(Bucket=bucket, Prefix="code/", Delimiter="/")["CommonPrefixes"]
    key = f"{bundle['Prefix']}model.tar.gz"
    pretrained = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    first, second = (
        with_breed(tmp_path / f"{name}.tar.gz", pretrained, "Dalmatian", name)
        for name in ("Firsthound", "Secondhound")
    )
    assert answers(running) == (True, "Dalmatian")

    result = kennel("release", str(first), "--json")
    assert result.status == 0, result.stderr
    released = json.loads(result.stdout)
    assert released["model"] == "tf_efficientnet_lite2-pretrained@firsthound"
    assert released["released"] is True
    assert released["api_url"] == running.api_url
    assert ":model-package/kennel/" in released["version"]
    assert "FindPackage" in result.stderr
    assert "StartTraining" not in result.stderr
    assert answers(running) == (False, "Firsthound")

    result = kennel("release", str(first))
    assert result.status == 0
    assert "@firsthound (version " in result.stdout
    assert "is live already: nothing to do" in result.stdout

    # The same for a stack on AWS, which CloudFormation describes.
    target = target_of(clients(running.url, {"cloudformation": stack_of(running)}), "kennel")
    live = release_package(target, read_package(second), lambda state: None)
    assert live.model.endswith("@secondhound")
    assert answers(running) == (False, "Secondhound")

    result = kennel("rollback", "--json")
    assert json.loads(result.stdout) == released
    assert answers(running) == (False, "Firsthound")

    result = kennel("rollback")
    assert result.status == 0, result.stderr
    assert answers(running) == (True, "Dalmatian")

    result = kennel("rollback")
    assert result.status == 1
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("kennel: no model was live on the endpoint kennel before arn:aws:sage")
    assert answers(running) == (True, "Dalmatian")


def test_release_that_fails_its_smoke_test_leaves_what_is_live(
    running: Cloud, tmp_path: Path, kennel: RunKennel
) -> None:
    before = answers(running)
    result = kennel("release", str(write_package(tmp_path / "model.tar.gz")))  # has no network
    assert result.status == 1
    assert "kennel: the execution failed: " in result.stderr
    assert answers(running) == before


@pytest.mark.usefixtures("no_cloud")
def test_without_a_cloud(tmp_path: Path, kennel: RunKennel) -> None:
    package = str(write_package(tmp_path / "model.tar.gz"))
    for arguments in (("release", package), ("rollback",)):
        result = kennel(*arguments)
        assert result.status == 1
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith("kennel: no `kennel up` of this checkout runs: start it, or name an")


@pytest.mark.usefixtures("no_cloud")
def test_no_package_is_said_before_anything_else(tmp_path: Path, kennel: RunKennel) -> None:
    broken = tmp_path / "photo.jpg"
    broken.write_bytes(b"\xff\xd8\xff")
    for arguments in (("release",), ("up", "--port", "0", "--model")):
        result = kennel(*arguments, str(broken))
        assert result.status == 1
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith(f"kennel: {broken} is not a model package (not a .tar.gz")


def test_rollback_where_nothing_is_live(
    bare_cloud: Cloud, no_cloud: None, kennel: RunKennel
) -> None:
    with running_cloud.address_file(bare_cloud):
        result = kennel("rollback")
    assert result.status == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("kennel: nothing is live on the endpoint kennel, so there is nothing to")


def test_stack_that_is_not_there_or_not_ready(account: str) -> None:
    with pytest.raises(KennelError, match="there is no stack kennel-dev: `sam deploy` deploys it"):
        target_of(clients(account), "kennel-dev")
    stack = {"StackName": "kennel", "StackStatus": "CREATE_IN_PROGRESS", "CreationTime": 0}
    cloudformation = scripted(
        "cloudformation",
        ("describe_stacks", {"Stacks": [stack]}),
        ("list_stack_resources", {"StackResourceSummaries": []}),
    )
    with pytest.raises(KennelError, match="the stack kennel is CREATE_IN_PROGRESS and has no out"):
        target_of(clients("", {"cloudformation": cloudformation}), "kennel")
