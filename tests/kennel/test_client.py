"""The client posts photos and reads whatever the API answers."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from kennel.client import ATTEMPTS, classify
from kennel.errors import KennelError
from tests.kennel.fake_api import Api, serving
from tests.kennel.pictures import encoded, noise, write_photo

BEAGLE = {"is_dog": True, "breeds": [{"breed": "Beagle", "probability": 0.9}]}
ANSWERED: tuple[int, dict[str, str], bytes] = (200, {}, json.dumps(BEAGLE).encode())


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as server:
        yield server


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write_photo(tmp_path / "dog.png")  # a JPEG by its bytes


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/classify"])
def test_a_photo_is_posted_with_its_media_type_and_the_key(
    api: Api, photo: Path, path: str
) -> None:
    api.responses = [ANSWERED]
    (answer,) = classify([photo], f"{api.url}{path}", "secret")
    assert (answer.is_dog, answer.breeds, answer.status) == (True, [("Beagle", 0.9)], 200)
    assert answer.photo == str(photo)
    (request,) = api.received
    assert (request.path, request.body) == ("/v1/classify", photo.read_bytes())
    assert request.headers["content-type"] == "image/jpeg"
    assert request.headers["x-api-key"] == "secret"


def test_breeds_and_heat_maps_are_asked_for_in_the_query(api: Api, photo: Path) -> None:
    explain = {"breed": "Beagle", "heat_map": "AAAA"}
    api.responses = [(200, {}, json.dumps({**BEAGLE, "dog": "yes", "explain": explain}).encode())]
    (answer,) = classify([photo], f"{api.url}/v1", "secret", top=12, explain=True)
    assert api.received[0].path == "/v1/classify?top=12&explain=1"
    assert answer.explain == explain


def test_what_is_no_photo_is_left_to_the_api(api: Api, photo: Path) -> None:
    photo.write_bytes(b"no photo")
    api.responses = [ANSWERED]
    classify([photo], api.url, "secret")
    (request,) = api.received
    assert (request.headers["content-type"], request.body) == (
        "application/octet-stream",
        b"no photo",
    )


def test_a_throttled_request_is_repeated(api: Api, photo: Path) -> None:
    throttled = (429, {"retry-after": "0"}, b"{}")
    api.responses = [throttled, throttled, ANSWERED]
    (answer,) = classify([photo], api.url, "secret")
    assert (answer.status, len(api.received)) == (200, 3)


def test_a_request_is_repeated_a_few_times_only(api: Api, photo: Path) -> None:
    api.responses = [(503, {"retry-after": "0"}, json.dumps({"title": "busy"}).encode())]
    (answer,) = classify([photo], api.url, "secret")
    assert (answer.status, answer.problem, len(api.received)) == (503, "busy", ATTEMPTS)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"detail": "broken", "title": "Bad Request"}', "broken"),
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"<html>", "400 Bad Request"),
    ],
)
def test_a_refused_photo_has_the_problem(body: bytes, problem: str, api: Api, photo: Path) -> None:
    api.responses = [(400, {}, body)]
    (answer,) = classify([photo], api.url, "secret")
    assert (answer.status, answer.problem, answer.is_dog) == (400, problem, None)


def test_no_answer_at_all_is_one_sentence(photo: Path) -> None:
    with pytest.raises(KennelError, match=r"no answer from http://127\.0\.0\.1:1 .*: is it up\?"):
        classify([photo], "http://127.0.0.1:1", "secret")


def test_a_used_up_quota_is_not_waited_for(api: Api, photo: Path) -> None:
    sentence = "The quota of this API key is used up until midnight UTC."
    api.responses = [(429, {"retry-after": "3600"}, json.dumps({"detail": sentence}).encode())]
    (answer,) = classify([photo], api.url, "secret")
    assert (answer.status, answer.problem, len(api.received)) == (429, sentence, 1)


def test_the_photos_after_a_failed_one_are_classified(api: Api, photo: Path) -> None:
    refused: tuple[int, dict[str, str], bytes] = (400, {}, b'{"detail": "broken"}')
    api.responses = [ANSWERED, refused, (0, {}, b""), ANSWERED]
    gone, unreadable = photo.with_name("gone.jpg"), photo.with_name("unreadable.jpg")
    unreadable.symlink_to("/proc/self/mem")  # for root, too
    answers = classify([photo, photo, gone, unreadable, photo, photo], api.url, "secret")
    assert [answer.status for answer in answers] == [200, 400, None, None, None, 200]
    assert [answer.problem for answer in answers[1:5]] == [
        "broken",
        "cannot be read (No such file or directory)",
        "cannot be read (Input/output error)",
        f"no answer from {api.url} (Server disconnected without sending a response.): is it up?",
    ]
    assert json.loads(answers[2].as_json())["status"] is None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"is_dog": true}', b'{"is_dog": true, "breeds": [1]}']
)
def test_a_page_that_is_no_answer_is_a_problem(body: bytes, api: Api, photo: Path) -> None:
    api.responses = [(200, {}, body)]
    (answer,) = classify([photo], api.url, "secret")
    assert answer.problem == f"the answer is none of this API's: is {api.url}/classify its address?"


@pytest.mark.parametrize("url", ["127.0.0.1:1/v1", "http://[::1", ""])
def test_an_address_that_is_none_is_one_sentence(url: str, photo: Path) -> None:
    with pytest.raises(KennelError, match=r"no answer from .*: is it up\?"):
        classify([photo], url, "secret")


@pytest.mark.parametrize(
    "key", ["sec\u200bret", "\ufeffsecret\r\n", " sec\u00a0ret", "sec\udcffret"]
)
def test_invisible_characters_of_a_key_are_dropped(key: str, api: Api, photo: Path) -> None:
    api.responses = [ANSWERED]
    classify([photo], api.url, key)
    assert api.received[0].headers["x-api-key"] == "secret"


@pytest.mark.parametrize("key", ["s\u0435cret", "sécret"])
def test_a_key_of_other_characters_is_named_before_a_request(
    key: str, api: Api, photo: Path
) -> None:
    with pytest.raises(KennelError, match=r"the API key contains '.' \(U\+0[04][E3][95]\)"):
        classify([photo], api.url, key)
    assert api.received == []


# ---------------------------------------------------------------- size


def test_a_photo_that_exceeds_the_limits_is_made_smaller(api: Api, photo: Path) -> None:
    api.responses = [ANSWERED]
    pixels = photo.with_name("pixels.png")
    Image.new("L", (10_400, 5200), 80).save(pixels)
    photo.write_bytes(noise())
    classify([photo, pixels], api.url, "secret")
    sizes = [Image.open(io.BytesIO(request.body)).size for request in api.received]
    assert sizes == [(1600, 1169), (1600, 800)]
    assert {request.headers["content-type"] for request in api.received} == {"image/jpeg"}


def test_after_a_413_the_photo_is_made_smaller_and_sent_again(api: Api, photo: Path) -> None:
    photo.write_bytes(encoded(Image.new("RGB", (2000, 1000)), "PNG"))
    refused: tuple[int, dict[str, str], bytes] = (
        413,
        {},
        b'{"detail": "At most 1,000,000 pixels."}',
    )
    api.responses = [refused, ANSWERED]
    assert classify([photo], api.url, "secret")[0].status == 200
    assert Image.open(io.BytesIO(api.received[1].body)).size == (1600, 800)
    api.responses = [refused]
    (answer,) = classify([photo], api.url, "secret")
    assert (answer.status, answer.problem) == (413, "At most 1,000,000 pixels.")
    assert len(api.received) == 4


@pytest.mark.parametrize("size", [5_000_000, 400_000_000])
def test_what_is_too_large_and_no_photo_is_not_sent(api: Api, photo: Path, size: int) -> None:
    api.responses = [ANSWERED]
    with photo.open("wb") as file:
        file.truncate(size)
    answers = classify([photo, write_photo(photo.with_name("b.jpg"))], api.url, "secret")
    assert [answer.status for answer in answers] == [None, 200]
    assert str(answers[0].problem).startswith("too large for the API: it has ")
    assert len(api.received) == 1
