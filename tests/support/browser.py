"""Opens a page in a real browser, headless and without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


@dataclass
class Shown(HTMLParser):
    """What a page shows once its scripts have run.

    Attributes:
        console: What it wrote to the console, errors among it.
        figures: The texts of the elements with a `data-figure`, by its value.
        labels: The labels of what its charts draw, by the id of the chart's place.
        charts: How many charts the page says that it has drawn.
    """

    console: list[str]
    figures: dict[str, str] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    charts: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self._figure: str | None = None
        self._chart = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._figure = values.get("data-figure")
        if tag == "body":
            self.charts = int(values.get("data-charts", 0))
        if values.get("id", "").endswith("-chart"):
            self._chart = values["id"]
        if "aria-roledescription" in values and "aria-label" in values:
            self.labels.setdefault(self._chart, []).append(values["aria-label"])

    def handle_data(self, data: str) -> None:
        if self._figure is not None:
            self.figures[self._figure] = self.figures.get(self._figure, "") + data

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._figure = None


def open_page(page: Path, folder: Path) -> Shown:
    """Open a file in Chromium; the test fails where there is none.

    Args:
        page: The file.
        folder: Where the browser keeps its profile.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.fail("There is no Chromium on the PATH: apt-get install chromium")
    done = subprocess.run(
        [
            browser,
            "--headless",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    shown = Shown(re.findall(r".*:CONSOLE.*", done.stderr))
    shown.feed(done.stdout)
    return shown
