"""Decode photos from bytes to the wire format in one way: a process of its own, for photo.py.

    python bench/photo_decoder.py kennel < paths        # or pillow, torchvision

For each path of a photo on standard input, with the path for its wire behind a tab, it writes a
line of JSON: wall and CPU milliseconds, and the most memory that was held above that before, in MB.
Before the first photo it decodes one of 64 x 64 pixels, so that nothing is imported while it
measures.
"""

import io
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORT, LONG = 320, 640  # the wire's longest sides
Decoder = Callable[[bytes], bytes]


def target(width: int, height: int) -> tuple[int, int]:
    """Return the wire's width and height."""
    scale = min(SHORT / min(width, height), LONG / max(width, height), 1)
    return max(1, round(width * scale)), max(1, round(height * scale))


def kennel() -> Decoder:
    """Return ClassifyFunction's own way."""
    sys.path.insert(0, str(ROOT / "functions"))
    from classify import wire  # noqa: PLC0415
    from classify.photo import decode  # noqa: PLC0415

    def run(body: bytes) -> bytes:
        photo = decode(body)
        return wire.encode(photo.width, photo.height, photo.pixels)

    return run


def pillow() -> Decoder:
    """Return the usual way with Pillow: open, convert, resize."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    def run(body: bytes) -> bytes:
        image = Image.open(io.BytesIO(body)).convert("RGB")
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(image.resize(target(*image.size))))
        return buffer.getvalue()

    return run


def torchvision() -> Decoder:
    """Return the usual way with torchvision: decode_jpeg, resize with antialias."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415
    from torchvision.transforms.v2 import functional  # noqa: PLC0415

    def run(body: bytes) -> bytes:
        image = decode_jpeg(torch.frombuffer(bytearray(body), dtype=torch.uint8), ImageReadMode.RGB)
        width, height = target(image.shape[2], image.shape[1])
        small = functional.resize(image, [height, width], antialias=True)
        buffer = io.BytesIO()
        np.save(buffer, small.permute(1, 2, 0).contiguous().numpy())
        return buffer.getvalue()

    return run


WAYS = {"kennel": kennel, "pillow": pillow, "torchvision": torchvision}


def memory(field: str) -> int:
    """Return VmRSS (now) or VmHWM (the peak) of this process in kB."""
    match = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1])


def main() -> None:
    """Decode what standard input names."""
    decode = WAYS[sys.argv[1]]()
    decode(small_jpeg())
    for line in sys.stdin:
        photo, _, out = line.rstrip("\n").partition("\t")
        body = Path(photo).read_bytes()
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held now
        begun, begun_cpu = time.perf_counter(), time.process_time()
        wire = decode(body)
        ended, ended_cpu = time.perf_counter(), time.process_time()
        peak = memory("VmHWM")
        if out:
            Path(out).write_bytes(wire)
        figures = {
            "ms": (ended - begun) * 1000,
            "cpu_ms": (ended_cpu - begun_cpu) * 1000,
            "mb": (peak - before) / 1024,
            "whole_mb": peak / 1024,
        }
        print(json.dumps(figures), flush=True)


def small_jpeg() -> bytes:
    """Return a small JPEG for a warm-up: 64 x 64 pixels, all grey."""
    from PIL import Image  # noqa: PLC0415  # no part of torchvision's way, and small

    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(buffer, "JPEG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
