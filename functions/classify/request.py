"""Read the photo from API Gateway's proxy event.

Two forms are accepted:

    the photo itself                         as any image type, or as bytes of no type
    {"image": "<base64 of the photo>"}       as application/json, or any other

What a body is its bytes decide: clients guess the content type by a file's name, or leave it to
their defaults. It only has to be one of those that the template lists as binary, which API Gateway
passes in base64 (`isBase64Encoded`); a photo that arrives as text has lost bytes.
"""

import binascii
import json
from typing import Any, NoReturn

from common.problem import BadRequest, Event, TooLarge, UnsupportedType

__all__ = ["MAX_BYTES", "read_photo"]

MAX_BYTES = 4_500_000  # 6,000,000 in base64; Lambda accepts requests of 6 MiB

_JSON = "application/json"
_MULTIPART = "multipart/form-data"
# What the template lists beside images; the second is what curl says of a file unless told more.
_BYTES = ("application/octet-stream", "application/x-www-form-urlencoded")
_ACCEPTED = f"send a photo as image/jpeg, image/png or image/webp, or JSON as {_JSON}"
_FORM = 'send {"image": "<the photo in base64>"} and nothing else'
_MAX_SHOWN = 60  # characters of a received header or key that a response repeats


def read_photo(event: Event) -> bytes:
    """Read the photo from a request.

    Parameters
    ----------
    event
        A REST API's proxy event.

    Returns
    -------
    bytes
        The photo, not validated yet.

    Raises
    ------
    UnsupportedType
        A form with files, or a content type whose bodies arrive as text.
    BadRequest
        The body is empty or does not have the form of its content type.
    TooLarge
        The photo has too many bytes.
    """
    content_type = _content_type(event)
    if content_type == _MULTIPART:
        raise UnsupportedType(
            f"The body is a form ({_MULTIPART}), which is not read; send the photo itself as the "
            "body (with curl: --data-binary @photo.jpg, not -F)."
        )
    body = _body(event)
    if not body:
        raise BadRequest("The body is empty; send the bytes of a JPEG, PNG or WebP photo.")
    if content_type == _JSON or body[:_MAX_SHOWN].lstrip().startswith(b"{"):
        return _limited(_photo_of_json(body))
    if event.get("isBase64Encoded"):
        return _limited(body)
    if content_type.startswith("image/") or content_type in _BYTES:
        raise BadRequest(
            "The photo arrived as text, so bytes of it were lost; this API must list "
            f"{_shown(content_type)} among its binary media types."
        )
    received = f"is {_shown(content_type)}" if content_type else "is missing"
    raise UnsupportedType(f"The Content-Type {received}, so the body came as text; {_ACCEPTED}.")


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
    return _of_base64(image, 'The string "image"')


def _limited(photo: bytes) -> bytes:
    if len(photo) > MAX_BYTES:
        raise TooLarge(
            f"The photo has {len(photo):,} bytes and at most {MAX_BYTES:,} are taken; send it "
            "smaller: 320 pixels on its shorter side are enough."
        )
    return photo


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
