"""The API's description against the API."""

import json
from typing import Any

import pytest

from common import problem
from tests.functions.classify.photos import FUNCTIONS
from tests.stack import source

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


def test_its_paths_and_methods_are_the_templates() -> None:
    routes = {
        (event["Properties"]["Path"], event["Properties"]["Method"].lower())
        for resource in source()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if isinstance(event, dict) and event["Type"] == "Api"
    }
    described = {(path, method) for path, item in DESCRIPTION["paths"].items() for method in item}
    assert described == routes


def test_a_key_is_asked_for_where_the_template_asks() -> None:
    for resource in source()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            if isinstance(event, dict) and event["Type"] == "Api":
                route = event["Properties"]
                operation = DESCRIPTION["paths"][route["Path"]][route["Method"].lower()]
                keyed = bool(route.get("Auth", {}).get("ApiKeyRequired"))
                assert operation["security"] == ([{"key": []}] if keyed else [])


def test_classify_lists_every_status_that_can_come() -> None:
    family = {str(int(kind.status)) for kind in problem.Problem.__subclasses__()} - {"404"}
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
    ],
)
def test_the_schemas_take_what_the_api_speaks(name: str, value: dict[str, Any]) -> None:
    schema(name).validate(value)
    assert not schema(name).is_valid({**value, "more": 1})


def test_a_problem_is_what_problem_py_writes() -> None:
    response = problem.document(problem.TooLarge.status, "Too large.")
    schema("Problem").validate(json.loads(response["body"]))
