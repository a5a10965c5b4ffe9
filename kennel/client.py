"""Post photos to the API, as any client would, and read its answers."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from kennel.errors import KennelError
from kennel.photo_files import MEDIA_TYPES

TIMEOUT_SECONDS = 30.0  # API Gateway's own is 29
ATTEMPTS = 4  # at a request that the API answers with Retry-After


@dataclass(frozen=True)
class Answer:
    """The API's answer for one photo.

    Attributes
    ----------
    breeds
        (breed, probability) from most to least probable; empty if there is a problem.
    milliseconds
        From the request's first byte sent to the answer's last byte received.
    problem
        The API's sentence if it refused the photo, else None.
    """

    photo: str
    is_dog: bool | None
    breeds: list[tuple[str, float]]
    milliseconds: float
    status: int
    problem: str | None = None

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self))


def classify(
    photos: Sequence[Path], api_url: str, key: str, screen: Console | None = None
) -> list[Answer]:
    """Post each photo to `api_url`/classify.

    Raises
    ------
    KennelError
        If nothing answers at `api_url`. A photo that the API refuses is among the answers.
    """
    with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
        tracked = track(photos, "classifying", console=screen) if screen else photos
        try:
            return [_post(http, photo, f"{api_url.rstrip('/')}/classify", key) for photo in tracked]
        except httpx.TransportError as error:
            raise KennelError(f"no answer from {api_url} ({error}): is it up?") from error


def _post(http: httpx.Client, photo: Path, url: str, key: str) -> Answer:
    media_type = MEDIA_TYPES.get(photo.suffix.lower(), "application/octet-stream")
    headers = {"content-type": media_type, "x-api-key": key}
    body = photo.read_bytes()
    for attempt in range(ATTEMPTS):
        started = time.perf_counter()
        response = http.post(url, content=body, headers=headers)
        milliseconds = (time.perf_counter() - started) * 1000
        retry_after = response.headers.get("retry-after", "")
        if not retry_after.isdigit() or attempt == ATTEMPTS - 1:
            break
        time.sleep(int(retry_after))
    status = response.status_code
    try:
        document = response.json()
    except ValueError:
        document = {"detail": f"{status} {response.reason_phrase}"}
    if not response.is_success:
        problem = document.get("detail") or document.get("title") or document.get("message")
        return Answer(photo.name, None, [], milliseconds, status, str(problem))
    breeds = [(entry["breed"], entry["probability"]) for entry in document["breeds"]]
    return Answer(photo.name, document["is_dog"], breeds, milliseconds, status)
