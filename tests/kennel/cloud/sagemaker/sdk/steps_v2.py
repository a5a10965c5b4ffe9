"""What users of SageMaker's Python SDK 2 do: run by test_sdks.py in the venv of that SDK."""

import json
import sys
from pathlib import Path

import boto3
import numpy as np
from sagemaker import ModelPackage, Session
from sagemaker.deserializers import JSONDeserializer
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch, PyTorchModel
from sagemaker.serializers import IdentitySerializer, JSONSerializer
from sagemaker.tuner import CategoricalParameter, HyperparameterTuner
from sagemaker.xgboost import XGBoost
from table import BUCKET, CODE, INSTANCE, ROLE, Table, pictures, refused

FOLDER = Path(sys.argv[1])
VERSION = {"framework_version": "2.5.1", "py_version": "py311"}

row = Table()
session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket=BUCKET)
aws = session.sagemaker_client
made: dict = {}


def estimator(entry_point: str = "train.py", **changes: object) -> PyTorch:
    settings = {
        "entry_point": entry_point,
        "source_dir": CODE,
        "role": ROLE,
        "instance_count": 1,
        "instance_type": INSTANCE,
        "sagemaker_session": session,
        "hyperparameters": {"epochs": 2},
        "metric_definitions": [{"Name": "loss", "Regex": "Average loss: ([0-9.]+)"}],
        **VERSION,
    }
    return PyTorch(**{**settings, **changes})


def model() -> PyTorchModel:
    data = made["estimator"].model_data
    return PyTorchModel(
        data, ROLE, "inference.py", source_dir=CODE, sagemaker_session=session, **VERSION
    )


@row
def upload_data() -> None:
    labels = np.arange(32) % 10
    np.savez(FOLDER / "data.npz", x=pictures(32), y=labels)
    np.save(FOLDER / "three.npy", pictures(3))
    made["data"] = session.upload_data(str(FOLDER / "data.npz"), key_prefix="digits")
    session.upload_data(str(FOLDER / "three.npy"), key_prefix="batch")
    manifest = [{"prefix": f"s3://{BUCKET}/digits/"}, "data.npz"]
    session.upload_string_as_file_body(json.dumps(manifest), BUCKET, "manifest.json", None)


@row
def fit_with_the_defaults_and_the_log() -> None:
    made["estimator"] = estimator()
    made["estimator"].fit({"training": f"s3://{BUCKET}/digits"}, logs="All")


@row
def describe_what_was_recorded() -> None:
    job = aws.describe_training_job(TrainingJobName=made["estimator"].latest_training_job.name)
    assert job["DebugHookConfig"]["CollectionConfigurations"] == []
    assert "ProfilerConfig" in job
    assert job["OutputDataConfig"]["KmsKeyId"] == ""


@row
def analytics_of_a_training_job() -> None:
    table = made["estimator"].training_job_analytics.dataframe()
    assert list(table["metric_name"]) == ["loss"]
    assert table["value"][0] > 0


@row
def attach_to_a_training_job() -> None:
    attached = PyTorch.attach(made["estimator"].latest_training_job.name, session)
    assert attached.model_data == made["estimator"].model_data


@row
def fit_from_a_manifest_with_everything_else() -> None:
    other = estimator(
        hyperparameters={"epochs": 1},
        code_location=f"s3://{BUCKET}/code",
        output_path=f"s3://{BUCKET}/models",
        checkpoint_s3_uri=f"s3://{BUCKET}/checkpoints",
        use_spot_instances=True,
        max_run=600,
        max_wait=700,
        keep_alive_period_in_seconds=60,
        enable_network_isolation=True,
        max_retry_attempts=2,
        environment={"ANIMAL": "dog"},
    )
    manifest = TrainingInput(f"s3://{BUCKET}/manifest.json", s3_data_type="ManifestFile")
    other.fit({"training": manifest, "more": f"s3://{BUCKET}/batch"}, logs=False)
    assert other.model_data.startswith(f"s3://{BUCKET}/models/")


