"""Two independent policy engines.

kennel     the offline cloud's evaluator, which authorises every call there
simulate   @cloud-copilot/iam-simulate, which also knows the resource types of each action
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kennel.cloud.iam.policy import read_role
from tests.iam.roles import Roles

HERE = Path(__file__).parent
VENV = HERE.parent.parent / ".venv-lint"
SIMULATOR = VENV / "simulator"


@dataclass(frozen=True)
class Call:
    """A call with a role's permissions."""

    role: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Format the call for a message."""
        keys = f" with {dict(self.context)}" if self.context else ""
        return f"{self.role}: {self.action} on {self.resource}{keys}"


#: Returns for each call whether it is allowed.
Engine = Callable[[Roles, Sequence[Call]], list[bool]]


class NoSuchPermission(Exception):  # noqa: N818
    """An action does not exist, or has no resource of this type."""


def kennel(roles: Roles, calls: Sequence[Call]) -> list[bool]:
    """Evaluate by the offline cloud's evaluator."""
    read = {name: read_role(name, properties) for name, properties in roles.properties.items()}
    return [read[each.role].allows(each.action, each.resource, each.context) for each in calls]


def simulate(roles: Roles, calls: Sequence[Call]) -> list[bool]:
    """Evaluate by iam-simulate, all calls in one process.

    Raises
    ------
    NoSuchPermission
        An action does not exist, or its resource has another type.
    """
    request = {
        "policies": {role: roles.policy(role) for role in roles.properties},
        "cases": [
            {
                "role": each.role,
                "action": each.action,
                "resource": each.resource,
                "context": dict(each.context),
            }
            for each in calls
        ],
    }
    done = subprocess.run(
        [VENV / "bin" / "node", HERE / "simulate.mjs", SIMULATOR],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout)
    errors = [
        f"{call}: {answer}"
        for call, answer in zip(calls, answers, strict=True)
        if answer.startswith("error")
    ]
    if errors:
        raise NoSuchPermission("; ".join(errors))
    return [answer == "Allowed" for answer in answers]
