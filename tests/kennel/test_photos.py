"""`kennel photos` sorts small sets that are laid out as Kaggle's and Oxford's."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kennel.cli import app
from kennel.errors import KennelError
from kennel.photos import sort_photos

JPEG = b"\xff\xd8\xff\xe0 a photo"


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(JPEG + name.encode())
    return folder


def tree(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_kaggles_table(tmp_path: Path) -> None:
    source = fill(tmp_path / "dogs", "train/0a1.jpg", "train/0b2.jpg", "test/0c3.jpg")
    (source / "labels.csv").write_text("id,breed\n0a1,boston_bull\n0b2,dingo\n")
    (source / "a_submission.csv").write_text("id,affenpinscher,afghan\n0c3,0.008,0.008\n")
    done = CliRunner().invoke(app, ["photos", str(source), "--out", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert "2 photos of 2 breeds by labels.csv; 1 left out" in done.stdout
    assert f"kennel train {tmp_path / 'new'}" in done.stdout.replace("\n", " ")
    assert tree(tmp_path / "new") == ["boston_bull/0a1.jpg", "dingo/0b2.jpg"]
    assert (tmp_path / "new/dingo/0b2.jpg").read_bytes() == JPEG + b"train/0b2.jpg"
    assert len(tree(source)) == 5


def test_a_table_with_paths_and_splits(tmp_path: Path) -> None:
    source = fill(tmp_path / "dogs", "a/1.jpg", "b/1.jpg", "c/1.png")
    (source / "all.csv").write_text(
        "filepaths;labels;data set\na\\1.jpg;Pug;train\nb/1.jpg;Basset / Hound;valid\n"
        "/old/place/c/1.png;Pug;test\n"
    )
    sort_photos(source, tmp_path / "new")
    assert tree(tmp_path / "new") == [
        "test/Pug/1.png",
        "train/Pug/1.jpg",
        "valid/Basset - Hound/1.jpg",
    ]


def test_oxfords_names_and_lists(tmp_path: Path) -> None:
    names = ["Abyssinian_1", "american_bulldog_10", "american_bulldog_2", "pug_100"]
    source = fill(tmp_path / "pets", *(f"images/{name}.jpg" for name in names))
    fill(source / "annotations/trimaps", *(f"{name}.png" for name in names))  # masks, no photos
    lists = source / "annotations"
    (lists / "list.txt").write_text(
        "#Image CLASS-ID SPECIES BREED ID\nAbyssinian_1 1 1 1\namerican_bulldog_10 2 2 1\n"
        "american_bulldog_2 2 2 1\npug_100 3 2 2\n"
    )
    (lists / "trainval.txt").write_text("american_bulldog_10 2 2 1\npug_100 3 2 2\n")
    (lists / "test.txt").write_text("american_bulldog_2 2 2 1\nAbyssinian_1 1 1 1\n")
    assert "3 photos of 2 breeds by their names and list.txt; 1 left out" in sort_photos(
        source, tmp_path / "new"
    )
    assert tree(tmp_path / "new") == [
        "test/american_bulldog/american_bulldog_2.jpg",
        "train/american_bulldog/american_bulldog_10.jpg",
        "train/pug/pug_100.jpg",
    ]


def test_photos_are_sorted_by_their_names_alone(tmp_path: Path) -> None:
    source = fill(tmp_path / "pets", "Beagle (1).jpg", "Beagle (2).jpg", "Pug-001.jpg")
    sort_photos(source, tmp_path / "new")
    assert {name.split("/")[0] for name in tree(tmp_path / "new")} == {"Beagle", "Pug"}


def test_what_cannot_be_sorted_is_said(tmp_path: Path) -> None:
    source = fill(tmp_path / "dogs", "IMG_1.jpg", "IMG_2.jpg")
    with pytest.raises(KennelError, match=r"nothing in .* says the breeds of its 2 photos"):
        sort_photos(source, tmp_path / "new")
    (source / "labels.csv").write_text("image,colour,name\nIMG_1,red,Rex\nIMG_2,black,Bella\n")
    with pytest.raises(KennelError, match="has the columns image, colour, name: name the one"):
        sort_photos(source, tmp_path / "new")
    (source / "labels.csv").write_text("image,breed\nIMG_1,Pug\nIMG_2,Pug\n")
    with pytest.raises(KennelError, match=r"gives 2 of the 2 photos .* a breed, 1 in all"):
        sort_photos(source, tmp_path / "new")
    with pytest.raises(KennelError, match="exists already"):
        sort_photos(source, source)
    with pytest.raises(KennelError, match=r"lies in .*dogs, whose photos would be there twice"):
        sort_photos(source, source / "new")
    with pytest.raises(KennelError, match="is no folder"):
        sort_photos(source / "none", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    source = fill(tmp_path / "dogs", "pug_1.jpg", "beagle_1.jpg")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KennelError, match=r"file/?.*: (Not a directory|File exists)"):
        sort_photos(source, tmp_path / "file/new")
    mounted = Path("/proc/new")  # no folder can be made there, by root neither
    with pytest.raises(KennelError, match=r"/proc/.*: No such file"):
        sort_photos(source, mounted)
