"""Find the study file, read it, and give the study or all its mistakes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from evalkit.errors import ParameterError, StudyError
from evalkit.study.checks import Checker
from evalkit.study.model import Study
from evalkit.study.validation import tell_structure
from evalkit.study.yaml_lines import MAX_BYTES, decode, parse

VARIABLE = "EVALKIT_STUDY"


def load(path: str | os.PathLike[str] | None = None) -> Study:
    """Return the study that a file (or folder, see `find`) describes.

    Raises StudyError with one sentence a mistake, all of them, in file order, and ParameterError when
    there is no such file.
    """
    file = find(path)
    name = shown(file)
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ParameterError(f"The study file {name} cannot be read: {error.strerror}.") from None
    study = read(decode(raw, name), name)
    study._path, study._hash = file, hashlib.sha256(raw).hexdigest()
    return study


def read(text: str, name: str = "study.yaml") -> Study:
    """Return the study that a text describes; `name` stands in messages. Raises StudyError as `load` does."""
    document = parse(text, name)
    lenient = Study.model_validate(document.data, context="lenient")
    refused = tell_structure(document, lenient)
    Checker(document, lenient, refused).check()
    if document.mistakes:
        document.tell_full_width(text)
        raise StudyError(document.sentences())
    return Study.model_validate(document.data)


def find(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the study file, absolute: the argument, else what EVALKIT_STUDY names, else the nearest
    `data/study.yaml` here or in a folder above, else the `study.yaml` here. A folder means its `study.yaml` or
    `data/study.yaml`.

    Raises ParameterError when there is none, or the path is empty.
    """
    if path is not None:
        if not str(path):
            raise ParameterError(
                "The path of the study file is empty; name the file, or give none for data/study.yaml here or above."
            )
        return _given(Path(path), "the study given")
    if os.environ.get(VARIABLE):
        return _given(Path(os.environ[VARIABLE]), f"the environment variable {VARIABLE}")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "data" / "study.yaml").is_file():
            return folder / "data" / "study.yaml"
    if (here / "study.yaml").is_file():
        return here / "study.yaml"
    raise ParameterError(
        f"There is no data/study.yaml in {here} or above it, and no study.yaml in it; name the study file, or set "
        f"{VARIABLE} to it."
    )


def _given(path: Path, by: str) -> Path:
    files = (path / "study.yaml", path / "data" / "study.yaml")
    for file in (path, *files):
        if os.path.isfile(file):  # noqa: PTH113 - that of Path raises for names that no file can have
            return file.absolute()
    there = [file for file in files if os.path.lexists(file)] or [path]
    if there == [path] and os.path.isdir(path):  # noqa: PTH112 - as above
        raise ParameterError(f"{path} ({by}) is a folder with neither study.yaml nor data/study.yaml.")
    what = "does not exist; name the file, or the folder that holds study.yaml"
    if os.path.lexists(there[0]):
        what = "is no file, but a folder, a pipe, a device or a link to nothing"
    raise ParameterError(f"The study file {there[0]} ({by}) {what}.")


def place_of(study: Study, *path: str | int) -> str:
    """Return where a part of a study stands, as `study.yaml:12`; `the study file` where that can no longer be told."""
    try:
        raw = study.path.read_bytes()
        if hashlib.sha256(raw).hexdigest() != study.hash:
            return "the study file"
        line = parse(decode(raw, ""), "").place(path)[0]
    except (OSError, StudyError):
        return "the study file"
    return f"{shown(study.path)}:{line}"


def shown(file: Path) -> str:
    """Return the file as messages name it: relative to the current folder when inside it."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
