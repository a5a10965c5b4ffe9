"""The sample events, those committed and those that events/make.py writes."""

import importlib.util
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from classify.photo import decode
from classify.request import read_photo
from common.problem import BadRequest, UnsupportedType

EVENTS = Path(__file__).resolve().parents[2] / "events"
MAKE = runpy.run_path(str(EVENTS / "make.py"))


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return loaded


@pytest.mark.skipif(importlib.util.find_spec("foolbox") is None, reason="foolbox is not installed")
@pytest.mark.parametrize("name", MAKE["EVENTS"])
def test_a_made_event_holds_a_photo(name: str) -> None:
    photo, content_type = MAKE["EVENTS"][name]
    file = MAKE["photos"]() / f"{photo}.jpg"
    body = read_photo(MAKE["event_of"](file.read_bytes(), content_type))
    assert body == file.read_bytes()
    assert decode(body).kind == "JPEG"


def test_the_committed_events_are_refused_as_the_readme_says() -> None:
    with pytest.raises(BadRequest):
        decode(read_photo(event("classify-not-a-photo.json")))
    with pytest.raises(UnsupportedType, match="a GIF"):
        decode(read_photo(event("classify-gif.json")))


def test_every_event_is_in_the_readme() -> None:
    readme = (EVENTS / "README.md").read_text()
    committed = {file.name for file in EVENTS.glob("*.json") if ".photo." not in file.name}
    for name in committed | set(MAKE["EVENTS"]):
        assert f"`{name}`" in readme, name
