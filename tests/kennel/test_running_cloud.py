"""The address file of a running `kennel up`."""

import stat
from pathlib import Path

import httpx
import pytest

from kennel import running_cloud
from kennel.cloud.cloud import Cloud
from kennel.cloud.origins import TOKEN_HEADER


def test_the_file_is_its_owners_alone_and_holds_the_control_token(
    bare_cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "up.json"
    monkeypatch.setattr(running_cloud, "ADDRESS_FILE", file)
    file.with_suffix(".new").touch(mode=0o644)  # left by a process that was killed
    with running_cloud.address_file(bare_cloud):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        address = running_cloud.find()
        assert address
        headers = {TOKEN_HEADER: address.control_token}
        clock = httpx.get(f"{address.aws_url}/kennel/clock", headers=headers)
        assert clock.status_code == 200
        assert address.control_token not in address.as_text()
    assert not file.exists()
