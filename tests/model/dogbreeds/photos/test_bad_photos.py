"""Photos as people have them, from the folder to the audit: a correct result or a clear finding."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dogbreeds.data.audit import audit
from dogbreeds.data.dataset import read
from dogbreeds.photos.decode import wire_array
from tests.model.pictures import kennel_of, picture, saved, write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return kennel_of(tmp_path / "photos")


def findings_of(folder: Path) -> dict[str, tuple[str, ...]]:
    return {finding.kind: finding.files for finding in audit(read(folder)).findings}


def animated(kind: str) -> bytes:
    out = io.BytesIO()
    frames = [picture(number) for number in (101, 102, 103)]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def sixteen_bit() -> bytes:
    grey = np.asarray(picture(104).convert("L"), np.uint16) * 257
    return saved(Image.fromarray(grey), "PNG")


SOUND = {
    "a PNG named .jpg": saved(picture(100), "PNG"),
    "a JPEG without a suffix": saved(picture(100)),
    "a WebP": saved(picture(100), "WEBP"),
    "an animated WebP": animated("WEBP"),
    "an animated PNG": animated("PNG"),
    "CMYK": saved(picture(100).convert("CMYK")),
    "grey": saved(picture(100).convert("L")),
    "16-bit grey": sixteen_bit(),
    "with a palette": saved(picture(100).convert("P"), "PNG"),
    "transparent": saved(picture(100).convert("RGBA"), "PNG"),
    "turned by EXIF": saved(picture(100), exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0"
                            b"\x01\0\0\0\x06\0\0\0\0\0\0\0"),
}  # fmt: skip


@pytest.mark.parametrize("what", SOUND)
def test_sound_photos_of_every_sort_are_used(what: str, photos: Path) -> None:
    name = "train/beagle/" + ("odd" if "without" in what else "odd.jpg")
    write(photos / name, SOUND[what])
    result = audit(read(photos))
    assert result.findings == ()
    assert name in {photo.name for photo in result.dataset.photos}
    pixels = wire_array(SOUND[what])
    assert pixels.shape == ((160, 120, 3) if "EXIF" in what else (120, 160, 3))
    assert pixels.std() > 10  # a picture, neither black nor white


def test_all_of_these_are_one_picture(photos: Path) -> None:
    same = ("a PNG named .jpg", "a WebP", "CMYK", "grey", "with a palette", "transparent")
    for place, what in enumerate(same):
        write(photos / f"train/beagle/odd{place}.jpg", SOUND[what])
    files = tuple(f"train/beagle/odd{place}.jpg" for place in range(len(same)))
    assert findings_of(photos) == {"near-duplicate": files}


BROKEN = {
    "empty": b"",
    "one byte": b"\xff",
    "a torn JPEG": saved(picture(100))[:-700],
    "a torn PNG": saved(picture(100), "PNG")[:5000],
    "a GIF": animated("GIF"),
    "a TIFF": saved(picture(100), "TIFF"),
    "a page of HTML": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "an archive": b"PK\x03\x04" + bytes(200),
    "a PNG header that promises 60,000 x 60,000": saved(picture(100), "PNG")[:16]
    + (60_000).to_bytes(4, "big") * 2
    + saved(picture(100), "PNG")[24:],
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_sound_photo_is_listed(what: str, photos: Path) -> None:
    write(photos / "train/beagle/odd.jpg", BROKEN[what])
    result = audit(read(photos))
    finding = result.findings[0]
    assert [finding.kind, *finding.files] == ["unreadable", "train/beagle/odd.jpg"]
    assert finding.items[0].reason.endswith(".") and len(finding.items[0].reason) < 200


def test_one_pixel_and_a_hundred_million(photos: Path) -> None:
    write(photos / "train/beagle/dot.png", saved(Image.new("RGB", (1, 1), "red"), "PNG"))
    # black and white: the file of a scan that large is 13 kB, and decoding it would take 324 MB
    write(photos / "train/beagle/huge.png", saved(Image.new("1", (12_000, 9_000)), "PNG"))
    result = audit(read(photos))
    assert {finding.kind: finding.files for finding in result.findings} == {
        "unreadable": ("train/beagle/huge.png",),
        "tiny": ("train/beagle/dot.png",),
    }
    huge, dot = (finding.items[0].reason for finding in result.findings)
    assert "at most 52,000,000 in all are decoded" in huge
    assert dot == "1 pixels"


def test_names_in_other_scripts(photos: Path, tmp_path: Path) -> None:
    for number in range(200, 206):
        write(photos / "train" / "柴犬" / f"写真 {number} Łódź 🐕.jpg", number)
        write(photos / "valid" / "柴犬" / f"é{number}.jpg", number + 10)
        write(photos / "test" / "柴犬" / f"new\nline{number}.jpg", number + 20)
    result = audit(read(photos))
    assert result.findings == () and result.dataset.breeds == ("Beagle", "Boxer", "柴犬")
    assert "test/柴犬/new\\nline200.jpg" in {photo.name for photo in result.dataset.photos}
    result.write(tmp_path / "audit.json")
    assert "柴犬" in (tmp_path / "audit.json").read_text("utf-8")


def test_a_name_that_is_no_unicode(photos: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")  # Latin-1, as old archives unpack
    write(photos / "train" / "beagle" / odd, b"")
    result = audit(read(photos))
    assert result.findings[0].files == ("train/beagle/caf\\xe9.jpg",)
    result.write(tmp_path / "audit.json")
    assert "caf\\xe9.jpg: The file is empty.\n" in result.table() + "\n"


def test_a_breed_s_folder_that_is_no_unicode(photos: Path, tmp_path: Path) -> None:
    (photos / "train/beagle").rename(photos / "train" / os.fsdecode(b"caf\xe9"))
    result = audit(read(photos))
    assert result.dataset.breeds == ("Beagle", "Boxer", "Caf\\xe9")
    result.write(tmp_path / "audit.json")


def test_a_breed_of_one_photo(photos: Path) -> None:
    write(photos / "train/pug/only.jpg", 300)
    assert findings_of(photos) == {
        "too-few": ("train/pug/only.jpg",),
        "missing-breed": ("train/pug/only.jpg",),
    }


def test_a_loop_of_links_ends(photos: Path) -> None:
    (photos / "train/beagle/again").symlink_to(photos / "train")
    result = findings_of(photos)
    assert result["unreadable"] == ("train/beagle/again",)
    assert "two-breeds" not in result


@pytest.fixture
def nobody(photos: Path) -> Iterator[None]:
    """For the test's time be a user who may not read everything, as root may."""
    if os.geteuid() != 0:
        yield
        return
    for above in photos.parents:
        if above.name.startswith(("pytest-", "popen-", "test_")):  # pytest's and xdist's folders
            above.chmod(0o755)
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def closed(photos: Path) -> Path:
    """Photos among which one photo may not be read; asked for before `nobody`."""
    (photos / "train/beagle/0.jpg").chmod(0)
    return photos


def test_a_photo_that_may_not_be_read(closed: Path, nobody: None) -> None:
    (finding,) = audit(read(closed)).findings
    assert [finding.kind, *finding.files] == ["unreadable", "train/beagle/0.jpg"]
    assert finding.items[0].reason == "The file cannot be opened: Permission denied."


@pytest.fixture
def closed_folder(photos: Path) -> Iterator[Path]:
    folder = photos / "train/beagle"
    folder.chmod(0)
    yield photos
    folder.chmod(0o755)


def test_a_folder_that_may_not_be_read(closed_folder: Path, nobody: None) -> None:
    assert "train/beagle" in findings_of(closed_folder)["unreadable"]
