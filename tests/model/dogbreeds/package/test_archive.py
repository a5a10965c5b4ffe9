import errno
import gzip
import io
import random
import tarfile
import time
from pathlib import Path

import pytest

from dogbreeds.package.archive import opened, sha256, unpacked, whole_file, write_tar_gz
from dogbreeds.package.card import PackageError


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


def archive_of(path: Path, *members: tuple[str, bytes]) -> Path:
    """Write a .tar.gz with any names, as write_tar_gz would not."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_a_package_is_unpacked_and_removed_again(tmp_path: Path) -> None:
    write_tar_gz(tmp_path / "model.tar.gz", {"card.json": b"{}", "code/a.py": b""})
    with unpacked(tmp_path) as folder:
        assert (folder / "code" / "a.py").is_file()
    assert not folder.exists()
    with unpacked(archive_of(tmp_path / "any.name", ("./card.json", b"{}"))) as folder:
        assert (folder / "card.json").is_file()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "code/../../evil"])
def test_a_file_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = archive_of(tmp_path / "model.tar.gz", ("card.json", b"{}"), (name, b"x"))
    if name.startswith("/"):  # becomes a file inside, as tarfile's filter has it
        with unpacked(path) as folder:
            assert (folder / "etc" / "evil").is_file()
        return
    with pytest.raises(PackageError, match="outside the destination") as refused, unpacked(path):
        pass
    assert "\n" not in str(refused.value)
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../evil"])
def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path, target: str) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("card.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        archive.addfile(entry)
    with pytest.raises(PackageError, match="not a whole model package"), unpacked(tmp_path):
        pass


def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogbreeds.package.archive.MAX_UNPACKED", 1_000)
    path = archive_of(tmp_path / "model.tar.gz", ("a", bytes(600)), ("b", bytes(600)))
    with pytest.raises(PackageError, match="unpacks to more than 1,000 bytes"), unpacked(path):
        pass


@pytest.mark.parametrize("level", [0, 1])
def test_a_damaged_or_cut_archive_is_one_sentence(tmp_path: Path, level: int) -> None:
    path = tmp_path / "model.tar.gz"
    noise = random.Random(1).randbytes(99_000)  # noqa: S311
    write_tar_gz(path, {"card.json": b"{}", "network.bin": noise})
    whole = gzip.compress(gzip.decompress(path.read_bytes()), level)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for body in (b"", whole[:30], whole[: len(whole) // 2], whole[:-5], bytes(flipped), b"notes"):
        path.write_bytes(body)
        refusal = pytest.raises(PackageError, match="not a whole model package")
        with refusal as refused, unpacked(path):
            pass
        assert "\n" not in str(refused.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    typo = tmp_path / "typo.tar.gz"
    with pytest.raises(PackageError, match=r"There is no .*typo\.tar\.gz; name"), unpacked(typo):
        pass
    with pytest.raises(PackageError, match=r"neither card\.json nor model\."), unpacked(tmp_path):
        pass


def test_a_full_disk_for_temporary_files_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    write_tar_gz(archive, {"card.json": b"{}"})
    with (
        pytest.raises(PackageError, match=r"cannot be unpacked in .* \(TMPDIR\): No space left"),
        opened(archive),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
