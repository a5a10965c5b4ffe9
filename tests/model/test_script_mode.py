"""train.py under AWS's own training toolkit, as a SageMaker container runs it.

Only the container is missing: the toolkit unpacks the bundle's source.tar.gz, installs its
requirements.txt, turns hyperparameters into flags and channels into variables, and reports.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dogbreeds.serving.inference import input_fn, model_fn, predict_fn
from tests.model.pictures import kennel_of, picture, saved, write

pytestmark = (
    pytest.mark.slow
)  # kennel/cloud/sagemaker/jobs runs smaller scripts by the same toolkit

SPACE = Path(__file__).resolve().parents[2] / "model" / "search_space.json"


@dataclass(frozen=True)
class Job:
    """A tree like /opt/ml, and what the toolkit's `train` left in it."""

    base: Path
    status: int
    log: str

    def output(self, name: str) -> str | None:
        file = self.base / "output" / name
        return file.read_text() if file.exists() else None


def train(
    base: Path, source: Path, channels: Mapping[str, Path], hyperparameters: Mapping[str, str]
) -> Job:
    """Run a job as SageMaker does: every value of a hyperparameter is a string."""
    for folder in ("input/config", "input/data", "model", "output"):
        (base / folder).mkdir(parents=True)
    for name, channel in channels.items():
        (base / "input/data" / name).symlink_to(channel)
    settings = {
        "hyperparameters": {
            **{name: json.dumps(value) for name, value in hyperparameters.items()},
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(str(source)),
        },
        "resourceconfig": {
            "current_host": "localhost",
            "hosts": ["localhost"],
            "network_interface_name": "lo",
        },
        "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in channels},
    }
    for name, value in settings.items():
        (base / "input/config" / f"{name}.json").write_text(json.dumps(value))
    tools = Path(sys.executable).parent
    done = subprocess.run(
        [tools / "train"],
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(base),
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_TRAINING_MODULE": "sagemaker_pytorch_container.training:main",
            "TRAINING_JOB_NAME": "k-0123456789abcdef0123-train",
            "PIP_NO_INDEX": "1",  # requirements.txt asks for nothing that is not here
            "OMP_NUM_THREADS": "2",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Job(base, done.returncode, done.stdout)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kennel_of(tmp_path_factory.mktemp("photos"), train=8, test=3)


@pytest.fixture(scope="module")
def job(photos: Path, bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A training with two channels of photos, and the live package as a third."""
    base = tmp_path_factory.mktemp("job")
    live = base / "s3"
    live.mkdir()
    (live / "model.tar.gz").symlink_to(bundle_folder / "model.tar.gz")
    return train(
        base / "ml",
        bundle_folder / "source.tar.gz",
        {"train": photos / "train", "test": photos / "test", "live": live},
        {
            "epochs": "3",
            "learning-rate": "0.01",
            "batch-size": "64",
            "head-only": "true",
            "_tuning_objective_metric": "valid:loss",
        },
    )


def test_success(job: Job) -> None:
    assert job.status == 0, job.log
    assert job.output("success") == "" and job.output("failure") is None


def test_the_model_folder_holds_a_package_that_serves(job: Job) -> None:
    folder = job.base / "model"
    assert {"model.safetensors", "network.xml", "network.bin", "card.json", "breeds.json",
            "evaluation.json", "smoke.jpg"} <= {path.name for path in folder.iterdir()}  # fmt: skip
    model = model_fn(str(folder))
    assert [breed["breed"] for breed in json.loads((folder / "breeds.json").read_text())] == [
        "Beagle",
        "Boxer",
    ]
    photo = input_fn((folder / "smoke.jpg").read_bytes(), "image/jpeg")
    answer = predict_fn(photo, model)
    assert (
        answer["breeds"][0]["breed"]
        == json.loads((folder / "card.json").read_text())["smoke_breed"]
    )


def test_hyperparameters_arrived_as_what_they_are(job: Job) -> None:
    card = json.loads((job.base / "model/card.json").read_text())
    training = card["training"]
    assert (training["epochs"], training["learning_rate"], training["batch_size"]) == (3, 0.01, 64)


def test_the_audit_records_the_split_that_was_made(job: Job) -> None:
    audit = json.loads((job.base / "output/data/audit.json").read_text())
    assert audit["made_splits"] == ["valid"] and audit["photos"] == 22
    assert (job.base / "output/data/report.html").stat().st_size > 1000


def test_the_live_package_was_measured_on_the_same_photos(job: Job) -> None:
    evaluation = json.loads((job.base / "model/evaluation.json").read_text())
    live = evaluation["live"]
    assert evaluation["photos"] == live["photos"] == 6
    assert evaluation["top1"] - live["top1"] == pytest.approx(live["difference"])


def test_the_log_has_the_line_that_the_tuning_service_reads(job: Job) -> None:
    objective = json.loads(SPACE.read_text())["objective"]
    losses = [float(value) for value in re.findall(objective["regex"], job.log)]
    assert len(losses) == 3 and all(0 < loss < 10 for loss in losses)


def test_a_failure_says_why_where_sagemaker_looks(bundle_folder: Path, tmp_path: Path) -> None:
    bad = kennel_of(tmp_path / "photos")
    write(bad / "train/beagle/empty.jpg", b"")
    write(bad / "train/boxer/copy.jpg", saved(picture(0)))
    channels = {name: bad / name for name in ("train", "valid", "test")}
    source = bundle_folder / "source.tar.gz"
    failed = train(tmp_path / "ml", source, channels, {"head-only": "true"})
    assert failed.status == 1 and failed.output("success") is None
    reason = failed.output("failure") or ""
    unreadable = "1 unreadable (train/beagle/empty.jpg: The file is empty.)"
    two_breeds = "1 two-breeds (train/beagle/0.jpg = train/boxer/copy.jpg)"
    assert reason.startswith(f"The audit stops the run: {unreadable}, {two_breeds}. Mend these")
    assert reason.endswith("--accept unreadable,two-breeds")
    assert "train/beagle/empty.jpg: The file is empty." in failed.log
    assert list((tmp_path / "ml/model").iterdir()) == []
