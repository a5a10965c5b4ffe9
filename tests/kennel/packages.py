"""Model packages for tests: tiny ones without a model, and changed copies of a real one."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

JPEG = b"\xff\xd8\xff\xe0 a photo"
CARD: dict[str, Any] = {
    "name": "kennel",
    "version": "0123456789ab",
    "smoke_breed": "Pug",
    "made_with": {"openvino": "2026.4.1"},
}
FILES = {
    "breeds.json": b'[{"breed": "Boxer", "synset": ""}, {"breed": "Pug", "synset": ""}]',
    "card.json": json.dumps(CARD).encode(),
    "network.bin": b"weights",
    "network.xml": b"<net/>",
    "smoke.jpg": JPEG,
}


def write_package(path: Path, changes: Mapping[str, bytes | None] | None = None) -> Path:
    """Write a package without a model; None leaves a file out."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in {**FILES, **(changes or {})}.items():
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def changed_copy(path: Path, package: bytes, change: Callable[[str, bytes], bytes]) -> Path:
    """Write a copy of a package, each file changed by a function of its name and content."""
    with (
        tarfile.open(fileobj=io.BytesIO(package)) as old,
        tarfile.open(path, mode="w:gz", compresslevel=1) as new,
    ):
        for member in old:
            file = old.extractfile(member)
            assert file
            content = change(member.name, file.read())
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return path


def with_breed(path: Path, package: bytes, old: str, new: str) -> Path:
    """Write a copy of a package with a breed renamed; the new name is the copy's version too."""

    def change(name: str, content: bytes) -> bytes:
        if name == "breeds.json":
            breeds = json.loads(content)
            for entry in breeds:
                entry["breed"] = new if entry["breed"] == old else entry["breed"]
            return json.dumps(breeds).encode()
        if name == "card.json":
            return json.dumps({**json.loads(content), "version": new.lower()}).encode()
        return content

    return changed_copy(path, package, change)
