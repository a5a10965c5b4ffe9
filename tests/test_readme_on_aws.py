"""The README's section "On AWS", verbatim, with AWS's own tools and an empty offline cloud.

Only what the README tells a reader to fill in is filled in: the outputs in <>, and two waits in
samconfig.toml, which are minutes on AWS. `sam build` packs for this machine's Python, offline.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.awslambda.build import LAMBDA
from kennel.cloud.runtime.clients import client
from kennel.demo import samples
from kennel.paths import ROOT

pytestmark = [pytest.mark.rivals, pytest.mark.slow]
TOOLS = ROOT / ".venv-tools" / "bin"
README = (ROOT / "README.md").read_text()
BREEDS, PHOTOS = 3, 24
BLOCKS = [
    re.sub(r"^ {3}", "", code, flags=re.MULTILINE)
    for code in re.findall(
        r"^ *```sh\n(.*?)^ *```",
        README[README.index("## On AWS") : README.index("## Work on it")],
        re.DOTALL | re.MULTILINE,
    )
]
CALL = next(each for each in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "curl" in each)
SECONDS = 900.0


@dataclass
class Reader:
    """Someone who pastes the README's lines in a checkout, with `kennel up` in another terminal."""

    checkout: Path
    environment: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    def paste(self, code: str) -> str:
        """Run lines in a shell, which ends at the first that fails; return what they print."""
        for name, value in self.outputs.items():
            code = code.replace(f"<{name}>", value)
        assert not re.search(r"<\w+>", code), code
        done = subprocess.run(
            ["bash", "-ec", code],
            cwd=self.checkout,
            env=self.environment,
            input="y\n" * 9,  # `sam delete` asks
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def paste_block(self, containing: str) -> str:
        """Run the one block of the section that contains a text."""
        (code,) = [each for each in BLOCKS if containing in each]
        return self.paste(code)

    def aws(self, service: str) -> Any:
        """Return a client of the cloud."""
        return client(service, self.environment["AWS_ENDPOINT_URL"])

    def wait_for_executions(self) -> None:
        """Wait until all executions have ended, each as it should."""
        states, machine = self.aws("stepfunctions"), self.outputs["StateMachineArn"]
        until = time.monotonic() + SECONDS
        while states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            assert time.monotonic() < until
            time.sleep(1)
        for each in states.list_executions(stateMachineArn=machine)["executions"]:
            ended = states.describe_execution(executionArn=each["executionArn"])
            assert ended["status"] == "SUCCEEDED", ended.get("cause")


def copy_checkout(target: Path) -> None:
    """Copy this checkout, so that what `sam build` writes is not what its user deploys."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", ".kennel", ".aws-sam", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, target, ignore=left_out)
    for venv in (".venv", ".venv-tools"):
        (target / venv).symlink_to(ROOT / venv)
    config = target / "samconfig.toml"
    quick = 'parameter_overrides = [\n  "PollSeconds=1", "BakeSeconds=2",'
    config.write_text(config.read_text().replace("parameter_overrides = [", quick))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    for tool in ("sam", "aws"):
        if not (TOOLS / tool).exists():
            pytest.skip(f"no {tool} in .venv-tools: run `make tools`")
    folder = tmp_path_factory.mktemp("reader")
    copy_checkout(folder / "kennel")
    environment = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(folder),  # without the credentials and settings of whoever runs the tests
        "KENNEL_STATE": str(folder / "state"),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_PAGER": "",
        "PIP_FLAGS": f"--no-index --find-links {LAMBDA / 'wheels'}",
    }
    up = [sys.executable, "-m", "kennel.cli", "up", "--empty", "--port", "0", "--json"]
    with (folder / "up.log").open("w") as log:
        process = subprocess.Popen(
            up, env=os.environ | environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    with process, contextlib.ExitStack() as exits:
        exits.callback(process.terminate)
        assert process.stdout.readline(), (folder / "up.log").read_text()
        reader = Reader(folder / "kennel", environment)
        environment |= json.loads(reader.paste(".venv/bin/kennel env --json"))
        yield reader


def test_the_section_from_build_to_destroy(reader: Reader, shared_data: Path) -> None:
    """The steps depend on each other, so they are one test."""
    reader.paste_block("kennel preflight")
    reader.paste_block("sam build")
    stacks = reader.aws("cloudformation")
    (stack,) = stacks.describe_stacks(StackName="kennel-dev")["Stacks"]
    reader.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    breeds = sorted((shared_data / "woof10" / "train").iterdir())[:BREEDS]
    for breed in breeds:
        (reader.checkout / "photos" / breed.name).mkdir(parents=True)
        for photo in sorted(breed.iterdir())[:PHOTOS]:
            shutil.copy(photo, reader.checkout / "photos" / breed.name)
    reader.paste_block("aws s3 sync photos")
    (start,) = [each for each in BLOCKS if "start-execution" in each]
    reader.paste(re.sub(r"'\{.*\}'", "'{}'", start))  # without a search, as the text says
    reader.wait_for_executions()

    (reader.checkout / "trained").mkdir()
    bundle = reader.checkout / ".aws-sam" / "build" / "PublishBundleFunction" / "bundle"
    shutil.copy(bundle / "model.tar.gz", reader.checkout / "trained" / "model.tar.gz")
    reader.paste_block("kennel release")  # and the one before again

    reader.environment["KEY"] = reader.paste_block("get-api-key").strip()
    reader.environment["API"] = reader.outputs["ApiUrl"]
    shutil.copy(next(iter(sorted(breeds[0].iterdir()))), reader.checkout / "photo.jpg")
    answer = json.loads(reader.paste(CALL))
    answered = {each["breed"].lower().replace(" ", "_") for each in answer["breeds"]}
    assert answered == {each.name for each in breeds}  # by the model that was live before

    (reader.checkout / "walk").mkdir()
    for sample in samples()[:3]:
        shutil.copy(sample.photo, reader.checkout / "walk")
    reader.paste_block("kennel batch")
    assert reader.aws("sagemaker").list_transform_jobs()["TransformJobSummaries"]

    left = reader.paste_block("kennel destroy")
    bucket = reader.outputs["BucketName"]
    assert bucket in left
    names = {each["StackName"] for each in stacks.describe_stacks()["Stacks"]}
    assert names == {"aws-sam-cli-managed-default"}
    buckets = {each["Name"] for each in reader.aws("s3").list_buckets()["Buckets"]}
    assert buckets == {bucket, "aws-sam-cli-managed-default-samclisourcebucket"}
    assert reader.aws("sagemaker").list_endpoints()["Endpoints"] == []
    assert reader.aws("lambda").list_functions()["Functions"] == []
