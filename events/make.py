"""Write the sample events with a photo; they are git-ignored because the photos are not ours.

    python events/make.py            # or: make events

The photos are those of PyPI's `foolbox`, read from its installation.
"""

import base64
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

BULLMASTIFF, DALMATIAN, NO_DOG = "imagenet_00_243", "imagenet_16_251", "imagenet_01_559"

# Event -> photo, and whether it is sent as JSON.
EVENTS = {
    "classify.photo.json": (BULLMASTIFF, False),
    "classify-dalmatian.photo.json": (DALMATIAN, False),
    "classify-no-dog.photo.json": (NO_DOG, False),
    "classify-as-json.photo.json": (BULLMASTIFF, True),
}


def photos() -> Path:
    """Return the folder of foolbox's photos without importing foolbox.

    Raises
    ------
    SystemExit
        foolbox is not installed.
    """
    spec = importlib.util.find_spec("foolbox")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "The sample photos come with PyPI's foolbox, which is not installed for "
            f"{sys.executable}: run `pip install --no-deps foolbox==3.3.4`, then this again."
        )
    return Path(spec.origin).parent / "data"


def event_of(photo: bytes, *, as_json: bool) -> dict[str, Any]:
    """Return API Gateway's proxy event for a photo.

    Parameters
    ----------
    photo
        A JPEG.
    as_json
        Send it as ``{"image": "<base64>"}``, which arrives as text; otherwise as the body, which
        API Gateway encodes in base64, because image/jpeg is a binary media type of the API.
    """
    event: dict[str, Any] = json.loads((HERE / "classify-not-a-photo.json").read_text())
    encoded = base64.b64encode(photo).decode()
    event["headers"]["Content-Type"] = "application/json" if as_json else "image/jpeg"
    event["multiValueHeaders"]["Content-Type"] = [event["headers"]["Content-Type"]]
    event["body"] = json.dumps({"image": encoded}) if as_json else encoded
    event["isBase64Encoded"] = not as_json
    return event


def main() -> None:
    """Write all events and print their names."""
    folder = photos()
    for name, (photo, as_json) in EVENTS.items():
        event = event_of((folder / f"{photo}.jpg").read_bytes(), as_json=as_json)
        (HERE / name).write_text(json.dumps(event, indent=2) + "\n")
        print(f"events/{name}")


if __name__ == "__main__":
    main()
