import pytest

from common import failures
from common.failures import PipelineFailure, PreflightFailed


def test_docstring_lists_every_failure() -> None:
    names = set(failures.__all__)
    assert {name for name in names if name in (failures.__doc__ or "")} == names
    for name in names:
        assert issubclass(getattr(failures, name), PipelineFailure)


@pytest.mark.parametrize(
    ("problems", "sentence"),
    [
        (["A is 1."], "One problem stops this release: (1) A is 1."),
        (["A is 1.", "B is 2."], "2 problems stop this release: (1) A is 1. (2) B is 2."),
    ],
)
def test_all_problems_are_in_one_message(problems: list[str], sentence: str) -> None:
    assert str(PreflightFailed(problems)) == sentence
