"""Tests of workbench.yaml, the stack of the notebook instance and the EC2 trainer.

The lifecycle script's own commands run here; the trainer's user data, which shuts its machine down,
never does (tests/model/test_ec2_train.py runs the script that it starts).
"""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloudformation.template import load
from kennel.errors import KennelError
from tests.model.test_ec2_train import AWS
from tests.stack import ROOT, WORKBENCH

OUTPUTS = {
    "EndpointName": "kennel-dev",
    "BucketName": "kennel-bucket",
    "ImageAccount": "763104351884",
}
TRAINER = {
    "TrainingMachineSource": "0123456789abcdef0123",
    "TrainingMachineSubnet": "subnet-0",
    "TrainingMachineVpc": "vpc-0",
}


def resources(**parameters: str) -> dict[str, Any]:
    """Return each resource's properties, with the parameters."""
    stack = load(WORKBENCH, OUTPUTS | parameters, "kennel-workbench")
    return {key: each.properties for key, each in stack.resources.items()}


def test_notebook_and_trainer_are_chosen_apart() -> None:
    notebook = {"NotebookInstance", "NotebookStart", "NotebookRole"}
    trainer = {
        f"TrainingMachine{part}" for part in ("Instance", "Template", "Group", "Profile", "Role")
    }
    assert set(resources()) == notebook
    assert set(resources(**TRAINER)) == notebook | trainer
    assert set(resources(**TRAINER, Notebook="no")) == trainer


@pytest.mark.parametrize(
    "parameters", [{"EndpointName": "Kennel"}, {"BucketName": "s3://b"}, {"ImageAccount": ""}]
)
def test_values_that_the_template_refuses(parameters: dict[str, str]) -> None:
    with pytest.raises(KennelError):
        resources(**parameters)


def test_notebook_is_small_current_and_named_as_its_role_says() -> None:
    notebook = resources()["NotebookInstance"]
    assert notebook["InstanceType"] == "ml.t3.medium"
    assert notebook["PlatformIdentifier"] == "notebook-al2023-v1"
    assert notebook["RootAccess"] == "Disabled"
    assert notebook["NotebookInstanceName"] == "kennel-dev-notebook"


def test_trainer_has_no_inbound_traffic_and_terminates() -> None:
    made = resources(**TRAINER)
    assert "SecurityGroupIngress" not in made["TrainingMachineGroup"]
    machine = made["TrainingMachineTemplate"]["LaunchTemplateData"]
    assert machine["InstanceType"] == "t3.large"
    assert machine["MetadataOptions"]["HttpTokens"] == "required"
    assert machine["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert machine["NetworkInterfaces"][0]["SubnetId"] == "subnet-0"
    script = text_of(machine["UserData"])
    assert 'bash "$WORK/source/ec2_train.sh" run' in script
    assert script.index("shutdown -h +360") < script.index("trap 'shutdown -h now' EXIT")
    settings = (ROOT / "model" / "ec2_settings.env").read_text()
    assert machine["ImageId"].removeprefix("{{resolve:ssm:").removesuffix("}}") in settings
    for name in re.findall(r"([A-Z_]+)=", script):
        assert f"${{{name}:=" in settings, f"{name} is no setting of ec2_train.sh"


def text_of(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def start(folder: Path) -> Path:
    """Run the lifecycle script as at a start of the instance; return the user's home."""
    home, tools = folder / "home", folder / "bin"
    tools.mkdir(exist_ok=True)
    (home / "SageMaker").mkdir(parents=True, exist_ok=True)
    for name, text in (("aws", AWS), ("chown", '#!/bin/sh\necho "$@" >> "$S3_FOLDER/owners"\n')):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (content,) = resources()["NotebookStart"]["OnStart"]
    script = text_of(content["Content"]).replace("/home/ec2-user", str(home))
    assert len(script) < 16_384  # SageMaker's limit
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": f"{tools}:{os.environ['PATH']}", "S3_FOLDER": str(folder / "s3")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """What docs/training.md uploads for the notebook."""
    uploaded = tmp_path / "s3/kennel-bucket/workbench"
    (uploaded / "docs").mkdir(parents=True)
    (uploaded / "docs/train_and_deploy.ipynb").write_text("{}")
    return uploaded


def test_lifecycle_script_brings_the_notebook_and_its_settings(
    bucket: Path, tmp_path: Path
) -> None:
    home = start(tmp_path)
    assert (home / "SageMaker/kennel/docs/train_and_deploy.ipynb").read_text() == "{}"
    (startup,) = (home / ".ipython/profile_default/startup").iterdir()
    show = f"exec(open({str(startup)!r}).read()); print(os.environ['KENNEL_NAME'], "
    show += "os.environ['KENNEL_BUCKET'])"
    run = [sys.executable, "-c", show]
    completed = subprocess.run(
        run, env={"KENNEL_BUCKET": "mine"}, capture_output=True, text=True, check=False
    )
    assert completed.stdout.split() == ["kennel-dev-nb", "mine"], completed.stderr
    owners = (tmp_path / "s3/owners").read_text()
    assert owners.startswith("-R ec2-user:ec2-user ")


def test_work_in_the_notebook_outlives_a_stop(bucket: Path, tmp_path: Path) -> None:
    notebook = start(tmp_path) / "SageMaker/kennel/docs/train_and_deploy.ipynb"
    notebook.write_text("mine")
    assert start(tmp_path) and notebook.read_text() == "mine"
