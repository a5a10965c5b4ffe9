"""Send the same requests to every host: our server, the image in Docker, Ray Serve 2.57.

The first runs everywhere; the others are `rivals` and are skipped, by name, where their engine or
their venv (`python bench/make_rivals.py`) is missing.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kennel.cloud.runtime.processes import free_ports
from tests.model.contract import TABLE, Case, is_smoke
from tests.model.serving import PATIENCE, Host, Running, serving

ROOT = Path(__file__).resolve().parents[2]
RIVALS = ROOT / ".venv-rivals" / "bin"
IMAGE, BASE = "kennel/serving:test", "kennel/base:test"
MAX_IMAGE_BYTES = 600 * 1024**2  # bytes
RAY_PATIENCE = 300  # seconds, for its many processes; a Ray that has ended is not waited for


def free_port() -> int:
    return free_ports(1)[0]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> str:
    """The serving image, built from model/Dockerfile on a base made of local files."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker engine answers: start one and set DOCKER_HOST")
    script = Path(__file__).with_name("base-image.sh")
    requirements = ROOT / "model" / "requirements-serving.txt"
    subprocess.run([script, sys.executable, requirements, BASE], check=True, capture_output=True)
    docker("build", "--build-arg", f"BASE={BASE}", "-t", IMAGE, str(ROOT / "model"))
    return IMAGE


@pytest.fixture(scope="module")
def container(image: str, package: Path) -> Iterator[tuple[Host, str]]:
    """The image in a hardened container: no root, nothing writable but /tmp."""
    port = free_port()
    package.chmod(0o755)
    name = docker(
        *("run", "-d", "--read-only", "--user", "10001", "--tmpfs", "/tmp", "--cap-drop", "ALL"),  # noqa: S108
        *("--security-opt", "no-new-privileges", "-v", f"{package}:/opt/ml/model:ro"),
        *("-p", f"127.0.0.1:{port}:8080", image, "serve"),
    )
    try:
        running = Host(port)
        running.wait_until_ready()
        yield running, name
    finally:
        docker("rm", "-f", name)


@pytest.fixture(scope="module")
def ray(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Ray Serve as AWS's image runs it: `serve run config.yaml` in the package."""
    if not (RIVALS / "serve").exists():
        pytest.skip("no Ray Serve: run `.venv/bin/python bench/make_rivals.py`")
    folder = tmp_path_factory.mktemp("ray")
    port = free_port()
    config = (package / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("port: 8000", f"port: {port}"))
    environment = {
        **os.environ,
        "PYTHONPATH": str(package),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
        # By default Ray replaces a proxy that is not ready after three times 5 s, and on a busy
        # machine the next one is as late.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": str(RAY_PATIENCE),
    }
    with (folder / "ray.log").open("w") as log:
        process = subprocess.Popen(
            [RIVALS / "serve", "run", folder / "config.yaml"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            running = Running(port, "/-/healthz", "/", process=process)
            running.wait_until_ready(RAY_PATIENCE)
            deadline = time.monotonic() + RAY_PATIENCE
            while running.invoke(b"", "image/jpeg").status in (404, 503):  # healthy before ready
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield running
        finally:
            process.terminate()
            process.wait(PATIENCE)


def check(case: Case, running: Host, smoke: bytes) -> None:
    """Send a request and check its answer."""
    answer = running.invoke(case.body(smoke), case.content_type)
    assert (answer.status, answer.headers["content-type"]) == (case.status, "application/json")
    if case.status != 200:
        assert set(answer.json) == {"error"}
        sentence = answer.json["error"]
        assert case.expected in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert "Traceback" not in sentence
    elif case.expected:
        assert set(answer.json) == {"model", "photos", "took_ms"}
        assert [is_smoke(prediction) for prediction in answer.json["photos"]] == [True] * int(
            case.expected
        )
    else:
        assert set(answer.json) == {"model", "is_dog", "dog", "dog_score", "breeds", "took_ms"}
        assert is_smoke(answer.json)


cases = pytest.mark.parametrize("case", TABLE, ids=[case.name for case in TABLE])


@pytest.fixture(scope="module")
def server(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(package, tmp_path_factory.mktemp("log") / "server.log") as running:
        running.wait_until_ready()
        yield running


@cases
def test_kennels_server_keeps_the_contract(server: Running, smoke_bytes: bytes, case: Case) -> None:
    check(case, server, smoke_bytes)


@pytest.mark.rivals
@cases
def test_the_image_keeps_the_contract(
    container: tuple[Host, str], smoke_bytes: bytes, case: Case
) -> None:
    check(case, container[0], smoke_bytes)


@pytest.mark.rivals
@cases
def test_ray_serve(ray: Running, smoke_bytes: bytes, case: Case) -> None:
    check(case, ray, smoke_bytes)


@pytest.mark.rivals
def test_the_image_is_small_and_ends_on_sigterm(container: tuple[Host, str], image: str) -> None:
    assert int(docker("image", "inspect", image, "--format", "{{.Size}}")) <= MAX_IMAGE_BYTES
    docker("stop", "-t", "30", container[1])
    assert docker("inspect", container[1], "--format", "{{.State.ExitCode}}") == "0"


@pytest.mark.rivals
def test_the_image_runs_as_root_too(image: str, package: Path) -> None:
    port = free_port()
    mount = f"{package}:/opt/ml/model:ro"
    name = docker("run", "-d", "-v", mount, "-p", f"127.0.0.1:{port}:8080", image, "serve")
    try:
        assert Host(port).wait_until_ready()[-1] == 200
    finally:
        docker("rm", "-f", name)
