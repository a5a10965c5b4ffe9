import pytest

from common.environment import BadEnvironment, Environment


def test_text_and_integers() -> None:
    environment = Environment({"NAME": "kennel", "EMPTY": "", "COUNT": "5"})
    assert environment.text("NAME") == "kennel"
    assert environment.text("EMPTY") == ""
    assert environment.integer("COUNT") == 5


def test_missing_variable_is_named() -> None:
    with pytest.raises(BadEnvironment, match=r"ENDPOINT_NAME is not set: template\.yaml sets it"):
        Environment({}).text("ENDPOINT_NAME")


@pytest.mark.parametrize("value", ["", "five", "5.0"])
def test_value_that_is_no_integer_is_shown(value: str) -> None:
    with pytest.raises(BadEnvironment, match=f"COUNT is '{value}', expected an integer"):
        Environment({"COUNT": value}).integer("COUNT")
