"""Two that judge whether a role may make a call, neither knowing the other.

kennel     kennel/cloud/iam/policy.py, which also guards every call in the offline cloud
simulate   @cloud-copilot/iam-simulate, which knows besides which action takes which resource
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
    """What a role asks of AWS."""

    role: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Show it as a person would write it."""
        keys = f" with {dict(self.context)}" if self.context else ""
        return f"{self.role}: {self.action} on {self.resource}{keys}"


#: Roles and calls in, one verdict a call out: allowed or not.
Engine = Callable[[Roles, Sequence[Call]], list[bool]]


class NoSuchPermission(Exception):  # noqa: N818
    """An action that does not exist, or that takes no resource of this type."""


def kennel(roles: Roles, calls: Sequence[Call]) -> list[bool]:
    """Judge by the offline cloud's own evaluator."""
    read = {name: read_role(name, properties) for name, properties in roles.properties.items()}
    return [read[each.role].allows(each.action, each.resource, each.context) for each in calls]


def simulate(roles: Roles, calls: Sequence[Call]) -> list[bool]:
    """Judge by iam-simulate, all calls in one process.

    Raises
    ------
    NoSuchPermission
        It knows that an action and its resource do not belong together.
    """
    given = {
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
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(done.stdout)
    strange = [
        f"{call}: {answer}"
        for call, answer in zip(calls, answers, strict=True)
        if answer.startswith("error")
    ]
    if strange:
        raise NoSuchPermission("; ".join(strange))
    return [answer == "Allowed" for answer in answers]
