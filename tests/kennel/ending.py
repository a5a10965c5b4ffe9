"""Check that a script of model/ ends with the kennel process that runs it."""

import signal
import subprocess
import sys
import time

from kennel.cloud.runtime.processes import is_running
from kennel.paths import ROOT

#: A script that prints its process id on stderr, and runs for a minute.
SCRIPT = "import os, sys, time\nprint(os.getpid(), file=sys.stderr, flush=True)\ntime.sleep(60)\n"


def check_script_ends_with_sigterm(code: str) -> None:
    """Run code that runs `SCRIPT`, send SIGTERM to its process, and check that both end."""
    on_sigterm = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", on_sigterm + code], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    with process.stderr:
        script = int(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    deadline = time.monotonic() + 5
    while is_running(script) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(script)
