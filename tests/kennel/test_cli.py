"""The command line: help, exit statuses, and one sentence for each error."""

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
        *("up", "down", "classify", "demo", "train", "evaluate"),
        *("preflight", "batch", "destroy", "plan"),
    ):
        assert f" {command} " in help_text


@pytest.mark.parametrize("command", ["preflight", "batch", "destroy"])
def test_commands_for_aws_take_an_environment_and_print_json(
    command: str, kennel: RunKennel
) -> None:
    help_text = kennel(command, "--help").stdout
    assert "--config-env" in help_text
    assert "--json" in help_text
