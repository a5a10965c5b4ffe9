import json
from pathlib import Path

import pytest

from dogbreeds.data.dataset import DataError
from dogbreeds.finetune.recipes import LARGE, LARGE_FROM, SMALL, input_for, recipe_for
from dogbreeds.package.card import PreprocessConfig

STEP = PreprocessConfig(260, 0.89, "bicubic", (0.5,) * 3, (0.5,) * 3)


def test_the_size_of_the_set_chooses() -> None:
    assert recipe_for(LARGE_FROM - 1) is SMALL and recipe_for(LARGE_FROM) is LARGE
    assert recipe_for(10, "large") is LARGE and recipe_for(10**6, "small") is SMALL


def test_a_file_says_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"recipe": "large", "epochs": 3, "interpolation_shares": [1]}))
    recipe = recipe_for(10, str(file))
    assert (recipe.name, recipe.epochs, recipe.interpolation_shares) == ("mine", 3, (1.0,))
    assert recipe.learning_rate == LARGE.learning_rate
    json.dumps(recipe.for_card())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "expected small or large, or a JSON file"),
        ('{"epochs": 3}', "names no recipe"),
        ('{"recipe": "small", "epoch": 3}', "no setting 'epoch'"),
        ('{"recipe": "small", "name": "x"}', "no setting 'name'"),
        ('{"recipe": "small", "epochs": 2.5}', "epochs is 2.5, expected something like 5"),
        ('{"recipe": "small", "epochs": true}', "epochs is True"),
        ('{"recipe": "small", "epochs": 0}', "epochs is 0"),
        ('{"recipe": "small", "batch_size": 0}', "batch_size is 0"),
        ('{"recipe": "small", "ema": 1.5}', "ema is 1.5"),
        ('{"recipe": "small", "learning_rate": -1}', "learning_rate is -1"),
        ('{"recipe": "small", "learning_rate": NaN}', "learning_rate is nan"),
        ('{"recipe": "small", "interpolation_shares": [2]}', "interpolation_shares is"),
        ('{"recipe": "small", "interpolation_shares": []}', "interpolation_shares is"),
        ('{"recipe": "small", "frozen_norms": 1}', "frozen_norms is 1"),
    ],
)
def test_what_a_file_cannot_say(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(DataError, match=sentence) as ending:
        recipe_for(10, str(file))
    assert "\n" not in str(ending.value)


def test_neither_a_recipe_nor_a_file() -> None:
    with pytest.raises(DataError, match="expected small or large"):
        recipe_for(10, "medium")


def test_the_input_grows_by_the_recipe_and_no_larger_than_the_wire() -> None:
    assert (input_for(SMALL, STEP, 320).size, input_for(SMALL, STEP, 320).crop_pct) == (288, 0.95)
    assert input_for(SMALL, STEP, 270).size == 270
    assert input_for(LARGE, STEP, 320) == STEP
