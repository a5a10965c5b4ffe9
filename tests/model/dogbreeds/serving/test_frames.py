import io

import pytest

from dogbreeds.serving.frames import MAX_CONTENT_TYPE, Reply, Request, read_request


@pytest.mark.parametrize("body", [b"", b"x", bytes(70_000)])
def test_a_request_arrives_as_it_was_sent(body: bytes) -> None:
    request = Request(7, "image/jpeg", body, "top=3,explain=1")
    stream = io.BytesIO((request.head() + body) * 2)
    assert read_request(stream) == request
    assert read_request(stream) == request
    assert read_request(stream) is None


def test_a_cut_request_is_none() -> None:
    sent = Request(7, "image/jpeg", b"abc").head() + b"ab"
    for length in (0, 1, 13, len(sent)):
        assert read_request(io.BytesIO(sent[:length])) is None


def test_a_content_type_of_any_length_and_letters_passes() -> None:
    request = Request(1, "ü" * 4_000, b"")
    received = read_request(io.BytesIO(request.head()))
    assert received is not None
    assert received.content_type == "ü" * (MAX_CONTENT_TYPE // 2)


def test_a_reply_says_how_long_it_is() -> None:
    assert Reply(1, 503, b"busy").encode().endswith(b"\x00\x00\x00\x04busy")
