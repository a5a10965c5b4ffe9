"""Answer List actions: filter, sort and page.

The members of a summary, the filters and the sort fields are read from botocore's model. The
default order is written down here, since the model has it in prose.
"""

import base64
import binascii
import functools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from botocore.utils import parse_to_aware_datetime

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler
from kennel.cloud.sagemaker.shapes import MODEL

#: Action -> (kind in the store, default SortBy, default SortOrder), from the API reference.
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
#: The actions that list all stored records of a kind.
_LIST_ALL = (
    "ListModels",
    "ListEndpointConfigs",
    "ListEndpoints",
    "ListTrainingJobs",
    "ListTransformJobs",
    "ListModelPackageGroups",
)
PAGE_SIZE = 10


class Listings:
    """The List actions that list all stored records of a kind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {action: functools.partial(self._list_all, action) for action in _LIST_ALL}

    async def _list_all(self, action: str, request: Json) -> Json:
        return list_answer(action, request, self._store.all(_LISTED[action][0]))


def list_answer(action: str, request: Json, items: Iterable[Json]) -> Json:
    """Return the answer of a List action: one page of the items that pass its filters, sorted.

    Parameters
    ----------
    items
        What the Describe action of the resource answers, for each of them.
    """
    _, default_sort, default_order = _LISTED[action]
    member, summary = _summary_of(action)
    resource_name = next(name.removesuffix("Arn") for name in summary if name.endswith("Arn"))
    kept = [each for each in items if _passes(each, request, resource_name)]
    sort_key = _sort_key(request.get("SortBy", default_sort), resource_name)
    descending = request.get("SortOrder", default_order) == "Descending"
    if descending:  # of two items with the same time, the newer one comes first
        kept.reverse()
    kept.sort(key=sort_key, reverse=descending)
    summaries = [{key: each[key] for key in summary if key in each} for each in kept]
    return page(member, summaries, request)


def _summary_of(action: str) -> tuple[str, Sequence[str]]:
    """Return the answer's list member, and the members of one summary in that list."""
    output: Any = MODEL.operation_model(action).output_shape
    (member,) = (name for name in output.members if name != "NextToken")
    return member, tuple(output.members[member].member.members)


def _passes(item: Json, request: Json, resource_name: str) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "CreationTimeAfter": lambda limit: item["CreationTime"] > _seconds(limit),
        "CreationTimeBefore": lambda limit: item["CreationTime"] < _seconds(limit),
        "LastModifiedTimeAfter": lambda limit: _modified(item) > _seconds(limit),
        "LastModifiedTimeBefore": lambda limit: _modified(item) < _seconds(limit),
        "NameContains": lambda part: part.lower() in item[f"{resource_name}Name"].lower(),
        "StatusEquals": lambda status: item[f"{resource_name}Status"] == status,
    }
    return all(test(request[name]) for name, test in tests.items() if name in request)


def _modified(item: Json) -> float:
    moment: float = item["LastModifiedTime" if "LastModifiedTime" in item else "CreationTime"]
    return moment


def _seconds(value: Any) -> float:
    """Return a timestamp of a request, a number or ISO 8601, in Unix seconds."""
    moment: datetime = parse_to_aware_datetime(value)
    return moment.timestamp()


def _sort_key(sort_by: str, resource_name: str) -> Callable[[Json], Any]:
    name = {"Name": f"{resource_name}Name", "Status": f"{resource_name}Status"}.get(
        sort_by, sort_by
    )
    return lambda item: item[name]


def page(member: str, items: Sequence[Any], request: Json, default_size: int = PAGE_SIZE) -> Json:
    """Return at most MaxResults items from NextToken on, with the next page's NextToken."""
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
        raise invalid("Invalid pagination token.") from error
