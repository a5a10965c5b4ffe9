"""`sam delete`, and what is said of what is left."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kennel.cloud.cloudformation.stack import client
from kennel.destroy import Left, as_json, as_table, delete_stack, keeps_costing, run, sam
from kennel.errors import KennelError
from kennel.paths import ROOT

ENDPOINT = Left("endpoint, InService", "kennel", True, "aws sagemaker delete-endpoint ...")
BUCKET = Left("bucket", "photos", True, "python ...", by_design=True)
MODEL = Left("model", "kennel-1", False, "aws sagemaker delete-model ...")


def test_sam_is_asked_once_with_the_stack_and_where_it_is() -> None:
    lines: list[Sequence[str]] = []

    def remember(line: Sequence[str]) -> int:
        lines.append(line)
        return 0

    delete_stack("kennel", "eu-west-1", "me", yes=True, run=remember, command="sam")
    delete_stack("kennel", "", "", yes=False, run=remember, command="sam")
    assert [" ".join(line) for line in lines] == [
        "sam delete --stack-name kennel --region eu-west-1 --profile me --no-prompts",
        "sam delete --stack-name kennel",
    ]


def test_a_sam_that_fails_is_one_sentence() -> None:
    with pytest.raises(KennelError, match="`sam delete --stack-name kennel` ended with status 7"):
        delete_stack("kennel", "", "", yes=False, run=lambda line: 7, command="sam")


def test_a_command_runs_and_its_status_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["echo", "Deleted"]) == 0
    assert capfd.readouterr() == ("", "Deleted\n")
    assert run(["sh", "-c", "exit 3"]) == 3


def test_sam_of_this_checkout_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KennelError, match="there is no sam command: `make tools` installs it"):
        sam(tmp_path)
    other = tmp_path / "sam"
    other.touch(mode=0o755)
    assert sam(tmp_path) == str(other)
    own = tmp_path / ".venv-tools" / "bin" / "sam"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    assert sam(tmp_path) == str(own)


@pytest.mark.parametrize(
    ("left", "costs"),
    [([], False), ([MODEL], False), ([BUCKET, MODEL], False), ([BUCKET, ENDPOINT], True)],
)
def test_what_keeps_costing(left: list[Left], costs: bool) -> None:
    assert keeps_costing(left) is costs
    said = json.loads(as_json(left))
    assert said["keeps_costing"] is costs
    assert [each["name"] for each in said["left"]] == [each.name for each in left]


def test_the_table_has_a_row_and_a_command_for_each() -> None:
    table = as_table([ENDPOINT, BUCKET, MODEL])
    assert list(table.columns[0].cells)[1] == "bucket (kept by design)"
    assert list(table.columns[2].cells) == ["[red]yes", "yes", "no"]
    assert all(cell for cell in table.columns[3].cells)


#: A stack as `kennel destroy` finds it, with what moto's CloudFormation can make of the template.
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
def test_the_real_sam_deletes_a_stack_and_what_stays_is_told(account: str, tmp_path: Path) -> None:
    if not (ROOT / ".venv-tools" / "bin" / "sam").exists():
        pytest.skip("no sam in .venv-tools: run `make tools`")
    stacks = client("cloudformation", account)
    stacks.create_stack(StackName="small", TemplateBody=json.dumps(SMALL))
    assert len(client("sns", account).list_topics()["Topics"]) == 1
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),  # no credentials of a person's, and no settings
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
    said = json.loads(done.stdout)
    assert [(each["name"], each["by_design"]) for each in said["left"]] == [("kennel-photos", True)]
    assert client("s3", account).list_buckets()["Buckets"][0]["Name"] == "kennel-photos"
