"""Pages as PDF, printed by the Chromium that is on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from evalkit.errors import NotebookError, ParameterError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")


def browser() -> str:
    """Return the browser's path. Raises ParameterError where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise ParameterError(
            f"--pdf needs Chromium, and none of {', '.join(BROWSERS)} is on the PATH; install it (on Debian and Ubuntu:"
            " apt-get install chromium), or leave out --pdf and print the page from any browser."
        )
    return found


def print_pages(pages: Iterable[Path], *, timeout: float = 120) -> list[Path]:
    """Print each page to a PDF beside it that does not tell when; `timeout` is in seconds a page.

    Raises ParameterError without a browser, NotebookError when it fails.
    """
    program, made = browser(), []
    with tempfile.TemporaryDirectory(prefix="evalkit-pdf-") as profile:
        for page in pages:
            target = page.with_suffix(".pdf")
            command = [program, "--headless", "--disable-gpu", f"--user-data-dir={profile}", "--no-pdf-header-footer"]
            command += ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []  # it refuses root, else
            command += [f"--print-to-pdf={target}", page.resolve().as_uri()]
            try:
                subprocess.run(command, capture_output=True, timeout=timeout, check=False)
                printed = target.read_bytes()
            except (OSError, subprocess.TimeoutExpired) as error:
                raise NotebookError(f"{program} could not print {page.name}: {error}") from None
            # the length stays, so that the places named in the file hold
            target.write_bytes(_DATE.sub(rb"/\1 (D:20000101000000", printed))
            made.append(target)
    return made
