"""Photos are found in files and folders."""

from pathlib import Path

import pytest

from kennel.errors import KennelError
from kennel.photo_files import find_photos


def test_files_as_named_and_the_photos_of_folders_sorted(tmp_path: Path) -> None:
    for name in ("b.jpg", "deep/a.WEBP", "notes.txt", "other.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    named = tmp_path / "other.bin"
    assert find_photos([named, tmp_path]) == [
        named,  # whatever it is: the API answers for it
        tmp_path / "b.jpg",
        tmp_path / "deep" / "a.WEBP",
    ]


def test_an_empty_folder_and_a_missing_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KennelError, match=r"holds no photo: expected files ending in \.jpg"):
        find_photos([tmp_path])
    with pytest.raises(KennelError, match="none does not exist: name a photo or a folder"):
        find_photos([tmp_path / "none"])
