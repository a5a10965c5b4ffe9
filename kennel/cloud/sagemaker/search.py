"""Answer Search: filter, sort and page the stored records of one kind.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.handlers import Handler, not_emulated
from kennel.cloud.sagemaker.listing import page
from kennel.cloud.sagemaker.shapes import MODEL

#: Resource -> its kind in the store, where a record has what the service answers.
_KINDS = {
    "TrainingJob": "training-job",
    "Endpoint": "endpoint",
    "ModelPackage": "model-package",
    "ModelPackageGroup": "model-package-group",
}
_RESULT = MODEL.operation_model("Search").output_shape.members["Results"].member

_COMPARISONS: dict[str, Callable[[Any, str], bool]] = {
    "Equals": lambda value, given: _text(value) == given,
    "Contains": lambda value, given: given in _text(value),
    "In": lambda value, given: _text(value) in given.split(","),
    "GreaterThan": lambda value, given: _number(value) > float(given),
    "GreaterThanOrEqualTo": lambda value, given: _number(value) >= float(given),
    "LessThan": lambda value, given: _number(value) < float(given),
    "LessThanOrEqualTo": lambda value, given: _number(value) <= float(given),
}


class Search:
    """Searches training jobs, endpoints, and the model registry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of the action."""
        return {"Search": self.search}

    async def search(self, request: Json) -> Json:
        """Search."""
        resource = request["Resource"]
        if resource not in _KINDS:
            raise not_emulated(f"Search for {resource}; it has {', '.join(_KINDS)}")
        expression = request.get("SearchExpression", {})
        records = [each for each in self._records(_KINDS[resource]) if _matches(each, expression)]
        sort_by = request.get("SortBy", "LastModifiedTime")
        records.sort(
            key=lambda each: next(iter(_values(each, sort_by)), each["CreationTime"]),
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        members = _RESULT.members[resource].members
        return page(
            "Results",
            [{resource: {k: v for k, v in each.items() if k in members}} for each in records],
            request,
        )

    def _records(self, kind: str) -> Iterator[Json]:
        """Yield the records of a kind with their tags, which Search answers, too."""
        for record in self._store.all(kind):
            arn = next(value for name, value in record.items() if name.endswith("Arn"))
            tags = self._store.get("tags", str(arn).lower()) or {}
            yield record | {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _matches(record: Json, expression: Json) -> bool:
    if "NestedFilters" in expression:
        raise not_emulated("NestedFilters of Search")
    results = [
        *(_passes(record, each) for each in expression.get("Filters", [])),
        *(_matches(record, each) for each in expression.get("SubExpressions", [])),
    ]
    return any(results) if expression.get("Operator") == "Or" and results else all(results)


def _passes(record: Json, test: Json) -> bool:
    values = list(_values(record, test["Name"]))
    operator, given = test.get("Operator", "Equals"), test.get("Value", "")
    match operator:
        case "Exists":
            return bool(values)
        case "NotExists":
            return not values
        case "NotEquals":
            return given not in map(_text, values)
    return any(_COMPARISONS[operator](value, given) for value in values)


def _values(value: Any, path: str) -> Iterator[Any]:
    """Yield the values at a dotted path; a list has those of its members, Tags.name a tag's."""
    name, _, rest = path.partition(".")
    if name == "Tags" and rest and isinstance(value, Mapping):
        yield from (each["Value"] for each in value.get("Tags", []) if each["Key"] == rest)
    elif isinstance(value, Mapping):
        if name in value:
            yield from _values(value[name], rest)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif not path:
        yield value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
