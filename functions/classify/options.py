"""Read what a request asks for beside the photo: ``POST /classify?top=10&explain=1``.

`PARAMETERS` is also what the API's description says of them (`classify.description`).
"""

import re
from dataclasses import dataclass
from typing import Any

from common.event import Event
from common.problem import BadRequest

__all__ = ["PARAMETERS", "Options", "read_options"]

_MAX_SHOWN = 30  # characters of a received value that a response repeats

#: By name: the schema of OpenAPI with which a value is checked, and what the parameter does.
PARAMETERS: dict[str, dict[str, Any]] = {
    "top": {
        "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"},
        "description": "Number of breeds in the answer, from 1 to the number that the model knows "
        "(GET /breeds lists them); 5 without it, or all if the model knows fewer",
        "expected": "a whole number from 1 to the number of breeds that the model knows",
    },
    "explain": {
        "schema": {"type": "string", "pattern": "^[01]$"},
        "description": "1 adds the parts of the photo that spoke for the first breed, if the model "
        "can tell them",
        "expected": "1 or 0",
    },
}


@dataclass(frozen=True, slots=True)
class Options:
    """What a request asks for."""

    top: int | None = None  # breeds; None for as many as the model answers by itself
    explain: bool = False

    @property
    def attributes(self) -> str:
        """For the model, as the CustomAttributes of InvokeEndpoint; "" for an ordinary answer."""
        asked = [f"top={self.top}"] * (self.top is not None) + ["explain=1"] * self.explain
        return ",".join(asked)


def read_options(event: Event) -> Options:
    """Read the query of a request; parameters of other names are ignored.

    Raises
    ------
    BadRequest
        A value is not what `PARAMETERS` says, or a parameter is repeated.
    """
    many = event.get("multiValueQueryStringParameters") or {
        name: [value] for name, value in (event.get("queryStringParameters") or {}).items()
    }
    values: dict[str, str] = {}
    for name, parameter in PARAMETERS.items():
        sent = [str(value) for value in many.get(name) or []]
        if len(sent) > 1:
            raise BadRequest(f"{name} is given {len(sent)} times; give it once.", reason="query")
        for value in sent:
            if not re.match(parameter["schema"]["pattern"], value) or "\n" in value:
                raise BadRequest(
                    f"{name} is {_shown(value)}, expected {parameter['expected']}.", reason="query"
                )
            values[name] = value
    top = values.get("top")
    return Options(int(top) if top else None, values.get("explain") == "1")


def _shown(value: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in value[:_MAX_SHOWN])
    return repr(printable) + "..." * (len(value) > _MAX_SHOWN)
