import base64
import html.parser
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image

from dogbreeds.evaluation.metrics import wilson
from dogbreeds.photos.decode import wire_image
from dogbreeds.report import report
from dogbreeds.training.run import TrainingRun
from dogbreeds.watch.watch import Finding
from tests.functions.page.browser import browser, chromium

HOSTILE = [
    "<script>document.title='taken'</script>",
    '"><img src=https://evil.example/x onerror=alert(1)>',
    "'-->]]></style><svg onload=alert(1)>",
    "&lt;Beagle&gt; &amp; co",
    "turned \u202eround\u0007",
    "no UTF-8: \udcff",
]


def jpeg(size: tuple[int, int] = (400, 300)) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    image = Image.fromarray(noise).resize(size)
    exif = Image.Exif()
    exif[0x010E] = "taken at 52.5 north, 13.4 east"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def run(breeds: list[str], confusion: list[list[int]], **changes: Any) -> dict[str, Any]:
    """Fields of a `TrainingRun` with these results."""
    counts = np.array(confusion)
    photos, right = int(counts.sum()), int(counts.trace())
    wrong = [
        (truth, said)
        for truth in range(len(breeds))
        for said in range(len(breeds))
        if truth != said and confusion[truth][said]
    ]
    rows = counts.sum(axis=1)
    evaluation = {
        "photos": photos,
        "breeds": breeds,
        "top1": right / photos,
        "top1_interval": list(wilson(right, photos)),
        "top5": 1.0,
        "macro_recall": right / photos,
        "ece": 0.02,
        "loss": 0.3,
        "auroc_not_dog": None,
        "per_breed": {
            breed: {
                "recall": int(counts[at, at]) / int(rows[at]) if rows[at] else None,
                "photos": int(rows[at]),
            }
            for at, breed in enumerate(breeds)
        },
        "confusion": confusion,
        "most_confused": [
            {
                "truth": breeds[truth],
                "said": breeds[said],
                "count": confusion[truth][said],
                "photos": [f"test/{breeds[truth]}/{n}.jpg" for n in range(confusion[truth][said])],
            }
            for truth, said in wrong[:20]
        ],
        "reliability": [{"confidence": 0.7, "accuracy": 0.8, "photos": photos}],
        "imagenet_photos": 0,
        "live": None,
    }
    history = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "valid_loss": 1.2 / epoch,
            "train_top1": 0.9,
            "valid_top1": 0.8,
            "seconds": 0.5 * epoch,
        }
        for epoch in range(1, 6)
    ]
    return {
        "evaluation": evaluation,
        "history": history,
        "audit": {
            "verdict": "",
            "findings": [],
            "breeds": {breed: {"train": 3} for breed in breeds},
        },
        "settings": {"epochs": 5},
        "versions": {"torch": "2.14.1"},
        "card": {"name": "lite2", "version": "0a1b", "backbone": "b", "credits": ["weights: PyPI"]},
        "photos": lambda _: jpeg(),
        "findings": [],
    } | changes


def written(folder: Path, values: dict[str, Any]) -> str:
    path = folder / "report.html"
    report.write(path, training_run(values))
    return path.read_text("utf-8")


def training_run(values: dict[str, Any]) -> TrainingRun:
    """The run of `run`'s values, whose photos are given as bytes."""
    return TrainingRun(**values | {"photos": lambda name: wire_image(values["photos"](name))})


def matrix(breeds: int, seed: int = 0, mistakes: float = 0.1) -> list[list[int]]:
    random = np.random.default_rng(seed)
    counts = (random.random((breeds, breeds)) < mistakes / breeds * 3).astype(int)
    np.fill_diagonal(counts, 8)
    return counts.tolist()  # type: ignore[no-any-return]


