"""`kennel destroy` deletes the stack with `sam delete`."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kennel.cloud.runtime.clients import client
from kennel.destroy import delete_stack, find_sam, run
from kennel.errors import KennelError
from kennel.paths import ROOT


def test_sam_is_called_with_the_stack_its_region_and_profile() -> None:
    commands: list[Sequence[str]] = []

    def record(command: Sequence[str]) -> int:
        commands.append(command)
        return 0

    delete_stack("kennel", "eu-west-1", "me", yes=True, run=record, sam="sam")
    delete_stack("kennel", "", "", yes=False, run=record, sam="sam")
    assert [" ".join(command) for command in commands] == [
        "sam delete --stack-name kennel --region eu-west-1 --profile me --no-prompts",
        "sam delete --stack-name kennel",
    ]


def test_a_sam_that_fails_is_one_sentence() -> None:
    with pytest.raises(KennelError, match="`sam delete --stack-name kennel` ended with status 7"):
        delete_stack("kennel", "", "", yes=False, run=lambda command: 7, sam="sam")


def test_run_returns_the_exit_status_and_prints_to_stderr(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(["echo", "Deleted"]) == 0
    assert capfd.readouterr() == ("", "Deleted\n")
    assert run(["sh", "-c", "exit 3"]) == 3


def test_sam_of_this_checkout_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KennelError, match="there is no sam command: `make tools` installs it"):
        find_sam(tmp_path)
    other = tmp_path / "sam"
    other.touch(mode=0o755)
    assert find_sam(tmp_path) == str(other)
    own = tmp_path / ".venv-tools" / "bin" / "sam"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    assert find_sam(tmp_path) == str(own)


#: A stack as `kennel destroy` finds it, of what moto's CloudFormation can make of the template.
SMALL = {
    "Parameters": {"EndpointName": {"Type": "String", "Default": "kennel"}},
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "Properties": {"BucketName": "kennel-photos"},
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "kennel-news"}},
    },
}


@pytest.mark.rivals
def test_the_real_sam_deletes_a_stack_and_the_kept_bucket_is_listed(
    account: str, tmp_path: Path
) -> None:
    if not (ROOT / ".venv-tools" / "bin" / "sam").exists():
        pytest.skip("no sam in .venv-tools: run `make tools`")
    stacks = client("cloudformation", account)
    stacks.create_stack(StackName="small", TemplateBody=json.dumps(SMALL))
    assert len(client("sns", account).list_topics()["Topics"]) == 1
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),  # without the credentials and settings of whoever runs the tests
        "AWS_ENDPOINT_URL": account,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SAM_CLI_TELEMETRY": "0",
    }
    destroy = [sys.executable, "-m", "kennel.cli", "destroy", "--stack-name", "small"]
    done = subprocess.run(
        [*destroy, "--region", "us-east-1", "--yes", "--json"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Deleted successfully" in done.stderr
    (stack,) = stacks.list_stacks()["StackSummaries"]
    assert (stack["StackName"], stack["StackStatus"]) == ("small", "DELETE_COMPLETE")
    assert client("sns", account).list_topics()["Topics"] == []
    document = json.loads(done.stdout)
    assert [(each["name"], each["by_design"]) for each in document["left"]] == [
        ("kennel-photos", True)
    ]
    assert client("s3", account).list_buckets()["Buckets"][0]["Name"] == "kennel-photos"
