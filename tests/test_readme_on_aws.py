"""The README's section "On AWS", verbatim, with AWS's own tools and an empty offline cloud.

Only what the README tells a reader to fill in is filled in: the outputs in <>, and two waits in
samconfig.toml, which are minutes on AWS. `sam build` packs for this machine's Python, offline.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kennel.demo import samples
from tests.guide import Reader, block, blocks, copy_photos, reader_of_an_empty_cloud

pytestmark = [pytest.mark.rivals, pytest.mark.slow]
THIS = "runs in tests/test_readme_on_aws.py"
BLOCKS = [each.code for each in blocks("README.md") if each.mark == THIS]
CALL = block("README.md", "sh", "curl")
SECONDS = 900.0


def section(containing: str) -> str:
    """Return the only code block of the README's AWS section that contains `containing`."""
    (code,) = [each for each in BLOCKS if containing in each]
    return code


def wait_for_executions(reader: Reader) -> None:
    """Wait until all executions have ended, each as it should."""
    states, machine = reader.aws("stepfunctions"), reader.outputs["StateMachineArn"]
    until = time.monotonic() + SECONDS
    while states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        assert time.monotonic() < until
        time.sleep(1)
    for each in states.list_executions(stateMachineArn=machine)["executions"]:
        ended = states.describe_execution(executionArn=each["executionArn"])
        assert ended["status"] == "SUCCEEDED", ended.get("cause")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reader_of_an_empty_cloud(tmp_path_factory.mktemp("reader")) as reader:
        yield reader


def test_the_section_from_build_to_destroy(reader: Reader, shared_data: Path) -> None:
    """The steps depend on each other, so they are one test."""
    reader.paste(section("kennel preflight"))
    reader.paste(section("sam build"))
    reader.read_outputs("kennel-dev")

    breeds = copy_photos(shared_data / "woof10", reader.checkout / "photos", breeds=3, photos=24)
    reader.paste(section("aws s3 sync photos"))
    # Without a search, as the text says.
    reader.paste(re.sub(r"'\{.*\}'", "'{}'", section("start-execution")))
    wait_for_executions(reader)

    (reader.checkout / "trained").mkdir()
    bundle = reader.checkout / ".aws-sam" / "build" / "PublishBundleFunction" / "bundle"
    shutil.copy(bundle / "model.tar.gz", reader.checkout / "trained" / "model.tar.gz")
    reader.paste(section("kennel release"))  # and the one before again

    reader.environment["KEY"] = reader.paste(section("get-api-key")).strip()
    reader.environment["API"] = reader.outputs["ApiUrl"]
    shutil.copy(next(iter(sorted(breeds[0].iterdir()))), reader.checkout / "photo.jpg")
    answer = json.loads(reader.paste(CALL))
    answered = {each["breed"].lower().replace(" ", "_") for each in answer["breeds"]}
    assert answered == {each.name for each in breeds}  # by the model that was live before

    (reader.checkout / "walk").mkdir()
    for sample in samples()[:3]:
        shutil.copy(sample.photo, reader.checkout / "walk")
    reader.paste(section("kennel batch"))
    assert reader.aws("sagemaker").list_transform_jobs()["TransformJobSummaries"]

    left = reader.paste(section("kennel destroy"))
    bucket = reader.outputs["BucketName"]
    assert bucket in left
    stacks = reader.aws("cloudformation").describe_stacks()["Stacks"]
    names = {each["StackName"] for each in stacks}
    assert names == {"aws-sam-cli-managed-default"}
    buckets = {each["Name"] for each in reader.aws("s3").list_buckets()["Buckets"]}
    assert buckets == {bucket, "aws-sam-cli-managed-default-samclisourcebucket"}
    assert reader.aws("sagemaker").list_endpoints()["Endpoints"] == []
    assert reader.aws("lambda").list_functions()["Functions"] == []
