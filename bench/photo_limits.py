"""Measure what decoding a photo costs in Lambda: peak memory and time, by kind and size.

    .venv/bin/python bench/photo_limits.py                 # about 15 minutes, up to 8 GB of memory
    .venv/bin/python bench/photo_limits.py --megapixels 12 50 --kinds PNG "WebP, lossless"

Each photo is decoded in a process of its own, by ClassifyFunction's own code from bytes to wire,
with the limits lifted; functions/classify/decoding/limits.py is set by these figures. The photos
are worst cases for memory, and have the bytes that a request may hold, or as many as their kind
needs. The last line is JSON.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

FUNCTIONS = Path(__file__).resolve().parent.parent / "functions"
MEGAPIXELS = (12, 24, 50, 100, 200)
MOST_WHOLE = 100  # megapixels of a PNG or WebP
MAX_BYTES = 4_500_000

CHILD = """
import json, re, sys, time
from pathlib import Path
from classify import wire
from classify.decoding import limits
from classify.photo import decode
limits.MAX_PIXELS_REDUCED = limits.MAX_PIXELS_SCANS = limits.MAX_PIXELS_WHOLE = 10**10
body = Path(sys.argv[1]).read_bytes()
started = time.process_time()
try:
    photo = decode(body)
    wire.encode(photo.width, photo.height, photo.pixels)
    error = ""
except Exception as caught:
    error = repr(caught)[:60]
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(json.dumps({"peak_mb": int(peak[1]) // 1024, "cpu_s": round(time.process_time() - started, 2),
                  "error": error}))
"""

TURNED = Image.Exif()
TURNED[0x0112] = 6


def picture(mode: str, width: int, height: int) -> Image.Image:
    """Return soft clouds with some grain: a tile of noise, enlarged."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    small = (max(1, width // 24), max(1, height // 24))
    clouds = [
        Image.effect_noise(small, 60).resize((width, height), Image.Resampling.BILINEAR)
        for _ in range(bands)
    ]
    return Image.merge(mode, clouds) if bands > 1 else clouds[0].convert(mode)


def saved(mode: str, kind: str, **options: Any) -> Callable[[int, int], bytes]:
    """Return a maker of photos, which lowers the quality until a request can hold them."""

    def make(width: int, height: int) -> bytes:
        image = picture(mode, width, height)
        for quality in (90, 75, 60, 40, 25, 15, 8, 1):
            out = io.BytesIO()
            try:
                image.save(out, kind, exif=TURNED.tobytes(), **{"quality": quality, **options})
            except ValueError:  # libwebp has no room for that much grain
                continue
            if out.tell() <= MAX_BYTES or kind == "PNG":
                break
        return out.getvalue()

    return make


def interlaced(width: int, height: int) -> bytes:
    """Return a PNG in Adam7's seven passes, which Pillow reads and does not write."""
    image = picture("RGB", width, height)
    packer = zlib.compressobj(1)
    packed = []
    for left, top, across, down in (
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
        (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
    ):  # fmt: skip
        size = -(-(width - left) // across), -(-(height - top) // down)
        rows = image.transform(
            size, Image.Transform.AFFINE, (across, 0, left, 0, down, top), Image.Resampling.NEAREST
        ).tobytes()
        stride = 3 * size[0]
        packed += [
            packer.compress(b"\0" + rows[at : at + stride]) for at in range(0, len(rows), stride)
        ]
    packed.append(packer.flush())
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 1))
    chunks = ((b"IHDR", header), (b"IDAT", b"".join(packed)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(content).to_bytes(4, "big")
        + kind
        + content
        + zlib.crc32(kind + content).to_bytes(4, "big")
        for kind, content in chunks
    )


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "JPEG, one scan": saved("RGB", "JPEG"),
    "JPEG, one scan, CMYK": saved("CMYK", "JPEG", subsampling=0),
    "JPEG, progressive": saved("RGB", "JPEG", progressive=True),
    "JPEG, progressive, 4:4:4": saved("RGB", "JPEG", progressive=True, subsampling=0),
    "JPEG, progressive, CMYK": saved("CMYK", "JPEG", progressive=True, subsampling=0),
    "PNG": saved("RGB", "PNG", compress_level=1),
    "PNG, interlaced": interlaced,
    "PNG, transparent": saved("RGBA", "PNG", compress_level=1),
    "PNG, 16 bits": saved("I;16", "PNG", compress_level=1),
    "PNG, grey, transparent": saved("LA", "PNG", compress_level=1),
    "WebP": saved("RGB", "WEBP", method=0),
    "WebP, lossless": saved("RGBA", "WEBP", lossless=True, method=0, quality=0),
}


def measured(body: bytes) -> dict[str, Any]:
    """Decode `body` in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, file.name],
            env={"PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
    return {"mb": round(len(body) / 1e6, 2), **json.loads(done.stdout)}


def main() -> None:
    """Measure the kinds and sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=int, nargs="+", default=MEGAPIXELS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    results = []
    for kind in options.kinds:
        for megapixels in options.megapixels:
            width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
            if not kind.startswith("JPEG") and megapixels > MOST_WHOLE:
                continue  # those have no reduced scale; nobody would wait for them
            body = KINDS[kind](width, round(width * 3 / 4))
            results.append({"kind": kind, "megapixels": megapixels, **measured(body)})
            print(
                "{kind:26} {megapixels:4} MP {mb:7} MB {peak_mb:5} MB {cpu_s:6} s {error}".format(
                    **results[-1]
                ),
                flush=True,
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
