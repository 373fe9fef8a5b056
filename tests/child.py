"""The command line as a child process, and a search through everything it left behind."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]
_BASE64 = re.compile(rb"[A-Za-z0-9+/\n\\]{200,}={0,2}")


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Return a function that runs `evalkit …` in a process of its own, in an empty folder with an empty HOME."""
    home = tmp_path_factory.mktemp("home")

    def run(*arguments: object, env: dict[str, str] | None = None, **more: object) -> subprocess.CompletedProcess[str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("EVALKIT", "COV_"))}
        return subprocess.run(
            [sys.executable, "-m", "evalkit", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=500,
            cwd=home,
            env={**clean, "HOME": str(home), **(env or {})},
            **more,  # type: ignore[call-overload]
        )

    return run


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what stands in every file below a folder, its name first; archives and embedded pictures unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        yield str(path), str(path).encode() + raw
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path}:{name}", archive.read(name)) for name in archive.namelist())
        for match in _BASE64.finditer(raw):
            text = re.sub(rb"\\n|[\n\\]", b"", match[0]).rstrip(b"=")
            yield f"{path} (base64)", base64.b64decode(text[: len(text) // 4 * 4])


def found_in(folder: Path, mark: str) -> list[str]:
    """Return the files below a folder that hold the mark, in any case, as UTF-8, UTF-16 or JSON."""
    forms = [mark.lower().encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    return [name for name, raw in everything(folder) if any(form in raw.lower() for form in forms)]
