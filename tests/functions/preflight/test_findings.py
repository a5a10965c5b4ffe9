"""Preflight's findings are the audit's: the same objects through both."""

from pathlib import Path
from typing import Any

import pytest

from dogbreeds.data import audit, audit_rules
from dogbreeds.data.dataset import read
from preflight import data, findings, sample
from tests.functions.aws_account import BUCKET, Account
from tests.functions.classify.photos import jpeg
from tests.functions.few_photos import few_photos, photo

GOOD = few_photos()
FIRST = "data/train/beagle/0.jpg"


def found_by_preflight(objects: dict[str, bytes]) -> dict[str, findings.Finding]:
    account = Account()
    account.objects |= objects
    photos = data.find_photos(account.s3, BUCKET)
    assert photos.problems == ()
    looks = sample.look_into(account.s3, BUCKET, photos.photos)
    return {each.kind: each for each in findings.findings(photos, looks) if each.items}


def found_by_the_audit(objects: dict[str, bytes], folder: Path) -> dict[str, audit_rules.Finding]:
    """Audit the objects in the folders into which SageMaker downloads them."""
    for key, body in objects.items():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
    account = Account()
    account.objects |= objects
    channels = data.find_photos(account.s3, BUCKET).channels
    dataset = read(None, {split: folder / prefix for split, prefix in channels.items()})
    return {each.kind: each for each in audit.audit(dataset).findings if each.stops}


FLAT = {
    f"data/{breed}/{number}.jpg": photo(500 + 50 * place + number)
    for place, breed in enumerate(("beagle", "boxer"))
    for number in range(9)
}
CASES: dict[str, tuple[set[str], dict[str, bytes]]] = {
    "good": (set(), GOOD),
    "flat": (set(), FLAT),
    "text in a breed's folder": ({"unreadable"}, {**GOOD, "data/train/boxer/notes.txt": b"hello"}),
    "empty file": ({"unreadable"}, {**GOOD, "data/train/boxer/x.jpg": b""}),
    "cut short": ({"unreadable"}, {**GOOD, "data/test/boxer/x.jpg": jpeg(400, 300)[:900]}),
    "the same error page twice": (
        {"unreadable"},
        {**GOOD, "data/train/boxer/x.jpg": b"<html>", "data/train/beagle/x.jpg": b"<html>"},
    ),
    "GIF": (
        {"unreadable"},
        {**GOOD, "data/train/boxer/x.jpg": b"GIF89a" + bytes(50)},
    ),
    "tiny": ({"tiny"}, {**GOOD, "data/train/boxer/x.jpg": jpeg(64, 20)}),
    "loose photo": ({"outside"}, {**GOOD, "data/train/x.jpg": photo(900)}),
    "loose photo of a flat folder": ({"outside"}, {**FLAT, "data/x.jpg": photo(900)}),
    "loose text": (set(), {**GOOD, "data/train/notes.txt": b"hello"}),
    "hidden": (set(), {**GOOD, "data/train/boxer/.x.jpg": b"", "data/train/Thumbs.db": b"x"}),
    "copy in one split": ({"duplicate"}, {**GOOD, "data/train/beagle/x.jpg": GOOD[FIRST]}),
    "copy in two splits": (
        {"duplicate-across-splits"},
        {**GOOD, "data/test/beagle/x.jpg": GOOD[FIRST]},
    ),
    "copy in two breeds": ({"two-breeds"}, {**GOOD, "data/train/boxer/x.jpg": GOOD[FIRST]}),
    "spelling": (
        {"two-spellings"},
        {**GOOD, "data/train/Beagle/x.jpg": photo(900), "data/train/BEAGLE /x.jpg": photo(901)},
    ),
    "spelling in another split": (
        set(),
        {key.replace("test/beagle", "test/001.Beagle"): body for key, body in GOOD.items()},
    ),
    "few": (
        {"too-few"},
        {key: body for key, body in GOOD.items() if key != FIRST},
    ),
    "few of a flat folder": (
        {"too-few"},
        {**FLAT, **{f"data/pug/{n}.jpg": photo(700 + n) for n in range(6)}},
    ),
    "too few for the splits": (
        {"missing-breed"},
        {**FLAT, **{f"data/pug/{n}.jpg": photo(700 + n) for n in range(2)}},
    ),
    "breed in test only": ({"missing-breed"}, {**GOOD, "data/test/pug/1.jpg": photo(900)}),
    "breed in train only": (
        {"missing-breed"},
        {**GOOD, **{f"data/train/pug/{n}.jpg": photo(900 + n) for n in range(5)}},
    ),
    "folder of hidden files": ({"empty-folder"}, {**GOOD, "data/train/pug/.DS_Store": b"x"}),
}


