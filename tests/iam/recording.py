"""tests/iam/calls.json: the calls that the template's roles make in the tests.

Calls are recorded in two places: the gateway of an offline cloud, which knows the caller, and the
in-memory account of tests/functions, where the function's folder is found on the call stack. At the
end of the session every recorded call must be in the table. `KENNEL_RECORD_CALLS=1 pytest ...` adds
missing rows instead; review the difference, because each row is a permission of a role.
"""

import contextlib
import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.iam.actions import required_permissions
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall
from kennel.paths import FUNCTIONS
from tests.functions.aws_account import Client

FILE = Path(__file__).with_name("calls.json")
RECORD = "KENNEL_RECORD_CALLS"

Row = tuple[str, str, str, tuple[tuple[str, str], ...]]

#: Roles of our own code; service.json has the calls of AWS's services with the others.
_KINDS: dict[str, list[str]] = json.loads(FILE.with_name("service.json").read_text())["roles"]
CALLERS = {role for role, kinds in _KINDS.items() if set(kinds) & {"function", "state machine"}}

# Names that differ between runs: digests, photos, and the names of test stacks.
_DIGEST = re.compile(r"(?<![0-9a-z])[0-9a-f]{8,}(?![0-9a-z])")
_STACKS = re.compile(r"(?<=[:/])[a-z][a-z0-9]*-(?=[A-Z][A-Za-z]+\b|bucket\b)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION = re.compile(r"(?<=:model-package/)([^/]+)/\d+")
_PHOTO = re.compile(r"(?<=-bucket/data/).+")
_EXECUTION = re.compile(r"(?<=:execution:)([^:]+):.+")
_SAME_DIGEST = "0123456789abcdef" * 4
#: Names in the in-memory account, as patterns, and in the template. Tests with that account may use
#: any name; the offline cloud's tests cover the names.
_ALIASES = {
    r":project/.+": ":project/kennel-ImageBuild",
    r":(endpoint|model-package-group)/.+": r":\1/kennel",
    r":(model|endpoint-config)/.+": rf":\1/kennel-{_SAME_DIGEST[:20]}",
    r"\bk-[^-/]+-(train|tune)": rf"k-{_SAME_DIGEST[:20]}-\1",
    r"/(code|packages)/[^/]+/": rf"/\1/{_SAME_DIGEST[:20]}/",
}


def normal(
    role: str, action: str, resource: str, context: Mapping[str, str | Sequence[str]]
) -> Row:
    """Return a call without the parts that differ between runs."""
    relevant = {
        key: _normal(value if isinstance(value, str) else ",".join(value))
        for key, value in context.items()
        if not key.startswith("aws:")
    }
    return role, action, _normal(resource), tuple(sorted(relevant.items()))


def _same(digest: re.Match[str]) -> str:
    return digest[0] if digest[0] == ACCOUNT else _SAME_DIGEST[: len(digest[0])]


def _normal(text: str) -> str:
    photo = _PHOTO.sub("train/breed/dog.jpg", _VERSION.sub(r"\1/1", text))
    same = _DIGEST.sub(_same, _UUID.sub(_SAME_DIGEST[:20], photo))
    return _EXECUTION.sub(rf"\1:{_SAME_DIGEST[:20]}", _STACKS.sub("kennel-", same))


def of_function(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the permissions that a function's call requires, by the offline cloud's tables."""
    role = _caller(sys._getframe())
    if role is None:  # a call of the test itself
        return
    call = ApiCall(service, operation, dict(request))
    for permission in required_permissions(call, _config_of):
        resource = permission.resource
        for pattern, same in _ALIASES.items():
            resource = re.sub(pattern, same, resource)
        yield normal(role, permission.action, resource, permission.context)


def _config_of(endpoint: str) -> str:
    return f"{endpoint}-{_SAME_DIGEST[:20]}"


def _caller(frame: FrameType | None) -> str | None:
    """Return the role of the outermost function whose code is on the call stack."""
    folder = None
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(FUNCTIONS) and path.parent != FUNCTIONS / "common":
            folder = path.parent.name
        frame = frame.f_back
    return folder and "".join(map(str.capitalize, folder.split("_"))) + "Role"


def table(file: Path = FILE) -> set[Row]:
    """Return calls.json as a set."""
    known: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())
    return {
        (role, each["action"], each["resource"], tuple(sorted(each.get("context", {}).items())))
        for role, calls in known.items()
        for each in calls
    }


def write(rows: set[Row], file: Path = FILE) -> None:
    """Write calls.json with one call per line."""
    roles: dict[str, list[str]] = {}
    for role, action, resource, context in sorted(rows):
        call: dict[str, Any] = {"action": action, "resource": resource}
        if context:
            call["context"] = dict(context)
        roles.setdefault(role, []).append(f"    {json.dumps(call)}")
    parts = [
        f"  {json.dumps(role)}: [\n" + ",\n".join(calls) + "\n  ]" for role, calls in roles.items()
    ]
    file.write_text("{\n" + ",\n".join(parts) + "\n}\n")


class Recorder:
    """The calls that were seen.

    Attributes
    ----------
    seen
        Each without what differs from run to run.
    """

    def __init__(self) -> None:
        self.seen: set[Row] = set()

    def record(self, role: str, permission: RequiredPermission) -> None:
        """Add a call of an offline cloud: its `on_authorised`."""
        # Roles that a test makes up are nobody's; logs and traces are in service.json.
        if role in CALLERS and not permission.action.startswith(("logs:", "xray:")):
            row = normal(role, permission.action, permission.resource, permission.context)
            self.seen.add(row)


@contextlib.contextmanager
def recording() -> Iterator[Recorder]:
    """Record the calls to the account in memory; a cloud is given `Recorder.record`."""
    recorder = Recorder()
    before = Client.on_call
    Client.on_call = lambda *call: recorder.seen.update(of_function(*call))
    try:
        yield recorder
    finally:
        Client.on_call = before


def settle(seen: set[Row]) -> None:
    """Compare the recorded calls with the table, or add them."""
    unknown = seen - table()
    if unknown and os.environ.get(RECORD):
        with FILE.open() as lock:  # the workers of pytest-xdist end side by side
            fcntl.flock(lock, fcntl.LOCK_EX)
            write(table() | seen)
    elif unknown:
        lines = "\n".join(
            f"{role}: {action} on {resource} {dict(context)}"
            for role, action, resource, context in sorted(unknown)
        )
        raise AssertionError(
            f"calls that tests/iam/calls.json does not have; {RECORD}=1 adds them:\n{lines}"
        )
