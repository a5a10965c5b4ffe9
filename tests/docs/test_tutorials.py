"""docs/tutorial/laptop.md command for command, and other pages' lines for a model of one's own.

Of the tutorial only the port of `kennel up` is another, so that tests can run beside a user's.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guide import Reader, block, blocks, copy_checkout, copy_photos

pytestmark = pytest.mark.slow  # tests/test_readme.py runs part of it quicker
PAGE = "docs/tutorial/laptop.md"
SECONDS = 600


def step(containing: str, language: str = "sh") -> str:
    return block(PAGE, language, containing)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Reader:
    """A reader with photos of three breeds, who has trained on them."""
    folder = tmp_path_factory.mktemp("tutorial")
    copy_checkout(folder / "kennel")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "KENNEL_STATE": str(folder / "state"),
    }
    reader = Reader(folder / "kennel", environment)
    copy_photos(shared_data / "woof10", reader.checkout / "photos", breeds=3, photos=12)
    listed = reader.paste(step("dogbreeds.data.dataset"))
    assert "Beagle" in listed
    reader.paste(step("kennel train"))
    assert (reader.checkout / "trained" / "report.html").exists()
    classified = reader.paste(step("kennel classify"))
    assert "photo.jpg" in classified
    return reader


@pytest.fixture
def up(reader: Reader) -> Iterator[subprocess.Popen[str]]:
    """The tutorial's `kennel up`, once it serves the model."""
    command = step("kennel up").strip()
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command} --port 0"],
        cwd=reader.checkout,
        env=reader.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert any(line.startswith("Page") for line in process.stdout)
        yield process
        process.send_signal(signal.SIGINT)


def test_it_is_served_called_and_stopped(reader: Reader, up: subprocess.Popen[str]) -> None:
    answer = json.loads(reader.paste(step("curl")))
    assert len(answer["breeds"]) == 3
    (reader.checkout / "ask.py").write_text(step("httpx", "python"))
    evaluate = step("curl").splitlines()[0]
    assert reader.paste(f"{evaluate}\n{step('ask.py')}").strip() == answer["breeds"][0]["breed"]
    reader.paste(step("kennel down"))
    assert up.wait(SECONDS) == 128 + signal.SIGTERM  # as a shell says it


def test_the_readme_s_python_names_the_breeds(reader: Reader) -> None:
    (reader.checkout / "load.py").write_text(block("README.md", "python", "from dogbreeds"))
    assert "'breed': " in reader.paste(".venv/bin/python load.py")


@pytest.mark.parametrize(
    ("page", "containing"),
    [
        ("docs/your-model.md", "breeds.csv"),
        ("docs/how-to/own-photos.md", "audit.py"),
        ("docs/how-to/label-what-is-uncertain.md", "label-queue"),
    ],
)
def test_lines_for_a_trained_model_work(reader: Reader, page: str, containing: str) -> None:
    for folder in ("folder", "new-photos"):
        if not (reader.checkout / folder).exists():
            shutil.copytree(reader.checkout / "photos" / "beagle", reader.checkout / folder)
    reader.paste(block(page, "sh", containing))


def test_no_step_is_left_out() -> None:
    above = ["dataset", "kennel train", "classify --", "kennel up", "curl", "ask.py", "kennel down"]
    run = [each for each in blocks(PAGE) if each.mark.startswith("runs in")]
    assert [each.code for each in run if each.language == "sh"] == [step(each) for each in above]
