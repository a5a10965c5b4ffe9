"""Run a training job with real photos and model/train.py, in AWS's toolkit."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundle import make_bundle
from tests.kennel.cloud.sagemaker.conftest import BUCKET, Service
from tests.kennel.cloud.sagemaker.jobs.scripts import channel, job
from tests.kennel.cloud.sagemaker.jobs.training.test_api import archive

BREEDS = ("beagle", "samoyed")
PHOTOS = 12  # a breed: 15 % go to valid, 15 % to test


CACHE = Path(__file__).resolve().parents[6] / ".kennel" / "cache"


pytestmark = pytest.mark.slow  # tests/kennel/test_train.py trains on photos, sooner


@pytest.fixture(scope="module")
def trained(service: Service, shared_data: Path, tmp_path_factory: Any) -> dict[str, Any]:
    for breed in BREEDS:
        for photo in sorted((shared_data / "woof10" / "train" / breed).iterdir())[:PHOTOS]:
            service.upload(f"data/few/{breed}/{photo.name}", photo.read_bytes())
    request = job(
        service,
        "k-photos-train",
        "",
        InputDataConfig=[channel(f"s3://{BUCKET}/data/few/")],
        HyperParameters={"head-only": "true", "epochs": "3"},
    )
    folder = tmp_path_factory.mktemp("bundle")
    make_bundle(folder, CACHE)
    service.upload("code/k-photos-train/source.tar.gz", (folder / "source.tar.gz").read_bytes())
    service.sagemaker.create_training_job(**request)
    return service.wait(
        lambda: service.sagemaker.describe_training_job(TrainingJobName="k-photos-train"),
        lambda description: description["TrainingJobStatus"] not in {"InProgress", "Stopping"},
    )


@pytest.mark.shared
def test_the_job_completes_with_its_metric(trained: dict[str, Any]) -> None:
    assert trained["TrainingJobStatus"] == "Completed", trained.get("FailureReason")
    (metric,) = trained["FinalMetricDataList"]
    assert metric["MetricName"] == "valid:loss" and 0 < metric["Value"] < 10


@pytest.mark.shared
def test_the_artifact_is_a_package_of_these_breeds(
    service: Service, trained: dict[str, Any]
) -> None:
    key = "out/k-photos-train/output/model.tar.gz"
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{key}"
    breeds = json.loads(archive(service, key)["breeds.json"])
    assert [each["breed"].lower() for each in breeds] == list(BREEDS)


@pytest.mark.shared
def test_the_report_is_in_the_output_archive(service: Service, trained: dict[str, Any]) -> None:
    key = f"out/{trained['TrainingJobName']}/output/output.tar.gz"
    assert {"audit.json", "report.html"} <= set(archive(service, key))
