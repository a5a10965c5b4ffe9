import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kennel.cloud.processes import is_running
from kennel.errors import KennelError
from kennel.train import evaluate, train


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder for scripts that stand where model/'s do."""
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


def test_the_script_gets_its_flags_and_its_status_comes_back(
    scripts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    says = "import sys, os; print(sys.argv[1:], 'KENNEL_CACHE' in os.environ); sys.exit(3)"
    (scripts / "train.py").write_text(says)
    (scripts / "evaluate.py").write_text(says)
    assert train(Path("photos"), Path("out"), ["--epochs", "2"], scripts) == 3
    assert evaluate(Path("m.tar.gz"), Path("photos"), Path("cats"), ["--json"], scripts) == 3
    assert capfd.readouterr().out.splitlines() == [
        "['--data', 'photos', '--out', 'out', '--epochs', '2'] True",
        "['--model', 'm.tar.gz', '--data', 'photos', '--notdogs', 'cats', '--json'] True",
    ]


def test_a_killed_script_is_said(scripts: Path) -> None:
    (scripts / "train.py").write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(KennelError, match=r"train\.py was ended by SIGKILL .*memory runs out"):
        train(Path("photos"), Path("out"), [], scripts)


def test_ending_kennel_ends_the_script(scripts: Path) -> None:
    (scripts / "train.py").write_text(
        "import os, sys, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    )
    starts = (
        "import signal, sys; from pathlib import Path; from kennel.train import train\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))\n"
        f"train(Path('photos'), Path('out'), [], Path({str(scripts)!r}))"
    )
    process = subprocess.Popen([sys.executable, "-c", starts], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        script = int(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    deadline = time.monotonic() + 5
    while is_running(script) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(script)
