"""Photos are found by their bytes in files and folders, and all else is accounted for."""

import os
from pathlib import Path

import pytest
from PIL import Image

from kennel.photo_files import (
    LeftOut,
    NoPhotosError,
    find_photos,
    left_out_lines,
    media_type,
    printable,
)
from tests.kennel.pictures import encoded, write_photo


def read_folder(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return the names of the photos in a folder, and of all else with the reasons."""
    left_out: list[LeftOut] = []
    photos = find_photos([folder], left_out.append)
    return (
        [str(photo.relative_to(folder)) for photo in photos],
        {str(each.path.relative_to(folder)): each.reason for each in left_out},
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("dog.jfif", "JPEG"),
        ("dog.JPE", "JPEG"),
        ("dog", "JPEG"),
        ("png called.jpg", "PNG"),
        ("dog.webp.txt", "WEBP"),
        ("IMG[red].jpg", "JPEG"),
        ("two\nlines.jpg", "JPEG"),
        (os.fsdecode(b"broken\xff.jpg"), "JPEG"),
    ],
)
def test_a_photo_is_found_whatever_its_name(tmp_path: Path, name: str, kind: str) -> None:
    write_photo(tmp_path / name, kind)
    assert read_folder(tmp_path) == ([name], {})


def test_files_as_named_and_the_photos_of_folders_sorted(tmp_path: Path) -> None:
    for name in ("b.jpg", "deep/er/a.WEBP", "folder.jpg/c.png"):
        write_photo(tmp_path / name)
    named = tmp_path / "other.bin"
    named.write_text("no photo")
    assert find_photos([named, tmp_path]) == [
        named,  # whatever it is: the API answers for it
        tmp_path / "b.jpg",
        tmp_path / "deep" / "er" / "a.WEBP",
        tmp_path / "folder.jpg" / "c.png",
    ]


def test_everything_left_out_has_a_reason(tmp_path: Path) -> None:
    write_photo(tmp_path / "dog.jpg")
    write_photo(tmp_path / "elsewhere" / "far.jpg")
    folder = tmp_path / "walk"
    write_photo(folder / "dog.jpg")
    files = {
        "letter.jpg": (b"This is a letter.", "no photo"),
        "empty.jpg": (b"", "empty"),
        "phone.jpg": (b"\0\0\0\x18ftypheic", "HEIC, and JPEG, PNG and WebP are taken"),
        "phone2.jpg": (b"\0\0\0\x18ftypmsf1", "HEIC, and JPEG, PNG and WebP are taken"),
        "anim.gif": (b"GIF89a", "GIF, and JPEG, PNG and WebP are taken"),
        ".DS_Store": (b"\0\0\0\1Bud1", "hidden, or the operating system's"),
        "Thumbs.db": (b"\xd0\xcf\x11\xe0", "hidden, or the operating system's"),
        "._dog.jpg": (b"\0\5\x16\7", "hidden, or the operating system's"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    write_photo(folder / ".git" / "dog.jpg")
    (folder / "album").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "linked.jpg").symlink_to(tmp_path / "dog.jpg")
    assert read_folder(folder) == (
        ["dog.jpg", "linked.jpg"],
        {
            **{name: reason for name, (_, reason) in files.items()},
            ".git": "hidden, or the operating system's",
            "album": "a link to a folder",
            "loop": "a link to a folder",
            "pipe.jpg": "no regular file",
        },
    )


def test_what_cannot_be_read_is_for_the_reader_to_report(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "round.jpg").symlink_to(tmp_path / "round.jpg")
    (tmp_path / "unreadable.jpg").symlink_to("/proc/self/mem")  # for root, too
    assert read_folder(tmp_path) == (
        ["a.jpg", "gone.jpg", "round.jpg", "unreadable.jpg"],
        {},
    )


def test_a_folder_without_a_photo_is_left_out_beside_others(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "full" / "a.jpg")
    (tmp_path / "empty").mkdir()
    left_out: list[LeftOut] = []
    assert find_photos([tmp_path / "empty", tmp_path / "full"], left_out.append) == [photo]
    assert left_out == [LeftOut(tmp_path / "empty", "a folder without a photo")]


def test_no_photo_at_all_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        NoPhotosError, match=r"holds no photo: expected JPEG.*\(left out: nothing\)"
    ):
        find_photos([tmp_path])
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(NoPhotosError, match=r"\(left out: .*notes\.txt: no photo\)"):
        find_photos([tmp_path])
    for missing in (tmp_path / "none", tmp_path / ("x" * 300)):
        with pytest.raises(NoPhotosError, match="does not exist: name a photo or a folder"):
            find_photos([missing])


@pytest.mark.parametrize(
    ("kind", "expected"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_the_media_type_is_that_of_the_bytes(kind: str, expected: str) -> None:
    assert media_type(encoded(Image.new("RGB", (8, 8)), kind)) == expected
    assert media_type(b"GIF89a") == ""


def test_a_name_is_printed_on_one_line() -> None:
    assert printable(Path("é\n\x1b[2J\udcff [red].jpg")) == r"é\n\x1b[2J\udcff [red].jpg"


def test_files_left_out_have_a_line_each_or_are_counted() -> None:
    few = [LeftOut(Path("a\n[red].txt"), "no photo"), LeftOut(Path("b"), "empty")]
    assert left_out_lines(few) == [r"left out: a\n[red].txt (no photo)", "left out: b (empty)"]
    many = [LeftOut(Path(f"{number}.txt"), "no photo") for number in range(40)]
    assert left_out_lines([*many, LeftOut(Path("b"), "empty")]) == [
        "left out: 40 (no photo): 0.txt, 1.txt, 2.txt, ...",
        "left out: 1 (empty): b",
        "left out: 41 in all; --json names each",
    ]
