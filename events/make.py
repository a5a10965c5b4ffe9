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

JSON, FORM = "application/json", "multipart/form-data; boundary=a-photo"

# Event -> photo, and the type of the body that it is sent in.
EVENTS = {
    "classify.photo.json": (BULLMASTIFF, "image/jpeg"),
    "classify-dalmatian.photo.json": (DALMATIAN, "image/jpeg"),
    "classify-no-dog.photo.json": (NO_DOG, "image/jpeg"),
    "classify-as-json.photo.json": (BULLMASTIFF, JSON),
    "classify-as-form.photo.json": (BULLMASTIFF, FORM),
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


def event_of(photo: bytes, content_type: str) -> dict[str, Any]:
    """Return API Gateway's proxy event for a photo.

    Parameters
    ----------
    photo
        A JPEG.
    content_type
        `JSON` sends it as ``{"image": "<base64>"}``, which arrives as text, and `FORM` as a form's
        file; any other as the body. Both of these API Gateway encodes in base64, because their
        types are among the API's binary media types.
    """
    event: dict[str, Any] = json.loads((HERE / "classify-not-a-photo.json").read_text())
    encoded = base64.b64encode(photo).decode()
    event["headers"]["Content-Type"] = content_type
    event["multiValueHeaders"]["Content-Type"] = [content_type]
    event["body"] = json.dumps({"image": encoded}) if content_type == JSON else encoded
    event["isBase64Encoded"] = content_type != JSON
    if content_type == FORM:
        head = b'--a-photo\r\nContent-Disposition: form-data; name="photo"; filename="dog.jpg"\r\n'
        body = head + b"Content-Type: image/jpeg\r\n\r\n" + photo + b"\r\n--a-photo--\r\n"
        event["body"] = base64.b64encode(body).decode()
    return event


def main() -> None:
    """Write all events and print their names."""
    folder = photos()
    for name, (photo, content_type) in EVENTS.items():
        event = event_of((folder / f"{photo}.jpg").read_bytes(), content_type)
        (HERE / name).write_text(json.dumps(event, indent=2) + "\n")
        print(f"events/{name}")


if __name__ == "__main__":
    main()
