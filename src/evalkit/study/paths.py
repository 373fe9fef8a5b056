"""Where a source's files are: beside the study file, or below a folder that an environment variable names."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from pathlib import Path, PureWindowsPath

from evalkit.errors import RecordsError
from evalkit.study.document import describe
from evalkit.study.model import Study

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}(?:/(.*))?", re.DOTALL)


def path_problem(path: str) -> str | None:
    """Say what is wrong with a path as written, or None.

    >>> path_problem("../others/records.csv")
    "the text '../others/records.csv' leads outside the study's folder; start it with ${NAME}, an environment variable."
    """
    told = describe(path)
    match = _VARIABLE.fullmatch(path)
    below = match[2] or "" if match else path
    if ("$" in below and _VARIABLE.search(below)) or (path.startswith("$") and not match):
        return f"{told} is not understood; a variable stands at the start only, as in ${{NAME}}/records.csv."
    if "\\" in below:
        return f"{told} has a backslash; write '/' between folders."
    if posixpath.isabs(below) or PureWindowsPath(below).drive:
        return f"{told} is absolute; write it relative to the study file, or start it with the variable ${{NAME}}."
    inside = posixpath.normpath(below)
    if inside == ".." or inside.startswith("../"):
        outside = "below its variable's folder" if match else "the study's folder"
        if match:
            return f"{told} does not stay {outside}; remove the '..'."
        return f"{told} leads outside {outside}; start it with ${{NAME}}, an environment variable."
    return None


def resolve(study: Study, name: str) -> tuple[Path, ...]:
    """Return the files of a source, sorted, as absolute paths.

    Raises RecordsError naming source and path when the environment variable is not set, when nothing is
    there, or when a symbolic link leads outside the study's folder (or the variable's).
    """
    source = study.source(name)
    if source.path is None:
        raise RecordsError(f"The source '{name}' is a table of the connection '{source.connection}', not a file.")
    root, below = _root(study, name, source.path)
    found = _matches(root, below)
    files = [path for path in found if path.is_file()]
    if not files:
        what = "is a folder; write a file or a glob such as records/*.csv" if found else "does not exist"
        if not found and glob.has_magic(below):
            what = "matches no file"
        raise RecordsError(f"The source '{name}' reads {source.path}, which {what} (looked in {root}).")
    _check_inside(files, root, name, source.path)
    return tuple(files)


def _root(study: Study, name: str, path: str) -> tuple[Path, str]:
    match = _VARIABLE.fullmatch(path)
    if match is None:
        return study.folder, path
    folder = os.environ.get(match[1], "")
    if not folder:
        raise RecordsError(
            f"The source '{name}' reads {path}, but the environment variable {match[1]} is not set; "
            "set it to the folder that holds the records."
        )
    return Path(folder).absolute(), match[2] or ""


def _matches(root: Path, below: str) -> list[Path]:
    literal = root / below
    # A file whose own name has brackets is meant as it stands.
    if literal.exists() or not glob.has_magic(below):
        return [literal] if literal.exists() else []
    return [root / one for one in sorted(glob.glob(below, root_dir=root, recursive=True))]  # noqa: PTH207 - Path.glob takes hidden files too


def _check_inside(files: list[Path], root: Path, name: str, path: str) -> None:
    real = root.resolve()
    for file in files:
        if not file.resolve().is_relative_to(real):
            raise RecordsError(
                f"The source '{name}' reads {path}, but {file.name} is a link that leads outside {root}; "
                "put the records there, or start the path with ${NAME}, an environment variable."
            )
