"""docs/errors.md is what scripts/errors.py makes of the code, and each error has a remedy."""

import ast
import re
from pathlib import Path

import pytest

from common import failures, problem
from kennel.paths import ROOT
from scripts import errors
from tests.stack import source


def test_the_page_is_up_to_date() -> None:
    assert errors.TARGET.read_text() == errors.page(), "run scripts/errors.py"


def test_each_error_has_a_remedy_and_no_other_has() -> None:
    gateway = source()["Resources"]["Api"]["Properties"]["GatewayResponses"]
    problems = {each.__name__ for each in problem.Problem.__subclasses__()}
    assert set(errors.REMEDIES["api"]) == problems | set(gateway)
    definition = (ROOT / "statemachine" / "train_and_deploy.asl.yaml").read_text()
    of_states = set(re.findall(r"^ +Error: (\w+)$", definition, re.MULTILINE))
    of_functions = set(failures.__all__) - {"PipelineFailure"}
    assert set(errors.REMEDIES["pipeline"]) == of_functions | of_states


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("'it is broken: mend it'", "it is broken: mend it"),
        ("f'{name} is {size:,} bytes'", "… is … bytes"),
        ("f'no key; {_SEND}.'", "no key; send one."),
        ("str(error)", ""),
    ],
)
def test_what_differs_in_a_sentence_is_left_out(code: str, sentence: str) -> None:
    node = ast.parse(code, mode="eval").body
    assert errors._text(node, {"_SEND": "send one"}) == sentence


def test_classes_of_one_name_in_two_modules_do_not_hide_each_other(tmp_path: Path) -> None:
    """In whichever order the file system lists them, which may differ between Python's versions."""
    (tmp_path / "a.py").write_text("class Empty(Problem): ...\nclass TooLarge(ValueError): ...")
    (tmp_path / "b.py").write_text("class Empty(ValueError): ...\nclass TooLarge(Problem): ...")
    assert errors._family(str(tmp_path), "Problem") == {"Problem", "Empty", "TooLarge"}
