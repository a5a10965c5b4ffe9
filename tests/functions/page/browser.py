"""Debian's Chromium, headless, driven by Playwright."""

import base64
import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

#: A folder that gets the screenshots of the tests; without it they are not kept.
SCREENSHOTS = os.environ.get("PAGE_SCREENSHOTS")


def chromium() -> str | None:
    """Path of the browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One tab, with what the console says of errors, the policy's included."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._devtools = page.context.new_cdp_session(page)
        self._devtools.send("Page.enable")
        page.on("filechooser", lambda _: None)  # from now on, since the first one would be missed
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def look(
        self,
        *,
        width: int = 1280,
        height: int = 900,
        zoom: int = 1,
        dark: bool = False,
        touch: bool = False,
        forced_colors: bool = False,
    ) -> None:
        """Set the window's size in pixels of the screen, and what the person has set."""
        self._screen = {
            "width": width // zoom,
            "height": height // zoom,
            "deviceScaleFactor": zoom,
            "mobile": touch,
        }
        # Not set_viewport_size: a tab's finger, mouse and zoom would be fixed when it opens.
        self._devtools.send("Emulation.setDeviceMetricsOverride", self._screen)
        self._devtools.send("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        self.page.emulate_media(
            color_scheme="dark" if dark else "light",
            forced_colors="active" if forced_colors else "none",
        )

    @contextmanager
    def before_each_page(self, script: str) -> Iterator[None]:
        """Run `script` in every page opened in the block, before the page's own."""
        added = self._devtools.send("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        try:
            yield
        finally:
            self._devtools.send("Page.removeScriptToEvaluateOnNewDocument", added)

    def open(self, url: str) -> None:
        self.page.goto(url)

    def run(self, expression: str) -> Any:  # whatever the script gives
        return self.page.evaluate(expression)

    def wait(self, expression: str, seconds: float = 15) -> None:
        # Playwright's wait_for_function evaluates texts in the page, which the policy forbids.
        end = time.monotonic() + seconds
        while not self.run(expression):
            assert time.monotonic() < end, f"never came true: {expression}"
            self.page.wait_for_timeout(20)

    def choose(self, selector: str, *files: Path) -> None:
        # Not set_input_files, which refuses folders; a person can drop one.
        node = self._node(selector)
        self._devtools.send(
            "DOM.setFileInputFiles", {**node, "files": [str(file) for file in files]}
        )

    def _node(self, selector: str) -> dict[str, int]:
        root = self._devtools.send("DOM.getDocument")["root"]["nodeId"]
        node = self._devtools.send("DOM.querySelector", {"nodeId": root, "selector": selector})
        return {"nodeId": node["nodeId"]}

    def offline(self, is_offline: bool) -> None:
        self.page.context.set_offline(is_offline)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def accessible_name(self, selector: str) -> str:
        """Return what a screen reader calls the element."""
        tree = self._devtools.send(
            "Accessibility.getPartialAXTree", {**self._node(selector), "fetchRelatives": False}
        )
        return str(tree["nodes"][0]["name"]["value"])

    def screenshot(self, name: str = "") -> Image.Image:
        """Return the whole page, and keep it as `name`.png if someone asked for the pictures."""
        # Not the page's own screenshot, nor one beyond the window: both undo what `look` has set.
        height = self.run("document.documentElement.scrollHeight")
        self._devtools.send(
            "Emulation.setDeviceMetricsOverride", {**self._screen, "height": height}
        )
        shot = self._devtools.send("Page.captureScreenshot")
        self._devtools.send("Emulation.setDeviceMetricsOverride", self._screen)
        png = base64.b64decode(shot["data"])
        if name and SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(png)
        return Image.open(io.BytesIO(png)).convert("RGB")


@contextmanager
def browser() -> Iterator[Tab]:
    """Start Chromium with an empty profile, and end it whatever happens; skip where it is not."""
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        # CI runs as root, where the sandbox cannot start, and the page is our own.
        running = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield Tab(running.new_page(no_viewport=True))
        finally:
            running.close()
