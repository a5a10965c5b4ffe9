import pytest

from dogbreeds.serving.parameters import BadParameter, Parameters


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("", ""), Parameters()),
        (("top=3,explain=1", ""), Parameters(3, explain=True)),  # as ClassifyFunction writes them
        (("", "explain=1&top=12"), Parameters(12, explain=True)),
        (("trace=7; explain=1",), Parameters(explain=True)),
        (("explain=1", "explain=0"), Parameters()),
        (("unexplain=9 stop=x", "a=b=c&&"), Parameters()),
    ],
)
def test_parameters_are_parsed_and_written(texts: tuple[str, ...], expected: Parameters) -> None:
    assert Parameters.parse(*texts) == expected
    assert Parameters.parse(expected.text()) == expected


@pytest.mark.parametrize("text", ["explain=yes", "explain", "explain=", "explain=" + "9" * 9_999])
def test_another_value_of_explain(text: str) -> None:
    with pytest.raises(BadParameter, match="expected 1 or 0") as refusal:
        Parameters.parse(text)
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize("top", ["0", "-1", "1.5", "x", "", "٣", "99999"])
def test_another_value_of_top(top: str) -> None:
    with pytest.raises(BadParameter, match="expected a whole number from 1"):
        Parameters.parse(f"top={top}")
