"""Tests of the commands `kennel train` and `kennel evaluate`."""

import html
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kennel.cloud.runtime.processes import is_running
from kennel.errors import KennelError
from kennel.train import evaluate, train
from tests.kennel.ending import SCRIPT, check_script_ends_with_sigterm
from tests.model.pictures import kennel_of


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return an empty folder for scripts in place of those of model/."""
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


def test_the_script_gets_its_flags_and_its_status_comes_back(
    scripts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "import sys, os; print(sys.argv[1:], 'KENNEL_CACHE' in os.environ); sys.exit(3)"
    (scripts / "train.py").write_text(script)
    (scripts / "evaluate.py").write_text(script)
    assert train(["photos", "--out", "out", "--epochs", "2"], scripts) == 3
    assert evaluate(Path("m.tar.gz"), Path("photos"), Path("cats"), scripts) == 3
    assert capfd.readouterr().out.splitlines() == [
        "['photos', '--out', 'out', '--epochs', '2'] True",
        "['--model', 'm.tar.gz', '--data', 'photos', '--notdogs', 'cats'] True",
    ]


def test_a_killed_script_is_reported(scripts: Path) -> None:
    (scripts / "train.py").write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(KennelError, match=r"train\.py was ended by SIGKILL .*memory runs out"):
        train(["photos"], scripts)


def test_ending_kennel_ends_the_script(scripts: Path) -> None:
    (scripts / "train.py").write_text(SCRIPT)
    check_script_ends_with_sigterm(
        "from pathlib import Path; from kennel.train import train\n"
        f"train(['photos'], Path({str(scripts)!r}))"
    )


SLOW = """\
import os, signal, sys, time
def end(number, frame):
    time.sleep(4)
    print("saved", flush=True)
    sys.exit("ended after its step")
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("again", [False, True])
def test_a_script_gets_the_time_that_its_step_takes(again: bool, scripts: Path) -> None:
    """A fixed grace would cut off the checkpoint; a second signal ends the wait."""
    (scripts / "train.py").write_text(SLOW)
    starts = "from pathlib import Path; from kennel.train import train; "
    starts += f"train([], Path({str(scripts)!r}))"
    process = subprocess.Popen(
        [sys.executable, "-c", starts], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    script = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    assert "waiting for train.py to end its step" in process.stderr.readline()
    if again:
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert ("saved" in out) == (not again)
    assert not is_running(script)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "kennel.cli", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "2"},
        check=False,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kennel_of(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def printed_training(
    photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """Return the folder that `kennel train` wrote, whose name needs quotes, and its output."""
    out = tmp_path_factory.mktemp("my trained")
    done = run("train", str(photos), "--out", str(out), "--epochs", "3")
    assert done.returncode == 0, done.stderr
    assert "valid:loss=" in done.stdout  # what the script prints comes through
    return out, done.stdout.splitlines()


@pytest.fixture(scope="module")
def trained(printed_training: tuple[Path, list[str]]) -> Path:
    return printed_training[0]


@pytest.mark.slow
def test_train_ends_with_the_three_lines_to_type_next(
    printed_training: tuple[Path, list[str]],
) -> None:
    out, printed = printed_training
    package = f"'{out / 'model.tar.gz'}'"
    commands = [
        f"kennel classify --model {package} photo.jpg",
        f"kennel up --model {package}",
        f"kennel export {package} --to onnx --out exported",
    ]
    assert printed[-4:] == ["Next:", *commands]
    page = html.unescape((out / "report.html").read_text("utf-8"))
    assert "\n".join(commands) in page
    for command in ("classify", "up", "export"):  # each exists, and takes these flags
        text = run(command, "--help").stdout
        flags = shlex.split(next(line for line in commands if f"kennel {command} " in line))
        assert all(flag in text for flag in flags if flag.startswith("--"))


def test_train(trained: Path) -> None:
    names = {path.name for path in trained.iterdir() if not path.name.startswith(".")}
    assert names == {
        "model.tar.gz",
        "report.html",
        "audit.json",
        "evaluation.json",
        "tensorboard",
    }


@pytest.mark.slow
def test_evaluate(trained: Path, photos: Path) -> None:
    package = str(trained / "model.tar.gz")
    done = run("evaluate", package, "--data", str(photos), "--notdogs", str(photos / "valid/boxer"))
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert {"top1", "top5", "macro_recall", "ece", "auroc_not_dog", "photos"} <= set(last)
    evaluation = json.loads((trained / "evaluation.json").read_text())
    assert last["photos"] == 4
    # through the engine and the package now, through PyTorch's head then
    assert last["top1"] == pytest.approx(evaluation["top1"])


@pytest.mark.slow
def test_a_training_killed_while_it_writes_leaves_no_package(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        command("train", str(photos), "--out", str(out), "--epochs", "1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    while not list(out.glob(".model.tar.gz.*")) and process.poll() is None:
        time.sleep(0.002)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    errors = process.communicate()[1]
    assert process.returncode == 1 and "ended by SIGKILL" in errors
    assert not list(out.glob("*.tar.gz"))
