"""Page and filter the answers of List actions."""

from typing import Any

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.sagemaker.listing import list_answer, page


def jobs(count: int) -> list[dict[str, Any]]:
    return [
        {
            "TrainingJobName": f"job-{number:02}",
            "TrainingJobArn": f"arn:{number}",
            "TrainingJobStatus": "Completed",
            "CreationTime": 1000.0 + number,
            "LastModifiedTime": 2000.0 - number,
        }
        for number in range(count)
    ]


def names(answer: dict[str, Any]) -> list[str]:
    return [each["TrainingJobName"] for each in answer["TrainingJobSummaries"]]


def test_pages_follow_each_other_without_a_gap() -> None:
    listed_names: list[str] = []
    request: dict[str, Any] = {"MaxResults": 7}
    while True:
        answer = list_answer("ListTrainingJobs", request, jobs(23))
        listed_names += names(answer)
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    assert listed_names == [f"job-{number:02}" for number in range(23)]


def test_a_page_has_ten_items_by_default() -> None:
    assert len(names(list_answer("ListTrainingJobs", {}, jobs(23)))) == 10


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"CreationTimeAfter": 1002.0}, ["job-03", "job-04"]),
        ({"CreationTimeAfter": "1970-01-01T00:16:42Z"}, ["job-03", "job-04"]),
        ({"LastModifiedTimeBefore": 1998.0}, ["job-03", "job-04"]),
        ({"NameContains": "JOB-04"}, ["job-04"]),
        ({"StatusEquals": "Failed"}, []),
        ({"SortOrder": "Descending", "MaxResults": 2}, ["job-04", "job-03"]),
    ],
)
def test_filters(filters: dict[str, Any], expected: list[str]) -> None:
    assert names(list_answer("ListTrainingJobs", filters, jobs(5))) == expected


@pytest.mark.parametrize("token", ["made up", "", "ZnJvbSB4", "bm9uZQ=="])
def test_an_invalid_token_is_refused(token: str) -> None:
    with pytest.raises(ServiceError, match="token"):
        page("Tags", [1, 2], {"NextToken": token})
