"""Files a person names, or that lie in folders and match patterns: those of one form become one source, by a glob."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from filecmp import cmp
from fnmatch import fnmatchcase
from os.path import commonpath, commonprefix
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import ParameterError, RecordsError
from evalkit.records.ingest import PARQUET
from evalkit.starter.hints import near, pandas_reading
from evalkit.starter.tables import MARK, WORKBOOKS, Form, form_of, sheets
from evalkit.study.paths import matching
from evalkit.study.yaml_lines import listed

if TYPE_CHECKING:
    import duckdb

_ENDINGS = (".csv", ".csv.gz", *PARQUET, *WORKBOOKS)
_MOST = 10_000  # files of a folder; of more a part is to be named
_NOT_RECORDS = ("ledger.jsonl", "pyvenv.cfg")  # what published reports and environments of Python have
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Files of one form that are one source: `path` is a file or a glob, below the study's folder.

    `copies` says where a file is to be written and where it lies, `given` in which folder the person has it and by what
    name or glob (None where no glob names these files and no other), and `read` how pandas reads it, where that is one
    expression.
    """

    name: str
    path: str
    forms: tuple[Form, ...]
    copies: dict[Path, Path]
    notes: tuple[str, ...] = ()
    given: tuple[Path, str] | None = None
    read: str = ""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Files of a folder, or of the tree below it, by their names."""

    base: Path
    deep: bool
    name: str

    def below(self, folder: Path) -> str:
        steps = [glob.escape(step) for step in self.base.relative_to(folder).parts]
        return "/".join([*steps, *["**"] * self.deep, self.name])

    def names(self, path: Path) -> bool:
        inside = path.is_relative_to(self.base) if self.deep else path.parent == self.base
        return inside and fnmatchcase(path.name, self.name)

    def found(self) -> set[Path]:
        return set(matching(self.base, "**/" * self.deep + self.name))


def gather(
    engine: duckdb.DuckDBPyConnection, given: Sequence[Path], folder: Path, scratch: Path
) -> tuple[tuple[Gathered, ...], tuple[str, ...]]:
    """Return the sources that files, folders and globs make, and what was left alone, as sentences.

    Nothing is written but into the scratch folder. Raises ParameterError for what is not there or would be written
    over, RecordsError for a file named that cannot be read; of a folder's files such a one is left alone.
    """
    folder = folder.resolve()
    named, left = _named(given)
    sources: list[Gathered] = []
    forms: list[Form] = []
    for path, asked in named.items():
        try:
            if path.suffix.lower() in WORKBOOKS:
                sources += _of_workbook(engine, path, folder, scratch)
            else:
                forms.append(form_of(engine, path, str(path), scratch))
        except RecordsError as error:
            if asked:
                raise
            left.append(str(error).rstrip("."))
    groups = _alike(forms)
    single = [group[0] for group in groups if len(group) == 1 and not _partition(group[0].path)]
    for form in single:
        there = _there(form.path, folder, [source.path for source in sources])
        name = there.name.split(".")[0]
        copies = {there: form.path} if there != form.path else {}
        place, read = there.relative_to(folder).as_posix(), pandas_reading(form)
        sources.append(
            Gathered(name=name, path=place, forms=(form,), copies=copies, given=_place(form.path), read=read)
        )
    _refuse_two_of_one_place(sources)
    for group in sorted(groups, key=lambda group: _lies_in(group[0].path, folder)):  # copies first, to look out for
        if group[0] not in single:
            sources.append(_together(group, folder, sources))
    order = {form.path: number for number, form in enumerate(forms)}
    sources.sort(key=lambda one: order.get(one.forms[0].path, -1))
    return tuple(_apart(one, sources) for one in sources), tuple(left)


def holds_records(folder: Path) -> bool:
    """Return whether a file of records lies in a folder or below it."""
    return any(file.name.casefold().endswith(_ENDINGS) for file in _tree(folder))


def _named(given: Sequence[Path]) -> tuple[dict[Path, bool], list[str]]:
    """Return the files, each with whether it was named itself, and what of folders and globs is no file of records."""
    found: dict[Path, bool] = {}
    left: list[str] = []
    for path in given:
        whole = path.parent.resolve() / path.name if path.is_file() else path.resolve()
        if whole.is_file():
            found[whole] = True
            continue
        if whole.is_dir():
            files = list(_tree(whole))
        elif glob.has_magic(str(path)):
            files = _matching(whole)
        else:
            raise ParameterError(_absent(path))
        readable = [file for file in files if file.name.casefold().endswith(_ENDINGS)]
        if len(readable) > _MOST:
            raise ParameterError(f"{path}: holds more than {_MOST} files of records; name the folders that matter.")
        others = [file.name for file in files if file not in set(readable)]
        if others:
            left.append(f"{path}: {listed(others, _SHOWN)}: not CSV, CSV.gz, Parquet or Excel")
        for file in readable:
            found.setdefault(file, False)
        if not readable:
            raise ParameterError(f"{path}: holds no CSV, CSV.gz, Parquet or Excel file.")
    return found, left


def _absent(path: Path) -> str:
    told = f"{path}: there is no such file or folder; name CSV, CSV.gz, Parquet or Excel files, or a folder of them."
    connection, colon, table = str(path).partition(":")
    if colon and len(connection) > 1 and table:  # one letter is a drive
        told += f" A table of an engine is written CONNECTION{MARK}TABLE: {connection}{MARK}{table}."
    return told


def _tree(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without hidden ones, published reports and environments of Python."""
    for place, folders, files in os.walk(folder):
        kept = [name for name in folders if not name.startswith(".")]
        folders[:] = sorted(
            name for name in kept if not any((Path(place) / name / own).exists() for own in _NOT_RECORDS)
        )
        yield from (Path(place) / name for name in sorted(files) if not name.startswith((".", "~$")))


