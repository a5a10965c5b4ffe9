"""A large log is cut while a process writes to it."""

import subprocess
import time
from pathlib import Path

from kennel.cloud.runtime.log_files import cut_logs, predecessor


def test_large_log_is_cut_and_its_process_goes_on(tmp_path: Path) -> None:
    log, small = tmp_path / "jobs" / "large.log", tmp_path / "small.log"
    log.parent.mkdir()
    small.write_text("few words\n")
    with (
        log.open("ab") as out,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=out) as process,
    ):
        assert process.stdin

        def write(text: bytes, size: int) -> None:
            assert process.stdin
            process.stdin.write(text)
            process.stdin.flush()
            while log.stat().st_size < size:
                time.sleep(0.01)

        write(b"a" * 100, 100)
        cut_logs(tmp_path, most=50)
        assert (log.read_bytes(), predecessor(log).read_bytes()) == (b"", b"a" * 100)
        write(b"b" * 10, 10)
        cut_logs(tmp_path, most=50)
        assert (log.read_bytes(), predecessor(log).read_bytes()) == (b"b" * 10, b"a" * 100)
    assert small.read_text() == "few words\n"
