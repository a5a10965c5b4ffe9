"""Post photos to the API, as any client would, and read its answers."""

import contextlib
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from kennel import shrink
from kennel.answer import Answer
from kennel.errors import KennelError
from kennel.photo_files import media_type

TIMEOUT_SECONDS = 30.0  # API Gateway's own is 29
ATTEMPTS = 4  # at a request that the API answers with Retry-After
MAX_WAIT_SECONDS = 60  # a used-up quota asks for an hour: then its sentence is the answer
MAX_READ = 300_000_000  # bytes; the largest photos of cameras have 200,000,000

_UNREACHABLE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def classify(
    photos: Sequence[Path],
    api_url: str,
    key: str,
    screen: Console | None = None,
    *,
    top: int | None = None,
    explain: bool = False,
) -> list[Answer]:
    """Post each photo to `api_url`/classify.

    Parameters
    ----------
    api_url
        Of the API's stage; its path may end in /classify.
    key
        The API key; spaces and invisible characters in it are dropped.
    top
        Number of breeds in an answer; None for the API's own.
    explain
        Ask for heat maps.

    Raises
    ------
    KennelError
        If nothing answers at `api_url`, or the key holds a character that no key has. A photo that
        the API refuses, or that cannot be read, is among the answers.
    """
    url = f"{api_url.rstrip('/').removesuffix('/classify')}/classify"
    headers = {"x-api-key": clean_key(key)}
    asked = {**({"top": top} if top else {}), **({"explain": 1} if explain else {})}
    answers: list[Answer] = []
    with httpx.Client(
        timeout=TIMEOUT_SECONDS, trust_env=False, headers=headers, params=asked
    ) as http:
        bar = screen and track(
            photos, "classifying", console=screen, disable=not screen.is_terminal
        )
        for photo in bar or photos:
            try:
                answers.append(_classify(http, photo, url))
            except (httpx.TransportError, httpx.InvalidURL) as error:
                sentence = f"no answer from {api_url} ({error}): is it up?"
                if isinstance(error, _UNREACHABLE) and not any(each.status for each in answers):
                    raise KennelError(sentence) from error
                answers.append(Answer(str(photo), None, [], 0.0, None, sentence))
    return answers


def clean_key(key: str) -> str:
    """Return an API key without the invisible characters that copying adds.

    Raises
    ------
    KennelError
        If it holds a character beyond ASCII: a header cannot carry it, and no key has it.
    """
    clean = "".join(each for each in key if unicodedata.category(each)[0] not in "ZC")
    for each in clean:
        if not each.isascii():
            raise KennelError(
                f"the API key contains {each!r} (U+{ord(each):04X}), and keys have only letters, "
                "digits and signs of ASCII: copy it again from where you got it"
            )
    return clean


def _classify(http: httpx.Client, photo: Path, url: str) -> Answer:
    try:
        body = _read(photo)
        shrunk = shrink.exceeds_limits(body)
        if shrunk:
            body = shrink.shrink(body)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        return Answer(str(photo), None, [], 0.0, None, reason)
    except shrink.CannotShrink as error:
        return Answer(str(photo), None, [], 0.0, None, f"too large for the API: {error}")
    response, milliseconds = _post(http, url, body)
    if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE and not shrunk:
        with contextlib.suppress(shrink.CannotShrink):  # then the API's sentence is the answer
            response, milliseconds = _post(http, url, shrink.shrink(body))
    return _answer(photo, response, milliseconds)


def _read(photo: Path) -> bytes:
    with photo.open("rb") as opened:
        body = opened.read(MAX_READ + 1)
    if len(body) > MAX_READ:
        raise shrink.CannotShrink(f"it has more than {MAX_READ:,} bytes")
    return body


def _post(http: httpx.Client, url: str, body: bytes) -> tuple[httpx.Response, float]:
    """Post until there is an answer that asks for no retry; return it and its milliseconds."""
    headers = {"content-type": media_type(body) or "application/octet-stream"}
    for _ in range(ATTEMPTS - 1):
        response, milliseconds = _timed(http, url, body, headers)
        wait = response.headers.get("retry-after", "")
        if not wait.isdigit() or int(wait) > MAX_WAIT_SECONDS:
            return response, milliseconds
        time.sleep(int(wait))
    return _timed(http, url, body, headers)


def _timed(
    http: httpx.Client, url: str, body: bytes, headers: dict[str, str]
) -> tuple[httpx.Response, float]:
    started = time.perf_counter()
    response = http.post(url, content=body, headers=headers)
    return response, (time.perf_counter() - started) * 1000


def _answer(photo: Path, response: httpx.Response, milliseconds: float) -> Answer:
    status = response.status_code
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {}
    if not response.is_success:
        sentence = document.get("detail") or document.get("title") or document.get("message")
        problem = str(sentence or f"{status} {response.reason_phrase}")
        return Answer(str(photo), None, [], milliseconds, status, problem)
    try:
        breeds = [(each["breed"], each["probability"]) for each in document["breeds"]]
        more = {name: document.get(name) for name in ("dog", "likely", "explain")}
        return Answer(str(photo), document["is_dog"], breeds, milliseconds, status, **more)
    except (LookupError, TypeError):
        problem = f"the answer is none of this API's: is {response.url} its address?"
        return Answer(str(photo), None, [], milliseconds, status, problem)
