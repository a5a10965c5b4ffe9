import json
import re

import pytest

from dogbreeds.network.head import EpochResult, zero_prior
from dogbreeds.training.search import objective_line, read_space, search
from dogbreeds.training.settings import HeadSettings, parse
from tests.model.learning import clouds


def test_the_search_begins_with_what_it_is_given_and_ends_with_less_loss() -> None:
    start = HeadSettings(shrinkage=3.0, epochs=12)  # learns next to nothing
    lines: list[str] = []
    settings, trials = search(
        zero_prior(3, 12), clouds(0, 40), clouds(1, 40), start, trials=8, log=lines.append
    )
    assert len(trials) == len(lines) == 8
    assert trials[0].parameters["shrinkage"] == 3.0
    finished = [trial.loss for trial in trials if trial.loss is not None]
    assert trials[0].loss is not None and min(finished) < trials[0].loss
    assert settings.shrinkage < 3
    assert settings.epochs == 12


def test_settings_outside_the_space_are_no_trial() -> None:
    start = HeadSettings(shrinkage=50.0, batch_size=7, epochs=1)
    settings, trials = search(zero_prior(3, 12), clouds(0, 20), clouds(1, 20), start, trials=2)
    assert len(trials) == 2 and settings.shrinkage <= 3 and settings.batch_size != 7


def test_trials_that_do_worse_than_most_end_early() -> None:
    _, trials = search(
        zero_prior(3, 12),
        clouds(0, 40),
        clouds(1, 40),
        HeadSettings(epochs=12, batch_size=128),
        trials=15,
    )
    assert any(trial.loss is None and trial.epochs < 12 for trial in trials)


def test_the_same_inputs_give_the_same_trials() -> None:
    def run() -> list[object]:
        result = search(
            zero_prior(3, 12), clouds(0, 20), clouds(1, 20), HeadSettings(epochs=3), trials=5
        )
        return [result]

    assert run() == run()


@pytest.mark.parametrize("value", [0.000001, 0.08, 12.345678])
def test_the_regex_reads_the_line(value: float) -> None:
    line = objective_line(EpochResult(3, 0.5, value, 0.9, 0.8, 1.0))
    matches = re.findall(read_space()["objective"]["regex"], line)
    assert [float(text) for text in matches] == [pytest.approx(value, abs=1e-6)]


def test_every_name_of_the_space_is_a_flag_that_takes_its_values_as_strings() -> None:
    """The tuning service passes strings; a name or a range that train.py refuses fails each job."""
    for entry in read_space()["parameters"]:
        values = entry.get("values") or [entry["low"], entry["high"]]
        for value in values:
            text = json.dumps(value)
            settings = parse([f"--{entry['name']}", text, "--out", "x"], {})
            assert getattr(settings.head, entry["name"].replace("-", "_")) == value
