"""Take the README's pictures: the page, a training's report and a plan, in headless Chromium.

    .venv/bin/python docs/pictures/make.py [--report trained/report.html]

The page is that of an offline cloud which this starts; its answers are real. Photos are blurred,
since they are not ours to pass on. Without --report that picture stays as it is. Needs Debian's
chromium.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from rich.console import Console

from kennel.demo import samples
from kennel.execution import bring_up_endpoint
from kennel.local_cloud import local_cloud

HERE = Path(__file__).resolve().parent
MAX_BYTES = 200_000
_BLURRED = "for (const e of document.querySelectorAll('img, canvas')) e.style.filter = 'blur(6px)'"
#: They have paths of the machine that trained.
_WITHOUT_COMMANDS = (
    "for (const e of document.querySelectorAll('pre')) e.closest('section').remove()"
)
TRAFFIC = ("spike:10,x4,20m", "--length", "3h")


def save(png: bytes, name: str) -> None:
    """Write a picture with as many colours as fit into MAX_BYTES."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        buffer = io.BytesIO()
        image.quantize(colours).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= MAX_BYTES:
            break
    else:
        raise SystemExit(f"{name}.png has {buffer.tell():,} bytes, more than {MAX_BYTES:,}")
    (HERE / f"{name}.png").write_bytes(buffer.getvalue())
    print(f"{name}.png: {image.width} x {image.height}, {buffer.tell():,} bytes")


def take_page(page: Page, url: str, key: str) -> None:
    """Send sample photos to the page, show why for the first, and take it."""
    page.set_viewport_size({"width": 1100, "height": 800})
    page.goto(f"{url}/")
    page.fill("#key", key)
    dogs = [each.photo for each in samples() if each.breed]
    others = [each.photo for each in samples() if not each.breed]
    page.set_input_files("#file", [*dogs[:2], *others[:2]])
    page.click("#send")
    page.locator("#result-headline:visible").wait_for()
    page.click("#explain")  # the first of the photos is shown
    page.locator("#heat:visible").wait_for()
    page.locator("#photos li", has_text="No dog").nth(1).wait_for()
    page.mouse.move(0, 0)
    page.evaluate(_BLURRED)
    save(page.screenshot(full_page=True), "page")


def take_file(page: Page, file: Path, name: str, height: int) -> None:
    """Take the first `height` pixels of an HTML report."""
    page.set_viewport_size({"width": 1100, "height": height})
    page.goto(file.as_uri())
    page.evaluate(_BLURRED)
    page.evaluate(_WITHOUT_COMMANDS)
    save(page.screenshot(), name)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take the README's pictures.")
    parser.add_argument("--report", type=Path, help="of a training: report.html")
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("there is no chromium here (Debian: apt-get install chromium)")
    options: dict[str, Any] = {"executable_path": chromium, "args": ["--no-sandbox"]}
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        page = driver.chromium.launch(**options).new_page()
        plan = Path(folder) / "plan.html"
        command = [sys.executable, "-m", "kennel.cli", "plan", *TRAFFIC, "--report", str(plan)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        take_file(page, plan, "plan", 900)
        if given.report:
            take_file(page, given.report.resolve(), "report", 900)
        with local_cloud(report=print) as cloud:
            bring_up_endpoint(cloud, Console())
            take_page(page, cloud.api_url, cloud.api_key)


if __name__ == "__main__":
    main()
