"""JSON that a client sent, and JSON that answers one."""

import json
from datetime import datetime
from typing import Any

from starlette.responses import Response


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text; ValueError for any other text, however deep it nests."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def read_parameters(text: bytes) -> dict[str, Any]:
    """Return the parameters of a call in JSON, without those that are null: AWS ignores them.

    Raises
    ------
    ValueError
        For a text that is no JSON object.
    """
    parameters = _without_nulls(read_json(text or b"{}"))
    if not isinstance(parameters, dict):
        raise ValueError("it is no JSON object")
    return parameters


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class AsciiJson(Response):
    """An answer in JSON, all ASCII: it may repeat a lone surrogate that a client sent."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as JSON; a datetime is written in Unix seconds."""
        text = json.dumps(content, separators=(",", ":"), default=datetime.timestamp)
        return text.encode()


class AmzJson(AsciiJson):
    """An answer in AWS's JSON 1.1."""

    media_type = "application/x-amz-json-1.1"
