import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify import limits
from classify.request import Upload, read_upload
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


def raw(body: bytes, content_type: str = "image/jpeg", **more: Any) -> dict[str, Any]:
    return event(base64.b64encode(body).decode(), content_type, binary=True, **more)


def as_json(form: object, **more: Any) -> dict[str, Any]:
    return event(json.dumps(form), "application/json", **more)


# ---------------------------------------------------------------- a photo as the body


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp"])
def test_a_raw_body_keeps_its_declared_type(content_type: str) -> None:
    assert read_upload(raw(PHOTO, content_type)) == Upload(PHOTO, content_type)


@pytest.mark.parametrize("header", ["content-type", "CONTENT-TYPE", "Content-type"])
@pytest.mark.parametrize("value", ["image/jpeg", " Image/JPEG ; quality=high;x", "IMAGE/JPEG;"])
def test_case_and_parameters_do_not_matter(header: str, value: str) -> None:
    assert read_upload(raw(PHOTO, value, header=header)) == Upload(PHOTO, "image/jpeg")


def test_an_empty_raw_body_is_left_to_the_decoder() -> None:
    assert read_upload(event(None, "image/png")) == Upload(b"", "image/png")
    assert read_upload(event("", "image/png", binary=True)) == Upload(b"", "image/png")


def test_a_photo_that_came_as_text_has_lost_bytes() -> None:
    with pytest.raises(BadRequest, match="must list image/jpeg among its binary media types"):
        read_upload(event("\ufffd\ufffdJFIF", "image/jpeg"))


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        (None, "The Content-Type is missing"),
        ("", "The Content-Type is missing"),
        ("image/gif", "The Content-Type is image/gif"),
        ("image/jpg", "JPEG is spelled image/jpeg"),
        ("application/octet-stream", "is application/octet-stream"),
        ("multipart/form-data; boundary=x", "is multipart/form-data"),
        ("image/" + "x" * 500, r"is image/x{54}\.\.\.;"),
        ("image/\n\x1b[31m", r"is image/\?\?\[31m"),
    ],
)
def test_another_type_is_named_and_refused(content_type: str | None, says: str) -> None:
    with pytest.raises(UnsupportedType, match=says):
        read_upload(event("anything", content_type))


def test_no_headers_at_all_are_a_missing_type() -> None:
    with pytest.raises(UnsupportedType, match="is missing"):
        read_upload({"headers": None, "body": "x", "isBase64Encoded": False})


# ---------------------------------------------------------------- a photo in JSON

IMAGE = base64.b64encode(PHOTO).decode()


@pytest.mark.parametrize("binary", [False, True])
def test_json_is_read_as_text_or_as_base64(binary: bool) -> None:
    text = json.dumps({"image": IMAGE})
    body = base64.b64encode(text.encode()).decode() if binary else text
    upload = read_upload(event(body, "application/json; charset=utf-8", binary=binary))
    assert upload == Upload(PHOTO, None)


def test_an_empty_image_is_left_to_the_decoder() -> None:
    assert read_upload(as_json({"image": ""})) == Upload(b"", None)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "The body is empty"),
        (None, "The body is empty"),
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
        ('{"image": "data:image/jpeg;base64,AAAA"}', "only the base64 that follows its comma"),
        ('{"image": "AAA"}', "no valid base64"),
        ('{"image": "AA==AA=="}', "no valid base64"),
        ('{"image": "AAAA\\nAAAA"}', "without line breaks"),
        ('{"image": "_-_-"}', "standard alphabet"),
        ('{"image": "\u00e9\u00e9\u00e9\u00e9"}', "no valid base64"),
    ],
)
def test_another_form_is_refused_in_one_sentence(body: str | None, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        read_upload(event(body, "application/json"))
    assert caught.value.detail.endswith(".")
    assert len(caught.value.detail) < 250


def test_too_much_base64_is_refused_before_it_is_decoded() -> None:
    fits = "A" * (limits.MAX_BYTES * 4 // 3)
    assert len(read_upload(as_json({"image": fits})).body) == limits.MAX_BYTES
    with pytest.raises(TooLarge):
        read_upload(as_json({"image": fits + "AAAA"}))


def test_a_broken_hand_over_is_no_crash() -> None:
    with pytest.raises(BadRequest, match="API Gateway passed on"):
        read_upload(event("not base64!", "image/jpeg", binary=True))


# ---------------------------------------------------------------- anything at all

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("image"), inner),
    max_leaves=6,
)


@given(st.binary(max_size=300))
def test_what_goes_in_comes_out(photo: bytes) -> None:
    encoded = base64.b64encode(photo).decode()
    assert read_upload(raw(photo)).body == photo
    assert read_upload(as_json({"image": encoded})).body == photo


@given(JSON_VALUES)
def test_any_json_ends_in_an_upload_or_a_problem(value: object) -> None:
    upload_or_problem(as_json(value))


@given(
    st.none() | st.text(),
    st.none() | st.text() | st.sampled_from(["image/jpeg", "application/json", "image/png;x"]),
    st.booleans(),
)
def test_any_event_ends_in_an_upload_or_a_problem(
    body: str | None, content_type: str | None, binary: bool
) -> None:
    upload_or_problem(event(body, content_type, binary=binary))


def upload_or_problem(request: dict[str, Any]) -> None:
    try:
        assert isinstance(read_upload(request).body, bytes)
    except Problem as problem:
        assert problem.status in (400, 413, 415)
        assert "\n" not in problem.detail
