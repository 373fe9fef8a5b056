"""Where a source's records are: in files beside the study or below a variable's folder, or behind a connection."""

from __future__ import annotations

import fnmatch
import glob
import os
import posixpath
import re
import stat
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from evalkit.errors import RecordsError
from evalkit.study.model_values import wrong

if TYPE_CHECKING:
    from evalkit.study.model import Study

URLS = "such as postgresql://USER:PASSWORD@HOST:5432/DATABASE, duckdb:////abs/path/FILE.duckdb or spark://HOST:7077"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}(?:/(.*))?", re.DOTALL)


def checked_path(path: str) -> str:
    """Return the path as written if it stays below its folder. Raises a pydantic error if not."""
    match = _VARIABLE.fullmatch(path)
    below = match[2] or "" if match else path
    if _VARIABLE.search(below) or below.startswith("$"):
        raise wrong("which is not understood; a variable stands at the start only, as in ${NAME}/records.csv.")
    if "\\" in below:
        raise wrong("which has a backslash; write '/' between folders.")
    if posixpath.isabs(below) or PureWindowsPath(below).drive:
        raise wrong("which is absolute; write it relative to the study file, or start it with the variable ${NAME}.")
    if posixpath.normpath(below).split("/")[0] == "..":
        mend = "remove the '..'" if match else "start it with ${NAME}, an environment variable"
        raise wrong(f"which leads outside {'its variable' if match else 'the study'}'s folder; {mend}.")
    return path


def matching(root: Path, pattern: str) -> list[Path]:
    """Return what a glob names below a folder; `**` is any number of folders, hidden ones apart.

    The standard library's walks a ring of links each way round, and all that a link outside leads to; here such a
    link is returned as it stands, to be refused.
    """
    steps = [step for step in pattern.split("/") if step not in ("", ".")]
    found: list[Path] = []
    seen: set[tuple[int, int, int]] = set()
    waiting = [(root, 0)] if steps else []
    while waiting:
        folder, at = waiting.pop()
        place, step, last = _place(folder, at), steps[at], at + 1 == len(steps)
        if place is None or place in seen:
            continue
        seen.add(place)
        if folder.is_symlink() and not _inside(folder, root):
            found.append(folder)
            continue
        names = _names(folder) if glob.has_magic(step) else [step] * os.path.lexists(folder / step)
        names = [name for name in names if step.startswith(".") or not name.startswith(".")]
        if step == "**":
            waiting += [(folder, at + 1)] * (not last) + [(folder / n, at) for n in names if (folder / n).is_dir()]
        here = [folder / name for name in names if last or step != "**" if fnmatch.fnmatch(name, step)]
        found += here if last else []
        waiting += [] if last else [(path, at + 1) for path in here]
    return sorted(found)


def _place(folder: Path, at: int) -> tuple[int, int, int] | None:
    try:
        status = folder.stat()
    except OSError:  # no folder, or not ours to read
        return None
    return status.st_dev, status.st_ino, at


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _inside(path: Path, root: Path) -> bool:
    # resolve() of Path raises for a link to itself
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def resolve(study: Study, name: str) -> tuple[Path, ...]:
    """Return the files of a source, sorted, as absolute paths.

    Raises RecordsError naming source and path when the environment variable is not set, when nothing is
    there, or when a symbolic link leads outside the study's folder (or the variable's).
    """
    source = study.source(name)
    if source.path is None:
        raise RecordsError(f"The source '{name}' is a table of the connection '{source.connection}', not a file.")
    told, root, below = f"The source '{name}' reads {source.path}", study.folder, source.path
    if match := _VARIABLE.fullmatch(source.path):
        if not os.environ.get(match[1]):
            mend = "set it to the folder that holds the records"
            raise RecordsError(f"{told}, but the environment variable {match[1]} is not set; {mend}.")
        root, below = Path(os.environ[match[1]]).absolute(), match[2] or ""
    # A file whose own name has brackets is meant as it stands.
    found = [root / below] if os.path.lexists(root / below) else matching(root, below)
    for file in found:
        if not _inside(file, root):
            raise RecordsError(
                f"{told}, but {file.name} is a link that leads outside {root}; "
                "put the records there, or start the path with ${NAME}, an environment variable."
            )
    files = [path for path in found if path.is_file()]
    if not files:
        what = "matches no file" if glob.has_magic(below) else "does not exist"
        what = "is no file with records (but a pipe, a device or a link to nothing)" if found else what
        what = "is a folder; write a file or a glob such as records/*.csv" if any(map(Path.is_dir, found)) else what
        raise RecordsError(f"{told}, which {what} (looked in {root}).")
    return tuple(files)


def connection_url(name: str) -> str:
    """Return the URL of a named connection, from the environment; it may hold a password, so it is never told.

    EVALKIT_CONNECTION_NAME holds the URL, or EVALKIT_CONNECTION_NAME_FILE the path of a file that holds it and that
    only its owner can read. Raises RecordsError naming the variable when there is neither, or the file is no such.
    """
    variable = "EVALKIT_CONNECTION_" + name.upper().replace("-", "_")
    file = os.environ.get(variable + "_FILE")
    if url := os.environ.get(variable, "").strip():
        return url
    if not file:
        raise RecordsError(
            f"The connection '{name}' is not known: the environment variable {variable} is not set; set it to the "
            f"database's URL ({URLS}), or {variable}_FILE to a file that holds it and that only you can read."
        )
    told = f"The connection '{name}' has its URL in {file} ({variable}_FILE), which"
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, encoding="utf-8") as stream:
            if os.name == "posix" and (mode := stat.S_IMODE(os.fstat(handle).st_mode)) & 0o077:
                raise RecordsError(f"{told} others can read (mode {mode:04o}); chmod 600 it.")
            url = stream.read().strip()
    except OSError as error:
        raise RecordsError(f"{told} cannot be read: {error.strerror}.") from None
    except UnicodeError:
        raise RecordsError(f"{told} is no text.") from None
    if not url:
        raise RecordsError(f"{told} is empty; write the database's URL into it.")
    return url
