import pytest

from common import failure
from common.failure import PipelineFailure, PreflightFailed


def test_the_docstring_draws_the_whole_family() -> None:
    names = set(failure.__all__)
    assert {name for name in names if name in (failure.__doc__ or "")} == names
    for name in names:
        assert issubclass(getattr(failure, name), PipelineFailure)


@pytest.mark.parametrize(
    ("problems", "sentence"),
    [
        (["A is 1."], "One problem stops this release: (1) A is 1."),
        (["A is 1.", "B is 2."], "2 problems stop this release: (1) A is 1. (2) B is 2."),
    ],
)
def test_all_problems_are_in_one_message(problems: list[str], sentence: str) -> None:
    assert str(PreflightFailed(problems)) == sentence
