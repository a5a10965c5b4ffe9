"""The package of a trained network, on real photos, with both variants."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dogbreeds.data.dataset import read
from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.network.network import Network
from dogbreeds.package.build import BuiltPackage, build_package
from dogbreeds.package.card import Card
from dogbreeds.package.write import write_folder
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import (
    FP32,
    INT8,
    Engine,
    has_fast_int8,
    variant_for_this_processor,
)
from dogbreeds.serving.inference import model_fn, warm_up

needs_int8 = pytest.mark.skipif(
    not has_fast_int8(), reason="the processor has no VNNI: int8 is not tried"
)


@pytest.fixture(scope="module")
def built(network: Network, package: Path, shared_data: Path) -> BuiltPackage:
    """The pretrained network, cut to the ten breeds of woof10, in a package."""
    dataset = read(shared_data / "woof10", {})
    row_of = {entry.synset: row for row, entry in enumerate(dog_breeds())}
    card = Card.read(package)
    cut = Network(network.backbone, len(dataset.labels), card.input).eval()
    rows = [row_of[label.synset] for label in dataset.labels]
    with torch.no_grad():
        cut.breed_head.weight.copy_(network.breed_head.weight[rows])
        cut.breed_head.bias.copy_(network.breed_head.bias[rows])
    return build_package(cut, card, dataset, with_likely=True)


@pytest.mark.slow  # 600 photos; quicker: test_pretrained.py, test_calibrate.py
@pytest.mark.shared
@needs_int8
def test_int8_is_accepted_with_thresholds_of_its_own(built: BuiltPackage, tmp_path: Path) -> None:
    card = built.card
    assert card.int8["precision"] == "int8", card.int8["reason"]
    assert card.int8["top1_int8"] >= card.int8["top1_fp32"] - 0.005
    served = card.for_precision("int8")
    assert served.dog_threshold != card.dog_threshold
    assert served.temperature != card.temperature
    write_folder(tmp_path, built.members)
    model = model_fn(str(tmp_path))
    assert model.engine.precision == variant_for_this_processor(tmp_path).precision
    assert model.card == card.for_precision(model.engine.precision)
    assert warm_up(model, tmp_path)["is_dog"] is True


@pytest.mark.slow
@pytest.mark.shared
def test_each_variant_has_two_dog_thresholds_and_sets(built: BuiltPackage) -> None:
    card = built.card
    for precision in ("fp32", card.int8["precision"]):
        served = card.for_precision(precision)
        assert served.sure_dog_threshold is not None and served.likely_threshold is not None
        assert 0 < served.dog_threshold < served.sure_dog_threshold < 1
        assert 0 < served.likely_threshold < 1
    assert built.evaluation["dogs_recognised"] >= 0.97
    likely = built.evaluation["likely"]
    low, high = likely["of_threshold_interval"]
    assert low <= 0.9 <= high
    assert likely["coverage"] >= built.evaluation["top1"]
    assert 1 <= likely["mean_size"] < 2


@pytest.mark.slow
@pytest.mark.shared
def test_the_card_has_the_baseline_of_the_valid_photos(built: BuiltPackage) -> None:
    baseline = built.card.drift
    assert baseline["no_dog"] + sum(baseline["breeds"].values()) == 200
    assert baseline["confidence"] == sorted(baseline["confidence"])


@pytest.mark.slow
@pytest.mark.shared
@needs_int8
def test_both_variants_name_the_same_breeds(
    built: BuiltPackage, shared_data: Path, tmp_path: Path
) -> None:
    write_folder(tmp_path, built.members)
    files = sorted((shared_data / "woof10" / "test").rglob("*.*"))[::20]
    photos = np.stack([prepare(wire_image(f.read_bytes()), built.card.input) for f in files])
    tops = [Engine(tmp_path, variant=variant)(photos)[0].argmax(axis=1) for variant in (FP32, INT8)]
    assert (tops[0] == tops[1]).mean() >= 0.9


@pytest.mark.slow
@pytest.mark.shared
def test_the_figures_are_of_the_variant_that_serves(built: BuiltPackage) -> None:
    assert built.evaluation["precision"] in {"fp32", "int8"}
    assert built.evaluation["photos"] == 200
    assert built.evaluation["top1"] >= 0.9
    assert built.evaluation["live"] is None


def test_each_variant_has_its_own_calibration(package: Path) -> None:
    card = Card.read(package)
    assert card.for_precision("int8") == card  # no int8 was fitted
    both = replace(card, int8={"temperature": 2.0, "dog_threshold": 0.25})
    assert both.for_precision("fp32") == both
    assert both.for_precision("int8") == replace(both, temperature=2.0, dog_threshold=0.25)
