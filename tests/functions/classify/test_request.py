import base64
import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.request import MAX_BYTES, read_photo
from common.problem import BadRequest, Problem, TooLarge, UnsupportedType

PHOTO = b"\xff\xd8\xff any bytes: nothing looks into them here"


def event(
    body: str | None,
    content_type: str | None,
    *,
    binary: bool = False,
    header: str = "Content-Type",
) -> dict[str, Any]:
    headers = {} if content_type is None else {"Host": "example.com", header: content_type}
    return {"headers": headers, "body": body, "isBase64Encoded": binary}


def raw(body: bytes, content_type: str | None = "image/jpeg", **more: Any) -> dict[str, Any]:
    return event(base64.b64encode(body).decode(), content_type, binary=True, **more)


def as_json(form: object, **more: Any) -> dict[str, Any]:
    return event(json.dumps(form), "application/json", **more)


# ---------------------------------------------------------------- a photo as the body


@pytest.mark.parametrize(
    "content_type",
    [
        "image/jpeg",
        "image/png",
        "image/jpg",
        "image/pjpeg",
        "image/heic",
        "image/*",
        " Image/JPEG ; quality=high;x",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        None,
    ],
)
@pytest.mark.parametrize("header", ["content-type", "CONTENT-TYPE", "Content-Type"])
def test_bytes_are_a_photo_whatever_their_type(content_type: str | None, header: str) -> None:
    assert read_photo(raw(PHOTO, content_type, header=header)) == PHOTO


def test_no_headers_at_all_are_no_hindrance() -> None:
    assert read_photo({**raw(PHOTO), "headers": None}) == PHOTO


@pytest.mark.parametrize("body", [None, ""])
@pytest.mark.parametrize("content_type", ["image/png", "application/json", "text/plain", None])
def test_an_empty_body_is_refused(body: str | None, content_type: str | None) -> None:
    with pytest.raises(BadRequest, match="The body is empty; send") as caught:
        read_photo(event(body, content_type))
    assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    "content_type",
    ["image/jpeg", "image/gif", "application/octet-stream", "application/x-www-form-urlencoded"],
)
def test_a_photo_that_came_as_text_has_lost_bytes(content_type: str) -> None:
    words = f"must list {content_type} among its binary media types"
    with pytest.raises(BadRequest, match=words) as caught:
        read_photo(event("\ufffd\ufffdJFIF", content_type))
    assert caught.value.reason == "text"


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        (None, "The Content-Type is missing, so"),
        ("", "The Content-Type is missing, so"),
        ("text/plain", "The Content-Type is text/plain, so the body came as text; send a photo as"),
        ("video/" + "x" * 54, "is video/x{54},"),
        ("video/" + "x" * 55, r"is video/x{54}\.\.\.,"),
        ("text/\n\x1b[31m", r"is text/\?\?\[31m"),
    ],
)
def test_a_type_that_carries_no_bytes_is_named_and_refused(
    content_type: str | None, says: str
) -> None:
    with pytest.raises(UnsupportedType, match=says):
        read_photo(event("anything", content_type))


def test_a_byte_more_than_the_cap_is_too_much() -> None:
    assert len(read_photo(raw(bytes(MAX_BYTES)))) == MAX_BYTES
    with pytest.raises(TooLarge, match="4,500,001 bytes and at most 4,500,000") as caught:
        read_photo(raw(bytes(MAX_BYTES + 1)))
    assert caught.value.reason == "bytes"


# ---------------------------------------------------------------- a photo in gzip


def packed(body: bytes, content_type: str = "image/jpeg", coding: str = "gzip") -> dict[str, Any]:
    wrapped = raw(body, content_type)
    return {**wrapped, "headers": {**wrapped["headers"], "content-encoding": coding}}


@pytest.mark.parametrize("coding", ["gzip", "GZIP ", "x-gzip"])
def test_gzip_is_unpacked(coding: str) -> None:
    assert read_photo(packed(gzip.compress(PHOTO), coding=coding)) == PHOTO
    assert read_photo(packed(PHOTO, coding="identity")) == PHOTO


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(100_000_000), 1)
    tracemalloc.start()
    with pytest.raises(TooLarge, match=r"more than 6,291,456 bytes when unpacked") as caught:
        read_photo(packed(bomb))
    assert caught.value.reason == "bytes"
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [PHOTO, b"\x1f\x8b", gzip.compress(PHOTO)[:-3]],
    ids=["no gzip", "its first bytes", "cut"],  # a stream has the time in it: no id for xdist
)
def test_a_broken_gzip_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="no whole gzip stream") as caught:
        read_photo(packed(body))
    assert caught.value.reason == "gzip"
    with pytest.raises(BadRequest, match="no whole gzip stream"):
        read_photo(packed(gzip.compress(PHOTO) + b"more"))


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "\r\nx"])
def test_another_coding_is_named_with_those_that_are_read(coding: str) -> None:
    with pytest.raises(UnsupportedType, match="only gzip is unpacked") as caught:
        read_photo(packed(PHOTO, coding=coding))
    assert caught.value.headers == {"Accept-Encoding": "gzip, identity"}


