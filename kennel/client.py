"""Post photos to the API as any client would."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from kennel.errors import KennelError

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
SECONDS = 30.0  # API Gateway itself gives up after 29
ATTEMPTS = 4  # of a request that the API asked to repeat later


@dataclass(frozen=True)
class Answer:
    """What the API said about one photo.

    Attributes
    ----------
    breeds
        (breed, probability) from most to least probable; empty when there is a problem.
    milliseconds
        From the request's first byte sent to the answer's last byte received.
    problem
        The API's sentence when it gave no answer, else None.
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
        When nothing answers at `api_url`. What the API refuses is in the answers.
    """
    with httpx.Client(timeout=SECONDS, trust_env=False) as http:
        shown = track(photos, "classifying", console=screen) if screen else photos
        try:
            return [_post(http, photo, f"{api_url.rstrip('/')}/classify", key) for photo in shown]
        except httpx.TransportError as error:
            raise KennelError(f"no answer from {api_url} ({error}): is it up?") from error


def _post(http: httpx.Client, photo: Path, url: str, key: str) -> Answer:
    media_type = MEDIA_TYPES.get(photo.suffix.lower(), "application/octet-stream")
    headers = {"content-type": media_type, "x-api-key": key}
    body = photo.read_bytes()
    for attempt in range(ATTEMPTS):
        started = time.perf_counter()
        answer = http.post(url, content=body, headers=headers)
        milliseconds = (time.perf_counter() - started) * 1000
        wait = answer.headers.get("retry-after", "")
        if not wait.isdigit() or attempt == ATTEMPTS - 1:
            break
        time.sleep(int(wait))
    try:
        said = answer.json()
    except ValueError:
        said = {"detail": f"{answer.status_code} {answer.reason_phrase}"}
    if not answer.is_success:
        problem = said.get("detail") or said.get("title") or said.get("message")
        return Answer(photo.name, None, [], milliseconds, answer.status_code, str(problem))
    breeds = [(each["breed"], each["probability"]) for each in said["breeds"]]
    return Answer(photo.name, said["is_dog"], breeds, milliseconds, answer.status_code)
