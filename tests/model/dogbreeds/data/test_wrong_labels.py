"""Labels swapped on purpose are reported as wrong: by the function, and by `train.py`."""

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dogbreeds.data.audit_rules import WRONG_LABEL, Finding, Item
from dogbreeds.data.dataset import DataError, Dataset, read
from dogbreeds.data.wrong_labels import check, out_of_sample, sentence, suspects
from dogbreeds.evaluation.metrics import Floats
from dogbreeds.network.head import Samples, zero_prior
from dogbreeds.training.settings import HeadSettings
from tests.model.learning import TRAIN, clouds, photos_of, run_train
from tests.model.pictures import picture, saved, write

pytestmark = pytest.mark.usefixtures("one_thread")

EACH = 20  # photos a breed
SWAPPED = {3: 1, 25: 2, 47: 0}  # place: the label that somebody gave by mistake
BREEDS = ("Beagle", "Boxer", "Pug")
SETTINGS = HeadSettings(shrinkage=0.001, learning_rate=0.05)


def photos(seed: int, swapped: dict[int, int]) -> tuple[Samples, list[str]]:
    """Sixty photos; those of SWAPPED lie in the very middle of their breed's cloud."""
    samples = clouds(seed, EACH, spread=0.5)
    middle = clouds(seed, EACH, spread=0.0).features
    samples.features[list(SWAPPED)] = middle[list(SWAPPED)]
    labels = samples.labels.copy()
    for place, wrong in swapped.items():
        assert labels[place] != wrong
        labels[place] = wrong
    names = [f"train/{BREEDS[label]}/{place}.jpg" for place, label in enumerate(labels)]
    return Samples(samples.features, labels), names


def judged(seed: int, swapped: dict[int, int]) -> tuple[Finding, list[str], Floats]:
    samples, names = photos(seed, swapped)
    probabilities = out_of_sample(zero_prior(3, 12), samples, SETTINGS)
    return suspects(probabilities, samples.labels.tolist(), names, BREEDS), names, probabilities


