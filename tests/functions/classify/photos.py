"""Photos that the tests of the classifier make for themselves."""

import io
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"

# Peak resident memory in MB. Not ru_maxrss: a child process starts with its parent's value.
PEAK = """
import re
from pathlib import Path
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
"""


def in_own_process(script: str, *arguments: str, stdin: str = "") -> str:
    """Run `script` where it finds the functions and `peak()`; return what it prints."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK + script, *arguments],
        input=stdin,
        env={"PYTHONPATH": str(FUNCTIONS), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""  # neither Pillow's warnings nor libjpeg's would reach the log
    return run.stdout


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int, height: int) -> Image.Image:
    """Red grows to the right and green downwards, so that every turn and flip shows."""
    red = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (red, green, Image.new("L", (width, height), 40)))


def jpeg(width: int = 64, height: int = 48) -> bytes:
    return encoded(gradient(width, height), "JPEG", quality=95)
