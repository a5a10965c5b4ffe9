import pytest

from common.environment import BadEnvironment, Environment


def test_text_and_whole_numbers() -> None:
    environment = Environment({"NAME": "kennel", "EMPTY": "", "COUNT": "5"})
    assert environment.text("NAME") == "kennel"
    assert environment.text("EMPTY") == ""
    assert environment.whole("COUNT") == 5


def test_what_is_missing_is_named() -> None:
    with pytest.raises(BadEnvironment, match=r"ENDPOINT_NAME is not set: template\.yaml sets it"):
        Environment({}).text("ENDPOINT_NAME")


@pytest.mark.parametrize("value", ["", "five", "5.0"])
def test_what_is_no_whole_number_is_shown(value: str) -> None:
    with pytest.raises(BadEnvironment, match=f"COUNT is '{value}', where a whole number belongs"):
        Environment({"COUNT": value}).whole("COUNT")
