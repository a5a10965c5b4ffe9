"""Forms as browsers, curl, axios and attackers send them."""

import base64
import contextlib
import tracemalloc
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.form import file_of_form
from classify.request import read_photo
from common.problem import BadRequest, Problem, TooLarge

PHOTO = b"\xff\xd8\xff \r\n--x\r\n any bytes: nothing looks into them here \x00\r\r\n"
TYPE = "multipart/form-data; boundary=x1"


def part(body: bytes, disposition: str = 'name="f"; filename="a.jpg"', more: str = "") -> bytes:
    head = f"--x1\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
    return head.encode() + body + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--x1--\r\n"


@pytest.mark.parametrize("field", ["photo", "file", "image", "", "ü 犬", "a[]"])
@pytest.mark.parametrize("name", ["a.jpg", "<img src=x onerror=alert(1)>.jpg", "../../x", "犬.png"])
def test_a_client_librarys_form_is_read(field: str, name: str) -> None:
    request = httpx.Request("POST", "http://x", files={field: (name, PHOTO)}, data={"top": "3"})
    assert file_of_form(request.read(), request.headers["content-type"]) == PHOTO


def test_a_form_reaches_the_request_in_base64() -> None:
    body = base64.b64encode(form(part(PHOTO))).decode()
    event: dict[str, Any] = {"headers": {"content-type": TYPE}, "body": body}
    assert read_photo({**event, "isBase64Encoded": True}) == PHOTO
    large = base64.b64encode(form(part(bytes(4_500_001)))).decode()
    with pytest.raises(TooLarge, match="4,500,001 bytes"):
        read_photo({**event, "body": large, "isBase64Encoded": True})


@pytest.mark.parametrize(
    "body",
    [
        form(part(b"", 'name="other"; filename=""'), part(PHOTO)),  # an empty field of a browser
        form(part(b"3", 'name="top"'), part(PHOTO), part(b"x", 'name="note"')),
        form(part(PHOTO, 'name="f"', "Content-Type: image/jpeg\r\n")),  # curl -F 'f=<a.jpg;type='
        b"a preamble\r\n" + form(part(PHOTO)) + b"an epilogue",
    ],
)
def test_one_file_among_other_parts_is_the_photo(body: bytes) -> None:
    assert file_of_form(body, TYPE) == PHOTO


def test_a_form_in_the_form_is_no_photo_but_its_bytes() -> None:
    inner = form(part(PHOTO))
    nested = part(
        inner.replace(b"x1", b"x2"), more="Content-Type: multipart/mixed; boundary=x2\r\n"
    )
    assert file_of_form(form(nested), TYPE) == inner.replace(b"x1", b"x2")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (form(), "has no files, expected one; send one photo"),
        (form(part(b"3", 'name="top"')), "has no files"),
        (form(part(b"")), "has no files"),
        (form(part(PHOTO), part(PHOTO)), "has 2 files, expected one"),
        (PHOTO, "no valid form"),
        (part(PHOTO), "no valid form"),  # without its end
        (form(b"--x1\r\n\r\nx\r\n"), "no valid form"),  # a part without a name
        (form(part(PHOTO, more="x\r\n")), "no valid form"),
        (form(part(PHOTO, more="A: " + "x" * 10_000 + "\r\n")), "no valid form"),
        (form(part(PHOTO, more="A: b\r\n" * 9)), "no valid form"),
        (form(part(PHOTO, more="Content-Length: 1\r\n")), "no valid form"),
        (form(part(PHOTO, more="Content-Length: -1\r\n")), "no valid form"),
        (form(*[part(b"", 'name="a"')] * 17), "no valid form"),
        (form(*[part(b"", 'name="a"')] * 100_000), "no valid form"),
    ],
)
def test_a_form_without_just_one_photo_is_refused_in_one_sentence(body: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        file_of_form(body, TYPE)
    assert caught.value.reason == "form"
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=" + "x" * 8_000,
        "multipart/form-data; boundary=\u72ac",
        'multipart/form-data; boundary="',
        "multipart/form-data" + "; a=b" * 2_000,
    ],
)
def test_a_lie_about_the_boundary_is_a_bad_request(content_type: str) -> None:
    with pytest.raises(BadRequest, match="no valid form"):
        file_of_form(form(part(PHOTO)), content_type)


@pytest.mark.parametrize(
    "filler", [b"\r\n--x1", b"\r", b"\r\n", b"--x", b"\r\n--x", b"\r\n--x1-", b"\n\r"]
)
def test_almost_boundaries_cost_no_more_than_their_bytes(filler: bytes) -> None:
    body = form(part(filler * (4_000_000 // len(filler))))
    tracemalloc.start()
    with contextlib.suppress(BadRequest):
        file_of_form(body, TYPE)
    assert tracemalloc.get_traced_memory()[1] < 6 * len(body)
    tracemalloc.stop()


@given(st.binary(max_size=400), st.text(max_size=60))
def test_whatever_comes_is_a_file_or_a_problem(body: bytes, boundary: str) -> None:
    try:
        file_of_form(form(part(body)), TYPE)
        file_of_form(body, f"multipart/form-data; boundary={boundary}")
    except Problem:
        pass
