"""Run training jobs of small scripts by boto3, in AWS's toolkit."""

import io
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.runtime.faults import Fault
from tests.kennel.cloud.sagemaker.conftest import BUCKET, Service, serving
from tests.kennel.cloud.sagemaker.jobs.scripts import COPY, FOREVER, channel, job
from tests.processes import processes_with


def ended(service: Service, name: str) -> dict[str, Any]:
    return service.wait(
        lambda: service.sagemaker.describe_training_job(TrainingJobName=name),
        lambda description: description["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"},
    )


def run(service: Service, name: str, script: str, **more: Any) -> dict[str, Any]:
    service.sagemaker.create_training_job(**job(service, name, script, **more))
    return ended(service, name)


def archive(service: Service, key: str) -> dict[str, bytes]:
    body = service.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as members:
        return {each.name: members.extractfile(each).read() for each in members if each.isfile()}  # type: ignore[union-attr]


def log_of(service: Service, name: str, algo: str = "algo-1") -> list[str]:
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = service.logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=f"{name}/{algo}-"
    )["logStreams"]
    events = service.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])
    return [each["message"] for each in events["events"]]


@pytest.fixture(scope="module")
def done(service: Service) -> dict[str, Any]:
    """A job that copies two files below a prefix."""
    service.upload("photos/train/a.txt", b"A")
    service.upload("photos/train/deep/b.txt", b"B")
    service.upload("photos/other/c.txt", b"C")
    return run(
        service,
        "copy",
        COPY,
        InputDataConfig=[channel(f"s3://{BUCKET}/photos/train")],
        HyperParameters={"epochs": "3", "start": "0.9"},
        Environment={"ANIMAL": "dog"},
        Tags=[{"Key": "owner", "Value": "me"}],
    )


def test_the_states_come_in_order_and_each_has_its_time(done: dict[str, Any]) -> None:
    assert done["TrainingJobStatus"] == done["SecondaryStatus"] == "Completed"
    transitions = done["SecondaryStatusTransitions"]
    assert [each["Status"] for each in transitions] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(
        one["EndTime"] == after["StartTime"] for one, after in itertools.pairwise(transitions)
    )
    assert done["CreationTime"] <= done["TrainingStartTime"] <= done["TrainingEndTime"]
    assert done["BillableTimeInSeconds"] == done["TrainingTimeInSeconds"] >= 1


def test_each_state_is_published_as_an_event(service: Service, done: dict[str, Any]) -> None:
    description = [
        detail
        for kind, detail in service.events
        if kind == "SageMaker Training Job State Change" and detail["TrainingJobName"] == "copy"
    ]
    assert [each["SecondaryStatus"] for each in description] == [
        each["Status"] for each in done["SecondaryStatusTransitions"]
    ]
    assert description[-1]["TrainingJobStatus"] == "Completed"
    # EventBridge has milliseconds where the API has seconds.
    assert description[-1]["TrainingEndTime"] == pytest.approx(
        done["TrainingEndTime"].timestamp() * 1000, abs=2
    )


def test_the_scripts_files_are_uploaded_to_s3(service: Service, done: dict[str, Any]) -> None:
    uri = f"s3://{BUCKET}/out/copy/output/model.tar.gz"
    assert done["ModelArtifacts"]["S3ModelArtifacts"] == uri
    assert archive(service, "out/copy/output/model.tar.gz") == {"a.txt": b"A", "b.txt": b"B"}
    assert archive(service, "out/copy/output/output.tar.gz") == {"notes.txt": b"done"}


def test_metrics_are_read_from_the_log_in_cloudwatch(
    service: Service, done: dict[str, Any]
) -> None:
    (metric,) = done["FinalMetricDataList"]
    assert (metric["MetricName"], round(metric["Value"], 4)) == ("valid:loss", 0.3)
    lines = log_of(service, "copy")
    assert [line for line in lines if line.startswith("valid:loss")] == [
        "valid:loss=0.9000",
        "valid:loss=0.4500",
        "valid:loss=0.3000",
    ]


