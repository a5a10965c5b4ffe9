"""A network that has learned becomes a package: on real photos, with both forms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dogbreeds.data.dataset import read
from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.network.network import Network
from dogbreeds.package.build import Finished, finish
from dogbreeds.package.card import Card
from dogbreeds.package.write import write_folder
from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.preprocess import prepare
from dogbreeds.serving.engine import FP32, INT8, Engine, serving_form
from dogbreeds.serving.inference import model_fn, warm_up


@pytest.fixture(scope="module")
def finished(network: Network, package: Path, shared_data: Path) -> Finished:
    """The pretrained network, cut to the ten breeds of woof10 and finished with their photos."""
    dataset = read(shared_data / "woof10", {})
    row_of = {entry.synset: row for row, entry in enumerate(dog_breeds())}
    card = Card.read(package)
    cut = Network(network.backbone, len(dataset.labels), card.input).eval()
    rows = [row_of[label.synset] for label in dataset.labels]
    with torch.no_grad():
        cut.breed_head.weight.copy_(network.breed_head.weight[rows])
        cut.breed_head.bias.copy_(network.breed_head.bias[rows])
    return finish(cut, card, dataset)


@pytest.mark.shared
def test_int8_is_accepted_with_thresholds_of_its_own(finished: Finished, tmp_path: Path) -> None:
    card = finished.card
    assert card.int8["precision"] == "int8", card.int8["reason"]
    assert card.int8["top1_int8"] >= card.int8["top1_fp32"] - 0.005
    served = card.served_in("int8")
    assert served.dog_threshold != card.dog_threshold
    assert served.temperature != card.temperature
    write_folder(tmp_path, finished.members)
    model = model_fn(str(tmp_path))
    assert model.engine.precision == serving_form(tmp_path).precision
    assert model.card == card.served_in(model.engine.precision)
    assert warm_up(model, tmp_path)["is_dog"] is True


@pytest.mark.shared
def test_both_forms_name_the_same_breeds(
    finished: Finished, shared_data: Path, tmp_path: Path
) -> None:
    write_folder(tmp_path, finished.members)
    files = sorted((shared_data / "woof10" / "test").rglob("*.*"))[::20]
    photos = np.stack([prepare(wire_image(f.read_bytes()), finished.card.input) for f in files])
    tops = [Engine(tmp_path, form=form)(photos)[0].argmax(axis=1) for form in (FP32, INT8)]
    assert (tops[0] == tops[1]).mean() >= 0.9


@pytest.mark.shared
def test_the_figures_are_of_the_form_that_serves(finished: Finished) -> None:
    assert finished.evaluation["precision"] in {"fp32", "int8"}
    assert finished.evaluation["photos"] == 200
    assert finished.evaluation["top1"] >= 0.9
    assert finished.evaluation["live"] is None


def test_each_form_has_its_own_fit_and_fp32_the_cards(package: Path) -> None:
    card = Card.read(package)
    assert card.served_in("int8") == card  # no int8 was fitted
    both = replace(card, int8={"temperature": 2.0, "dog_threshold": 0.25})
    assert both.served_in("fp32") == both
    assert both.served_in("int8") == replace(both, temperature=2.0, dog_threshold=0.25)
