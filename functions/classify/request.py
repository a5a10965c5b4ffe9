"""Read the photo and its content type from API Gateway's proxy event.

Two forms are accepted:

    Content-Type: image/jpeg (png, webp)     the body is the photo
    Content-Type: application/json           {"image": "<base64 of the photo>"}

API Gateway passes the first in base64 too (`isBase64Encoded`), because the template lists these
types as binary; a body that arrives as text has lost bytes.
"""

import binascii
import json
from dataclasses import dataclass
from typing import Any, NoReturn

from classify import limits
from classify.photo import CONTENT_TYPES
from common.problem import BadRequest, Event, UnsupportedType

__all__ = ["Upload", "read_upload"]

_ACCEPTED = "send a photo as image/jpeg, image/png or image/webp, or JSON as application/json"
_FORM = 'send {"image": "<the photo in base64>"} and nothing else'
_MAX_SHOWN = 60  # characters of a received header or key that a response repeats


@dataclass(frozen=True, slots=True)
class Upload:
    """A photo as it was sent."""

    body: bytes  # the photo, not validated yet
    declared: str | None  # its content type, a key of CONTENT_TYPES; None if sent in JSON


def read_upload(event: Event) -> Upload:
    """Read the photo from a request.

    Parameters
    ----------
    event
        A REST API's proxy event.

    Returns
    -------
    Upload
        The bytes and their declared type.

    Raises
    ------
    UnsupportedType
        Content-Type is missing or not one of the four.
    BadRequest
        The body does not have the form of its content type.
    TooLarge
        The photo has too many bytes.
    """
    content_type = _content_type(event)
    if content_type in CONTENT_TYPES:
        if event.get("body") and not event.get("isBase64Encoded"):
            raise BadRequest(
                "The photo arrived as text, so bytes of it were lost; this API must list "
                f"{content_type} among its binary media types."
            )
        return Upload(_body(event), content_type)
    if content_type == "application/json":
        return Upload(_photo_of_json(_body(event)), None)
    hint = " (JPEG is spelled image/jpeg)" if content_type == "image/jpg" else ""
    received = f"is {_shown(content_type)}" if content_type else "is missing"
    raise UnsupportedType(f"The Content-Type {received}{hint}; {_ACCEPTED}.")


def _content_type(event: Event) -> str:
    """Return the media type in lower case, without parameters; "" where there is none."""
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == "content-type":
            return str(value).partition(";")[0].strip().lower()
    return ""


def _body(event: Event) -> bytes:
    body: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    return _of_base64(body, "The body that API Gateway passed on")


def _photo_of_json(body: bytes) -> bytes:
    if not body:
        raise BadRequest(f"The body is empty; {_FORM}.")
    try:
        form = json.loads(body, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is no valid JSON; {_FORM}.") from error
    if not isinstance(form, dict):
        raise BadRequest(f"The JSON is {_json_name(form)}, expected an object; {_FORM}.")
    if set(form) != {"image"}:
        keys = _shown(", ".join(form)) if form else "no key"
        raise BadRequest(f"The JSON object has {keys}, expected the one key image; {_FORM}.")
    image = form["image"]
    if not isinstance(image, str):
        raise BadRequest(f'"image" is {_json_name(image)}, expected a string; {_FORM}.')
    if image.startswith("data:"):
        raise BadRequest(
            'The string "image" begins with "data:"; send only the base64 that follows its comma.'
        )
    limits.check_bytes(len(image) * 3 // 4 - 2)  # before decoding; 2 for the padding
    return _of_base64(image, 'The string "image"')


def _of_base64(text: str, source: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii.Error, or a character beyond ASCII
        raise BadRequest(
            f"{source} is no valid base64: use the standard alphabet (A-Z a-z 0-9 + /), with "
            "padding and without line breaks."
        ) from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key: it is ambiguous."""
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadRequest(f"The JSON object repeats a key; {_FORM}.")
    return form


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python accepts and JSON does not have."""
    raise ValueError(name)


def _json_name(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


def _shown(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return printable if len(printable) <= _MAX_SHOWN else printable[:_MAX_SHOWN] + "..."
