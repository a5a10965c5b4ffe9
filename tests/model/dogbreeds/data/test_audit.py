import json
import re
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from dogbreeds.data.audit import ACCEPTABLE, Audit, accepted_kinds, audit, listing, main, sentence
from dogbreeds.data.audit_rules import KINDS, Finding, Item, of_folders
from dogbreeds.data.dataset import DataError, Dataset, Photo, read
from dogbreeds.data.seen import SEEN_BY_BACKBONE
from dogbreeds.photos.decode import load_photo
from tests.model.pictures import kennel_of, picture, saved, write


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return kennel_of(tmp_path / "photos")


def audited(folder: Path, *accepted: str) -> Audit:
    return audit(read(folder), frozenset(accepted))


def stopped_by(*findings: Finding) -> Audit:
    """Return the Audit of an empty data set that has these findings."""
    return Audit(findings, frozenset(), Dataset((), ()), Dataset((), ()))


def only(result: Audit) -> Finding:
    assert len(result.findings) == 1, result.table()
    return result.findings[0]


def stops_until_accepted(folder: Path, kind: str) -> tuple[Finding, Audit]:
    """Check that `kind` is the only finding, stops the run, and is accepted by its flag."""
    stopped = audited(folder)
    finding = only(stopped)
    assert finding.kind == kind and stopped.stopping == (finding,)
    assert stopped.left_out == 0
    assert f"--accept {kind}" in stopped.verdict() and f"--accept {kind}" in stopped.table()
    assert all(file in stopped.table() or len(item.files) > 1
               for item in finding.items for file in item.files)  # fmt: skip
    accepted = audited(folder, kind)
    assert accepted.stopping == () and accepted.findings == (finding,)
    return finding, accepted


def gone(result: Audit) -> list[str]:
    left = {photo.name for photo in result.dataset.photos}
    return sorted(photo.name for photo in result.before.photos if photo.name not in left)


def test_a_sound_data_set(photos: Path) -> None:
    result = audited(photos)
    assert result.findings == () and result.dataset == read(photos)
    assert result.verdict() == "20 photos of 2 breeds: 12 in train, 4 in valid, 4 in test"
    assert result.table().splitlines()[1:] == ["nothing"]


