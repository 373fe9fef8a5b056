"""The shipped bank's report in both languages, and a real Chromium to read it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkit.publish import pdf, publish

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start Chromium once; skip where there is none."""
    program = next(filter(None, map(shutil.which, pdf.BROWSERS)), None)
    if program is None:
        pytest.skip("no Chromium on the PATH: the pages were not read in a browser (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped bank's published reports, and beside them those of the last period in Chinese."""
    out = tmp_path_factory.mktemp("site") / "reports"
    shutil.copytree(ROOT / "reports", out)
    publish(ROOT / "data", "2026-Q3", out=out, language="zh")
    return out


@pytest.fixture
def read(chromium: Any, site: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a page; in the end nothing may have been asked of a network or told as an error."""
    opened, wrong = [], []

    def open_page(name: str, width: int = 1280, **settings: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **settings)
        opened.append(context)
        page = context.new_page()
        page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else 0)
        page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else 0)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in opened:
        context.close()
    assert wrong == []
