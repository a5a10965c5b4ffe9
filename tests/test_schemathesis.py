"""Schemathesis makes requests from the API's description, and checks the answers against it.

It is in .venv-lint (`make lint`), with versions of its own.
"""

import subprocess
from pathlib import Path

import pytest

from kennel.cloud.cloud import Cloud
from tests.conftest import ROOT

SCHEMATHESIS = ROOT / ".venv-lint" / "bin" / "schemathesis"
#: A schema cannot say which bytes are a photo, so requests that it allows get 400.
EXCLUDED = "positive_data_acceptance"


@pytest.mark.slow
def test_it_finds_nothing(cloud: Cloud, tmp_path: Path) -> None:
    if not SCHEMATHESIS.exists():
        pytest.skip("schemathesis is not installed: `make lint` does it")
    command = [str(SCHEMATHESIS), "run", f"{cloud.api_url}/openapi.json", "--url", cloud.api_url]
    command += ["--header", f"x-api-key: {cloud.api_key}", "--exclude-checks", EXCLUDED]
    command += ["--max-examples", "50", "--seed", "1", "--no-color"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-1_000:]
