"""A case of the conformance table: a call, what the service answers, and who says so."""

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
    """A text that the regular expression matches as a whole."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return re.fullmatch(self.pattern, str(other), re.DOTALL) is not None

    def __hash__(self) -> int:
        return hash(self.pattern)


@dataclass(frozen=True)
class Refused:
    """An error.

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
    """A member that the answer does not have."""


@dataclass(frozen=True)
class Case:
    """A call of an AWS service by an unchanged boto3 client.

    Attributes
    ----------
    name
        What the case shows.
    call
        Service and method as boto3 has them: `sagemaker.create_model`.
    request
        Its parameters. In every text $bucket, $role and $bundle are filled in, and $name with a
        name of the case's own. boto3's own check is off, so that the service's is met.
    expect
        Members of the answer (a mapping's are a part of the answer's; a list is the whole of it,
        each item a part), or Refused.
    source
        The page, shape or public report that says so.
    before
        Calls that come first, as (call, request). `sagemaker.wait_until_endpoint_in_service` is
        boto3's waiter; `kennel.faults` asks for a fault, and `kennel.until` waits until an
        endpoint is described so, `kennel.until_execution` an execution. A module's BEFORE_ALL
        holds the same for all its cases.
    eventually
        Whether to ask again until the answer is as expected.
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
        From the stage on, such as `/classify`; with `whole_path` from the host on.
    expect_status, expect_headers, expect_json
        What comes back; headers by name, their values texts or Like.
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


def differences(expected: Any, found: Any, where: str = "answer") -> list[str]:
    """Return where `found` is not as expected, a sentence each."""
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{where} is {found!r}, expected an object"]
        said = []
        for name, value in expected.items():
            if isinstance(value, Absent):
                said += [f"{where}.{name} is there"] if name in found else []
            elif name not in found:
                said.append(f"{where}.{name} is missing")
            else:
                said += differences(value, found[name], f"{where}.{name}")
        return said
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return [f"{where} is {found!r}, expected {len(expected)} items"]
        return [
            each
            for number, (one, other) in enumerate(zip(expected, found, strict=True))
            for each in differences(one, other, f"{where}[{number}]")
        ]
    return [] if expected == found else [f"{where} is {found!r}, expected {expected!r}"]