def test_the_container_has_its_configuration(service: Service, done: dict[str, Any]) -> None:
    lines = log_of(service, done["TrainingJobName"])
    assert "env dog copy" in lines
    (description,) = [json.loads(line) for line in lines if line.startswith('{"')]
    assert description["resourceconfig"]["hosts"] == ["127.0.0.1"]
    assert description["hyperparameters"]["sagemaker_program"] == "train.py"
    assert description["inputdataconfig"]["train"]["TrainingInputMode"] == "File"
    # As on AWS, a folder for checkpoints is there for those jobs only that ask for one.
    assert "folders code input model output" in lines


def test_the_job_has_the_tags_of_its_request(service: Service, done: dict[str, Any]) -> None:
    tags = service.sagemaker.list_tags(ResourceArn=done["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "owner", "Value": "me"}]
    assert "Tags" not in done


def test_a_failing_script_gives_the_reason(service: Service) -> None:
    description = run(service, "fails", "raise ValueError('no photo of a dog')")
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("AlgorithmError: ")
    assert "no photo of a dog" in description["FailureReason"]
    assert description["FailureReason"].endswith(", exit code: 1")
    assert len(description["FailureReason"]) <= 1024


def test_a_missing_prefix_fails_the_job(service: Service) -> None:
    description = run(
        service, "no-data", COPY, InputDataConfig=[channel(f"s3://{BUCKET}/nothing/here")]
    )
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith(
        "ClientError: Data download failed:No S3 objects found under S3 URL "
        f'"s3://{BUCKET}/nothing/here" given in input data source.'
    )


def test_another_image_than_pytorchs_cannot_be_pulled(service: Service) -> None:
    request = job(service, "other-image", COPY)
    request["AlgorithmSpecification"]["TrainingImage"] = "public.example/own:1"
    service.sagemaker.create_training_job(**request)
    assert ended(service, "other-image")["FailureReason"].startswith(
        "ClientError: Cannot pull algorithm container."
    )


def test_a_stopped_job_uploads_its_files(service: Service) -> None:
    service.sagemaker.create_training_job(**job(service, "stopped", FOREVER))
    service.wait(
        lambda: service.sagemaker.describe_training_job(TrainingJobName="stopped"),
        lambda description: (
            description["SecondaryStatus"] == "Training" and "running" in tail(service)
        ),
    )
    service.sagemaker.stop_training_job(TrainingJobName="stopped")
    description = ended(service, "stopped")
    assert description["TrainingJobStatus"] == description["SecondaryStatus"] == "Stopped"
    assert "Stopping" in [each["Status"] for each in description["SecondaryStatusTransitions"]]
    assert archive(service, "out/stopped/output/model.tar.gz") == {"half.txt": b"half"}
    assert not processes_of("stopped")
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        service.sagemaker.stop_training_job(TrainingJobName="stopped")


def tail(service: Service) -> str:
    try:
        return " ".join(log_of(service, "stopped"))
    except (ClientError, ValueError):  # neither the group nor the stream is there yet
        return ""


def processes_of(job_name: str) -> list[int]:
    """Return the processes of a job that still run."""
    return processes_with(f"TRAINING_JOB_NAME={job_name}\0".encode(), "environ")


def test_a_job_over_its_time_is_stopped(moto_url: str, tmp_path: Path) -> None:
    with serving(moto_url, tmp_path) as service:
        request = job(service, "long", FOREVER, StoppingCondition={"MaxRuntimeInSeconds": 600})
        service.sagemaker.create_training_job(**request)
        service.wait(
            lambda: service.sagemaker.describe_training_job(TrainingJobName="long"),
            lambda description: description["SecondaryStatus"] == "Training",
        )
        service.clock.skip(600)
        description = ended(service, "long")
        assert description["TrainingJobStatus"] == "Stopped"
        assert description["SecondaryStatus"] == "MaxRuntimeExceeded"
        assert not processes_of("long")


def test_checkpoints_are_uploaded_and_downloaded_by_the_next_job(quick_service: Service) -> None:
    script = """
import os, pathlib
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
file = folder / "epoch.txt"
file.write_text(str(int(file.read_text()) + 1 if file.exists() else 1))
"""
    checkpoint_config = {"S3Uri": f"s3://{BUCKET}/checkpoints/same"}
    for name, epoch in (("first-run", b"1"), ("second-run", b"2")):
        description = run(quick_service, name, script, CheckpointConfig=checkpoint_config)
        assert description["TrainingJobStatus"] == "Completed", description["FailureReason"]
        uploaded = quick_service.s3.get_object(Bucket=BUCKET, Key="checkpoints/same/epoch.txt")
        assert uploaded["Body"].read() == epoch


#: Sums the number of files of all hosts. torchrun sets the ranks, or the script does.
ADD_UP = """
import json, os, pathlib, torch, torch.distributed as dist
hosts = json.loads(os.environ["SM_HOSTS"])
rank = hosts.index(os.environ["SM_CURRENT_HOST"])
if "TORCHELASTIC_RUN_ID" in os.environ:
    dist.init_process_group("gloo")
else:
    dist.init_process_group("gloo", rank=rank, world_size=len(hosts))
files = list(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
total = torch.tensor(float(len(files)))
dist.all_reduce(total)
print(f"host {rank} has {len(files)} of {total.item():.0f}", flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], f"host-{rank}").write_text(str(total.item()))
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["toolkit", "torchrun"])
def test_two_hosts_train_together(service: Service, launcher: str) -> None:
    name = f"two-hosts-{launcher}"
    for number in range(3):
        service.upload(f"shards/{number}.txt", b"x")
    torchrun = {
        "sagemaker_torch_distributed_enabled": "true",
        "sagemaker_distribution_instance_groups": '["homogeneousCluster"]',
        "sagemaker_instance_type": "ml.m5.large",
    }
    shards = channel(f"s3://{BUCKET}/shards/", S3DataDistributionType="ShardedByS3Key")
    description = run(
        service,
        name,
        ADD_UP,
        InputDataConfig=[shards],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        HyperParameters=torchrun if launcher == "torchrun" else {},
    )
    assert description["TrainingJobStatus"] == "Completed", description["FailureReason"]
    lines = [line for number in (1, 2) for line in log_of(service, name, f"algo-{number}")]
    assert "host 0 has 2 of 3" in lines and "host 1 has 1 of 3" in lines
    assert any("torchrun --nnodes 2" in line for line in lines) is (launcher == "torchrun")
    assert archive(service, f"out/{name}/output/model.tar.gz") == {
        "host-0": b"3.0",
        "host-1": b"3.0",
    }


def test_a_fault_applies_to_the_next_job(service: Service) -> None:
    service.faults.add(Fault("CreateTrainingJob", "capacity", name="fault-*"))
    service.faults.add(Fault("CreateTrainingJob", "fail", "AlgorithmError: tried", name="fault-*"))
    assert run(service, "fault-1", COPY)["FailureReason"].startswith("CapacityError: ")
    assert run(service, "fault-2", COPY)["FailureReason"] == "AlgorithmError: tried"
    service.faults.add(Fault("DescribeTrainingJob", "throttle", name="fault-1"))
    throttled = service.sagemaker.describe_training_job(TrainingJobName="fault-1")
    assert throttled["ResponseMetadata"]["RetryAttempts"] == 1  # boto3 asked again


def test_a_job_that_hangs_can_be_stopped(service: Service) -> None:
    service.faults.add(Fault("CreateTrainingJob", "hang", name="hangs"))
    service.sagemaker.create_training_job(**job(service, "hangs", COPY))
    service.sagemaker.stop_training_job(TrainingJobName="hangs")
    assert ended(service, "hangs")["TrainingJobStatus"] == "Stopped"


def test_a_restart_keeps_ended_jobs_and_fails_the_others(moto_url: str, tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    with serving(moto_url, tmp_path, file) as before:
        failed = run(before, "ended", COPY, InputDataConfig=[channel(f"s3://{BUCKET}/nothing")])
        before.sagemaker.create_training_job(**job(before, "cut-off", FOREVER))
    assert not processes_of("cut-off")
    with serving(moto_url, tmp_path, file) as after:
        description = after.sagemaker.describe_training_job(TrainingJobName="ended")
        assert description["FailureReason"] == failed["FailureReason"]
        cut = after.sagemaker.describe_training_job(TrainingJobName="cut-off")
        assert cut["TrainingJobStatus"] == "Failed"
        assert cut["FailureReason"].startswith("InternalServerError: the offline cloud ended")
        listed = after.sagemaker.list_training_jobs(StatusEquals="Failed", SortBy="Name")
        assert [each["TrainingJobName"] for each in listed["TrainingJobSummaries"]] == [
            "cut-off",
            "ended",
        ]
