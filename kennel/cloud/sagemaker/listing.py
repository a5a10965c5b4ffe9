"""Every List action: filters, order and pages, by the names that the service gives them.

The members of a summary, the filters and the fields to sort by are read from botocore's model;
only the default order is said here, since the model has it in prose.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import ServiceError
from kennel.cloud.sagemaker.shapes import MODEL

#: Action -> (kind in the store, SortBy, SortOrder). From the API reference's text of each.
_LISTED = {
    "ListModels": ("model", "CreationTime", "Descending"),
    "ListEndpointConfigs": ("endpoint-config", "CreationTime", "Descending"),
    "ListEndpoints": ("endpoint", "CreationTime", "Descending"),
    "ListTrainingJobs": ("training-job", "CreationTime", "Ascending"),
    "ListHyperParameterTuningJobs": ("hyper-parameter-tuning-job", "Name", "Ascending"),
    "ListTransformJobs": ("transform-job", "CreationTime", "Descending"),
    "ListModelPackageGroups": ("model-package-group", "CreationTime", "Ascending"),
    "ListModelPackages": ("model-package", "CreationTime", "Ascending"),
    "ListTrainingJobsForHyperParameterTuningJob": ("training-job", "Name", "Ascending"),
}
PAGE = 10


class Listings:
    """The List actions whose items are just what the store has of a kind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list_models(self, request: Json) -> Json:
        """ListModels."""
        return self._all("ListModels", request)

    async def list_endpoint_configs(self, request: Json) -> Json:
        """ListEndpointConfigs."""
        return self._all("ListEndpointConfigs", request)

    async def list_endpoints(self, request: Json) -> Json:
        """ListEndpoints."""
        return self._all("ListEndpoints", request)

    async def list_training_jobs(self, request: Json) -> Json:
        """ListTrainingJobs."""
        return self._all("ListTrainingJobs", request)

    async def list_transform_jobs(self, request: Json) -> Json:
        """ListTransformJobs."""
        return self._all("ListTransformJobs", request)

    async def list_model_package_groups(self, request: Json) -> Json:
        """ListModelPackageGroups."""
        return self._all("ListModelPackageGroups", request)

    def _all(self, action: str, request: Json) -> Json:
        return listed(action, request, self._store.all(_LISTED[action][0]))


def listed(action: str, request: Json, items: Iterable[Json]) -> Json:
    """Return the answer to `action`: the items that pass its filters, in its order, one page.

    Parameters
    ----------
    items
        As the matching Describe action answers them.
    """
    _, default_sort, default_order = _LISTED[action]
    output = MODEL.operation_model(action).output_shape.members
    (member,) = (name for name in output if name != "NextToken")
    summary = output[member].member.members
    word = next(name.removesuffix("Arn") for name in summary if name.endswith("Arn"))
    kept = [each for each in items if _passes(each, request, word)]
    field = _field(request.get("SortBy", default_sort), word)
    down = request.get("SortOrder", default_order) == "Descending"
    if down:  # of two with the same time, the younger first
        kept.reverse()
    kept.sort(key=field, reverse=down)
    summaries = [{key: each[key] for key in summary if key in each} for each in kept]
    return page(member, summaries, request)


def _passes(item: Json, request: Json, word: str) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "CreationTimeAfter": lambda limit: item["CreationTime"] > _seconds(limit),
        "CreationTimeBefore": lambda limit: item["CreationTime"] < _seconds(limit),
        "LastModifiedTimeAfter": lambda limit: _modified(item) > _seconds(limit),
        "LastModifiedTimeBefore": lambda limit: _modified(item) < _seconds(limit),
        "NameContains": lambda part: part.lower() in item[f"{word}Name"].lower(),
        "StatusEquals": lambda status: item[f"{word}Status"] == status,
    }
    return all(test(request[name]) for name, test in tests.items() if name in request)


def _modified(item: Json) -> float:
    moment: float = item["LastModifiedTime" if "LastModifiedTime" in item else "CreationTime"]
    return moment


def _seconds(value: Any) -> float:
    """Return a time of a request, a number or ISO 8601, as Unix seconds."""
    moment: datetime = parse_to_aware_datetime(value)
    return moment.timestamp()


def _field(sort_by: str, word: str) -> Callable[[Json], Any]:
    name = {"Name": f"{word}Name", "Status": f"{word}Status"}.get(sort_by, sort_by)
    return lambda item: item[name]


def page(member: str, items: Sequence[Any], request: Json, default_size: int = PAGE) -> Json:
    """Return `items` from NextToken on, MaxResults at most, with the next page's token."""
    start = _start(request["NextToken"]) if "NextToken" in request else 0
    end = start + request.get("MaxResults", default_size)
    answer: Json = {member: list(items[start:end])}
    if end < len(items):
        answer["NextToken"] = base64.b64encode(f"from {end}".encode()).decode()
    return answer


def _start(token: str) -> int:
    try:
        return int(base64.b64decode(token, validate=True).decode().removeprefix("from "))
    except (binascii.Error, ValueError) as error:
        raise ServiceError("ValidationException", "Invalid pagination token.") from error
