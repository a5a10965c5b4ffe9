"""What bench/soak.py judges: refusals, latencies and the rise of memory."""

import importlib
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from kennel.planner.replay.load_generator import Response

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def soak_phases(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("soak_phases")


@pytest.fixture
def process_usage(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("process_usage")


def test_only_429_and_503_with_retry_after_are_right_refusals(soak_phases: ModuleType) -> None:
    responses = [
        Response(0.0, 200, 0.1),
        Response(0.1, 429, 0.01, "1"),
        Response(0.2, 503, 0.01, "2"),
        Response(0.3, 503, 0.01),
        Response(0.4, 504, 29.0, "1"),
        Response(0.5, 0, 0.1),
    ]
    wrong = soak_phases.wrongly_refused([soak_phases.Phase("ramp", 2.0, 0.0, 1.0, responses)])
    assert wrong == {"503 without Retry-After": 1, "504": 1, "0": 1}


def test_a_quantile_is_of_answers_only_and_of_all_phases(soak_phases: ModuleType) -> None:
    fast = soak_phases.Phase(
        "one", 1.0, 0.0, 1.0, [Response(0.0, 200, 0.1), Response(0.0, 503, 9.0)]
    )
    slow = soak_phases.Phase("two", 1.0, 1.0, 2.0, [Response(0.0, 200, 0.3)])
    assert soak_phases.p_of([fast, slow], 0.5) == pytest.approx(200)
    assert soak_phases.p_of([], 0.5) == float("inf")


def test_the_slope_is_in_units_a_minute(process_usage: ModuleType) -> None:
    rising = [(float(second), 100 + second / 30) for second in range(0, 300, 5)]
    assert process_usage.slope(rising) == pytest.approx(2)
    assert process_usage.slope(rising[:2]) == 0


def test_a_process_that_keeps_what_it_reads_has_a_slope(process_usage: ModuleType) -> None:
    code = """
import sys
kept = []
for line in sys.stdin:
    kept.append(bytearray(b"x" * 20_000_000))
    print(flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        sampler = process_usage.Sampler(child.pid, 60, time.perf_counter())
        for _ in range(4):
            print(file=child.stdin, flush=True)
            child.stdout.readline()
            sampler.sample()
        sampler.stop()
        child.stdin.close()
    ((_, usages),) = sampler.usages.items()
    assert usages[-1].rss - usages[0].rss > 50
    assert process_usage.slope([(each.at, each.rss) for each in usages]) > 0
