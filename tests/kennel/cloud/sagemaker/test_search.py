"""Search over training jobs and the model registry."""

import asyncio
from typing import Any

import pytest

from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.search import Search


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store(None)
    for number, loss in enumerate((0.5, 0.1, 0.3)):
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/job-{number}"
        store.put(
            "training-job",
            f"job-{number}",
            {
                "TrainingJobName": f"job-{number}",
                "TrainingJobArn": arn,
                "CreationTime": 100.0 + number,
                "HyperParameters": {"lr": str(loss)},
                "FinalMetricDataList": [{"MetricName": "loss", "Value": loss}],
                "EnableManagedSpotTraining": number == 2,
            },
        )
        store.put("tags", arn.lower(), {"owner": "me" if number else "you"})
    return store


def names_of_jobs(store: Store, *filters: tuple[str, str, str], **more: Any) -> list[str]:
    tests = [{"Name": name, "Operator": how, "Value": value} for name, how, value in filters]
    expression = {"Filters": tests, "Operator": more.pop("operator", "And")}
    request = {"Resource": "TrainingJob", "SearchExpression": expression, **more}
    answer = asyncio.run(Search(store).search(request))
    return [each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]]


@pytest.mark.parametrize(
    ("test", "names"),
    [
        (("TrainingJobName", "Equals", "job-1"), ["job-1"]),
        (("TrainingJobName", "NotEquals", "job-1"), ["job-2", "job-0"]),
        (("TrainingJobName", "Contains", "job"), ["job-2", "job-1", "job-0"]),
        (("TrainingJobName", "In", "job-0,job-2"), ["job-2", "job-0"]),
        (("HyperParameters.lr", "LessThan", "0.4"), ["job-2", "job-1"]),
        (("FinalMetricDataList.Value", "GreaterThanOrEqualTo", "0.3"), ["job-2", "job-0"]),
        (("Tags.owner", "Equals", "you"), ["job-0"]),
        (("EnableManagedSpotTraining", "Equals", "true"), ["job-2"]),
        (("ModelArtifacts", "Exists", ""), []),
        (("ModelArtifacts", "NotExists", ""), ["job-2", "job-1", "job-0"]),
    ],
)
def test_a_filter_selects(store: Store, test: tuple[str, str, str], names: list[str]) -> None:
    assert names_of_jobs(store, test) == names


def test_filters_are_joined_and_results_sorted(store: Store) -> None:
    first, last = ("TrainingJobName", "Equals", "job-0"), ("Tags.owner", "Equals", "me")
    assert names_of_jobs(store, first, last) == []
    order = {"SortBy": "CreationTime", "SortOrder": "Ascending"}
    assert names_of_jobs(store, first, last, operator="Or", **order) == ["job-0", "job-1", "job-2"]


def test_a_resource_that_is_not_searched_is_refused_by_name(store: Store) -> None:
    with pytest.raises(ServiceError, match="Search for FeatureGroup"):
        asyncio.run(Search(store).search({"Resource": "FeatureGroup"}))
