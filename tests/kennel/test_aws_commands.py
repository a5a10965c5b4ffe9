"""The commands for AWS, run against the offline cloud."""

import json
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from tests.kennel.conftest import RunKennel


def aws(url: str) -> dict[str, str]:
    """Return the environment in which AWS's clients call the offline cloud at `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": OPERATOR_KEY,
        "AWS_SECRET_ACCESS_KEY": "offline",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@pytest.fixture(scope="module")
def photos(cloud: Cloud) -> str:
    """Return the prefix of two photos of dogs in the stack's bucket."""
    bucket = cloud.stack.outputs["BucketName"]
    s3 = client("s3", cloud.url)
    for each in [sample for sample in samples() if sample.breed][:2]:
        s3.upload_file(str(each.photo), bucket, f"batch/walk/{each.photo.name}")
    return f"s3://{bucket}/batch/walk/"


@pytest.mark.slow
def test_batch_classifies_a_prefix_with_the_live_model(
    cloud: Cloud, photos: str, kennel: RunKennel
) -> None:
    result = kennel("batch", photos, "--config-env", "prod", "--json", env=aws(cloud.url))
    assert result.status == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["status"], document["photos"]) == ("Completed", 2)
    bucket, _, prefix = document["answers"].removeprefix("s3://").partition("/")
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


def test_batch_says_in_one_sentence_what_is_wrong(
    cloud: Cloud, photos: str, kennel: RunKennel
) -> None:
    for arguments, sentence in (
        (("batch", photos, "--config-env", "dev"), "there is no endpoint kennel-dev"),
        (("batch", "walk", "--config-env", "prod"), "'walk' is no prefix in S3"),
    ):
        result = kennel(*arguments, env=aws(cloud.url))
        assert result.status == 1
        (line,) = result.stderr.strip().splitlines()
        assert line.startswith(f"kennel: {sentence}")


def test_preflight_blocks_if_the_endpoint_is_of_another_stack(
    cloud: Cloud, kennel: RunKennel
) -> None:
    other = ("--config-env", "prod", "--stack-name", "other")
    result = kennel("preflight", *other, "--json", env=aws(cloud.url))
    assert result.status == 1
    document = json.loads(result.stdout)
    assert document["blocks"]
    blocking = [each["check"] for each in document["findings"] if each["level"] == "blocks"]
    assert "SageMaker Endpoint kennel" in blocking


def test_destroy_without_a_stack_lists_what_costs(cloud: Cloud, kennel: RunKennel) -> None:
    other = ("--config-env", "prod", "--stack-name", "other")
    result = kennel("destroy", *other, "--yes", "--json", env=aws(cloud.url))
    assert result.status == 1
    document = json.loads(result.stdout)
    assert document["keeps_costing"]
    leftovers = {each["kind"]: each for each in document["left"]}
    assert leftovers["endpoint, InService"]["command"] == (
        "aws sagemaker delete-endpoint --endpoint-name kennel"
    )
    assert {"endpoint configuration", "model", "scaling registration"} <= set(leftovers)
    assert not any(kind.startswith("could not") for kind in leftovers)


def test_destroy_of_nothing_is_quiet(bare_cloud: Cloud, kennel: RunKennel) -> None:
    stack = ("--stack-name", "none", "--parameter-overrides", "EndpointName=none")
    result = kennel("destroy", *stack, "--yes", env=aws(bare_cloud.url))
    assert result.status == 0, result.stdout + result.stderr
    assert result.stdout == "Nothing is left.\n"
    assert "There is no stack none" in result.stderr
