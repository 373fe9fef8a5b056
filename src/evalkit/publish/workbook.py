"""The tables and the numbers of the figures of a period's pages as one Excel file, the same bytes each time."""

from __future__ import annotations

import base64
import csv
import html
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from evalkit import wording
from evalkit.formats import Language

_LINK = re.compile(r'<a aria-label="CSV: ([^"]*)" class="ek-download"[^>]*base64,([A-Za-z0-9+/=]*)"')
_NUMBER = re.compile(r"([-+]?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:e[-+]\d+)?)( ?%)?")
_NO_NAME = re.compile(r"[\[\]:*?/\\']")
_MODIFIED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*")


def write(path: Path, pages: Iterable[Path], language: Language) -> None:
    """Write every table that can be downloaded from the pages, a sheet each, and a list of them in front.

    Numbers are numbers; every other cell is text, so nothing from the records is ever a formula.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Font

    _ = wording.translator(language)
    book = Workbook()
    contents = book.active
    contents.title = _("Contents")
    _fill(contents, [[_("Sheet"), _("Page"), _("Table")]])
    for number, (page, title, rows) in enumerate(_tables(pages), start=1):
        name = _sheet_name(number, title)
        _fill(book.create_sheet(name), rows)
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


def _sheet_name(number: int, title: str) -> str:
    """Return a sheet's name: its number and as much of the table's title as Excel takes.

    >>> _sheet_name(3, "Score: 'estimate' against target, and more")
    '3 Score estimate against target'
    """
    return " ".join(_NO_NAME.sub(" ", f"{number} {title}").split())[:31].rstrip(" ,，：")


def _tables(pages: Iterable[Path]) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Yield page, title and rows of each table, from the CSV that its download link holds."""
    for page in pages:
        for title, data in _LINK.findall(page.read_text(encoding="utf-8")):
            stream = io.StringIO(base64.b64decode(data).decode("utf-8-sig"), newline="")
            yield page.stem, html.unescape(title), list(csv.reader(stream))


def _fill(sheet: Any, rows: Iterable[list[str]], first: int = 1) -> None:
    for row, cells in enumerate(rows, start=first):
        for column, text in enumerate(cells, start=1):
            cell, found = sheet.cell(row, column), _NUMBER.fullmatch(text) if row > 1 else None
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
