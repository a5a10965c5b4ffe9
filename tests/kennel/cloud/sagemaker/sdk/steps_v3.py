"""What users of SageMaker's Python SDK 3 do: run by test_sdks.py in the venv of that SDK."""

import json
import os
import sys
import time
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ModelPackage, TrainingJob
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode
from sagemaker.train.tuner import HyperparameterTuner
from table import BUCKET, CODE, INSTANCE, ROLE, Table, pictures, refused

FOLDER = Path(sys.argv[1])
NPY = "application/x-npy"

row = Table()
session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket=BUCKET)
made: dict = {}


def image(scope: str) -> str:
    return image_uris.retrieve(
        "pytorch",
        "us-east-1",
        "2.5.1",
        py_version="py311",
        instance_type=INSTANCE,
        image_scope=scope,
    )


def trainer(script: str = "train.py", **changes: object) -> ModelTrainer:
    settings = {
        "training_image": image("training"),
        "source_code": SourceCode(source_dir=CODE, entry_script=script),
        "compute": Compute(instance_type=INSTANCE, instance_count=1),
        "hyperparameters": {"epochs": 2},
        "role": ROLE,
        "sagemaker_session": session,
        "base_job_name": "digits",
    }
    return ModelTrainer(**{**settings, **changes})


def channel(uri: str = f"s3://{BUCKET}/digits") -> list[InputData]:
    return [InputData(channel_name="training", data_source=uri)]


@row
def upload_data() -> None:
    np.savez(FOLDER / "data.npz", x=pictures(32), y=np.arange(32) % 10)
    np.save(FOLDER / "three.npy", pictures(3))
    session.upload_data(str(FOLDER / "data.npz"), key_prefix="digits")
    session.upload_data(str(FOLDER / "three.npy"), key_prefix="batch")


@row
def train_with_the_defaults_and_the_log() -> None:
    made["trainer"] = trainer()
    made["trainer"].train(input_data_config=channel())


@row
def describe_a_training_job() -> None:
    made["job"] = TrainingJob.get(made["trainer"]._latest_training_job.training_job_name)
    assert made["job"].training_job_status == "Completed"
    made["data"] = made["job"].model_artifacts.s3_model_artifacts


@row
def list_training_jobs() -> None:
    names = [each.training_job_name for each in TrainingJob.get_all()]
    assert made["job"].training_job_name in names


@row
def train_to_another_place() -> None:
    output = OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models")
    other = trainer(output_data_config=output)
    other.train(input_data_config=channel(), logs=False)
    artifacts = other._latest_training_job.model_artifacts.s3_model_artifacts
    assert artifacts.startswith(f"s3://{BUCKET}/models/")


@row
def tune() -> None:
    definitions = [{"Name": "loss", "Regex": "Average loss: ([0-9.]+)"}]
    made["tuner"] = HyperparameterTuner(
        trainer(hyperparameters={"epochs": 1}),
        "loss",
        {"lr": CategoricalParameter([0.01, 0.5])},
        metric_definitions=definitions,
        strategy="Grid",
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=2,
        base_tuning_job_name="digits-3",  # the default may be that of version 2 in the same minute
    )
    made["tuner"].tune(inputs=channel(), wait=True)


@row
def analytics_of_a_tuning_job() -> None:
    table = made["tuner"].analytics().dataframe()
    assert len(table) == 2
    assert table["FinalObjectiveValue"].min() > 0


@row
def best_training_job_of_a_tuning_job() -> None:
    best = made["tuner"].best_training_job()
    assert TrainingJob.get(str(best)).training_job_status == "Completed"


@row
def build_a_model() -> None:
    made["builder"] = ModelBuilder(
        s3_model_data_url=made["data"],
        image_uri=image("inference"),
        source_code=SourceCode(source_dir=CODE, entry_script="inference.py"),
        role_arn=ROLE,
        sagemaker_session=session,
        instance_type=INSTANCE,
    )
    made["model"] = made["builder"].build()


@row
def deploy() -> None:
    made["endpoint"] = made["builder"].deploy(
        endpoint_name="digits-3", initial_instance_count=1, instance_type=INSTANCE
    )


@row
def invoke() -> None:
    answer = Endpoint.get("digits-3").invoke(
        body=json.dumps(pictures(2).tolist()),
        content_type="application/json",
        accept="application/json",
    )
    assert np.asarray(json.loads(answer.body.read())).shape == (2, 10)


@row
def update_an_endpoint() -> None:
    endpoint = Endpoint.get("digits-3")
    endpoint.update_weights_and_capacities(
        desired_weights_and_capacities=[{"variant_name": "AllTraffic", "desired_instance_count": 2}]
    )
    endpoint.wait_for_status("InService")
    assert Endpoint.get("digits-3").production_variants[0].current_instance_count == 2


@row
def transform() -> None:
    transformer = made["builder"].transformer(1, INSTANCE, output_path=f"s3://{BUCKET}/out-3")
    transformer.transform(f"s3://{BUCKET}/batch", content_type=NPY, wait=True, logs=False)
    keys = session.list_s3_files(BUCKET, "out-3/")
    assert len(keys) == 1


@row
def register_a_model() -> None:
    made["package"] = made["builder"].register(
        model_package_group_name="digits3",
        content_types=[NPY],
        response_types=["application/json"],
        inference_instances=[INSTANCE],
        transform_instances=[INSTANCE],
        approval_status="Approved",
    )


@row
def describe_a_registered_model() -> None:
    (package,) = ModelPackage.get_all(model_package_group_name="digits3")
    described = ModelPackage.get(package.model_package_arn)
    assert described.model_approval_status == "Approved"


@row
def delete_endpoint_and_model() -> None:
    endpoint = Endpoint.get("digits-3")
    config = EndpointConfig.get(endpoint.endpoint_config_name)
    endpoint.delete()
    endpoint.wait_for_delete()
    config.delete()
    Model.get(made["model"].model_name).delete()
    assert "Could not find endpoint" in refused(lambda: Endpoint.get("digits-3"))


@row
def refuse_an_unknown_role() -> None:
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # so that the service refuses it, not the SDK
    try:
        unknown = trainer(role="arn:aws:iam::123456789012:role/none")
        message = refused(lambda: unknown.train(input_data_config=channel()))
    finally:
        del os.environ["SAGEMAKER_VALIDATE_ROLE"]
    assert "Could not assume role" in message


@row
def refuse_an_unknown_role_before_the_call() -> None:
    message = refused(lambda: trainer(role="arn:aws:iam::123456789012:role/none"))
    assert "cannot be used for 'training' workloads" in message


@row
def fail_without_data() -> None:
    message = refused(lambda: trainer().train(channel(f"s3://{BUCKET}/none/"), logs=False))
    assert "No S3 objects found" in message


@row
def fail_with_the_reason_of_the_script() -> None:
    message = refused(lambda: trainer("broken.py").train(channel(), logs=False))
    assert "broken on purpose" in message or "AlgorithmError" in message


@row
def stop_a_training_job() -> None:
    stopped = trainer()
    stopped.train(channel(), wait=False)
    job = stopped._latest_training_job
    job.stop()
    while (job := TrainingJob.get(job.training_job_name)).training_job_status == "Stopping":
        time.sleep(1)
    assert job.training_job_status == "Stopped"


row.run()
