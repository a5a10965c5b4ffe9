"""`sam delete`, and what is said of what is left."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from kennel.destroy import Left, as_json, as_table, delete_stack, keeps_costing, run, sam
from kennel.errors import KennelError

ENDPOINT = Left("endpoint, InService", "kennel", True, "aws sagemaker delete-endpoint ...")
BUCKET = Left("bucket", "photos", True, "python ...", by_design=True)
MODEL = Left("model", "kennel-1", False, "aws sagemaker delete-model ...")


def test_sam_is_asked_once_with_the_stack_and_where_it_is() -> None:
    lines: list[Sequence[str]] = []

    def remember(line: Sequence[str]) -> int:
        lines.append(line)
        return 0

    delete_stack("kennel", "eu-west-1", "me", yes=True, run=remember, command="sam")
    delete_stack("kennel", "", "", yes=False, run=remember, command="sam")
    assert [" ".join(line) for line in lines] == [
        "sam delete --stack-name kennel --region eu-west-1 --profile me --no-prompts",
        "sam delete --stack-name kennel",
    ]


def test_a_sam_that_fails_is_one_sentence() -> None:
    with pytest.raises(KennelError, match="`sam delete --stack-name kennel` ended with status 7"):
        delete_stack("kennel", "", "", yes=False, run=lambda line: 7, command="sam")


def test_a_command_runs_and_its_status_is_told() -> None:
    assert run(["true"]) == 0
    assert run(["sh", "-c", "exit 3"]) == 3


def test_sam_of_this_checkout_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KennelError, match="there is no sam command: `make tools` installs it"):
        sam(tmp_path)
    other = tmp_path / "sam"
    other.touch(mode=0o755)
    assert sam(tmp_path) == str(other)
    own = tmp_path / ".venv-tools" / "bin" / "sam"
    own.parent.mkdir(parents=True)
    own.touch(mode=0o755)
    assert sam(tmp_path) == str(own)


@pytest.mark.parametrize(
    ("left", "costs"),
    [([], False), ([MODEL], False), ([BUCKET, MODEL], False), ([BUCKET, ENDPOINT], True)],
)
def test_what_keeps_costing(left: list[Left], costs: bool) -> None:
    assert keeps_costing(left) is costs
    said = json.loads(as_json(left))
    assert said["keeps_costing"] is costs
    assert [each["name"] for each in said["left"]] == [each.name for each in left]


def test_the_table_has_a_row_and_a_command_for_each() -> None:
    table = as_table([ENDPOINT, BUCKET, MODEL])
    assert list(table.columns[0].cells)[1] == "bucket (kept by design)"
    assert list(table.columns[2].cells) == ["[red]yes", "yes", "no"]
    assert all(cell for cell in table.columns[3].cells)