class Reader(html.parser.HTMLParser):
    """Tags, attributes and text of a page, and whether each tag is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "link", "img", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_names_of_folders_are_only_ever_text(tmp_path: Path) -> None:
    breeds = [*HOSTILE, "Beagle"]
    values = run(breeds, matrix(len(breeds), mistakes=1))
    values["audit"]["findings"] = [
        {"kind": "unreadable", "sentence": HOSTILE[0], "files": HOSTILE, "stops": True}
    ]
    values["settings"] |= {HOSTILE[0]: HOSTILE[1], "nested": {"x": [HOSTILE[2]]}}
    values["card"] |= {"name": HOSTILE[0], "credits": HOSTILE}
    page = Reader(written(tmp_path, values))
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert HOSTILE[0] in page.text  # to be read as it is
    assert "turned \ufffdround\ufffd" in page.text
    assert "no UTF-8: \ufffd" in page.text


def test_nothing_is_asked_from_anywhere(tmp_path: Path) -> None:
    source = written(tmp_path, run(["Beagle", "Pug"], [[7, 1], [2, 6]]))
    page = Reader(source)
    links = [
        value for name, value in page.attributes if name in {"src", "href", "srcset", "action"}
    ]
    assert links
    assert [link for link in links if not link.startswith("data:")] == []
    assert "url(" not in source
    assert "@import" not in source
    (policy,) = (value for _, value in page.attributes if "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


@pytest.mark.parametrize("breeds", [2, 10, 24, 60, 133, 300])
def test_it_is_one_small_file_for_any_number_of_breeds(tmp_path: Path, breeds: int) -> None:
    names = [f"Long Haired Breed Number {number}" for number in range(breeds)]
    page = written(tmp_path, run(names, matrix(breeds)))
    Reader(page)
    assert len(page.encode()) < 2_000_000
    assert all(name in page for name in names)


def test_a_hopeless_model_of_many_breeds_stays_small(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    confusion = random.integers(1, 9, (133, 133)).tolist()
    page = written(tmp_path, run([f"Breed {number}" for number in range(133)], confusion))
    assert len(page.encode()) < 2_000_000


def test_photos_are_made_small_and_lose_their_metadata(tmp_path: Path) -> None:
    large = jpeg((3000, 2000))
    page = written(tmp_path, run(["Beagle", "Pug"], [[7, 1], [2, 6]], photos=lambda _: large))
    assert page.count("data:image/jpeg;base64,") == 3
    assert len(page) < len(large)
    assert b"52.5 north" in large
    sizes = []
    for encoded in re.findall(r"data:image/jpeg;base64,([^\"]+)", page):
        content = base64.b64decode(encoded)
        assert b"52.5 north" not in content
        sizes.append(Image.open(io.BytesIO(content)).size)
    assert sizes == [(225, 150)] * 3


def missing(name: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", name)


@pytest.mark.parametrize(
    ("photos", "reason"),
    [(missing, "No such file"), (lambda _: b"no picture", "cannot be shown")],
)
def test_a_photo_that_cannot_be_read_is_named(
    tmp_path: Path, photos: Callable[[str], bytes], reason: str
) -> None:
    page = written(tmp_path, run(["Beagle", "Pug"], [[7, 1], [0, 8]], photos=photos))
    assert reason in page
    assert "test/Beagle/0.jpg" in page


def test_the_figures_are_those_of_the_evaluation(tmp_path: Path) -> None:
    page = " ".join(Reader(written(tmp_path, run(["Beagle", "Pug"], [[7, 1], [2, 6]]))).text)
    assert "81.2\u00a0% of 16 test photos get the right one of 2 breeds." in page
    assert "95 % interval 57.0 to 93.4\u00a0% (Wilson)" in page
    assert "Pug taken for Beagle: 2 of 8" in page
    recalls = page[page.index("weakest first") :]
    assert recalls.index("Beagle 2\u00d7") < recalls.index("Pug 1\u00d7")


def test_photos_of_imagenet_findings_and_accepted_ones_stand_at_the_top(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    values["evaluation"]["imagenet_photos"] = 16
    values["audit"]["findings"] = [
        {"kind": "duplicate", "sentence": "Three.", "files": ["a"] * 100, "accepted": True}
    ]
    finding = Finding("overfit", 9, 3, "top-1", 0.4, 0.3, "gap", "Add photos.", "warn")
    values["findings"] = [finding.as_json()]
    page = written(tmp_path, values)
    top = page[: page.index("Top-1")]
    assert "16 of the 16 test photos have names of ImageNet" in top
    assert "The watch over training found overfit" in top
    assert "Accepted in the photos: duplicate" in top
    assert "Add photos." in page
    assert "and 40 more, in audit.json" in page


@pytest.mark.parametrize("count", [0, 1, 500])
def test_wrong_labels_are_shown_with_their_photos(tmp_path: Path, count: int) -> None:
    values = run(["Beagle", "Pug"], [[8, 0], [0, 8]])
    items = [{"files": [f"train/{HOSTILE[0]}/{n}.jpg"], "reason": HOSTILE[1]} for n in range(count)]
    files = [item["files"][0] for item in items]
    values["audit"]["findings"] = [
        {"kind": "wrong-label", "sentence": f"{count} look.", "files": files, "items": items}
    ]
    source = written(tmp_path, values)
    page = Reader(source)
    assert "script" not in page.tags
    assert page.tags.count("img") == min(count, 24)
    assert len(source.encode()) < 2_000_000
    words = " ".join(page.text)
    if count == 0:
        assert "No photo seems to be in a wrong folder." in words
    else:
        assert HOSTILE[1] in words
    assert ("476 more are in audit.json." in words) == (count == 500)


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ([0.01, 0.05], "The candidate is better"),
        ([-0.05, -0.01], "The live model is better"),
        ([-0.05, 0.03], "These photos do not tell"),
    ],
)
def test_live_and_candidate_are_compared_with_their_interval(
    tmp_path: Path, bounds: list[float], verdict: str
) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    values["evaluation"]["live"] = {
        "model": "old@1",
        "top1": 0.7,
        "difference": sum(bounds) / 2,
        "difference_interval": bounds,
        "p_not_worse": 0.9,
        "breeds_missing": ["Pug"],
    }
    page = written(tmp_path, values)
    assert verdict in page
    assert "The live model lacks 1 breed" in page


def test_a_search_shows_its_best_trials(tmp_path: Path) -> None:
    trials = [
        {"number": n, "parameters": {"learning-rate": 0.1 / n}, "loss": loss, "epochs": 5}
        for n, loss in enumerate((0.5, 0.25, None), start=1)
    ]
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]], trials=trials)
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert "3 trials, 1 of them ended early" in page
    assert page.index("0.2500") < page.index("0.5000")


def test_a_breed_without_photos_and_a_run_without_epochs_are_reported(tmp_path: Path) -> None:
    page = written(tmp_path, run(["Beagle", "Pug"], [[8, 0], [0, 0]], history=[]))
    assert "nothing was fitted" in page
    assert "No test photo got a wrong breed." in page


def test_the_old_report_stays_when_a_new_one_fails(tmp_path: Path) -> None:
    old = written(tmp_path, run(["Beagle", "Pug"], [[7, 1], [2, 6]]))
    broken = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    del broken["evaluation"]["top1"]
    with pytest.raises(UndefinedError, match="'top1'"):
        report.write(tmp_path / "report.html", training_run(broken))
    assert (tmp_path / "report.html").read_text("utf-8") == old
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_model_of_few_breeds_has_no_top_5(tmp_path: Path) -> None:
    values = run(["Pug", "Boxer"], [[3, 0], [0, 3]])
    assert "Top-5" in written(tmp_path, values)
    values["evaluation"] |= {"top5": None, "loss": 0.00256}
    page = written(tmp_path, values)
    assert "Top-5" not in page
    assert ">0.0026<" in page  # no wider than its tile


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    assert written(tmp_path, values) == written(tmp_path, values)


@pytest.mark.rivals
@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed")
def test_a_browser_runs_nothing_and_keeps_the_page_in_its_width(tmp_path: Path) -> None:
    breeds = [*HOSTILE, *(f"Breed {number}" for number in range(127))]
    written(tmp_path, run(breeds, matrix(len(breeds), mistakes=1)))
    with browser() as tab:
        for width in (390, 1200):
            tab.look(width=width, height=900, dark=width == 390)
            tab.open((tmp_path / "report.html").as_uri())
            assert tab.run("document.title") == "lite2@0a1b · Kennel model report"
            assert tab.run("document.documentElement.scrollWidth") <= width
            assert tab.run("[...document.images].every(image => image.naturalWidth > 0)")
            assert tab.run("getComputedStyle(document.querySelector('.card')).padding") != "0px"
        assert tab.complaints == []


def test_the_figures_of_int8_are_printed_for_an_int8_package(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    values["card"] |= {"temperature": 1.111, "dog_threshold": 0.111}
    values["card"]["int8"] = {"precision": "int8", "temperature": 2.22, "dog_threshold": 0.222}
    for form, mine, other in (("int8", ("2.22", "0.222"), "1.11"), ("fp32", ("1.11",), "2.22")):
        values["evaluation"]["precision"] = form
        page = " ".join(Reader(written(tmp_path, values)).text)
        assert f"Temperature {mine[0]}, expected calibration error" in page
        assert all(figure in page for figure in mine)
        assert other not in page


@pytest.mark.parametrize(
    ("tuned", "sentence"),
    [
        (None, "Ringed: the head after the last epoch, 5"),
        ((3, 1.0), "Ringed: epoch 3, which has the lowest valid loss; the package has its weights"),
        ((3, 0.25), "the package lies 25\u00a0% of the way to it from the head-only weights"),
        ((3, 0.0), "but the package has the head-only weights"),
    ],
)
def test_the_chosen_epoch_is_ringed_and_what_is_kept_is_said(
    tuned: tuple[int, float] | None, sentence: str, tmp_path: Path
) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    if tuned:
        kept = {"best_epoch": tuned[0], "interpolation_share": tuned[1]}
        values["settings"] = {"finetune": kept}
    source = written(tmp_path, values)
    assert sentence in " ".join(Reader(source).text)
    assert f"kept: epoch {tuned[0] if tuned else 5}, valid" in source


@pytest.mark.parametrize("tuned", [False, True])
def test_a_train_loss_above_valid_s_is_explained(tuned: bool, tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    if tuned:
        values["settings"] = {"finetune": {"best_epoch": 5, "interpolation_share": 1.0}}
    assert "Train's loss is above" not in " ".join(Reader(written(tmp_path, values)).text)
    values["history"][-1]["train_loss"] = 9.0
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert ("on crops and colours that vary" if tuned else "held near the pretrained one") in page


def test_date_command_next_steps_and_dog_or_not(tmp_path: Path) -> None:
    changes = {
        "date": "28 November 2026, 13:25 UTC",
        "command": "python model/train.py --data <photos>",
        "next_commands": ["kennel up --model 'my trained/model.tar.gz'"],
    }
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]], **changes)
    values["evaluation"]["dogs_recognised"] = 0.985
    values["card"]["dog_threshold"] = 0.42
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert "trained on 28 November 2026" in page
    assert "python model/train.py --data <photos>" in page
    assert "kennel up --model 'my trained/model.tar.gz'" in page
    assert "98.5\u00a0%" in page and "from a dog score of 0.42 on" in page


def test_how_well_the_sets_of_likely_breeds_hold_is_said_or_why_there_are_none(
    tmp_path: Path,
) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    assert "likely" not in written(tmp_path, values)
    values["evaluation"]["seen_by_backbone"] = {"most": True, "head_only_because": ""}
    assert "name no set of likely breeds, because the backbone" in written(tmp_path, values)
    values["evaluation"]["likely"] = {
        "asked": 0.9, "of_threshold": 0.912, "of_threshold_interval": [0.85, 0.95],
        "coverage": 0.93, "coverage_interval": [0.88, 0.97], "mean_size": 1.234,
    }  # fmt: skip
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert "the right one in 90\u00a0% of photos" in page and "1.23 breeds on average" in page
    assert "in 91.2\u00a0% (85.0 to 95.0\u00a0%)" in page
    assert "in 93.0\u00a0% (88.0 to 97.0\u00a0%)" in page


def test_both_dog_thresholds_are_said(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    values["card"] |= {"dog_threshold": 0.21, "sure_dog_threshold": 0.54}
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert "from a dog score of 0.21 on, and as “perhaps” one below 0.54." in page


def test_cross_validated_figures_stand_beside_those_of_few_photos(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    assert "Cross-validated" not in written(tmp_path, values)
    values["evaluation"]["cross_validation"] = {
        "folds": 5, "photos": 130, "top1": 0.985, "top1_interval": [0.946, 0.996],
        "macro_recall": 0.98, "ece": 0.04, "loss": 0.05,
        "per_breed": {"Pug": {"recall": 0.9, "photos": 65, "interval": [0.804, 0.951]}},
    }  # fmt: skip
    page = " ".join(Reader(written(tmp_path, values)).text)
    assert "95 % interval 94.6 to 99.6\u00a0%" in page and "all 130 photos" in page
    assert "(80.4 to 95.1\u00a0% of 65)" in page


def test_uneven_breeds_and_the_reason_for_head_only_are_said(tmp_path: Path) -> None:
    values = run(["Beagle", "Pug"], [[7, 1], [2, 6]])
    values["audit"]["breeds"] = {"Beagle": {"train": 100}, "Pug": {"train": 5}}
    values["evaluation"]["seen_by_backbone"] = {"head_only_because": "The backbone knows them."}
    page = written(tmp_path, values)
    assert "The largest breed has 100 train photos and the smallest 5" in page
    assert "The backbone knows them." in page[: page.index("Top-1")]


def test_any_note_of_the_audit_is_shown_with_its_photos(tmp_path: Path) -> None:
    def finding(kind: str, **more: object) -> dict[str, object]:
        items = [{"files": [f"train/{kind}/{n}.jpg"], "reason": f"as {n}"} for n in range(30)]
        return {"kind": kind, "sentence": f"30 are {kind}.", "files": [], "items": items} | more

    def read(name: str) -> bytes:
        if name.endswith("/1.jpg"):
            raise KeyError(name)
        return jpeg()

    values = run(["Beagle", "Pug"], [[8, 0], [0, 8]], photos=read)
    values["audit"]["findings"] = [
        finding("nearly-blurry"),
        finding("imagenet-photos"),
        finding("tiny", stops=True, flag="--accept tiny"),
    ]
    source = written(tmp_path, values)
    page = Reader(source)
    assert "Photos to look at: nearly blurry" in page.text
    assert "Photos to look at: tiny" not in source and "Photos to look at: imagenet" not in source
    assert page.tags.count("img") == 23
    assert "train/nearly-blurry/1.jpg: cannot be shown" in source
    assert "6 more are in audit.json." in source


@pytest.mark.parametrize("breeds", [2, 130, 500])
def test_the_matrix_names_every_breed(breeds: int, tmp_path: Path) -> None:
    names = [f"Breed {number}" for number in range(breeds)]
    page = written(tmp_path, run(names, matrix(breeds)))
    drawn = page[page.index("confusion matrix of") : page.index("Most confused")]
    assert all(drawn.count(f">{name}</text>") == 2 for name in names)
