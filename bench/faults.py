"""Inject faults into an offline cloud that classifies photos, and report how it recovers.

    .venv/bin/python bench/faults.py            # all faults, half an hour on two busy cores
    .venv/bin/python bench/faults.py worker     # those with this word in their name

The cloud is a `kennel up` with a state of its own in a temporary folder; as root, that is a file
system of limited size, so that it can be full. Two clients send the demo's photos of dogs and never
repeat a request. The recovery time is from the fault to the end of the last request that failed.
Exit status 1 if anything was not as expected. The last line is JSON.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fault_injection import changes, dependencies, processes, releases, restarts
from fault_injection.case import Case
from fault_injection.cloud import KennelUp
from fault_injection.disk import mount, unmount
from fault_injection.expectations import NotAsExpectedError
from fault_injection.load import Load
from kennel.demo import samples

#: In this order: a release that follows within minutes of failed requests is rolled back by the
#: alarms, and rightly so.
CASES = (
    releases.good_release,
    releases.wrong_model,
    releases.early_stop,
    releases.ten_failures,
    dependencies.throttled,
    dependencies.s3_fails_twice,
    dependencies.s3_fails,
    releases.aborted_release,
    releases.two_executions,
    changes.stack_updated,
    changes.clock_jump_in_update,
    changes.clock_jump,
    changes.scaling,
    changes.one_of_two_killed,
    processes.moto_paused,
    processes.worker_paused,
    processes.environment_killed,
    processes.over_memory,
    restarts.full_disk,
    restarts.endpoint_deleted,
    restarts.moto_killed,
    restarts.all_killed,
    restarts.damaged_state,
    restarts.slow_photos,
    processes.worker_killed,
    processes.server_killed,
    processes.worker_hung,
    processes.server_hung,
    processes.burst,
)
COLUMNS = ("fault", "expected", "seen", "recovery", "failed requests")


@dataclass(frozen=True)
class Row:
    """The result of a case: a row of the table."""

    fault: str
    expected: str
    seen: str
    as_expected: bool
    recovery_seconds: float
    requests: int
    failed: dict[int, int]

    def as_line(self) -> str:
        """Return it as a line of a Markdown table."""
        failed = ", ".join(f"{count} x {status or 'none'}" for status, count in self.failed.items())
        cells = (
            self.fault,
            self.expected,
            self.seen if self.as_expected else f"**{self.seen}**",
            f"{self.recovery_seconds:.1f} s" if self.failed else "-",
            f"{sum(self.failed.values())} of {self.requests}{failed and f' ({failed})'}",
        )
        return f"| {' | '.join(cells)} |"


@contextlib.contextmanager
def running() -> Iterator[tuple[KennelUp, Load]]:
    """Run a cloud, and send photos to it, while the block runs."""
    with contextlib.ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="kennel-faults-")))
        if mount(folder / "state"):
            exits.callback(unmount, folder / "state")
        cloud = KennelUp(folder)
        exits.callback(cloud.kill)
        cloud.start()
        load = Load(cloud, [each for each in samples() if each.breed])
        exits.callback(load.stop)
        yield cloud, load


def inject(case: Case, cloud: KennelUp, load: Load) -> Row:
    """Inject one fault under load, and return what it did and what clients saw."""
    load.until_steady()
    load.begin()
    time.sleep(1)
    try:
        seen, as_expected = case.inject(cloud, load), True
    except Exception as error:
        is_known = isinstance(error, NotAsExpectedError)
        seen, as_expected = " ".join((str(error) if is_known else repr(error)).split()), False
    return Row(
        *(case.fault, case.expected, seen, as_expected),
        recovery_seconds=round(load.recovery_seconds(), 1),
        requests=len(load.requests()),
        failed=load.statuses(),
    )


def main() -> None:
    """Inject the faults and print the table."""
    words = sys.argv[1:]
    cases = [each for each in CASES if not words or any(word in each.fault for word in words)]
    rows = []
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that the block ends
    with running() as (cloud, load):
        print(f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|", flush=True)
        for case in cases:
            rows.append(inject(case, cloud, load))
            print(rows[-1].as_line(), flush=True)
    all_expected = all(each.as_expected for each in rows)
    summary = {
        "as_expected": sum(each.as_expected for each in rows),
        "faults": len(rows),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "cpus": os.cpu_count(),
        "rows": [asdict(each) for each in rows],
    }
    print(json.dumps(summary))
    sys.exit(0 if all_expected else 1)


if __name__ == "__main__":
    main()
