"""Rows as CSV that a spreadsheet opens as what it says: no cell is ever taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)? ?%?")


def inert(value: object) -> str:
    """Return a value that no spreadsheet takes for a formula; nothing for None.

    >>> inert("=1+1"), inert("-3.5"), inert(0.1), inert("+4 %"), inert(None)
    ("'=1+1", '-3.5', '0.1', '+4 %', '')
    """
    text = "" if value is None else str(value)
    risky = text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text


def csv_text(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Return a header and rows as CSV, every cell inert, numbers in full precision.

    >>> csv_text(["a", "b"], [[1.5, "=x"]])
    "a,b\\r\\n1.5,'=x\\r\\n"
    """
    stream = io.StringIO()
    csv.writer(stream).writerows([inert(cell) for cell in row] for row in (columns, *rows))
    return stream.getvalue()