def test_photos_of_train_are_decoded_last(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_NUM_CPUS", "1")
    decoded: list[str] = []

    def load(path: Path) -> Image.Image:
        decoded.append(path.relative_to(photos).parts[0])
        return load_photo(path)

    audit(read(photos), load=load)
    assert set(decoded[:8]) == {"valid", "test"} and decoded[8:] == ["train"] * 12


def test_unreadable(photos: Path) -> None:
    write(photos / "train/beagle/empty.jpg", b"")
    write(photos / "train/beagle/torn.jpg", saved(picture(90))[:1000])
    write(photos / "test/boxer/notes.txt", b"a note")
    finding, accepted = stops_until_accepted(photos, "unreadable")
    assert [(item.files, item.reason) for item in finding.items] == [
        (("test/boxer/notes.txt",), "The 6 bytes received are no JPEG, PNG or WebP photo."),
        (("train/beagle/empty.jpg",), "The file is empty."),
        (
            ("train/beagle/torn.jpg",),
            "The 1,000 bytes received begin like a photo, but cannot be decoded.",
        ),
    ]
    assert gone(accepted) == list(finding.files) and accepted.left_out == 3
    assert accepted.verdict().endswith("; 3 left out")


def test_links_to_nowhere_are_unreadable_photos(photos: Path) -> None:
    (photos / "train/beagle/gone.jpg").symlink_to(photos / "gone.jpg")
    finding, accepted = stops_until_accepted(photos, "unreadable")
    assert finding.items[0].reason == "unreachable: No such file or directory."
    assert accepted.left_out == 0  # it never was among the photos


def test_tiny(photos: Path) -> None:
    write(photos / "train/beagle/dot.png", saved(picture(91, (31, 400)), "PNG"))
    write(photos / "train/beagle/small.png", saved(picture(92, (32, 40)), "PNG"))
    finding, accepted = stops_until_accepted(photos, "tiny")
    assert finding.items == (Item(("train/beagle/dot.png",), "31 pixels"),)
    assert gone(accepted) == ["train/beagle/dot.png"]


def test_a_table_says_of_each_finding_how_many_files_and_what_happens(photos: Path) -> None:
    write(photos / "train/beagle/empty.jpg", b"")
    write(photos / "train/labels.csv", b"")
    write(photos / "extra/labels.csv", b"")
    assert audited(photos).table("the log has all").splitlines() == [
        "finding                          files  what happens",
        "unreadable                           1  STOPS the run; --accept unreadable (left out)",
        "not-photos                           2  a note",
        "",
        "unreadable: 1 cannot be opened or decoded.",
        "  train/beagle/empty.jpg: The file is empty.",
        "",
        "not-photos: 2 are files that no layout asks for; left alone.",
        "  extra: a folder of 1 files",
        "  train/labels.csv",
    ]
    row = "unreadable                           1  accepted: left out"
    assert row in audited(photos, "unreadable").table()


def test_json_says_what_was_accepted_and_left_out(photos: Path) -> None:
    copy = photos / "train/beagle/n02088364_1.jpg"
    write(copy, (photos / "train/beagle/3.jpg").read_bytes())
    told = audited(photos, "duplicate").as_json()
    assert (told["photos"], told["left_out"], told["stopped"]) == (20, 1, False)
    assert told["imagenet_photos"] == 0  # the only one is the copy that was left out
    keys = ("kind", "stops", "flag", "accepted", "left_out")
    assert [tuple(finding[key] for key in keys) for finding in told["findings"]] == [
        ("duplicate", False, "--accept duplicate", True, 1),
        ("imagenet-photos", False, None, False, 0),
    ]


def test_duplicates(photos: Path) -> None:
    write(photos / "train/beagle/copy.jpg", (photos / "train/beagle/3.jpg").read_bytes())
    finding, accepted = stops_until_accepted(photos, "duplicate")
    assert finding.items[0].files == ("train/beagle/3.jpg", "train/beagle/copy.jpg")
    assert gone(accepted) == ["train/beagle/copy.jpg"]


def test_a_duplicate_across_splits_stays_in_test(photos: Path) -> None:
    body = (photos / "test/beagle/8.jpg").read_bytes()
    write(photos / "train/beagle/a.jpg", body)
    write(photos / "valid/beagle/a.jpg", body)
    finding, accepted = stops_until_accepted(photos, "duplicate-across-splits")
    assert finding.items[0].files == (
        "test/beagle/8.jpg",
        "valid/beagle/a.jpg",
        "train/beagle/a.jpg",
    )
    assert gone(accepted) == ["train/beagle/a.jpg", "valid/beagle/a.jpg"]


def test_near_duplicates(photos: Path) -> None:
    write(photos / "train/beagle/again.jpg", saved(picture(3).resize((100, 75)), quality=60))
    _, accepted = stops_until_accepted(photos, "near-duplicate")
    assert gone(accepted) == ["train/beagle/again.jpg"]


def test_near_duplicates_across_splits(photos: Path) -> None:
    write(photos / "valid/beagle/again.png", saved(picture(3).resize((100, 75)), "PNG"))
    _, accepted = stops_until_accepted(photos, "near-duplicate-across-splits")
    assert gone(accepted) == ["train/beagle/3.jpg"]


@pytest.mark.parametrize("quality", [75, 40])  # 75 is Pillow's own: the same bytes
def test_one_picture_as_two_breeds_is_kept_as_neither(photos: Path, quality: int) -> None:
    write(photos / "train/boxer/copy.jpg", saved(picture(3), quality=quality))
    finding, accepted = stops_until_accepted(photos, "two-breeds")
    assert gone(accepted) == list(finding.files) == ["train/beagle/3.jpg", "train/boxer/copy.jpg"]


def test_too_few(photos: Path) -> None:
    for number in (0, 1, 2):
        (photos / f"train/beagle/{number}.jpg").unlink()
    finding, accepted = stops_until_accepted(photos, "too-few")
    (item,) = finding.items
    assert item.reason == "Beagle: 3 in train"
    assert len(item.files) == 7 and all("/beagle/" in file for file in item.files)
    assert gone(accepted) == []


def test_a_breed_missing_from_a_split(photos: Path) -> None:
    for photo in (photos / "valid/boxer").iterdir():
        photo.unlink()
    (photos / "valid/boxer").rmdir()
    finding, accepted = stops_until_accepted(photos, "missing-breed")
    assert finding.items[0].reason == "Boxer: none in valid"
    assert gone(accepted) == []


def test_a_breed_missing_from_train_is_left_out(photos: Path) -> None:
    for number in range(40, 45):
        write(photos / f"train/pug/{number}.jpg", number)
        write(photos / f"test/boston_terrier/{number}.jpg", number + 10)
    finding, accepted = stops_until_accepted(photos, "missing-breed")
    assert [item.reason for item in finding.items] == [
        "Boston Terrier: none in train, valid",
        "Pug: none in valid, test",
    ]
    assert accepted.dataset.breeds == ("Beagle", "Boxer", "Pug")


def test_breeds_are_counted_without_the_bad_photos_at_once(photos: Path) -> None:
    for number in (0, 1):
        write(photos / f"train/beagle/{number}.jpg", b"")
    stopped = audited(photos)
    assert [finding.kind for finding in stopped.findings] == ["unreadable", "too-few"]
    assert "--accept unreadable,too-few" in stopped.verdict()


def test_two_spellings(photos: Path) -> None:
    write(photos / "train/BEAGLE/60.jpg", 60)
    write(photos / "valid/002.Beagle/61.jpg", 61)  # one folder in that split besides `beagle`
    (photos / "test/boxer").rename(photos / "test/Boxer")  # the only one in its split: no matter
    finding, accepted = stops_until_accepted(photos, "two-spellings")
    (item,) = finding.items
    assert item.reason == "Beagle: 002.Beagle, BEAGLE, beagle"
    assert len(item.files) == 12 and not any("boxer" in file.lower() for file in item.files)
    assert gone(accepted) == []


def test_a_made_split_hides_no_second_spelling() -> None:
    photos = (
        Photo(Path("1.jpg"), "Beagle", "train", "beagle/1.jpg", "beagle"),
        Photo(Path("2.jpg"), "Beagle", "test", "BEAGLE/2.jpg", "BEAGLE"),
    )
    spellings = {"Beagle": ("BEAGLE", "beagle")}
    data_set = Dataset(photos, (), made_splits=("valid", "test"), spellings=spellings)
    (finding,) = (finding for finding in of_folders(data_set) if finding.kind == "two-spellings")
    assert finding.files == ("BEAGLE/2.jpg", "beagle/1.jpg")


def test_folders_and_files_that_no_layout_asks_for(photos: Path) -> None:
    (photos / "train/pug").mkdir()
    write(photos / "train/stray.jpg", 70)
    (photos / "train/.DS_Store").touch()
    (photos / "train/labels.csv").touch()
    result = audited(photos)
    assert {finding.kind: finding.files for finding in result.findings} == {
        "outside": ("train/stray.jpg",),
        "empty-folder": ("train/pug",),
        "not-photos": ("train/.DS_Store", "train/labels.csv"),
    }
    assert [finding.kind for finding in result.stopping] == ["outside", "empty-folder"]


def test_photos_of_poor_quality_are_a_note(photos: Path) -> None:
    write(photos / "train/beagle/night.jpg", saved(Image.new("RGB", (200, 150), (9, 8, 7))))
    soft = picture(95, (400, 300)).filter(ImageFilter.GaussianBlur(6))
    write(photos / "test/boxer/soft.jpg", saved(soft))
    write(photos / "train/boxer/snow.jpg", saved(Image.new("RGB", (200, 150), (250, 250, 250))))
    write(photos / "train/boxer/wall.jpg", saved(Image.new("RGB", (200, 150), (90, 120, 90))))
    write(photos / "valid/boxer/banner.jpg", saved(picture(96, (400, 100))))
    result = audited(photos)
    assert {finding.kind: finding.files for finding in result.findings} == {
        "blurry": ("test/boxer/soft.jpg",),
        "dark": ("train/beagle/night.jpg",),
        "over-exposed": ("train/boxer/snow.jpg",),
        "one-colour": ("train/boxer/wall.jpg",),
        "odd-aspect": ("valid/boxer/banner.jpg",),
    }
    assert result.stopping == () and result.left_out == 0
    (item,) = result.findings[1].items
    assert item.reason == "mean 8 of 255, brightest 8"


def test_imagenet_photos_are_a_note(photos: Path) -> None:
    write(photos / "test/beagle/n02088364_11136.jpg", 80)
    write(photos / "train/beagle/my_n02088364_1.jpg", 81)
    result = audited(photos)
    assert only(result).files == (
        "test/beagle/n02088364_11136.jpg",
        "train/beagle/my_n02088364_1.jpg",
    )
    assert result.stopping == () and result.imagenet_photos == 2
    assert "ImageNet" in result.table()


def test_made_splits_are_a_note(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / ("beagle", "boxer")[number % 2] / f"{number}.jpg", number)
    result = audited(tmp_path)
    assert result.as_json()["made_splits"] == ["valid", "test"]
    assert {item.reason for item in only(result).items} == {"valid", "test"}


def test_what_no_flag_can_mend_is_said_in_the_first_list(photos: Path) -> None:
    for photo in (photos / "train/beagle").iterdir():
        photo.write_bytes(b"")
    verdict = audited(photos).verdict()
    assert "unreadable" in verdict and "missing-breed" in verdict
    assert verdict.endswith(
        "Mend these photos: accepting all of it is no way out, since without the 10 photos left "
        "out there remain 1 of the 2 breeds, and a classifier needs at least two"
    )
    with pytest.raises(
        DataError, match="Without the 10 photos left out there remain 1 of the 2 breeds"
    ):
        audited(photos, "unreadable", "missing-breed")


def test_a_split_that_flags_would_empty_is_said_in_the_first_list(photos: Path) -> None:
    for photo in photos.glob("test/*/*"):
        photo.write_bytes(b"")
    assert "there are no photos in test, and training needs some" in audited(photos).verdict()
    for photo in photos.glob("valid/*/*"):
        photo.write_bytes(b"")
    verdict = audited(photos).verdict()
    assert verdict.endswith(
        "without the 8 photos left out there are no photos in valid and test, and training needs "
        "some in each split"
    )
    with pytest.raises(DataError, match="no photos in valid and test"):
        audited(photos, "unreadable", "missing-breed")


def test_a_long_list_is_grouped_and_cut(photos: Path, tmp_path: Path) -> None:
    for number in range(300):
        write(photos / f"train/beagle/{number}.xml", b"<annotation>%d" % number)
    for number in range(30):
        write(photos / f"train/loose{number}.jpg", b"")
    result = audited(photos)
    lines = result.table().splitlines()
    assert len(lines) < 40
    (group,) = [line for line in lines if "train/beagle/ (300)" in line]
    assert "/0.xml: The 13 bytes received are no JPEG, PNG or WebP photo.; and more" in group
    assert any(line.startswith("  train/ (30): train/loose0.jpg") for line in lines)
    result.write(tmp_path / "audit.json")
    assert "train/beagle/299.xml" in (tmp_path / "audit.json").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_finding_is_a_sentence_of_one_file_and_of_several(kind: str) -> None:
    one, two = (Finding(kind, tuple(Item((str(n),)) for n in range(count))) for count in (1, 2))
    assert re.match(r"1 (is|has|lies|shows|looks|was|cannot) ", sentence(one))
    assert re.match(r"2 (are|have|lie|show|look|were|cannot) ", sentence(two))


def test_a_group_holds_the_files_of_its_folder_only() -> None:
    items = [Item((f"train/{breed}/{n}.jpg",), f"mean {n}") for breed in "ab" for n in range(30)]
    assert listing(Finding("dark", tuple(items))) == [
        "  train/a/ (30): train/a/0.jpg: mean 0; and more",
        "  train/b/ (30): train/b/0.jpg: mean 0; and more",
    ]


def test_a_group_of_one_file_is_that_file_and_one_without_a_folder_is_outside() -> None:
    names = [f"a/{n}.jpg" for n in range(30)] + ["b/0.jpg", "b/1.jpg", "c/0.jpg", "0.jpg", "1.jpg"]
    assert listing(Finding("dark", tuple(Item((name,), "dark") for name in names))) == [
        "  a/ (30): a/0.jpg: dark; and more",
        "  b/ (2): b/0.jpg: dark; and more",
        "  c/0.jpg: dark",
        "  outside (2): 0.jpg: dark; and more",
    ]


def test_a_group_has_one_reason_whatever_its_numbers() -> None:
    reasons = [f"{('mean', 'brightest')[n % 2]} {n}" for n in range(30)]
    items = tuple(Item((f"a/{n}.jpg",), reason) for n, reason in enumerate(reasons))
    assert listing(Finding("dark", items)) == [
        "  a/ (15): a/0.jpg: mean 0; and more",
        "  a/ (15): a/1.jpg: brightest 1; and more",
    ]


def test_a_list_that_just_fits_is_whole() -> None:
    single = tuple(Item((f"a/{n}.jpg",)) for n in range(20))
    assert listing(Finding("dark", single)) == [f"  a/{n}.jpg" for n in range(20)]
    items = tuple(Item((f"{n}/a.jpg", f"{n}/b.jpg")) for n in range(21))
    lines = [f"  {n}/a.jpg = {n}/b.jpg" for n in range(21)]
    assert listing(Finding("duplicate", items[:20])) == lines[:20]
    assert listing(Finding("duplicate", items)) == [*lines[:19], "  ... 4 more; audit.json has all"]


def test_files_that_belong_together_are_in_no_group() -> None:
    pairs = tuple(Item((f"a/{n}.jpg", f"a/{n}b.jpg")) for n in range(30))
    assert listing(Finding("duplicate", pairs))[0] == "  a/0.jpg = a/0b.jpg"
    breed = Item(("a/1.jpg", "a/2.jpg"), "Pug: 2 in train")
    assert listing(Finding("too-few", (breed,))) == ["  Pug: 2 in train"]


def test_of_a_note_a_table_has_three_examples(photos: Path) -> None:
    for number, folder in enumerate(sorted(photos.glob("*/*"))):
        write(folder / f"n02088364_{number}.jpg", 80 + number)
    *_, third, rest = lines = audited(photos).table("the log has all").splitlines()
    assert len(lines) == 8
    assert third.startswith("  t") and rest == "  ... 3 more; the log has all"


def test_of_what_stops_the_run_a_table_has_twenty_lines() -> None:
    files = [f"{number}/a.jpg" for number in range(21)]
    table = stopped_by(Finding("outside", tuple(Item((file,)) for file in files))).table()
    assert table.splitlines()[4:] == [
        *(f"  {file}" for file in files[:19]),
        "  ... 2 more; audit.json has all",
    ]


def test_a_list_that_has_no_groups_is_cut() -> None:
    items = tuple(Item((f"train/{n}/a.jpg", f"train/{n}/b.jpg")) for n in range(50))
    lines = listing(Finding("duplicate", items))
    assert len(lines) == 20
    assert lines[-1] == "  ... 62 more; audit.json has all"


def test_json_is_the_same_everywhere_and_whole(photos: Path, tmp_path: Path) -> None:
    write(photos / "train/beagle/empty.jpg", b"")
    result = audited(photos)
    out = tmp_path / "out" / "audit.json"
    result.write(out)
    written = json.loads(out.read_text())
    assert written == result.as_json()
    assert str(tmp_path) not in out.read_text()
    assert written["breeds"]["Beagle"] == {"train": 7, "valid": 2, "test": 2}
    assert written["verdict"] == result.verdict()
    assert written["stopped"] is True and written["photos"] == 21 and written["left_out"] == 0
    assert written["findings"] == [
        {
            "kind": "unreadable",
            "sentence": "1 cannot be opened or decoded.",
            "files": ["train/beagle/empty.jpg"],
            "items": [{"files": ["train/beagle/empty.jpg"], "reason": "The file is empty."}],
            "stops": True,
            "flag": "--accept unreadable",
            "accepted": False,
            "left_out": 0,
        }
    ]
    assert [path.name for path in out.parent.iterdir()] == ["audit.json"]


def test_json_has_names_as_people_write_them(photos: Path, tmp_path: Path) -> None:
    write(photos / "train/beagle/hündin-犬.jpg", b"")
    audited(photos).write(tmp_path / "audit.json")
    assert "train/beagle/hündin-犬.jpg".encode() in (tmp_path / "audit.json").read_bytes()


def test_verdict_has_the_lists_beginning(photos: Path) -> None:
    for number in range(5):
        write(photos / f"train/beagle/x{number}.jpg", b"")
    write(photos / "train/loose.jpg", 77)
    assert audited(photos).verdict() == (
        "The audit stops the run: 5 unreadable (train/beagle/x0.jpg: The file is empty.; "
        "train/beagle/x1.jpg: The file is empty.; train/beagle/x2.jpg: The file is empty.; and 2 "
        "more), 1 outside (train/loose.jpg). Mend these photos, or accept what was found by "
        "--accept unreadable,outside"
    )


def test_verdict_of_three_files_has_all(photos: Path) -> None:
    for number in range(3):
        write(photos / f"train/loose{number}.jpg", 77 + number)
    files = "; ".join(f"train/loose{number}.jpg" for number in range(3))
    assert f"stops the run: 3 outside ({files}). Mend" in audited(photos).verdict()


def test_a_long_item_of_a_verdict_is_cut_in_its_middle(photos: Path) -> None:
    for number in range(2):
        write(photos / f"train/beagle/{'x' * 200}{number}.jpg", b"")
    items = [f"train/beagle/{'x' * 66}...{'x' * 53}{n}.jpg: The file is empty." for n in range(2)]
    assert {len(item) for item in items} == {160}
    assert f" 2 unreadable ({'; '.join(items)}). Mend these photos" in audited(photos).verdict()


def test_a_verdict_is_as_long_as_it_may_be() -> None:
    files = ["a" * 160, *("b" * 158 + str(number) for number in range(4))]
    lengths = {}
    for width in range(160):
        outside = Finding("outside", tuple(Item((file,)) for file in files[:3]))
        tiny = Finding("tiny", tuple(Item((file,)) for file in (*files[3:], "c" * width)))
        verdict = stopped_by(outside, tiny).verdict()
        lengths[len(verdict)] = verdict
    assert max(lengths) == 950
    assert all(file in lengths[950] for file in files)


def test_a_verdict_with_too_many_findings_has_only_their_numbers() -> None:
    kinds = [kind for kind in KINDS if KINDS[kind].accepting]
    findings = (Finding(kind, (Item(("x" * 200,)),)) for kind in kinds)
    assert stopped_by(*findings).verdict() == (
        f"The audit stops the run: {', '.join(f'1 {kind}' for kind in kinds)}. Mend these photos, "
        f"or accept what was found by --accept {','.join(kinds)}"
    )


def test_verdict_of_everything_fits_into_a_jobs_failure_reason(photos: Path) -> None:
    long = "x" * 200
    for breed in ("beagle", "boxer", "pug", "Pug"):
        for number in range(4):
            write(photos / f"train/{breed}/{long}{number}.jpg", 10 + number)
    for number in range(3):
        write(photos / f"train/{long}{number}.jpg", 20)
        write(photos / f"test/beagle/{long}{number}.jpg", b"")
        write(photos / f"test/boxer/{long}{number}.jpg", 30)
    result = audited(photos)
    assert len(result.stopping) >= 6
    assert len(result.verdict()) <= 950
    for finding in result.stopping:
        assert f"{len(finding.items):,} {finding.kind} (" in result.verdict()
    assert result.verdict().endswith(
        f"--accept {','.join(finding.kind for finding in result.stopping)}"
    )


def test_what_may_be_accepted() -> None:
    assert accepted_kinds(["duplicate,tiny", "too-few"]) == {"duplicate", "tiny", "too-few"}
    notes = {"imagenet-photos", "split-by-content", "not-photos", "wrong-label"}
    looks = {"blurry", "dark", "over-exposed", "one-colour", "odd-aspect", "no-dog"}
    assert set(ACCEPTABLE) == (set(KINDS) - notes - looks) | {SEEN_BY_BACKBONE}
    with pytest.raises(
        DataError, match=r"--accept everything: there is no such .*; there are unreadable, tiny, "
    ):
        accepted_kinds(["everything"])
    with pytest.raises(DataError, match="imagenet-photos"):
        accepted_kinds(["imagenet-photos"])


def test_command_line(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(photos / "train/beagle/empty.jpg", b"")
    with pytest.raises(SystemExit, match=r"The audit stops the run: 1 unreadable \("):
        main([str(photos)])
    assert "train/beagle/empty.jpg: The file is empty." in capsys.readouterr().out
    out = tmp_path / "audit.json"
    main([str(photos), "--accept", "unreadable", "--out", str(out)])
    assert capsys.readouterr().out.endswith("; 1 left out\n")
    assert json.loads(out.read_text())["left_out"] == 1
    with pytest.raises(SystemExit, match="--accept everything: there is no such finding"):
        main([str(photos), "--accept", "everything"])
    with pytest.raises(SystemExit, match="cannot be written"):
        main([str(photos), "--accept", "unreadable", "--out", str(out / "below a file")])


def test_command_line_says_where_the_rest_of_a_list_is(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, folder in enumerate(sorted(photos.glob("*/*"))):
        write(folder / f"n02088364_{number}.jpg", 80 + number)
    main([str(photos)])
    assert "  ... 3 more; --out audit.json writes all\n" in capsys.readouterr().out
    main([str(photos), "--out", str(tmp_path / "audit.json")])
    assert "  ... 3 more; audit.json has all\n" in capsys.readouterr().out


@pytest.mark.shared
def test_audit_of_real_photos(shared_data: Path) -> None:
    result = audited(shared_data / "pets13")
    noted = {finding.kind: len(finding.files) for finding in result.findings}
    assert noted.pop("split-by-content") > 20 and sum(noted.values()) <= 2
    assert len(result.dataset.photos) == 130 and len(result.dataset.breeds) == 13
