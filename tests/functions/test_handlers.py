"""Each handler starts with the environment that template.yaml gives it, and with nothing else."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.stack import ROOT, of_type, transformed

FUNCTIONS = of_type(transformed(), "AWS::Lambda::Function")
PIPELINE = [name for name in FUNCTIONS if name not in {"ClassifyFunction", "PageFunction"}]
CALL = """
import importlib, json, os, sys, types
context = types.SimpleNamespace(
    function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="id")
module, _, name = os.environ["_HANDLER"].rpartition(".")
handler = getattr(importlib.import_module(module), name)
event = os.environ.get("EVENT")
print(json.dumps(handler(json.loads(event), context)) if event else "null")
"""


def environment(logical_id: str) -> dict[str, str]:
    """Give the variables of the template, references replaced by something of their kind."""
    variables = FUNCTIONS[logical_id]["Environment"]["Variables"]
    return {key: str(stand_in(value)) for key, value in variables.items()}


def stand_in(value: Any) -> Any:
    parameters = transformed()["Parameters"]
    match value:
        case {"Ref": name}:
            return parameters.get(name, {}).get("Default", name.lower())
        case {"Fn::GetAtt": [name, _]}:
            return f"arn:aws:iam::123456789012:role/{name}"
        case {"Fn::Sub": text}:
            return text
        case {"Fn::If": [_, _, otherwise]}:  # every condition here is false by default
            return stand_in(otherwise)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(stand_in(part) for part in parts)
    return value


def run(
    logical_id: str, variables: dict[str, str], event: object = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CALL],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "functions"),
            "AWS_REGION": "eu-west-1",  # Lambda's own
            "_HANDLER": FUNCTIONS[logical_id]["Handler"],
            **({"EVENT": json.dumps(event)} if event is not None else {}),
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_handler_starts_with_the_templates_environment(logical_id: str) -> None:
    done = run(logical_id, environment(logical_id))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("logical_id", PIPELINE)
def test_every_variable_of_the_template_is_needed_and_its_lack_is_named(logical_id: str) -> None:
    variables = environment(logical_id)
    for key in set(variables) - {"POWERTOOLS_SERVICE_NAME"}:
        done = run(logical_id, {name: value for name, value in variables.items() if name != key})
        assert done.returncode != 0
        assert f"BadEnvironment: The environment variable {key} is not set" in done.stderr