@pytest.mark.parametrize("seed", range(5))
def test_every_label_swapped_on_purpose_is_found_and_no_right_one(seed: int) -> None:
    """A photo is listed if another breed is as likely as it is for that breed's average photo.

    The swapped ones lie in the middle of their breeds' clouds, and the others around it, so that
    each is likelier its true breed than the average photo that lies there: all three must be
    listed. The clouds are 8 deviations apart, too far for any of the other 57 to be listed.
    """
    finding, names, probabilities = judged(seed, SWAPPED)
    assert set(finding.files) == {names[place] for place in SWAPPED}
    chances = [probabilities[names.index(i.files[0])].min() for i in finding.items]
    assert all(chance < 0.1 for chance in chances)
    for item in finding.items:
        place = names.index(item.files[0])
        truth, folder = BREEDS[place // EACH], BREEDS[SWAPPED[place]]
        chance = 100 * probabilities[place, SWAPPED[place]]
        words = f"looks like {truth}; the chance of its folder's {folder} is {chance:.1f} %"
        assert item.reason == words


@pytest.mark.parametrize("seed", range(5))
def test_right_labels_are_left_alone(seed: int) -> None:
    finding, _, _ = judged(seed, {})
    assert finding.items == () and not finding.stops


def test_the_least_believable_comes_first() -> None:
    finding, names, probabilities = judged(0, SWAPPED)
    places = [names.index(item.files[0]) for item in finding.items]
    chances = [probabilities[place, SWAPPED[place]] for place in places]
    assert chances == sorted(chances)


def test_no_photo_is_judged_by_a_head_that_learnt_it() -> None:
    """Noise can be memorised, not predicted: of random labels a third is right by chance."""
    samples = clouds(1, 60, spread=1.0)
    random = np.random.default_rng(2)
    noise = random.normal(0, 1, samples.features.shape).astype(np.float32)
    labels = random.permutation(samples.labels)
    probabilities = out_of_sample(zero_prior(3, 12), Samples(noise, labels), SETTINGS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == labels).mean() == pytest.approx(1 / 3, abs=0.1)


def test_sentence_about_wrong_labels() -> None:
    item = Item(("train/Boxer/3.jpg",), "looks like Pug")
    said = sentence(Finding(WRONG_LABEL, (item,)), 60)
    assert "1 of 60 photos may lie in a wrong folder" in said
    assert "train/Boxer/3.jpg: looks like Pug" in said
    assert "of 60 photos none looks" in sentence(Finding(WRONG_LABEL, ()), 60)


@pytest.mark.parametrize(("train", "valid", "enough"), [(4, 1, True), (3, 1, False)])
def test_too_few_photos_of_a_breed(train: int, valid: int, enough: bool, tmp_path: Path) -> None:
    counts = {"train": train, "valid": valid, "test": 9}  # test's photos are not judged
    folder = photos_of(tmp_path, ("beagle",), {"train": 9, "valid": 2, "test": 2})
    dataset: Dataset = read(photos_of(folder, ("pug",), counts, first=50))
    if enough:
        check(dataset)
        return
    with pytest.raises(DataError) as refused:
        check(dataset)
    assert str(refused.value) == (
        "--label-report needs 5 photos or more of each breed in train and valid, and Pug has 4: "
        "add photos, or leave the flag out."
    )


def test_without_cleanlab_one_sentence_before_the_work(tmp_path: Path) -> None:
    """A Python whose packages are this one's without cleanlab: links to all the others."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for folder in (Path(entry) for entry in sys.path if entry.endswith("site-packages")):
        for package in folder.iterdir():
            link = packages / package.name
            if not package.name.startswith("cleanlab") and not link.is_symlink():
                link.symlink_to(package)
    photos = photos_of(tmp_path / "photos", ("beagle", "pug"), {"train": 6, "valid": 1, "test": 1})
    flags = ["--data", str(photos), "--out", str(tmp_path / "out"), "--label-report"]
    flags += ["--cache", str(tmp_path / "cache")]
    done = subprocess.run(
        [sys.executable, "-S", str(TRAIN), *flags],
        env=os.environ | {"PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "--label-report needs the package cleanlab, which is not installed: run "
        "`pip install cleanlab`, or leave the flag out."
    )
    assert not (tmp_path / "cache" / "features").exists()  # none were computed for nothing


TINTS = {"beagle": (230, 40, 40), "boxer": (40, 200, 40), "pug": (50, 50, 230)}
MOVED = {"beagle/3": "boxer", "boxer/3": "pug", "pug/3": "beagle"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Red beagles, green boxers, blue pugs, and of each one in the next one's folder.

    Those that moved are tinted most: as above, each is likelier its breed than the average.
    """
    folder, number = tmp_path_factory.mktemp("moved"), 0
    for breed, tint in TINTS.items():
        for place in range(14):
            split = "train" if place < 10 else "valid" if place < 12 else "test"
            moved = MOVED.get(f"{breed}/{place}")
            made = Image.blend(
                picture(number), Image.new("RGB", (160, 120), tint), 0.8 if moved else 0.6
            )
            write(
                folder / "photos" / split / (moved or breed) / f"{breed}-{place}.jpg", saved(made)
            )
            number += 1
    flags = ("--data", folder / "photos", "--out", folder / "out", "--cache", folder / "cache")
    done = run_train(*flags, "--label-report", "--backbone", "test_resnet", "--random-weights")
    assert done.returncode == 0, done.stderr
    assert "label report: 3 of 36 photos may lie in a wrong folder" in done.stderr
    return folder / "out"


@pytest.mark.slow
def test_the_audit_lists_wrong_labels(trained: Path) -> None:
    audit = json.loads((trained / "audit.json").read_text())
    assert audit["findings"][-1]["kind"] == WRONG_LABEL
    finding = audit["findings"][-1]
    assert finding["files"] == sorted(
        f"train/{folder}/{photo.replace('/', '-')}.jpg" for photo, folder in MOVED.items()
    )
    assert (finding["stops"], finding["accepted"], finding["left_out"]) == (False, False, 0)
    looks = {item["files"][0]: item["reason"] for item in finding["items"]}
    assert looks["train/boxer/beagle-3.jpg"].startswith("looks like Beagle; the chance of its")


@pytest.mark.slow
def test_the_report_shows_wrong_labels(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    shown = page[page.index("Wrong labels?") : page.index("Settings, versions, credits")]
    for photo, folder in MOVED.items():
        name = f"train/{folder}/{photo.replace('/', '-')}.jpg"
        assert re.search(rf'<img src="data:image/jpeg;base64,[^"]+" alt="{name}"', shown)
    assert shown.count("<img") == 3


@pytest.mark.slow
def test_the_card_counts_them(trained: Path) -> None:
    with tarfile.open(trained / "model.tar.gz") as archive:
        member = archive.extractfile("card.json")
        assert member
        assert json.load(member)["data"]["findings"][WRONG_LABEL] == 3