def _matching(path: Path) -> list[Path]:
    whole = next(number for number, step in enumerate(path.parts) if glob.has_magic(step))
    found = matching(Path(*path.parts[:whole]), "/".join(path.parts[whole:]))
    files = [file for one in found for file in ([one] if one.is_file() else _tree(one))]
    if not files:
        raise ParameterError(f"{path}: matches no file.")
    return files


def _of_workbook(engine: duckdb.DuckDBPyConnection, path: Path, folder: Path, scratch: Path) -> Iterator[Gathered]:
    for title, staged, there, notes in sheets(path, folder / "records", scratch):
        form = form_of(engine, staged, f"{path} ({notes[0]})", scratch)
        name = there.name.split(".")[0]
        yield Gathered(
            name=name,
            path=there.relative_to(folder).as_posix(),
            forms=(form,),
            copies={there: staged},
            notes=notes,
            given=_place(path),
            read=f"pd.read_excel({json.dumps(near(path), ensure_ascii=False)}, "
            f"sheet_name={json.dumps(title, ensure_ascii=False)}, dtype=str)",
        )


def _place(path: Path) -> tuple[Path, str]:
    return path.parent, path.name


def _there(path: Path, folder: Path, taken: Sequence[str]) -> Path:
    """Return where the study can name a file: below its folder, or in `records/`."""
    if _lies_in(path, folder):
        return path
    copy = folder / "records" / path.name
    if copy.relative_to(folder).as_posix() in taken:
        copy = copy.parent / path.parent.name / path.name
    _refuse_another(path, copy)
    return copy


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)


def _refuse_another(path: Path, copy: Path) -> None:
    if copy.exists() and not cmp(path, copy, shallow=False):
        raise ParameterError(f"{copy}: is there already; move it away, or name it instead of {path}.")


def _refuse_two_of_one_place(sources: Sequence[Gathered]) -> None:
    paths = [source.path for source in sources]
    for path in paths:
        if paths.count(path) > 1:
            raise ParameterError(f"two of the files would become {path}; rename one.")


def _alike(forms: Sequence[Form]) -> list[list[Form]]:
    """Return the files of one kind, with the same columns, delimiter and encoding, together."""
    kinds: dict[tuple[object, ...], list[Form]] = {}
    for form in forms:
        kinds.setdefault((_ending(form.path), frozenset(form.columns), form.delimiter), []).append(form)
    groups: list[list[Form]] = []
    for kind in kinds.values():
        encodings = {form.encoding for form in kind} - {"ascii"} or {"utf-8"}
        plain = encodings.copy().pop() if len(encodings) == 1 else "utf-8"  # ASCII is text of any of them
        same = [replace(form, encoding=plain) if form.encoding == "ascii" else form for form in kind]
        groups += [group for one in sorted(encodings | {plain}) if (group := [f for f in same if f.encoding == one])]
    return groups


