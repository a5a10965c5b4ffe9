"""docs/train_and_deploy.ipynb: as it is committed, and run whole against an offline cloud."""

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.cloud import Cloud, run_cloud
from kennel.cloud.runtime.clients import client
from kennel.paths import ROOT
from kennel.running_cloud import CloudAddress
from tests.kennel.cloud.small_stack import small_stack
from tests.model.pictures import kennel_of

NOTEBOOK = ROOT / "docs" / "train_and_deploy.ipynb"
PAGE = ROOT / "docs" / "notebook.md"
JUPYTER = ROOT / ".venv-sdk3" / "bin" / "jupyter-execute"
SECONDS = 1800  # for all of it; four minutes where nothing else runs


def cells(file: Path) -> dict[str, Any]:
    """Return a notebook's cells by their ids."""
    return {each["id"]: each for each in json.loads(file.read_text())["cells"]}


def source(ident: str) -> str:
    return "".join(cells(NOTEBOOK)[ident]["source"])


def text(outputs: list[dict[str, Any]]) -> str:
    return "".join("".join(each.get("text", "")) for each in outputs)


def test_it_is_committed_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len(cells(NOTEBOOK)) == len(notebook["cells"])  # no id twice
    code = [each for each in notebook["cells"] if each["cell_type"] == "code"]
    assert [each["id"] for each in code if each["outputs"] or each["execution_count"]] == []


def test_it_installs_the_sdk_that_the_tests_run() -> None:
    (pin,) = re.findall(r"sagemaker==[\d.]+", source("install"))
    assert pin in (ROOT / "requirements" / "sdk3.txt").read_text().splitlines()


def test_the_page_lists_its_settings() -> None:
    settings = re.findall(r'setting\("([A-Z_]+)", "(.*)"\)', source("settings"))
    listed = re.findall(r"^\| `KENNEL_([A-Z_]+)` \| (?:`(.*?)`)?", PAGE.read_text(), re.MULTILINE)
    assert listed == settings


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_cloud(small_stack(tmp_path, "notebook", tmp_path / "state")) as running:
        yield running


@pytest.mark.rivals
def test_it_runs_whole_and_leaves_nothing(cloud: Cloud, tmp_path: Path) -> None:
    if not JUPYTER.exists():
        pytest.skip("there is no Jupyter in .venv-sdk3: run `make sdks`")
    executed = tmp_path / "executed.ipynb"
    environment = {
        **CloudAddress(cloud.api_url, cloud.api_key, cloud.url).variables(),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KENNEL_PHOTOS": str(kennel_of(tmp_path / "photos")),
        "KENNEL_TRIALS": "2",
        "KENNEL_EPOCHS": "3",
    }
    command = [str(JUPYTER), f"--output={executed}", f"--timeout={SECONDS}", str(NOTEBOOK)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]

    outputs = {ident: each.get("outputs", []) for ident, each in cells(executed).items()}
    for drawn in ("trials-plot", "watch", "ask"):
        assert any("image/png" in each.get("data", {}) for each in outputs[drawn]), drawn
    answer = ast.literal_eval("".join(outputs["ask"][-1]["data"]["text/plain"]))
    assert answer["breeds"][0]["breed"] in {"Beagle", "Boxer"}
    assert "epoch 3: " in text(outputs["watch"])
    assert "Left: nothing" in text(outputs["delete"])

    sagemaker, s3, iam = (client(name, cloud.url) for name in ("sagemaker", "s3", "iam"))
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    assert "Contents" not in s3.list_objects_v2(Bucket="sagemaker-us-east-1-123456789012")
    roles = [each["RoleName"] for each in iam.list_roles()["Roles"]]
    assert [each for each in roles if each.startswith("kennel-nb")] == []
