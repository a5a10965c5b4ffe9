"""Tuning, training, evaluation and release on the offline cloud, with real photos."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client
from kennel.errors import KennelError
from kennel.execution import follow
from tests.conftest import StartCloud
from tests.statemachine.offline_resources import endpoint

pytestmark = pytest.mark.shared

#: Photos per split and breed: enough for training's audit, few enough for two cores.
COUNTS = {"train": 8, "valid": 4, "test": 6}
BREEDS = 3
HYPERPARAMETERS = {"epochs": 3, "accept": "too-few,missing-breed"}
#: Eighteen photos, which the pretrained model has seen in ImageNet, give a wide interval.
PARAMETERS = {"JudgeMargin": "0.5"}
MAX_SECONDS = 900.0


@pytest.fixture(scope="module")
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    with start_cloud(stack_name="way", parameters=PARAMETERS) as running:
        yield running


def photos(folder: Path) -> dict[str, list[Path]]:
    """Return the photos of some breeds, in order."""
    breeds = sorted(
        each for each in folder.rglob("*") if each.is_dir() and any(each.glob("*.jp*g"))
    )
    by_breed: dict[str, list[Path]] = {}
    for breed in breeds:
        by_breed.setdefault(breed.name, []).extend(sorted(breed.glob("*.jp*g")))
    enough = {name: files for name, files in by_breed.items() if len(files) >= sum(COUNTS.values())}
    return dict(list(enough.items())[:BREEDS])


def upload(cloud: Cloud, shared_data: Path) -> None:
    s3 = client("s3", cloud.url)
    bucket = cloud.stack.outputs["BucketName"]
    for breed, files in photos(shared_data / "woof10").items():
        rest = iter(files)
        for split, count in COUNTS.items():
            for _ in range(count):
                file = next(rest)
                s3.upload_file(str(file), bucket, f"data/{split}/{breed}/{file.name}")


def run(cloud: Cloud, execution_input: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    states: list[str] = []
    machine = cloud.stack.outputs["StateMachineArn"]

    def record(state: Any) -> None:
        if not state.exited and (not states or states[-1] != state.name):
            states.append(state.name)

    return follow(cloud.url, machine, execution_input, record, MAX_SECONDS), states


@pytest.mark.slow
def test_tuning_training_and_release_over_the_pretrained_model(
    cloud: Cloud, shared_data: Path
) -> None:
    first, _ = run(cloud, {})
    assert first["judgement"]["evaluation"] is None
    upload(cloud, shared_data)
    execution_input = {"tune": {"max_jobs": 2, "parallel": 1}, "hyperparameters": HYPERPARAMETERS}
    output, states = run(cloud, execution_input)
    steps = ["StartTuning", "StartTraining", "Judge", "Register", "Release", "SmokeTest"]
    assert [state for state in states if state in steps] == steps
    judged = output["judgement"]
    assert judged["accepted"] is True
    assert judged["evaluation"]["live"]["model"] == first["smoke"]["model"]
    assert output["smoke"]["breed"] == judged["candidate"]["smoke_breed"]
    sagemaker = client("sagemaker", cloud.url)
    versions = sagemaker.list_model_packages(ModelPackageGroupName="kennel")
    statuses = [each["ModelApprovalStatus"] for each in versions["ModelPackageSummaryList"]]
    assert statuses == ["Approved", "Approved"]  # the pretrained model is a version too
    endpoint = sagemaker.describe_endpoint(EndpointName="kennel")
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == output["release"]["config_name"]
    assert output["release"]["previous_config_name"] == first["release"]["config_name"]


def unchanged(cloud: Cloud) -> list[Any]:
    """Return what a failed execution must leave of the endpoint."""
    described = endpoint(cloud) or {}
    return [described.get(key) for key in ("EndpointConfigName", "EndpointStatus")]


def jobs(cloud: Cloud) -> list[str]:
    summaries = client("sagemaker", cloud.url).list_training_jobs(MaxResults=100)
    return [each["TrainingJobName"] for each in summaries["TrainingJobSummaries"]]


@pytest.mark.slow
def test_photos_that_cannot_be_read_stop_before_any_job(cloud: Cloud, shared_data: Path) -> None:
    upload(cloud, shared_data)
    s3, bucket = client("s3", cloud.url), cloud.stack.outputs["BucketName"]
    before, jobs_before = unchanged(cloud), jobs(cloud)
    breed = next(iter(photos(shared_data / "woof10")))
    broken = {f"data/train/{breed}/broken.jpg": b"no photo", f"data/stray/{breed}.jpg": b"x"}
    for key, body in broken.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    with pytest.raises(KennelError) as raised:
        run(cloud, {"tune": {"max_jobs": 2, "parallel": 1}, "hyperparameters": HYPERPARAMETERS})
    for key in broken:
        s3.delete_object(Bucket=bucket, Key=key)
    assert "(1) data/ holds train/ and valid/ and test/ and also stray" in str(raised.value)
    assert f"{breed}/broken.jpg: The 8 bytes " in str(raised.value)
    assert (unchanged(cloud), jobs(cloud)) == (before, jobs_before)


@pytest.mark.slow
def test_tuning_whose_jobs_fail_gives_the_audits_list(cloud: Cloud, shared_data: Path) -> None:
    upload(cloud, shared_data)
    s3, bucket = client("s3", cloud.url), cloud.stack.outputs["BucketName"]
    breed, (first, *_) = next(iter(photos(shared_data / "woof10").items()))
    again = io.BytesIO()
    Image.open(first).save(again, "JPEG", quality=60)  # other bytes: only the audit sees it
    s3.put_object(Bucket=bucket, Key=f"data/test/{breed}/again.jpg", Body=again.getvalue())
    before = unchanged(cloud)
    with pytest.raises(KennelError) as raised:
        run(cloud, {"tune": {"max_jobs": 1, "parallel": 1}, "hyperparameters": HYPERPARAMETERS})
    assert re.search(
        r"The tuning job (k-[0-9a-f]{20}-tune) is Failed, and its training job \1-001-\S+ failed "
        r"first: AlgorithmError: The audit stops the run: 1 near-duplicate-across-splits \("
        rf"test/{breed}/again\.jpg = train/{breed}/{re.escape(first.name)}\)\. Mend these photos, "
        r"or accept what was found by --accept near-duplicate-across-splits, exit code: 1",
        str(raised.value),
    )
    assert unchanged(cloud) == before
