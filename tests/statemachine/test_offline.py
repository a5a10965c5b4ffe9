"""The whole way on the offline cloud, with real photos: search, training, judgement, release."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud
from kennel.cloud.cloudformation.stack import client
from kennel.errors import KennelError
from kennel.execution import follow
from tests.conftest import StartCloud

pytestmark = pytest.mark.shared

#: Photos a breed and split: enough for training's audit, few enough for two cores.
COUNTS = {"train": 8, "valid": 4, "test": 6}
BREEDS = 3
GIVEN = {"epochs": 3, "accept": "too-few,missing-breed"}
#: Eighteen photos, which the pretrained model has seen in ImageNet, prove no candidate as good.
WIDE = {"JudgeMargin": "0.5"}
LONGEST_S = 900.0


@pytest.fixture(scope="module")
def cloud(start_cloud: StartCloud) -> Iterator[Cloud]:
    with start_cloud(stack_name="way", parameters=WIDE) as running:
        yield running


def photos(folder: Path) -> dict[str, list[Path]]:
    """Give some breeds' photos, in order."""
    breeds = sorted(
        each for each in folder.rglob("*") if each.is_dir() and any(each.glob("*.jp*g"))
    )
    found: dict[str, list[Path]] = {}
    for breed in breeds:
        found.setdefault(breed.name, []).extend(sorted(breed.glob("*.jp*g")))
    enough = {name: files for name, files in found.items() if len(files) >= sum(COUNTS.values())}
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


def run(cloud: Cloud, given: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    states: list[str] = []
    machine = cloud.stack.outputs["StateMachineArn"]

    def seen(state: Any) -> None:
        if not state.left and (not states or states[-1] != state.name):
            states.append(state.name)

    return follow(cloud.url, machine, given, seen, LONGEST_S), states


def test_two_tries_a_training_and_a_release_over_the_pretrained_model(
    cloud: Cloud, shared_data: Path
) -> None:
    first, _ = run(cloud, {})
    assert first["judgement"]["evaluation"] is None
    upload(cloud, shared_data)
    given = {"tune": {"max_jobs": 2, "parallel": 1}, "hyperparameters": GIVEN}
    output, states = run(cloud, given)
    steps = ["StartTuning", "StartTraining", "Judge", "Register", "Release", "SmokeTest"]
    assert [state for state in states if state in steps] == steps
    judged = output["judgement"]
    assert judged["accepted"] is True
    assert judged["evaluation"]["live"]["model"] == first["smoke"]["model"]
    assert output["smoke"]["breed"] == judged["candidate"]["smoke_breed"]
    sagemaker = client("sagemaker", cloud.url)
    (version,) = sagemaker.list_model_packages(ModelPackageGroupName="kennel")[
        "ModelPackageSummaryList"
    ]
    assert version["ModelApprovalStatus"] == "Approved"
    endpoint = sagemaker.describe_endpoint(EndpointName="kennel")
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == output["release"]["config_name"]
    assert output["release"]["previous_config_name"] == first["release"]["config_name"]


def test_photos_that_training_refuses_end_in_its_own_words(cloud: Cloud, shared_data: Path) -> None:
    upload(cloud, shared_data)
    bucket = cloud.stack.outputs["BucketName"]
    broken = "data/train/broken/1.jpg"
    s3 = client("s3", cloud.url)
    s3.put_object(Bucket=bucket, Key=broken, Body=b"no photo")
    sagemaker = client("sagemaker", cloud.url)
    before = sagemaker.describe_endpoint(EndpointName="kennel")
    with pytest.raises(KennelError, match=r"The training job k-[0-9a-f]{20}-train is Failed: .*"):
        run(cloud, {"hyperparameters": {"epochs": 1}})
    after = sagemaker.describe_endpoint(EndpointName="kennel")
    kept = ("EndpointConfigName", "EndpointStatus", "LastModifiedTime")
    assert [after[key] for key in kept] == [before[key] for key in kept]