def test_packed_json_that_came_as_text_has_lost_bytes() -> None:
    came = event("\x1f\ufffd", "application/json")
    came["headers"]["Content-Encoding"] = "gzip"
    words = "came as text, so bytes of it were lost; .* or as application/octet-stream"
    with pytest.raises(UnsupportedType, match=words) as caught:
        read_photo(came)
    assert caught.value.headers == {"Accept-Encoding": "identity"}


# ---------------------------------------------------------------- a photo in JSON

IMAGE = base64.b64encode(PHOTO).decode()


@pytest.mark.parametrize("binary", [False, True])
def test_json_is_read_as_text_or_as_base64(binary: bool) -> None:
    text = json.dumps({"image": IMAGE})
    body = base64.b64encode(text.encode()).decode() if binary else text
    photo = read_photo(event(body, "application/json; charset=utf-8", binary=binary))
    assert photo == PHOTO


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("binary", [False, True])
def test_json_is_read_whatever_its_type(content_type: str | None, binary: bool) -> None:
    text = "\n" + json.dumps({"image": IMAGE})
    body = base64.b64encode(text.encode()).decode() if binary else text
    assert read_photo(event(body, content_type, binary=binary)) == PHOTO


def test_an_empty_image_is_left_to_the_decoder() -> None:
    assert read_photo(as_json({"image": ""})) == b""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "no valid JSON"),
        ("\udcff", "no valid JSON"),
        ("NaN", "no valid JSON"),
        ('{"image": NaN}', "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("9" * 5_000, "no valid JSON"),
        (f'{{"image": "{IMAGE}", "image": ""}}', "repeats a key"),
        ("null", "The JSON is null, expected an object"),
        ("[]", "The JSON is an array"),
        ('"x"', "The JSON is a string"),
        ("1.5", "The JSON is a number"),
        ("true", "The JSON is a boolean"),
        ("{}", "has no key, expected the one key image"),
        ('{"url": "http://169.254.169.254/"}', "has url, expected"),
        ('{"image": "", "top": 3}', "has image, top, expected"),
        ('{"image": null}', '"image" is null, expected a string'),
        ('{"image": ["x"]}', '"image" is an array'),
        ('{"image": {}}', '"image" is an object'),
        ('{"image": "data:image/jpeg;base64,AAAA"}', "only the base64 that follows its comma"),
    ],
)
def test_another_form_is_refused_in_one_sentence(body: str | None, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        read_photo(event(body, "application/json"))
    assert caught.value.reason == "json"
    assert caught.value.detail.endswith(".")
    assert len(caught.value.detail) < 250


@pytest.mark.parametrize("image", ["AAA", "AA==AA==", "AAAA\\nAAAA", "_-_-", "\u00e9" * 4])
def test_an_image_in_another_base64_is_refused(image: str) -> None:
    words = r'^The string "image" is no valid base64: use the standard .* without line breaks\.$'
    with pytest.raises(BadRequest, match=words) as caught:
        read_photo(event(f'{{"image": "{image}"}}', "application/json"))
    assert caught.value.reason == "base64"


def test_too_much_base64_is_refused() -> None:
    fits = "A" * (MAX_BYTES * 4 // 3)
    assert len(read_photo(as_json({"image": fits}))) == MAX_BYTES
    with pytest.raises(TooLarge):
        read_photo(as_json({"image": fits + "AAAA"}))


def test_a_broken_hand_over_is_no_crash() -> None:
    with pytest.raises(BadRequest, match="API Gateway passed on"):
        read_photo(event("not base64!", "image/jpeg", binary=True))


# ---------------------------------------------------------------- anything at all

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("image"), inner),
    max_leaves=6,
)


@given(st.binary(max_size=300))
def test_a_photo_is_read_unchanged_from_either_form(photo: bytes) -> None:
    encoded = base64.b64encode(photo).decode()
    if photo and not photo.lstrip().startswith(b"{"):
        assert read_photo(raw(photo)) == photo
    assert read_photo(as_json({"image": encoded})) == photo


@given(JSON_VALUES)
def test_any_json_ends_in_a_photo_or_a_problem(value: object) -> None:
    photo_or_problem(as_json(value))


@given(
    st.none() | st.text(),
    st.none() | st.text() | st.sampled_from(["image/jpeg", "application/json", "image/png;x"]),
    st.booleans(),
)
def test_any_event_ends_in_a_photo_or_a_problem(
    body: str | None, content_type: str | None, binary: bool
) -> None:
    photo_or_problem(event(body, content_type, binary=binary))


def photo_or_problem(request: dict[str, Any]) -> None:
    try:
        assert isinstance(read_photo(request), bytes)
    except Problem as problem:
        assert problem.status in (400, 413, 415)
        assert "\n" not in problem.detail