@row
def tune() -> None:
    made["tuner"] = HyperparameterTuner(
        estimator(hyperparameters={"epochs": 1}),
        "loss",
        {"lr": CategoricalParameter([0.01, 0.5])},
        [{"Name": "loss", "Regex": "Average loss: ([0-9.]+)"}],
        strategy="Grid",
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    made["tuner"].fit({"training": f"s3://{BUCKET}/digits"})


@row
def analytics_of_a_tuning_job() -> None:
    table = made["tuner"].analytics().dataframe()
    assert len(table) == 2
    assert table["FinalObjectiveValue"].min() > 0


@row
def best_estimator_of_a_tuning_job() -> None:
    best = made["tuner"].best_estimator()
    assert best.latest_training_job.name == made["tuner"].best_training_job()


@row
def deploy() -> None:
    made["predictor"] = model().deploy(1, INSTANCE)


@row
def predict_arrays() -> None:
    assert np.asarray(made["predictor"].predict(pictures(2))).shape == (2, 10)


@row
def predict_json() -> None:
    predictor = made["predictor"]
    predictor.serializer, predictor.deserializer = JSONSerializer(), JSONDeserializer()
    assert len(predictor.predict(pictures(1).tolist())[0]) == 10


@row
def refuse_an_unknown_content_type() -> None:
    made["predictor"].serializer = IdentitySerializer("image/png")
    message = refused(lambda: made["predictor"].predict(b"png"))
    assert "image/png is not supported" in message


@row
def update_an_endpoint() -> None:
    made["predictor"].update_endpoint(initial_instance_count=2, instance_type=INSTANCE)
    name = made["predictor"].endpoint_name
    variants = aws.describe_endpoint(EndpointName=name)["ProductionVariants"]
    assert variants[0]["CurrentInstanceCount"] == 2


@row
def delete_model_and_endpoint() -> None:
    made["predictor"].delete_model()
    made["predictor"].delete_endpoint()
    name = made["predictor"].endpoint_name
    aws.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})
    assert "Could not find endpoint" in refused(lambda: aws.describe_endpoint(EndpointName=name))


@row
def deploy_the_best_of_a_tuning_job() -> None:
    predictor = made["tuner"].deploy(1, INSTANCE, entry_point="inference.py", source_dir=CODE)
    assert np.asarray(predictor.predict(pictures(1))).shape == (1, 10)
    predictor.delete_endpoint()


@row
def transform() -> None:
    transformer = model().transformer(1, INSTANCE, output_path=f"s3://{BUCKET}/out-2")
    transformer.transform(f"s3://{BUCKET}/batch", content_type="application/x-npy")
    transformer.wait(logs=False)
    (key,) = session.list_s3_files(BUCKET, "out-2/")
    assert len(json.loads(session.read_s3_file(BUCKET, key))) == 3


@row
def register_a_model() -> None:
    made["package"] = (
        model()
        .register(
            content_types=["application/x-npy"],
            response_types=["application/json"],
            inference_instances=[INSTANCE],
            transform_instances=[INSTANCE],
            model_package_group_name="digits",
            approval_status="PendingManualApproval",
        )
        .model_package_arn
    )


@row
def register_an_estimator_in_the_same_group() -> None:
    package = made["estimator"].register(
        ["application/x-npy"],
        ["application/json"],
        [INSTANCE],
        [INSTANCE],
        model_package_group_name="digits",
        entry_point="inference.py",
    )
    assert package.model_package_arn.endswith("/2")


@row
def deploy_a_registered_model() -> None:
    package = ModelPackage(ROLE, model_package_arn=made["package"], sagemaker_session=session)
    aws.update_model_package(ModelPackageArn=made["package"], ModelApprovalStatus="Approved")
    package.deploy(1, INSTANCE, endpoint_name="from-a-package")
    status = aws.describe_endpoint(EndpointName="from-a-package")["EndpointStatus"]
    session.delete_endpoint("from-a-package")
    assert status == "InService"


@row
def refuse_an_unknown_role() -> None:
    unknown = estimator(role="arn:aws:iam::123456789012:role/none")
    assert "Could not assume role" in refused(lambda: unknown.fit(made["data"], logs=False))


@row
def fail_without_data() -> None:
    message = refused(lambda: estimator().fit(f"s3://{BUCKET}/none/", logs=False))
    assert "No S3 objects found" in message


@row
def fail_with_the_reason_of_the_script() -> None:
    message = refused(lambda: estimator("broken.py").fit(made["data"], logs=False))
    assert "ExecuteUserScriptError" in message
    assert "exit code: 1" in message


@row
def fail_with_the_name_of_a_missing_requirement() -> None:
    source = FOLDER / "source"
    source.mkdir()
    (source / "train.py").write_text("")
    (source / "requirements.txt").write_text("--no-index\nno-such-package==1.0\n")
    message = refused(lambda: estimator(source_dir=str(source)).fit(logs=False))
    assert "no-such-package==1.0" in message


@row
def refuse_another_frameworks_image_by_name() -> None:
    other = XGBoost(
        entry_point="broken.py",
        source_dir=CODE,
        framework_version="1.7-1",
        role=ROLE,
        instance_count=1,
        instance_type=INSTANCE,
        sagemaker_session=session,
    )
    assert "sagemaker-xgboost:1.7-1 cannot run" in refused(lambda: other.fit(logs=False))


@row
def stop_a_tuning_job() -> None:
    tuner = HyperparameterTuner(
        estimator(),
        "loss",
        {"lr": CategoricalParameter([0.1, 0.2, 0.3])},
        [{"Name": "loss", "Regex": "Average loss: ([0-9.]+)"}],
        strategy="Grid",
        max_jobs=3,
    )
    tuner.fit({"training": f"s3://{BUCKET}/digits"}, wait=False)
    tuner.stop_tuning_job()
    assert tuner.describe()["HyperParameterTuningJobStatus"] in {"Stopping", "Stopped"}


row.run()
