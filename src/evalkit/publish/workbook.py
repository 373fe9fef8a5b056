"""The tables and the numbers of the figures of a period's pages as one Excel file, the same bytes each time."""

from __future__ import annotations

import base64
import csv
import html
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit import wording
from evalkit.formats import Language

_LINK = re.compile(r'<a aria-label="CSV: ([^"]*)" class="ek-download"[^>]*base64,([A-Za-z0-9+/=]*)"')
_NUMBER = re.compile(r"([-+]?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:e[-+]\d+)?)( ?%)?")
_N = r"[-+−]?[\d,]*\.?\d+"
_UNIT = r"([^\d%()（）]*?)"
# 8.2 to 9.4 minutes; −12.3% (−15.0% to −9.6%)
_INTERVAL = re.compile(rf"(?:({_N}) ?(%?){_UNIT} ?[（(])?({_N}) ?(?:%?)(?: to |至| – )({_N}) ?(%?){_UNIT}[)）]?")
_CODES = frozenset({"line", "verdict", "phase", "arm", "variation"})  # figures' columns that hold codes
_LONGEST = 31  # letters of a sheet's name, by Excel
_ENDS = " ,，："
_NO_NAME = re.compile(r"[\[\]:*?/\\']")
_MODIFIED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")


@dataclass(frozen=True, slots=True)
class _Number:
    """A number out of a text, and how Excel shows it."""

    value: float
    form: str

    def __str__(self) -> str:
        return f"{self.value:g}"


