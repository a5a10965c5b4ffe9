"""Service times as people and benchmarks write them."""

import json
from pathlib import Path

import numpy as np
import pytest

from kennel.planner.errors import PlanError
from kennel.planner.inputs import distributions


def test_a_lognormal_by_two_quantiles() -> None:
    distribution = distributions.read("p50=20ms,p99=60ms")
    assert distribution.quantile(0.5) == pytest.approx(0.020, rel=0.01)
    assert distribution.quantile(0.99) == pytest.approx(0.060, rel=0.02)


def test_a_lognormal_by_mean_and_variation() -> None:
    distribution = distributions.read("mean=0.1s,cv=0.5")
    assert distribution.mean == pytest.approx(0.1, rel=1e-6)
    assert distribution.cv == pytest.approx(0.5, rel=0.02)


def test_a_constant() -> None:
    distribution = distributions.read("15ms")
    assert (distribution.mean, distribution.cv) == (0.015, 0.0)


def test_a_file_of_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "ms.txt"
    path.write_text("10\n30\n\n20\n")
    distribution = distributions.read(str(path))
    assert distribution.points == pytest.approx([0.010, 0.020, 0.030])
    assert distribution.survival(np.array([0.005, 0.020, 0.5])) == pytest.approx([1, 1 / 3, 0])


def test_a_bad_line_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ms.txt"
    path.write_text("10\n-3\n")
    with pytest.raises(PlanError, match="line 2: '-3' is not a number of milliseconds above 0"):
        distributions.read(str(path))


def test_what_the_endpoint_benchmark_printed(tmp_path: Path) -> None:
    path = tmp_path / "endpoint.txt"
    row = {"1": {"per_second": 64.0, "p50_ms": 14.0, "p99_ms": 36.0}}
    line = json.dumps({"clients": [1, 4, 16], "results": {"kennel": row}})
    path.write_text(f"server   1 clients\nkennel  64\n{line}\n")
    distribution = distributions.read(str(path))
    assert distribution.quantile(0.5) == pytest.approx(0.014, rel=0.01)
    path.write_text('{"results": {"fastapi": {}}}\n')
    with pytest.raises(PlanError, match=r"not what bench/endpoint\.py prints"):
        distributions.read(str(path))


@pytest.mark.parametrize(
    "text", ["", "fast", "20", "p50=20ms", "mean=20,cv=1", "-5ms", "mean=1s,cv=x"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(PlanError, match="is neither a service time nor a file"):
        distributions.read(text)


def test_a_p99_below_the_median() -> None:
    with pytest.raises(PlanError, match="p99 below its p50"):
        distributions.read("p50=20ms,p99=10ms")


def test_samples_have_the_distribution() -> None:
    distribution = distributions.lognormal_of_mean(0.2, 0.8)
    drawn = distribution.sample(np.random.default_rng(0), 200_000)
    assert drawn.mean() == pytest.approx(0.2, rel=0.01)
    assert drawn.std() / drawn.mean() == pytest.approx(distribution.cv, rel=0.02)
