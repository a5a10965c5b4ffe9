"""A state folder is whole, or refused in one sentence that names the file and a remedy."""

import contextlib
from pathlib import Path

import pytest

from kennel.cloud.runtime.rows import Rows
from kennel.cloud.state import open_state
from kennel.errors import CannotStart
from tests.kennel.cloud.disks import fill


def written(folder: Path) -> Path:
    """Write something into both files of a folder."""
    with open_state(folder) as state, contextlib.closing(state.services):
        state.services.put("kind", "name", b"1")
        assert state.moto
        with contextlib.closing(Rows(state.moto)) as moto:
            moto.put("kind", "name", b"1")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(CannotStart) as refused, open_state(folder):
        pass
    return str(refused.value)


def test_what_was_written_is_there_until_it_is_fresh(tmp_path: Path) -> None:
    written(tmp_path)
    with open_state(tmp_path) as state, contextlib.closing(state.services):
        assert state.services.get("kind", "name") == b"1"
    with open_state(tmp_path, fresh=True) as state, contextlib.closing(state.services):
        assert state.services.kinds() == set()


@pytest.mark.parametrize("name", ["services.sqlite", "moto.sqlite"])
def test_each_file_is_missed_and_verified(tmp_path: Path, name: str) -> None:
    file = written(tmp_path) / name
    content = file.read_bytes()
    file.unlink()
    assert refusal(tmp_path).startswith(f"{file} is missing: put it back from a copy, or delete")
    file.write_bytes(content[: len(content) // 2])
    assert refusal(tmp_path).startswith(f"{file} is damaged (")
    file.write_bytes(content)
    with open_state(tmp_path) as state, contextlib.closing(state.services):
        assert state.services.get("kind", "name") == b"1"


def test_a_start_that_was_killed_before_anything_was_written_is_no_loss(tmp_path: Path) -> None:
    with open_state(tmp_path) as state, contextlib.closing(state.services):
        pass
    (tmp_path / "services.sqlite").unlink()
    with open_state(tmp_path) as state, contextlib.closing(state.services):
        assert state.services.kinds() == set()


@pytest.mark.parametrize("name", ["sagemaker.sqlite", "index.json"])
def test_state_of_the_first_format_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    sentence = refusal(tmp_path)
    assert sentence.startswith(f"{tmp_path / name} was written by another version of Kennel")
    assert "format 1" in sentence
    assert "`kennel up --fresh`" in sentence


def test_state_of_another_moto_is_refused_by_its_version(tmp_path: Path) -> None:
    with contextlib.closing(Rows(written(tmp_path) / "moto.sqlite")) as rows:
        rows.put("format", "moto", b"4.0.0")
    assert "(format moto 4.0.0, this one reads moto " in refusal(tmp_path)


def test_two_clouds_do_not_share_a_folder(tmp_path: Path) -> None:
    with open_state(tmp_path) as state, contextlib.closing(state.services):
        assert "another offline cloud runs with the state in" in refusal(tmp_path)


def test_a_first_start_without_room_is_refused(small_disk: Path) -> None:
    fill(small_disk)
    sentence = refusal(small_disk / "state")
    assert sentence.startswith(f"the state in {small_disk / 'state'} cannot be used: ")
    assert "full" in sentence


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file/state cannot be used: [Errno 20] Not a directory" in refusal(
        tmp_path / "file" / "state"
    )
