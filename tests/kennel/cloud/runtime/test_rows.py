"""Rows that are damaged, of another format, or have no room are refused in one sentence."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kennel.cloud.runtime.rows import Rows
from kennel.cloud.runtime.state_errors import FORMAT, NotStored
from kennel.errors import CannotStart
from tests.kennel.cloud.disks import fill

ROWS = 60


def filled(file: Path) -> list[tuple[str, bytes]]:
    """Fill a file with rows of many sizes, some deleted; return what it holds."""
    draw = random.Random(1)  # noqa: S311
    rows = Rows(file)
    for number in range(ROWS):
        rows.put("kind", f"row {number}", draw.randbytes(draw.choice([10, 300, 5_000, 60_000])))
    for number in range(0, ROWS, 7):
        rows.delete("kind", f"row {number}")
    held = rows.all("kind")
    rows.close()
    return held


def overwritten(content: bytes, draw: random.Random) -> bytes:
    start, length = draw.randrange(len(content)), draw.choice([1, 20, 4096])
    return content[:start] + draw.randbytes(length) + content[start + length :]


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content))]


@pytest.mark.parametrize("damage", [overwritten, cut])
def test_a_damaged_file_is_refused_or_holds_all_rows(
    tmp_path: Path, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    file, draw = tmp_path / "rows.sqlite", random.Random(2)  # noqa: S311
    held = filled(file)
    content = file.read_bytes()
    refused = 0
    for _ in range(100):
        file.write_bytes(damage(content, draw))
        try:
            rows = Rows(file)
        except CannotStart as error:
            refused += 1
            assert str(error).startswith(f"{file} is damaged (")
            assert "`kennel up --fresh`" in str(error)
            assert "\n" not in str(error)
        else:  # the damage was to a page that is not in use
            assert rows.all("kind") == held
            rows.close()
    assert refused > 50


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "rows.sqlite"
    file.write_bytes(content)
    with pytest.raises(CannotStart, match="is damaged"):
        Rows(file)


def test_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "rows.sqlite"
    filled(file)
    with sqlite3.connect(file) as database:
        database.execute(f"pragma user_version = {FORMAT + 1}")
    database.close()
    with pytest.raises(CannotStart, match=f"format {FORMAT + 1}, this one reads {FORMAT}"):
        Rows(file)


def test_a_transaction_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.sqlite")
    rows.put("kind", "before", b"1")

    def interrupted() -> None:
        with rows.transaction():
            rows.put("kind", "before", b"2")
            with rows.transaction():
                rows.put("kind", "inner", b"3")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert rows.all("kind") == [("before", b"1")]
    rows.close()


WRITER = """
import sys
from pathlib import Path
from kennel.cloud.runtime.rows import Rows

rows = Rows(Path(sys.argv[1]))
for number in range(1_000_000):
    with rows.transaction():
        rows.put("kind", "a", b"%d" % number)
        rows.put("kind", "b", b"%d" % number + bytes(500_000))
    print(number, flush=True)
"""


def test_what_was_written_survives_sigkill_at_any_moment(tmp_path: Path) -> None:
    file = tmp_path / "rows.sqlite"
    for lines in (1, 2, 30, 100):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout
        with writer.stdout as out:
            last = [int(out.readline()) for _ in range(lines)][-1]
            writer.kill()
            writer.wait()
        rows = Rows(file)
        (a, b) = (rows.get("kind", name) or b"" for name in "ab")
        assert int(a) == int(b.rstrip(b"\0")) >= last
        rows.close()


def test_no_room_is_refused_before_and_while_it_is_written(small_disk: Path) -> None:
    rows = Rows(small_disk / "rows.sqlite")
    rows.put("kind", "kept", b"1")
    rows.refuse_if_full(1000)
    filler = fill(small_disk)
    with pytest.raises(NotStored, match=r"cannot be kept in .* \(the disk is full\): make room"):
        rows.refuse_if_full()
    with pytest.raises(NotStored, match="disk is full"):
        rows.put("kind", "large", bytes(2**20))
    assert rows.all("kind") == [("kept", b"1")]
    filler.unlink()
    rows.put("kind", "large", bytes(2**20))
    rows.close()
    again = Rows(small_disk / "rows.sqlite")
    assert [name for name, _ in again.all("kind")] == ["kept", "large"]
    again.close()


def test_files_are_verified_and_leftovers_removed(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.sqlite")
    for name in ("a", "b", "c"):
        rows.put_file(name, name.encode() * 100)
    rows.delete_file("c")

    def interrupted() -> None:
        with rows.transaction():
            rows.put_file("d", b"d")
            rows.delete_file("a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    rows.close()
    folder = tmp_path / "rows.files"
    assert sorted(each.name for each in folder.iterdir()) == ["a", "b"]
    (folder / "leftover").write_bytes(b"of a change that was killed")
    again = Rows(tmp_path / "rows.sqlite")
    assert again.read_file("a") == b"a" * 100
    again.close()
    assert not (folder / "leftover").exists()

    (folder / "b").write_bytes(b"b" * 99)
    with pytest.raises(CannotStart, match=rf"{folder}/b is damaged .*put the folder {tmp_path} b"):
        Rows(tmp_path / "rows.sqlite")
    (folder / "b").unlink()
    with pytest.raises(CannotStart, match=rf"{folder}/b is missing: .*delete all of {tmp_path} "):
        Rows(tmp_path / "rows.sqlite")
