"""Leftovers are shown as a table and as JSON, with the commands that remove them."""

import json

import pytest

from kennel.leftovers.leftover import Leftover, as_json, as_table, keeps_costing

ENDPOINT = Leftover("endpoint, InService", "kennel", True, "aws sagemaker delete-endpoint ...")
BUCKET = Leftover("bucket", "photos", True, "python ...", by_design=True)
MODEL = Leftover("model", "kennel-1", False, "aws sagemaker delete-model ...")


@pytest.mark.parametrize(
    ("leftovers", "costs"),
    [([], False), ([MODEL], False), ([BUCKET, MODEL], False), ([BUCKET, ENDPOINT], True)],
)
def test_only_what_is_not_kept_by_design_keeps_costing(
    leftovers: list[Leftover], costs: bool
) -> None:
    assert keeps_costing(leftovers) is costs
    document = json.loads(as_json(leftovers))
    assert document["keeps_costing"] is costs
    assert [each["name"] for each in document["left"]] == [each.name for each in leftovers]


def test_the_table_has_a_row_and_a_command_for_each() -> None:
    table = as_table([ENDPOINT, BUCKET, MODEL])
    assert list(table.columns[0].cells)[1] == "bucket (kept by design)"
    assert list(table.columns[2].cells) == ["[red]yes", "yes", "no"]
    assert all(cell for cell in table.columns[3].cells)
