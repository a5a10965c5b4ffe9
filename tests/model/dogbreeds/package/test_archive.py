import gzip
import tarfile
import time
from pathlib import Path

import pytest

from dogbreeds.package.archive import sha256, whole_file, write_tar_gz


def test_the_same_members_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    write_tar_gz(first, {"b.txt": b"2", "code/a.py": b"1"})
    time.sleep(1.1)  # times in an archive have whole seconds
    write_tar_gz(second, {"code/a.py": b"1", "b.txt": b"2"})
    assert first.read_bytes() == second.read_bytes()


def test_members_have_plain_names_and_nothing_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.tar.gz"
    write_tar_gz(path, {"b.txt": b"22", "code/a.py": b"1"})
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == ["b.txt", "code/a.py"]
        assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, "", 0o644)}
        file = archive.extractfile("b.txt")
        assert file is not None
        assert file.read() == b"22"
    assert gzip.decompress(path.read_bytes())


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"), whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise OSError("disk full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_without_a_file_names_the_one_that_was_to_be(tmp_path: Path) -> None:
    """Python's "No space left on device" names none where write() failed."""
    path = tmp_path / "report.html"
    with pytest.raises(OSError, match=r"report\.html") as raised, whole_file(path) as temporary:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")
    assert raised.value.filename == str(path)
    with (
        pytest.raises(OSError, match=r"beagle\.jpg"),
        whole_file(path),
    ):  # another one keeps its name
        raise OSError(13, "Permission denied", "beagle.jpg")


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert sha256(path).startswith("e3b0c44298fc1c14")