def _ending(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix


def _partition(path: Path) -> bool:
    """Return whether a folder names a column of the file, as in year=2025/part-0.parquet."""
    return path.suffix.lower() in PARQUET and "=" in path.parent.name


def _together(group: Sequence[Form], folder: Path, planned: Sequence[Gathered]) -> Gathered:
    """Return files as one source: where they lie if a glob names them and no other, else copied to a folder."""
    files = [form.path for form in group]
    base = Path(commonpath([file.parent for file in files]))
    while "=" in base.name:
        base = base.parent
    deep = any(file.parent != base for file in files)
    stem = re.sub(r"[\W\d_]+$", "", "" if deep else _common([file.name.split(".")[0] for file in files]))
    name = stem if len(stem) > 2 else base.name or "records"
    notes = (_told(files, base),) if len(files) > 1 else ()
    if any("=" in file.parent.name for file in files) and files[0].suffix.lower() not in PARQUET:
        notes = (*notes, f"folders such as {files[0].parent.name} name a column, which is read with Parquet only")
    copied = [there for source in planned for there in source.copies]
    for pattern in _patterns(files, base, deep) if _lies_in(base, folder) else ():
        if pattern.found() == set(files) and not any(map(pattern.names, copied)):
            return Gathered(name=name, path=pattern.below(folder), forms=tuple(group), copies={}, notes=notes)
    taken = {there.relative_to(folder / "records").parts[0] for there in copied}
    place = folder / "records" / _free(name, taken)
    copies = {place / file.relative_to(base): file for file in files}
    pattern = _Pattern(place, deep, "*" + _ending(files[0]))
    for there, here in copies.items():
        _refuse_another(here, there)
    if others := sorted(pattern.found() - set(copies)):
        raise ParameterError(f"{others[0]}: is there already and would count among {name}; move it away.")
    own = next((one.below(base) for one in _patterns(files, base, deep) if one.found() == set(files)), None)
    return Gathered(
        name=name,
        path=pattern.below(folder),
        forms=tuple(group),
        copies=copies,
        notes=notes,
        given=(base, own) if own else None,
    )


def _free(name: str, taken: Iterable[str]) -> str:
    return next(one for one in (name, *(f"{name}-{number}" for number in range(2, _MOST))) if one not in taken)


def _common(names: Sequence[str]) -> str:
    return commonprefix(names)  # noqa: RUF071 (letters of names are meant, not steps of paths)


def _patterns(files: Sequence[Path], base: Path, deep: bool) -> Iterator[_Pattern]:
    """Yield globs that name the files, the shortest first."""
    ending, names = _ending(files[0]), [file.name for file in files]
    first, last = _common(names), _common([name[::-1] for name in names])[::-1]
    yield _Pattern(base, deep, "*" + ending)
    if len(first) + len(last) <= min(map(len, names)):
        yield _Pattern(base, deep, f"{glob.escape(first)}*{ending}")
        yield _Pattern(base, deep, f"{glob.escape(first)}*{glob.escape(last)}")


def _told(files: Sequence[Path], base: Path) -> str:
    first, last = (file.relative_to(base).as_posix() for file in (min(files), max(files)))
    return f"{len(files)} files with the same columns, {first} to {last}: make sure that they hold records of one kind"


def _apart(source: Gathered, sources: Sequence[Gathered]) -> Gathered:
    """Add to a source why it stays apart from a larger one whose files have nearly its columns."""
    mine = source.forms[0]
    for other in sorted(sources, key=lambda one: -len(one.forms)):
        theirs = other.forms[0]
        near = theirs.path.parent == mine.path.parent or len(other.forms) > 1
        if other is source or len(other.forms) <= len(source.forms) or not near:
            continue
        if _ending(mine.path) != _ending(theirs.path) or other.path == source.path:
            continue
        more = [column for column in mine.columns if column not in theirs.columns]
        less = [column for column in theirs.columns if column not in mine.columns]
        if len(more) + len(less) > len(set(mine.columns) & set(theirs.columns)):
            continue
        told = [f"has '{name}'" for name in more] + [f"lacks '{name}'" for name in less]
        if not told:
            differs = "delimiter" if mine.delimiter != theirs.delimiter else "encoding"
            told = [f"is of another {differs} ({getattr(mine, differs)!r})"]
        note = f"kept apart from {other.path} ({len(other.forms)} files): it {', '.join(told)}"
        return replace(source, notes=(*source.notes, note))
    return source
