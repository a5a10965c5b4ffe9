"""Run model/train.py --finetune as a job of two instances: AWS's toolkit, torchrun, gloo."""

import json
import re
from typing import Any

import pytest

from bundle import source_members
from tests.kennel.cloud.sagemaker.conftest import BUCKET, Service
from tests.kennel.cloud.sagemaker.jobs.scripts import archived, channel, job
from tests.kennel.cloud.sagemaker.jobs.training.test_api import archive, ended, log_of
from tests.model.learning import photos_of

EACH = {"train": 12, "valid": 2, "test": 2}  # photos a breed
RECIPE = {
    "recipe": "small",
    "epochs": 2,
    "batch_size": 8,
    "frozen_stages": 0,
    "interpolation_shares": [1.0],
}
TAKEN = 2 * 24  # photos trained on: two epochs of twenty-four
TORCHRUN = {
    "sagemaker_torch_distributed_enabled": "true",
    "sagemaker_distribution_instance_groups": '["homogeneousCluster"]',
    "sagemaker_instance_type": "ml.m5.large",
}


@pytest.fixture(scope="module")
def photos(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = photos_of(tmp_path_factory.mktemp("photos"), ("beagle", "boxer"), EACH)
    for photo in folder.rglob("*.jpg"):
        service.upload(f"data/two/{photo.relative_to(folder)}", photo.read_bytes())
    return f"s3://{BUCKET}/data/two/"


def run(service: Service, name: str, photos: str, sharing: str, **more: str) -> dict[str, Any]:
    request = job(
        service,
        name,
        "",
        InputDataConfig=[channel(photos, S3DataDistributionType=sharing)],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        HyperParameters={
            **{"finetune": "true", "recipe": "short.json", "epochs": "2", "threads": "1"},
            **{"backbone": "test_resnet", "random-weights": "true", **more},
        },
    )
    service.upload(f"code/{name}/source.tar.gz", source())
    service.sagemaker.create_training_job(**request)
    return ended(service, name)


def source() -> bytes:
    """Return the bundle's source with a recipe of two short epochs and no requirements.txt."""
    members = source_members() | {"short.json": json.dumps(RECIPE).encode()}
    del members["requirements.txt"]  # pip takes seconds on each host to find all of it there
    return archived(members)


@pytest.mark.parametrize("launcher", ["ours", "toolkit"])
@pytest.mark.slow
def test_two_instances_share_the_work_and_make_one_model(
    service: Service, photos: str, launcher: str
) -> None:
    """train.py starts torchrun itself, or AWS's toolkit does when the job requests it."""
    name = f"finetune-{launcher}"
    torchrun = TORCHRUN if launcher == "toolkit" else {}
    description = run(service, name, photos, "FullyReplicated", **torchrun)
    assert description["TrainingJobStatus"] == "Completed", description["FailureReason"]
    logs = [log_of(service, name, f"algo-{number}") for number in (1, 2)]
    by_toolkit = any("torchrun --nnodes 2" in line for line in logs[0])
    assert by_toolkit is (launcher == "toolkit")
    for number, lines in enumerate(logs, 1):
        own = f"process {number} of 2: trained on {TAKEN // 2} of {TAKEN} photos"
        assert [line for line in lines if "trained on" in line] == [own]
    model = archive(service, f"out/{name}/output/model.tar.gz")
    card = json.loads(model["card.json"])
    assert card["training"]["finetune"]["processes"] == 2
    assert {entry["breed"] for entry in json.loads(model["breeds.json"])} == {"Beagle", "Boxer"}
    losses = re.findall(r"valid:loss=([\d.]+)", "\n".join(logs[0]))
    assert len(losses) == 2 + 2  # the head's epochs and the network's; the second host has none
    assert not re.search(r"valid:loss", "\n".join(logs[1]))
    (metric,) = description["FinalMetricDataList"]
    assert metric["Value"] == pytest.approx(float(losses[-1]), rel=1e-6)
    assert {"audit.json", "report.html"} <= set(
        archive(service, f"out/{name}/output/output.tar.gz")
    )


@pytest.mark.slow
def test_hosts_with_different_photos_fail_with_a_reason(service: Service, photos: str) -> None:
    description = run(service, "finetune-sharded", photos, "ShardedByS3Key")
    assert description["TrainingJobStatus"] == "Failed"
    assert re.search(
        r"Process 2 of 2 lacks \d+ of the photos that the first one has: give every host all "
        r"photos \(S3DataDistributionType FullyReplicated\)",
        description["FailureReason"],
    )
