"""Read the photo from API Gateway's proxy event.

Three forms are accepted, each also with ``Content-Encoding: gzip``:

    the photo itself                         as any image type, or as bytes of no type
    a form with one file                     as multipart/form-data
    {"image": "<base64 of the photo>"}       as application/json, or any other

What else a body is its bytes decide: clients guess the content type by a file's name, or leave it
to their defaults. It only has to be one of those that the template lists as binary, which API
Gateway passes in base64 (`isBase64Encoded`); a photo that arrives as text has lost bytes.
"""

import json
import zlib
from typing import Any, NoReturn

import pybase64

from classify.form import file_of_form
from common.event import Event, header
from common.problem import BadRequest, TooLarge, UnsupportedType

__all__ = ["BINARY_TYPES", "JSON_SCHEMA", "JSON_TYPE", "MAX_BYTES", "read_photo"]

MAX_BYTES = 4_500_000  # 6,000,000 in base64; Lambda accepts requests of 6 MiB
_MAX_UNPACKED = 6 * 1024 * 1024  # of a gzip body: as large as one could come without it
_GZIP = 16 + zlib.MAX_WBITS  # zlib's word for gzip's header and checksum

JSON_TYPE = "application/json"
_MULTIPART = "multipart/form-data"
# What the template lists beside these; the second is what curl sends for a file by default.
_BYTES = ("application/octet-stream", "application/x-www-form-urlencoded")
#: The media types whose bodies API Gateway passes in base64: template.yaml lists the same.
BINARY_TYPES = ("image/*", *_BYTES, _MULTIPART)
#: What a body of `JSON_TYPE` must be.
JSON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {
            "type": "string",
            "contentEncoding": "base64",
            "description": "The photo in standard base64, with padding and without line breaks",
        }
    },
}
_ACCEPTED = (
    f"send a photo as image/jpeg, image/png or image/webp, in a form as {_MULTIPART}, or JSON as "
    f"{JSON_TYPE}"
)
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
        A content type whose bodies arrive as text, or a content encoding other than gzip.
    BadRequest
        The body is empty or does not have the form of its content type.
    TooLarge
        The photo has too many bytes.
    """
    content_type = header(event, "content-type")
    media_type = content_type.partition(";")[0].strip().lower()
    body = _body(event)
    if not body:
        raise BadRequest(
            "The body is empty; send the bytes of a JPEG, PNG or WebP photo.", reason="empty"
        )
    is_bytes = bool(event.get("isBase64Encoded"))
    if media_type == _MULTIPART and is_bytes:
        return _limited(file_of_form(body, content_type))
    if media_type == JSON_TYPE or body[:_MAX_SHOWN].lstrip().startswith(b"{"):
        return _limited(_photo_of_json(body))
    if is_bytes:
        return _limited(body)
    if media_type.startswith("image/") or media_type in _BYTES:
        raise BadRequest(
            "The photo arrived as text, so bytes of it were lost; this API must list "
            f"{_shown(media_type)} among its binary media types.",
            reason="text",
        )
    received = f"is {_shown(media_type)}" if media_type else "is missing"
    raise UnsupportedType(f"The Content-Type {received}, so the body came as text; {_ACCEPTED}.")


def _body(event: Event) -> bytes:
    body: str = event.get("body") or ""
    encoding = header(event, "content-encoding").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise UnsupportedType(
            f"The Content-Encoding is {_shown(encoding)}, and only gzip is unpacked; send the body "
            "as it is.",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    if not event.get("isBase64Encoded"):
        if "gzip" in encoding and body:
            raise UnsupportedType(
                "The body is packed with gzip and came as text, so bytes of it were lost; send "
                f"JSON as it is, and a packed photo with an image type or as {_BYTES[0]}.",
                headers={"Accept-Encoding": "identity"},
            )
        return body.encode("utf-8", "surrogatepass")
    received = _of_base64(body, "The body that API Gateway passed on")
    return _unpacked(received) if "gzip" in encoding and received else received


def _unpacked(body: bytes) -> bytes:
    """Unpack gzip, and no more of it than a request may have."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, _MAX_UNPACKED)
    except zlib.error:
        unpacked = b""
    if unpacked and unpacker.unconsumed_tail:
        raise TooLarge(
            f"The body has more than {_MAX_UNPACKED:,} bytes when unpacked; send a photo of at "
            f"most {MAX_BYTES:,}.",
            reason="bytes",
        )
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequest(
            "The Content-Encoding is gzip, and the body is no whole gzip stream; send the body as "
            "it is.",
            reason="gzip",
        )
    return unpacked


def _photo_of_json(body: bytes) -> bytes:
    try:
        form = json.loads(body, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is no valid JSON; {_FORM}.", reason="json") from error
    if not isinstance(form, dict):
        raise BadRequest(
            f"The JSON is {_json_name(form)}, expected an object; {_FORM}.", reason="json"
        )
    if set(form) != set(JSON_SCHEMA["required"]):
        keys = _shown(", ".join(form)) if form else "no key"
        raise BadRequest(
            f"The JSON object has {keys}, expected the one key image; {_FORM}.", reason="json"
        )
    image = form["image"]
    if not isinstance(image, str):
        raise BadRequest(
            f'"image" is {_json_name(image)}, expected a string; {_FORM}.', reason="json"
        )
    if image.startswith("data:"):
        raise BadRequest(
            'The string "image" begins with "data:"; send only the base64 that follows its comma.',
            reason="json",
        )
    return _of_base64(image, 'The string "image"')


def _limited(photo: bytes) -> bytes:
    if len(photo) > MAX_BYTES:
        raise TooLarge(
            f"The photo has {len(photo):,} bytes and at most {MAX_BYTES:,} are taken; send it "
            "smaller: 320 pixels on its shorter side are enough.",
            reason="bytes",
        )
    return photo


def _of_base64(text: str, source: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)  # binascii takes half as long as the JPEG
    except ValueError as error:  # binascii.Error, or a character beyond ASCII
        raise BadRequest(
            f"{source} is no valid base64: use the standard alphabet (A-Z a-z 0-9 + /), with "
            "padding and without line breaks.",
            reason="base64",
        ) from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a repeated key: it is ambiguous."""
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadRequest(f"The JSON object repeats a key; {_FORM}.", reason="json")
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