def write(path: Path, pages: Iterable[Path], language: Language, titles: Mapping[str, str] | None = None) -> None:
    """Write every table that can be downloaded from the pages, a sheet each, and a list of them in front.

    Numbers are numbers, those of an interval in two columns; every other cell is text, so nothing from the records is
    ever a formula. `titles` are those of pages about one goal, by the page's name, and name their sheets.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font

    _ = wording.translator(language)
    book = Workbook()
    contents = book.active
    contents.title = _("Contents")
    _fill(contents, [[_("Sheet"), _("Page"), _("Table")]])
    for number, (page, title, rows) in enumerate(_tables(pages), start=1):
        name = _sheet_name(number, title, (titles or {}).get(page, ""))
        _fill(book.create_sheet(name), _apart(_translated(rows, language), language))
        _fill(contents, [[name, page, title]], first=number + 1)
        contents.cell(number + 1, 1).hyperlink = f"#'{name}'!A1"
    for sheet in book:
        sheet.freeze_panes = "B2"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for column in sheet.columns:
            width = max(sum(1 + (ord(letter) > 0x2E80) for letter in str(cell.value or "")) for cell in column)
            sheet.column_dimensions[column[0].column_letter].width = min(60, width + 2)
    whole = io.BytesIO()
    book.save(whole)
    _without_times(whole, path)


def _sheet_name(number: int, title: str, goal: str = "") -> str:
    """Return a sheet's name: its number and as much of goal and table as Excel takes, of both some.

    >>> _sheet_name(3, "Score: 'estimate' against target, and more")
    '3 Score estimate against target'
    >>> _sheet_name(12, "Before and after", "Customer satisfaction +10 %")
    '12 Customer Before and after'
    >>> _sheet_name(15, "The study file then and now", "Mean arrival-to-provider wait")
    '15 Mean The study file then and'
    """
    goal, title = (" ".join(_NO_NAME.sub(" ", text).split()) for text in (goal, title.removeprefix(goal).strip(":： ")))
    room = _LONGEST - len(f"{number}  ")
    short = _cut(goal, max(room - len(title), room // 3))
    return _cut(" ".join(part for part in (str(number), short, title) if part), _LONGEST)


def _cut(text: str, most: int) -> str:
    """Return so many letters of a text at most, whole words where that costs less than half of them.

    >>> _cut("Mean arrival", 9), _cut("Arrivals", 5)
    ('Mean', 'Arriv')
    """
    if len(text) <= most or text[most] in _ENDS:
        return text[:most].rstrip(_ENDS)
    words = text[:most].rpartition(" ")[0]
    return (words if 2 * len(words) > most - 2 else text[:most]).rstrip(_ENDS)


def _translated(rows: list[list[str]], language: Language) -> list[list[str]]:
    """Return a table with the heads and codes of figures' numbers in the page's language."""
    head, *body = rows

    def cell(name: str, text: str) -> str:
        if name not in _CODES:
            return text
        return wording.looked_up("cell", text, wording.looked_up("sensitivity", text, text, language), language)

    return [
        [wording.looked_up("head", name, name, language) for name in head],
        *([cell(name, text) for name, text in zip(head, row, strict=False)] for row in body),
    ]


def _apart(rows: list[list[str]], language: Language) -> list[list[str | _Number]]:
    """Return a table with each interval in two columns, behind its estimate where both stand in one cell."""
    _, (head, *body) = wording.translator(language), rows
    columns: list[list[str | _Number]] = []
    for place, name in enumerate(head):
        cells = [row[place].replace("\xa0", " ").removeprefix("'") if place < len(row) else "" for row in body]
        found = [_INTERVAL.fullmatch(text) for text in cells]
        if place == 0 or not any(found):
            columns.append([name, *(row[place] if place < len(row) else "" for row in body)])
            continue
        if any(match and match[1] for match in found):
            columns.append([name, *(_estimate(*pair) for pair in zip(found, cells, strict=True))])
            spare = [""] * len(cells)
        else:
            spare = cells
        low = [_("{head}, lower end").format(head=name)]
        high = [_("{head}, upper end").format(head=name)]
        columns.append([*low, *(_number(m[4], m[6], m[7]) if m else t for m, t in zip(found, spare, strict=True))])
        columns.append([*high, *(_number(m[5], m[6], m[7]) if m else "" for m in found)])
    return [list(row) for row in zip(*columns, strict=True)]


def _estimate(found: re.Match[str] | None, text: str) -> str | _Number:
    return _number(found[1], found[2], found[3] or found[7]) if found and found[1] else text


def _number(text: str, percent: str, unit: str) -> _Number:
    bare = text.replace("−", "-").replace(",", "")
    decimals = len(bare.partition(".")[2])
    digits = f"0.{'0' * decimals}" if decimals else "0"
    if percent:
        return _Number(round(float(bare) / 100, decimals + 2), f"{digits}%")
    named = unit.strip().replace('"', "")
    return _Number(float(bare), f'{digits}" {named}"' if named else digits)


def _tables(pages: Iterable[Path]) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Yield page, title and rows of each table, from the CSV that its download link holds."""
    for page in pages:
        for title, data in _LINK.findall(page.read_text(encoding="utf-8")):
            stream = io.StringIO(base64.b64decode(data).decode("utf-8-sig"), newline="")
            yield page.stem, html.unescape(title), list(csv.reader(stream))


def _fill(sheet: Any, rows: Iterable[Iterable[str | _Number]], first: int = 1) -> None:
    for row, cells in enumerate(rows, start=first):
        for column, text in enumerate(cells, start=1):
            cell = sheet.cell(row, column)
            if isinstance(text, _Number):
                cell.value, cell.number_format = text.value, text.form
                continue
            found = _NUMBER.fullmatch(text) if row > 1 else None
            if found is None:
                cell.value, cell.data_type = text.removeprefix("'"), "s"
                cell.quotePrefix = text.startswith("'")  # stays text when it is edited, too
            elif found[2]:
                decimals = len(found[1].partition(".")[2])
                cell.value = round(float(found[1]) / 100, decimals + 2)
                cell.number_format = f"0.{'0' * decimals}%" if decimals else "0%"
            else:
                cell.value = float(found[1])


def _without_times(whole: io.BytesIO, path: Path) -> None:
    """Write the file with fixed times in the archive and in its properties."""
    with zipfile.ZipFile(whole) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in made.namelist():
            content = _MODIFIED.sub(rb"\g<1>2000-01-01T00:00:00Z", made.read(name))
            kept.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
