import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest

from dogbreeds.data.dataset import (
    DataError,
    SetAside,
    digest_of,
    main,
    read,
    read_test,
    read_unsorted,
    split_by_digest,
)


def fill(folder: Path, count: int = 1, start: int = 0) -> Path:
    """Files with bytes of their own; whether they are photos is not dataset.py's matter."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        (folder / f"{number}.jpg").write_bytes(f"{folder.name} {number}".encode())
    return folder


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    for split, count in (("train", 3), ("valid", 2), ("test", 1)):
        fill(tmp_path / split / "001.Affenpinscher", count)
        fill(tmp_path / split / "golden_retriever", count)
    return tmp_path


def test_folders_of_splits(splits: Path) -> None:
    data = read(splits)
    assert data.breeds == ("Affenpinscher", "Golden Retriever")
    assert [label.synset for label in data.labels] == ["n02110627", "n02099601"]
    assert [len(data.of_split(split)) for split in ("train", "valid", "test")] == [6, 4, 2]
    assert data.photos[0].name == "test/001.Affenpinscher/0.jpg"
    assert data.made_splits == () and data.set_aside == ()
    first, last = data.photos[0], data.photos[-1]
    assert data.targets([last, first]).tolist() == [1, 0]


def test_channels_are_read_as_folders_of_splits_are(splits: Path) -> None:
    channels = {split: splits / split for split in ("train", "valid", "test")}
    assert read(None, channels) == read(splits)
    assert read(None, {**channels, "live": splits / "live"}) == read(splits)


def test_one_channel_may_hold_all_splits_or_only_breeds(splits: Path) -> None:
    assert read(None, {"train": splits}) == read(splits)
    flat = splits / "train"  # SageMaker's folder has this name, whatever it holds
    assert read(None, {"train": flat}) == read(flat)
    assert read(flat).made_splits == ("valid", "test")
    assert {photo.name.count("/") for photo in read(flat).photos} == {1}


def test_a_folder_of_breeds_is_split_by_content(tmp_path: Path) -> None:
    for breed in ("beagle", "boxer", "pug"):
        fill(tmp_path / breed, 200)
    data = read(tmp_path)
    sizes = Counter(photo.split for photo in data.photos)
    assert data.made_splits == ("valid", "test")
    assert sizes["train"] == pytest.approx(420, abs=30)
    assert sizes["valid"] == pytest.approx(90, abs=25)
    # more photos and other names move no photo
    fill(tmp_path / "beagle", 50, start=200)
    (tmp_path / "boxer" / "7.jpg").rename(tmp_path / "boxer" / "seven.jpg")
    before = {hashlib.sha256(p.path.name.encode()).digest(): p.split for p in data.photos}
    assert before
    after = {photo.name: photo.split for photo in read(tmp_path).photos}
    assert after.pop("boxer/seven.jpg") == {p.name: p.split for p in data.photos}["boxer/7.jpg"]
    assert all(
        after[photo.name] == photo.split for photo in data.photos if photo.name != "boxer/7.jpg"
    )


def test_a_missing_split_is_taken_out_of_train_only(splits: Path) -> None:
    fill(splits / "train" / "golden_retriever", 40)
    fill(splits / "train" / "001.Affenpinscher", 40)
    whole = {photo.name for photo in read(splits).of_split("valid")}
    two = read(None, {"train": splits / "train", "valid": splits / "valid"})
    assert two.made_splits == ("test",)
    assert {photo.name for photo in two.of_split("valid")} == whole
    assert all(photo.name.startswith("train/") for photo in two.of_split("test"))
    assert {photo.breed for photo in two.of_split("test")} == set(two.breeds)


def test_equal_bytes_are_in_one_split(tmp_path: Path) -> None:
    fill(tmp_path / "pug")
    fill(tmp_path / "beagle", 30)
    for photo in list((tmp_path / "beagle").iterdir()):
        (tmp_path / "beagle" / f"copy of {photo.name}").write_bytes(photo.read_bytes())
    split_of = {photo.path.name: photo.split for photo in read(tmp_path).photos}
    assert all(split_of[f"copy of {n}.jpg"] == split_of[f"{n}.jpg"] for n in range(30))


def test_two_spellings_are_one_breed_and_are_recorded(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "golden_retriever", 2)
    fill(tmp_path / "train" / "Golden Retriever", 2)
    fill(tmp_path / "train" / "pug")
    data = read(tmp_path)
    assert data.breeds == ("Golden Retriever", "Pug") and len(data.photos) == 5
    assert data.spellings["Golden Retriever"] == ("Golden Retriever", "golden_retriever")


def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    beagle = fill(tmp_path / "beagle")
    (beagle / ".DS_Store").touch()
    (beagle / "Thumbs.db").touch()
    (tmp_path / "README.txt").touch()
    (tmp_path / "pug").mkdir()
    (beagle / "nowhere.jpg").symlink_to(tmp_path / "missing.jpg")
    (beagle / "self.jpg").symlink_to(beagle / "self.jpg")
    (beagle / "loop").symlink_to(tmp_path / "beagle")
    os.mkfifo(beagle / "pipe.jpg")
    fill(beagle / "more", 1)
    data = read_test(tmp_path, whole=True)
    assert [photo.name for photo in data.photos] == ["beagle/0.jpg", "beagle/more/0.jpg"]
    assert data.breeds == ("Beagle",)
    assert data.set_aside == (
        SetAside("README.txt", "beside"),
        SetAside("beagle/.DS_Store", "hidden"),
        SetAside("beagle/Thumbs.db", "hidden"),
        SetAside("beagle/loop", "a link to a folder that it is in"),
        SetAside("beagle/nowhere.jpg", "unreachable: No such file or directory"),
        SetAside("beagle/pipe.jpg", "no regular file"),
        SetAside("beagle/self.jpg", "unreachable: Too many levels of symbolic links"),
        SetAside("pug", "a folder without photos"),
    )


def test_the_photos_for_the_test_are_those_that_training_leaves(splits: Path) -> None:
    assert {photo.name for photo in read_test(splits).photos} == {
        photo.name for photo in read(splits).of_split("test")
    }
    assert len(read_test(splits, whole=True).photos) == 12
    # named test/ itself: all of it; a folder that training would split: its part of it
    assert len(read_test(splits / "test").photos) == 2
    fill(splits / "train" / "golden_retriever", 40)
    fill(splits / "train" / "001.Affenpinscher", 40)
    flat = splits / "train"
    part = read_test(flat)
    assert part.made_splits and part.photos == read(flat).of_split("test")
    assert 5 < len(part.photos) < 30
    assert len(read_test(flat, is_unseen=True).photos) == 80
    assert len(read_test(splits, is_unseen=True).photos) == 2
    (splits / "test").rename(splits.parent / "gone")
    assert {photo.name for photo in read_test(splits).photos} == {
        photo.name for photo in read(splits).of_split("test")
    }


def test_a_test_without_photos_is_said(splits: Path) -> None:
    (splits / "train").rename(splits.parent / "train")
    (splits / "test").rename(splits.parent / "test")
    with pytest.raises(DataError, match="holds valid/, but no test/ and no train/"):
        read_test(splits)
    one = fill(splits / "one" / "beagle").parent
    with pytest.raises(DataError, match=r"No photo of .* is left to the test.*--all"):
        read_test(one)
    assert len(read_test(one, whole=True).photos) == 1


def test_photos_without_breeds_are_read_however_they_lie(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    fill(tmp_path / "images" / "cats", 2)
    assert len(read_unsorted(tmp_path).photos) == 5
    with pytest.raises(DataError, match="There is no folder"):
        read_unsorted(tmp_path / "none")


def test_channels_have_any_word_for_a_split(splits: Path) -> None:
    channels = {"training": splits / "train", "validation": splits / "valid"}
    assert read(None, {**channels, "testing": splits / "test"}) == read(splits)


def test_photos_without_a_suffix_are_recognised_by_their_bytes(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "beagle")
    fill(tmp_path / "train" / "boxer")
    (tmp_path / "train" / "photo").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "train" / "n02085620_7").write_bytes(b"<annotation>")
    for name in ("a.jfif", "b.AVIF", "c.heif", "d.jpeg"):
        (tmp_path / "train" / name).touch()
    aside = {each.name: each.reason for each in read(tmp_path).set_aside}
    assert aside.pop("train/n02085620_7") == "beside"
    assert set(aside.values()) == {"outside"} and len(aside) == 5


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        ((), "no folder"),
        (("train/",), "1 photos lie right in"),
        (("train/beagle/", "valid/beagle/", "test/beagle/"), r"one breed only \(Beagle\)"),
        (("a file",), "is a file"),
        (("test/beagle/",), "no train/"),
        (("train/beagle/", "pug/"), "also pug"),
        (("train/beagle/", "val/beagle/", "valid/beagle/"), "both val/ and valid/"),
    ],
)
def test_what_is_no_layout_is_said(tmp_path: Path, make: tuple[str, ...], sentence: str) -> None:
    folder = tmp_path / "photos"
    for name in make:
        if name.endswith("/"):
            fill(folder / name)
        else:
            folder.write_text("a file")
    with pytest.raises(DataError, match=sentence):
        read(folder)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no photos"):
        read(tmp_path)


def test_no_channel_is_said() -> None:
    with pytest.raises(DataError, match="--data FOLDER"):
        read(None, {"test": Path("anywhere")})


def test_command_line(splits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(splits)])
    assert capsys.readouterr().out.splitlines()[1].split() == ["Affenpinscher", "3", "2", "1"]
    with pytest.raises(SystemExit, match="There is no folder"):
        main([str(splits / "no")])
    with pytest.raises(SystemExit, match="usage"):
        main([])


@pytest.mark.parametrize("count", range(1, 12))
def test_small_breeds_fill_every_split_they_can(count: int) -> None:
    digests = {hashlib.sha256(bytes([number])).hexdigest() for number in range(count)}
    chosen = split_by_digest(digests, ("valid", "test"))
    assert set(chosen) == digests
    assert len(set(chosen.values())) >= min(count, 2)
    assert "train" in chosen.values() or count < 3
    if count >= 5:
        assert set(chosen.values()) == {"train", "valid", "test"}


def test_split_by_digest_gives_each_split_its_share() -> None:
    digests = {hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)}
    sizes = Counter(split_by_digest(digests, ("valid", "test")).values())
    assert sizes["test"] == pytest.approx(600, abs=75) == sizes["valid"]
    only_test = split_by_digest(digests, ("test",))
    assert Counter(only_test.values())["test"] == sizes["test"]
    assert "valid" not in only_test.values()


def test_digest_is_of_the_bytes_or_else_of_the_name(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    assert digest_of(photo) == hashlib.sha256(b"photo").hexdigest()
    assert digest_of(tmp_path / "gone.jpg") == hashlib.sha256(b"gone.jpg").hexdigest()
