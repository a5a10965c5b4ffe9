"""A process's folder at /opt/ml."""

import subprocess
from pathlib import Path

import pytest

from kennel.cloud.sagemaker.frameworks import container
from kennel.cloud.sagemaker.frameworks.container import (
    can_mount,
    in_container,
    with_local_paths,
)


@pytest.mark.skipif(not can_mount(), reason="this system lets no process mount a folder")
def test_a_process_sees_its_folder_at_opt_ml_and_what_else_is_in_opt(tmp_path: Path) -> None:
    base = tmp_path / "algo-1"
    base.mkdir()
    (base / "in").write_text("given")
    script = "cat /opt/ml/in; echo done > /opt/ml/out; ls /opt"
    command = in_container(base, ["sh", "-c", script])
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("given")
    assert (base / "out").read_text() == "done\n"
    folders = {each.name for each in Path("/opt").iterdir() if each.is_dir()}
    assert folders <= set(shown.removeprefix("given").split())


def test_without_mounts_the_sdks_drivers_get_the_folders_own_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "can_mount", lambda: False)
    driver = tmp_path / "input/data/sm_drivers/sm_train.sh"
    driver.parent.mkdir(parents=True)
    driver.write_text("cat /opt/ml/input/config/resourceconfig.json")
    command = with_local_paths(tmp_path, ["bash", "/opt/ml/input/data/sm_drivers/sm_train.sh"])
    assert command == ["bash", str(driver)]
    assert driver.read_text() == f"cat {tmp_path}/input/config/resourceconfig.json"
    assert in_container(tmp_path, command) == command
