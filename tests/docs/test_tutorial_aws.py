"""docs/tutorial/aws.md command for command, with the real sam and aws, on an offline cloud."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guide import Reader, blocks, copy_photos, reader_of_an_empty_cloud

pytestmark = [pytest.mark.rivals, pytest.mark.slow]
STEPS = [each.code for each in blocks("docs/tutorial/aws.md") if each.mark.startswith("runs in")]
SECONDS = 900.0


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reader_of_an_empty_cloud(tmp_path_factory.mktemp("tutorial")) as reader:
        yield reader


def wait(reader: Reader, code: str) -> str:
    """Run the line that lists an execution's status until it has ended; return the status."""
    until = time.monotonic() + SECONDS
    while (status := reader.paste(code).strip()) == "RUNNING":
        assert time.monotonic() < until
        time.sleep(2)
    return status


def test_from_the_account_to_nothing(reader: Reader, shared_data: Path) -> None:
    """Each step needs the one before, so they are one test."""
    photos = copy_photos(shared_data / "woof10", reader.checkout / "photos", breeds=3, photos=24)
    shutil.copy(next(photos[1].iterdir()), reader.checkout / "photo.jpg")
    (watch,) = [each for each in STEPS if "executions[].status" in each]
    printed = {}
    for code in STEPS:
        printed[code] = reader.paste(code)
        if "sam deploy" in code:
            reader.read_outputs("kennel-dev")
        if "start-execution" in code:
            assert wait(reader, watch) == "SUCCEEDED"

    def shown(containing: str) -> str:
        (text,) = [text for code, text in printed.items() if containing in code]
        return text

    assert re.fullmatch(r"\d{12}", shown("get-caller-identity").strip())
    assert '"is_dog": true' in shown("curl -s -H")
    assert "Beagle" in shown("/breeds")
    assert "epoch 1: " in shown("TrainingJobs")
    assert "kennel-dev" in shown("describe-alarms")
    assert reader.outputs["BucketName"] in shown("kennel destroy")
    assert reader.aws("sagemaker").list_endpoints()["Endpoints"] == []
