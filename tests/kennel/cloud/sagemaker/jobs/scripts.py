"""Pack small training scripts as a user would, and make requests that run them."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.kennel.cloud.sagemaker.conftest import BUCKET, ROLE, Service

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-amzn2023:2.14-cpu-amzn2023-sagemaker"

#: Copies its channel to its model, prints its settings and a loss for each epoch. Each print has
#: one text: unbuffered, as in AWS's image, several go out in several pieces, and the toolkit may
#: make a line of each.
COPY = """
import argparse, json, os, pathlib, shutil
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
settings = (base / "input/config").iterdir()
print(json.dumps({file.stem: json.loads(file.read_text()) for file in settings}))
print(f"env {os.environ.get('ANIMAL')} {os.environ['TRAINING_JOB_NAME']}")
print("folders " + " ".join(sorted(file.name for file in base.iterdir() if file.is_dir())))
arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int, default=2)
arguments.add_argument("--start", type=float, default=1.0)
arguments = arguments.parse_args()
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
for file in sorted(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*")):
    if file.is_file():
        shutil.copy(file, model / file.name)
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt").write_text("done")
for epoch in range(arguments.epochs):
    print(f"valid:loss={arguments.start / (epoch + 1):.4f}", flush=True)
"""

#: Prints that it runs, and never ends by itself.
FOREVER = """
import os, pathlib, time
pathlib.Path(os.environ["SM_MODEL_DIR"], "half.txt").write_text("half")
print("running", flush=True)
while True:
    time.sleep(1)
"""


def packed(**files: str) -> bytes:
    """Return scripts as a source.tar.gz; names without their .py."""
    return archived({f"{name}.py": text.encode() for name, text in files.items()})


def archived(members: Mapping[str, bytes]) -> bytes:
    """Return a .tar.gz of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, body in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return out.getvalue()


def job(service: Service, name: str, script: str, **members: Any) -> dict[str, Any]:
    """Return a CreateTrainingJob request for `script`; `members` replace its own."""
    source = service.upload(f"code/{name}/source.tar.gz", packed(train=script))
    parameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "valid:loss", "Regex": "valid:loss=([0-9.]+)"}],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **members,
        "HyperParameters": parameters | members.get("HyperParameters", {}),
    }


def channel(uri: str, name: str = "train", **source: str) -> dict[str, Any]:
    """Return one member of InputDataConfig."""
    s3_source = {"S3DataType": "S3Prefix", "S3Uri": uri, **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3_source}}
