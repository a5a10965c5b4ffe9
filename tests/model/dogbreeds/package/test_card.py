import json
from dataclasses import replace
from pathlib import Path

import pytest

from dogbreeds.package.card import (
    Breed,
    Card,
    PackageError,
    PreprocessConfig,
    breeds_to_json,
    read_breeds,
)

CARD = Card(
    name="tiny",
    version="0123456789ab",
    backbone="tiny_net",
    input=PreprocessConfig(64, 0.9, "bicubic", (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)),
    wire={"short": 320, "long": 640},
    temperature=1.25,
    dog_threshold=0.5,
    dog_threshold_reason="a test",
    smoke_breed="Pug",
    credits=("nobody",),
    made_with={"torch": "2.14.1"},
)


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(CARD.to_json())
    assert Card.read(tmp_path) == CARD


def test_the_same_card_is_the_same_text() -> None:
    other = replace(CARD, made_with=dict(reversed([*CARD.made_with.items(), ("numpy", "2")])))
    again = replace(CARD, made_with={"torch": "2.14.1", "numpy": "2"})
    assert other.to_json() == again.to_json()


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    values = json.loads(CARD.to_json())
    del values["temperature"], values["smoke_breed"]
    (tmp_path / "card.json").write_text(json.dumps(values))
    with pytest.raises(PackageError, match=r"card\.json .* lacks temperature, smoke_breed"):
        Card.read(tmp_path)


def test_a_missing_part_of_the_input_is_named(tmp_path: Path) -> None:
    values = json.loads(CARD.to_json())
    del values["input"]["crop_pct"]
    (tmp_path / "card.json").write_text(json.dumps(values))
    with pytest.raises(PackageError, match=r"input .* lacks crop_pct"):
        Card.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '"card"'])
def test_what_is_no_card(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(PackageError, match=r"card\.json"):
        Card.read(tmp_path)


def test_a_missing_card(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"has no card\.json"):
        Card.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("dog_threshold", None),
        ("sure_dog_threshold", "x"),
        ("likely_threshold", 3.0),
        ("credits", 3),
        ("int8", 3),
        ("size", 0),
        ("size", 10**9),
        ("crop_pct", 2),
        ("mean", [0.5]),
        ("std", "abc"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, name: str, value: object) -> None:
    values = json.loads(CARD.to_json())
    (values["input"] if name in values["input"] else values)[name] = value
    (tmp_path / "card.json").write_text(json.dumps(values))
    with pytest.raises(PackageError, match=r"card\.json .* holds a wrong value: .*build it again"):
        Card.read(tmp_path)


def test_breeds_are_read_in_the_order_written(tmp_path: Path) -> None:
    breeds = [Breed("Pug", "n02110958"), Breed("Löwchen", "")]
    (tmp_path / "breeds.json").write_text(breeds_to_json(breeds), "utf-8")
    assert read_breeds(tmp_path) == breeds


@pytest.mark.parametrize("text", ["[]", "{}", '["Pug"]', '[{"breed": "Pug"}]', "nonsense"])
def test_what_is_no_list_of_breeds(tmp_path: Path, text: str) -> None:
    (tmp_path / "breeds.json").write_text(text)
    with pytest.raises(PackageError, match=r"breeds\.json"):
        read_breeds(tmp_path)
