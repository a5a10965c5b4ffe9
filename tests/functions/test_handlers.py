"""Each handler starts with the environment that template.yaml gives it, and with nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack import ROOT, of_type, transformed

FUNCTIONS = of_type(transformed(), "AWS::Lambda::Function")
PIPELINE = [name for name in FUNCTIONS if name not in {"ClassifyFunction", "PageFunction"}]
# One process has the libraries, and each start is a fork of it: their import takes a second.
STARTS = """
import importlib, json, os, sys, traceback
import aws_lambda_powertools.event_handler, aws_lambda_powertools.metrics, boto3

for line in sys.stdin:
    handler, variables = json.loads(line)
    read, write = os.pipe()
    if not (pid := os.fork()):
        os.dup2(write, 2)
        os.environ.clear()
        os.environ.update(variables)
        module, _, name = handler.rpartition(".")
        try:
            assert callable(getattr(importlib.import_module(module), name))
        except Exception:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as error:
        message = error.read()
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), message]), flush=True)
"""
Start = Callable[[str, dict[str, str]], tuple[int, str]]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Start a function with variables; return the exit status of its process and its error."""
    libraries = subprocess.Popen(
        [sys.executable, "-c", STARTS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "functions")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert libraries.stdin
    assert libraries.stdout
    requests, answers = libraries.stdin, libraries.stdout

    def start(logical_id: str, variables: dict[str, str]) -> tuple[int, str]:
        own = {"PATH": os.environ["PATH"], "AWS_REGION": "eu-west-1"}  # Lambda's own
        print(json.dumps([FUNCTIONS[logical_id]["Handler"], own | variables]), file=requests)
        requests.flush()
        status, error = json.loads(answers.readline())
        return status, error

    with libraries:
        yield start
        requests.close()


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


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_handler_starts_with_the_templates_environment(start: Start, logical_id: str) -> None:
    assert start(logical_id, environment(logical_id)) == (0, "")


@pytest.mark.parametrize("logical_id", PIPELINE)
def test_every_variable_of_the_template_is_needed_and_its_lack_is_named(
    start: Start, logical_id: str
) -> None:
    variables = environment(logical_id)
    for key in set(variables) - {"POWERTOOLS_SERVICE_NAME"}:
        fewer = {name: value for name, value in variables.items() if name != key}
        status, error = start(logical_id, fewer)
        assert status == 1
        assert f"BadEnvironment: The environment variable {key} is not set" in error


def test_every_function_logs_by_the_logger_that_silences_libraries() -> None:
    for logical_id, function in FUNCTIONS.items():
        app = ROOT / "functions" / function["Handler"].split(".")[0] / "app.py"
        assert "from common.log import logger\n" in app.read_text(), logical_id