@pytest.mark.parametrize("case", CASES)
def test_preflight_finds_what_the_audit_finds(case: str, tmp_path: Path) -> None:
    kinds, objects = CASES[case]
    ours = found_by_preflight(objects)
    theirs = found_by_the_audit(objects, tmp_path)
    assert set(ours) == kinds
    assert kinds <= set(theirs)
    # All these photos are black and so near duplicates, which only the audit sees.
    assert {kind for kind in theirs if not kind.startswith("near-")} - kinds <= {"too-few"}
    for kind, finding in ours.items():
        assert finding.files == len(theirs[kind].files), kind


def test_a_synset_and_imagenets_name_for_it_are_one_breed(tmp_path: Path) -> None:
    objects = {
        **GOOD,
        **{f"data/train/n02099601-golden_retriever/{n}.jpg": photo(900 + n) for n in range(5)},
        "data/valid/golden_retriever/1.jpg": photo(910),
    }
    findings = found_by_preflight(objects)
    theirs = found_by_the_audit(objects, tmp_path)["missing-breed"]
    assert findings["missing-breed"].files == len(theirs.files) == 6
    objects["data/test/Golden Retriever/1.jpg"] = photo(911)
    assert found_by_preflight(objects) == {}


def test_words_and_limits_are_the_audits() -> None:
    assert {kind: audit_rules.KINDS[kind].what for kind in findings.KINDS} == findings.KINDS
    assert set(findings.ACCEPTABLE) == set(audit.ACCEPTABLE)
    assert (findings.MIN_TRAIN, sample.MIN_SIDE) == (audit_rules.MIN_TRAIN, audit_rules.MIN_SIDE)


def sentences(objects: dict[str, bytes], *accepted: str) -> list[str]:
    return list(findings.sentences(found_by_preflight(objects).values(), accepted))


def test_sentence_names_the_first_files_and_the_way_out() -> None:
    broken = {f"data/train/boxer/x{n}.jpg": b"text %d" % n for n in range(5)}
    (sentence,) = sentences({**GOOD, **broken})
    why = sample._look(b"text 0", data.Photo("", "", "", 6, "")).problem
    assert sentence == (
        "Some files below data/ cannot be opened or decoded, 5 of the 19 looked into "
        f"(data/train/boxer/x0.jpg: {why}; data/train/boxer/x1.jpg: {why}; "
        f"data/train/boxer/x2.jpg: {why}; and 2 more): mend that, or accept it by "
        '{"hyperparameters": {"accept": "unreadable"}}, several with commas.'
    )


def test_accepted_finding_is_no_problem() -> None:
    objects: dict[str, Any] = {**GOOD, "data/train/boxer/x.jpg": b"text"}
    assert sentences(objects, "duplicate", "unreadable") == []


def test_kind_that_does_not_exist() -> None:
    assert findings.accepted_kinds(" too-few,duplicate,") == (
        frozenset({"too-few", "duplicate"}),
        "",
    )
    kinds, problem = findings.accepted_kinds("too-few,typo")
    assert kinds == frozenset({"too-few", "typo"})
    assert problem.startswith("The hyperparameter accept names 'typo', and there is no such")
