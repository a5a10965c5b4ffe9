"""The command line: help, exit statuses, and one sentence for each error."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.demo import samples
from tests.kennel.conftest import RunKennel


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("classify", "/nowhere.jpg"), "/nowhere.jpg does not exist"),
        (("classify", "{empty}"), "holds no photo"),
        (("classify", "{photo}", "--url", "http://127.0.0.1:1", "--key", "k"), "is it up?"),
        (("demo", "--photos", "/nowhere"), "/nowhere does not exist"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, kennel: RunKennel
) -> None:
    photo = str(samples()[0].photo)
    result = kennel(*(argument.format(empty=tmp_path, photo=photo) for argument in arguments))
    assert result.status == 1
    assert result.stderr.startswith("kennel: ")
    assert sentence in result.stderr


def test_help_names_every_command(kennel: RunKennel) -> None:
    help_text = kennel("--help").stdout
    for command in (
        *("up", "down", "env", "classify", "demo", "train", "evaluate", "export"),
        *("preflight", "batch", "destroy", "plan"),
    ):
        assert f" {command} " in help_text


@pytest.mark.parametrize(("typed", "meant"), [("clasify", "classify"), ("trian", "train")])
def test_a_misspelt_command_is_answered_with_the_near_one(
    typed: str, meant: str, kennel: RunKennel
) -> None:
    result = kennel(typed)
    assert result.status == 2
    assert f"Did you mean '{meant}'?" in result.stderr


@pytest.mark.parametrize("command", ["preflight", "batch", "destroy"])
def test_commands_for_aws_take_an_environment_and_print_json(
    command: str, kennel: RunKennel
) -> None:
    help_text = kennel(command, "--help").stdout
    assert "--config-env" in help_text
    assert "--json" in help_text


SETTINGS = (
    *("--train", "--valid", "--test", "--live", "--out", "--model-dir", "--cache", "--accept"),
    *("--label-report", "--backbone", "--backbone-weights", "--backbone-revision", "--tune"),
    *("--random-weights", "--epochs", "--learning-rate", "--batch-size", "--shrinkage", "--seed"),
    *("--head-only", "--finetune", "--recipe", "--checkpoints", "--host-gb", "--threads"),
)


def test_train_explains_every_setting_with_its_default() -> None:
    text = subprocess.run(
        [sys.executable, "-m", "kennel.cli", "train", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert text.startswith("usage: kennel train FOLDER --out DIR")
    for group in ("photos and folders", "the backbone", "the head", "fine-tuning", "this machine"):
        assert f"\n{group}:\n" in text
    settings = re.split(r"\n  (?=--)", text.split("\nexamples:")[0])[1:]
    assert {setting.split()[0] for setting in settings} == {*SETTINGS, "--data"}
    for setting in settings:
        words = " ".join(setting.split())
        stands_for_another = ("--data", "--train", "--valid", "--test", "--out")
        assert "default: " in words or words.startswith(stands_for_another), words


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("up", "--prot", "80"), "--port"),
        (("plan", "--lenght", "3h"), "--length"),
        (("evaluate", "m.tar.gz", "--data", "d", "--notdog", "n"), "--notdogs"),
        (("train", "photos", "--out", "o", "--epohcs", "3"), "did you mean --epochs?"),
        (("up", "--tune", "3"), "--tune of `kennel train`"),
        (("down", "--photos", "x"), "--photos of `kennel demo`"),
    ],
)
def test_an_unknown_option_suggests_the_near_one(arguments: tuple[str, ...], hint: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "kennel.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert result.returncode != 0
    assert hint in " ".join(result.stderr.replace("│", " ").split())
