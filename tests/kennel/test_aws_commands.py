"""The operator's commands as typed, against the offline cloud at AWS's place."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.demo import samples


def kennel(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "COLUMNS": "200",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "kennel.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=400, check=False
    )


@pytest.fixture(scope="module")
def photos(cloud: Cloud) -> str:
    """Where two dogs lie in the stack's bucket."""
    bucket = cloud.stack.outputs["BucketName"]
    s3 = client("s3", cloud.url)
    for each in [sample for sample in samples() if sample.breed][:2]:
        s3.upload_file(str(each.photo), bucket, f"batch/walk/{each.photo.name}")
    return f"s3://{bucket}/batch/walk/"


def test_batch_classifies_a_prefix_with_the_live_model(cloud: Cloud, photos: str) -> None:
    done = kennel(cloud.url, "batch", photos, "--config-env", "prod", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["status"], said["photos"]) == ("Completed", 2)
    bucket, _, prefix = said["answers"].removeprefix("s3://").partition("/")
    s3 = client("s3", cloud.url)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    answers: dict[str, Any] = {
        Path(each["Key"]).name: json.loads(
            s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        )
        for each in listed
    }
    expected = {
        f"{each.photo.name}.out": each.breed for each in samples() if each.breed is not None
    }
    breeds = {name: answer["breeds"][0]["breed"] for name, answer in answers.items()}
    assert breeds == {name: expected[name] for name in breeds}
    assert len(breeds) == 2


def test_batch_says_in_one_sentence_what_is_wrong(cloud: Cloud, photos: str) -> None:
    for arguments, sentence in (
        (("batch", photos), "there is no endpoint kennel-dev"),
        (("batch", "walk", "--config-env", "prod"), "'walk' is no prefix in S3"),
    ):
        done = kennel(cloud.url, *arguments)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith(f"kennel: {sentence}")


def test_preflight_blocks_where_the_endpoint_is_somebody_elses(cloud: Cloud) -> None:
    done = kennel(cloud.url, "preflight", "--config-env", "prod", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["blocks"]
    blocking = [each["check"] for each in said["findings"] if each["level"] == "blocks"]
    assert "SageMaker Endpoint kennel" in blocking  # no stack of CloudFormation's has it


def test_destroy_without_a_stack_lists_what_costs(cloud: Cloud) -> None:
    done = kennel(cloud.url, "destroy", "--config-env", "prod", "--yes", "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["keeps_costing"]
    left = {each["kind"]: each for each in said["left"]}
    assert left["endpoint, InService"]["command"] == (
        "aws sagemaker delete-endpoint --endpoint-name kennel"
    )
    assert {"endpoint configuration", "model", "scaling registration"} <= set(left)
    assert not any(kind.startswith("could not") for kind in left)


def test_destroy_of_nothing_is_quiet(bare_cloud: Cloud) -> None:
    done = kennel(bare_cloud.url, "destroy", "--stack-name", "gone", "--parameter-overrides",
                  "EndpointName=gone", "--yes")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "Nothing is left.\n"
    assert "There is no stack gone" in done.stderr


@pytest.mark.parametrize("command", ["preflight", "batch", "destroy"])
def test_help_says_what_it_does(command: str) -> None:
    shown = kennel("", command, "--help").stdout
    assert "--config-env" in shown
    assert "--json" in shown
