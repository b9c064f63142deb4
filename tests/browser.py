"""Chromium without a window, driven by Selenium: pages are rendered, and what they do is recorded.

Both are the system's; nothing is downloaded.
"""

import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from conftest import import_or_skip, skip_or_fail

PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "driver": ("chromedriver",),
}
CURE = "on Debian and Ubuntu: apt-get install chromium chromium-driver"


def _program(name: str) -> str:
    for program in PROGRAMS[name]:
        if found := shutil.which(program):
            return found
    skip_or_fail("chromium", f"there is no {PROGRAMS[name][0]}; {CURE}")
    raise AssertionError  # it was skipped


class Browser:
    """One session of Chromium; ``driver`` is Selenium's."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.page = ""

    def open(
        self, page: Path | str, width: int = 1000, height: int = 700, dark: bool = False
    ) -> None:
        """A file, or a URL, in a window of this size, in CSS pixels; what was recorded before is
        dropped."""
        self.size(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, calm]})
        self.driver.get("about:blank")
        self.driver.get_log("performance"), self.driver.get_log("browser")
        self.page = page.resolve().as_uri() if isinstance(page, Path) else page
        self.driver.get(self.page)

    def size(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """What a reader sees of an element; AssertionError where there is none."""
        found = self.run("return document.querySelector(arguments[0])?.innerText", selector)
        if found is None:
            raise AssertionError(f"the page has no {selector}")
        return found

    def pixels(self) -> np.ndarray:
        """uint8, (height, width, 3): what is seen now."""
        from matplotlib.image import imread

        return (imread(io.BytesIO(self.driver.get_screenshot_as_png()))[..., :3] * 255).astype("u1")

    def check_quiet(self, site: str | None = None) -> None:
        """Raise if, since it was opened, the page asked for anything or wrote to its console.

        With a ``site`` it may ask for what has a URL that begins so.
        """
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                own = url.split("#")[0] == self.page or (site and url.startswith(site))
                if not own and not url.startswith("data:"):
                    asked.append(url)
        if asked:
            raise AssertionError(f"the page asked for {asked}")
        if said := self.driver.get_log("browser"):
            raise AssertionError(f"the console says {said}")

    def check_fits(self) -> None:
        """Raise if the page is wider than its window, so that a reader has to scroll sideways."""
        wide, window = self.run(
            "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > window:
            raise AssertionError(f"the page is {wide} pixels wide, the window {window}")


@contextmanager
def started() -> Iterator[Browser]:
    """A browser; the test is skipped, or fails, where there is none."""
    import_or_skip("selenium")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = _program("chromium")
    for argument in (
        "--headless=new",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-dev-shm-usage",
    ):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium has none for root
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(executable_path=_program("driver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


def check_drawn(pixels: np.ndarray, least: int = 200) -> None:
    """Raise if fewer pixels than this differ from the most usual colour of a picture."""
    colours, counts = np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0, return_counts=True)
    drawn = counts.sum() - counts.max()
    if len(colours) < 2 or drawn < least:
        raise AssertionError(f"only {drawn} pixels differ from the ground")
