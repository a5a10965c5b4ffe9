"""A trained package as model/train.py writes it, without a model."""

import gzip
import io
import json
import tarfile
from typing import Any

LIVE: dict[str, Any] = {
    "model": "kennel@1",
    "photos": 100,
    "top1": 0.9,
    "top1_interval": [0.83, 0.94],
    "breeds_missing": [],
    "breeds_dropped": [],
    "breeds_of_both": {"photos": 100, "top1": 0.91, "live_top1": 0.9},
    "difference": 0.01,
    "difference_interval": [-0.01, 0.03],
    "p_not_worse": 0.9,
}


def evaluation(top1: float = 0.91, live: Any = None) -> dict[str, Any]:
    """Return the fields of evaluation.json that the pipeline reads."""
    breeds = [f"Breed {number}" for number in range(1, 14)]
    interval = [0.84, 0.95]
    return {
        "photos": 100,
        "breeds": breeds,
        "top1": top1,
        "top1_interval": interval,
        "live": live,
    }


def card(openvino: str = "2026.4.1") -> bytes:
    """Return the fields of card.json that the pipeline reads."""
    fields = {"smoke_breed": "Bull Mastiff", "made_with": {"openvino": openvino}}
    return json.dumps(fields).encode()


def package(result: Any = None, **changes: bytes | None) -> bytes:
    """Return a package as the same bytes in each call, weights first; None leaves a file out."""
    files = {
        "./model.safetensors": b"\0" * 100_000,
        "evaluation.json": json.dumps(result or evaluation()).encode(),
        "breeds.json": b'[{"breed": "Bull Mastiff"}]',
        "card.json": card(),
        "./smoke.jpg": b"a jpeg",
        **changes,
    }
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as packed,
    ):
        for name, content in files.items():
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
