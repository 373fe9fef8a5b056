"""Where a source's files are: beside the study file, or below a folder that an environment variable names."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from evalkit.errors import RecordsError
from evalkit.study.model_values import wrong

if TYPE_CHECKING:
    from evalkit.study.model import Study

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
    # A file whose own name has brackets is meant as it stands; Path.glob would take hidden files too.
    literal = glob.escape(below) if (root / below).exists() else below
    found = [root / one for one in sorted(glob.glob(literal, root_dir=root, recursive=True))]  # noqa: PTH207
    files = [path for path in found if path.is_file()]
    if not files:
        what = "matches no file" if glob.has_magic(below) else "does not exist"
        what = "is a folder; write a file or a glob such as records/*.csv" if found else what
        raise RecordsError(f"{told}, which {what} (looked in {root}).")
    for file in files:
        if not file.resolve().is_relative_to(root.resolve()):
            raise RecordsError(
                f"{told}, but {file.name} is a link that leads outside {root}; "
                "put the records there, or start the path with ${NAME}, an environment variable."
            )
    return tuple(files)
