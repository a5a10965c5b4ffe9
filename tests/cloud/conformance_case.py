"""Describe a conformance case: a call, the expected answer and the source that documents it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kennel.cloud.iam.identity import OPERATOR_KEY

Request = Mapping[str, Any]

API = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/"
GITHUB = "https://github.com/"


@dataclass(frozen=True)
class Like:
    """Equal to every text that the regular expression matches as a whole."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return re.fullmatch(self.pattern, str(other), re.DOTALL) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)


@dataclass(frozen=True)
class Refused:
    """An expected error.

    Attributes
    ----------
    code
        The error's name in boto3.
    message
        A regular expression that the message matches as a whole.
    """

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True)
class Absent:
    """Expected where the answer must not have a member."""


@dataclass(frozen=True)
class Case:
    """A call of an AWS service by an unchanged boto3 client.

    Attributes
    ----------
    name
        What the case shows, in plain words.
    call
        Service and method as boto3 has them: `sagemaker.create_model`.
    request
        Its parameters. In every text $bucket, $role and $bundle are filled in, and $name with a
        name of the case's own. boto3's own check is off, so that the service's applies.
    expect
        Members of the answer, or Refused. The answer may have further members; a list has as many
        items as expected.
    source
        The page, shape or public report that documents the answer.
    before
        Calls to make first, as (call, request). `sagemaker.wait_until_endpoint_in_service` is
        like boto3's waiter; `kennel.faults` requests a fault; `kennel.until` and
        `kennel.until_execution` wait until an endpoint or an execution has the members of the
        request. A module's BEFORE_ALL holds such calls for all its cases.
    eventually
        Whether to repeat the call until the answer is as expected.
    caller
        The access key: a role's logical id, or the operator's.
    """

    name: str
    call: str
    request: Request
    expect: Mapping[str, Any] | Refused
    source: str
    before: tuple[tuple[str, Request], ...] = ()
    eventually: bool = False
    caller: str = OPERATOR_KEY


@dataclass(frozen=True)
class HttpCase:
    """A request to the REST API, or to any path of the gateway.

    Attributes
    ----------
    path
        Path below the stage, such as `/classify`; with `whole_path`, below the host.
    expect_status, expect_headers, expect_json
        The expected response; header values are texts or Like.
    """

    name: str
    method: str
    path: str
    source: str
    expect_status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    expect_headers: Mapping[str, Any] = field(default_factory=dict)
    expect_json: Any = None
    whole_path: bool = False


def differences(expected: Any, actual: Any, path: str = "answer") -> list[str]:
    """Return a sentence for each member of `actual` that is not as expected."""
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping):
            return [f"{path} is {actual!r}, expected an object"]
        sentences = []
        for name, value in expected.items():
            if isinstance(value, Absent):
                sentences += [f"{path}.{name} is present"] if name in actual else []
            elif name not in actual:
                sentences.append(f"{path}.{name} is missing")
            else:
                sentences += differences(value, actual[name], f"{path}.{name}")
        return sentences
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{path} is {actual!r}, expected {len(expected)} items"]
        return [
            sentence
            for number, (one, other) in enumerate(zip(expected, actual, strict=True))
            for sentence in differences(one, other, f"{path}[{number}]")
        ]
    return [] if expected == actual else [f"{path} is {actual!r}, expected {expected!r}"]
