"""The API's description against the API."""

import json
import runpy
from collections.abc import Iterator
from typing import Any

import pytest

from classify.request import BINARY_TYPES
from common import problem
from tests.functions.classify.photos import FUNCTIONS
from tests.stack import ROOT, source

DESCRIPTION: dict[str, Any] = json.loads((FUNCTIONS / "page" / "openapi.json").read_text())


def schema(name: str) -> Any:  # jsonschema ships no types
    # The references in the description point at its own components.
    return pytest.importorskip("jsonschema").Draft202012Validator(
        {
            "$ref": f"#/components/schemas/{name}",
            "components": DESCRIPTION["components"],
        }
    )


def test_it_is_valid_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(DESCRIPTION)


def test_it_is_what_the_code_says() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "openapi.py"))
    assert script["description"]() == DESCRIPTION, "run scripts/openapi.py"


def routes() -> Iterator[tuple[str, str, bool]]:
    """Yield path, method and whether it needs a key, of each route of the template."""
    for resource in source()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if isinstance(event, dict) and event["Type"] == "Api":
                route = event["Properties"]
                keyed = bool(route.get("Auth", {}).get("ApiKeyRequired"))
                yield route["Path"], route["Method"].lower(), keyed


def test_each_operation_is_answered_by_a_route_that_asks_for_a_key_as_it_says() -> None:
    keyed = {(path, method): needs for path, method, needs in routes()}
    assert {path for path, _ in keyed} == set(DESCRIPTION["paths"])
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            needs = keyed.get((path, method), keyed[path, "any"])
            assert operation["security"] == ([{"key": []}] if needs else [])
    assert [path for path, method in keyed if method != "any"] == ["/classify"]


def test_bodies_that_come_as_bytes_are_the_templates() -> None:
    api = source()["Resources"]["Api"]["Properties"]
    assert [each.replace("~1", "/") for each in api["BinaryMediaTypes"]] == list(BINARY_TYPES)


def test_classify_lists_every_status_that_can_come() -> None:
    family = {str(int(kind.status)) for kind in problem.Problem.__subclasses__()} - {"404", "405"}
    beyond_us = {"200", "403", "429", "500"}  # API Gateway's own, and a crash
    responses = DESCRIPTION["paths"]["/classify"]["post"]["responses"]
    assert set(responses) == family | beyond_us


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EncodedPhoto", {"image": "AAAA"}),
        ("Breeds", {"breeds": ["Pug"]}),
        (
            "Answer",
            {
                "is_dog": True,
                "breeds": [{"breed": "Pug", "probability": 0.5}],
                "model": "m@1",
                "took_ms": 1.5,
            },
        ),
        (
            "Answer",
            {
                "is_dog": True,
                "breeds": [{"breed": "Pug", "probability": 0.5}] * 9,
                "dog": "perhaps",
                "likely": ["Pug"],
                "explain": {"breed": "Pug", "heat_map": "AAAA"},
                "model": "m@1",
                "took_ms": 1.5,
            },
        ),
    ],
)
def test_the_schemas_take_what_the_api_speaks(name: str, value: dict[str, Any]) -> None:
    schema(name).validate(value)
    assert not schema(name).is_valid({**value, "more": 1})


def test_a_problem_is_what_problem_py_writes() -> None:
    response = problem.document(problem.TooLarge.status, "Too large.")
    schema("Problem").validate(json.loads(response["body"]))
