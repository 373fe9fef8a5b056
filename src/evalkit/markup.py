"""HTML that data cannot break out of: escaping, one table writer, downloads, one displayable fragment."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalkit.spreadsheet import csv_text

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")
_SHOWN_NUMBER = re.compile(r"[-+−]?[\d,]*\.?\d+( ?%)?")


@dataclass(frozen=True, slots=True)
class Html:
    """A piece of trusted HTML; a notebook shows it as such. Whoever builds one has escaped what came from data."""

    text: str

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return "Html"

    def __add__(self, other: Html) -> Html:
        return Html(f"{self.text}\n{other.text}")


def escape(value: object) -> str:
    """Return a value as inert text: markup escaped, control and direction-changing characters dropped.

    >>> escape("<script>alert(1)</script>")
    '&lt;script&gt;alert(1)&lt;/script&gt;'
    """
    return value.text if isinstance(value, Html) else html.escape(CONTROL.sub("", str(value)))


def prose(text: str) -> Html:
    """Return a sentence as inert HTML that keeps a percent sign on the line of its number.

    >>> prose("20 % < 30 %").text
    '20&nbsp;% &lt; 30&nbsp;%'
    """
    return Html(_BEFORE_PERCENT.sub("&nbsp;", escape(text)))


def tag(name: str, content: object, **attributes: str) -> Html:
    """Return one element; `class_` stands for `class`, content and attributes are escaped.

    >>> tag("p", "a < b", class_="note").text
    '<p class="note">a &lt; b</p>'
    """
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{escape(content)}</{name}>")


def items(values: Iterable[object], *, class_: str | None = None) -> Html:
    """Return an unordered list, or nothing where there are no values."""
    lines = "".join(tag("li", value).text for value in values)
    return tag("ul", Html(lines), **({"class_": class_} if class_ else {})) if lines else Html("")


def join(parts: Iterable[Html]) -> Html:
    """Return the pieces one below the other."""
    return Html("\n".join(part.text for part in parts if part.text))


def plain(value: object) -> object:
    """Return a cell as a file holds it: text without markup, a shown number without separators and with a plain minus.

    >>> plain(Html("<b>a</b> &amp; b")), plain("−1,234.5"), plain("1,2 and more"), plain(0.1)
    ('a & b', '-1234.5', '1,2 and more', 0.1)
    """
    if isinstance(value, Html):
        value = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", value.text)).split())
    if isinstance(value, str) and _SHOWN_NUMBER.fullmatch(value):
        return value.replace("−", "-").replace(",", "")
    return value


def download(title: str, columns: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """Return a link that holds the rows themselves as a CSV file: it works without script, network or a second file."""
    text = csv_text([plain(name) for name in columns], ([plain(cell) for cell in row] for row in rows))
    data = base64.b64encode(("\ufeff" + CONTROL.sub("", text)).encode()).decode()
    name = re.sub(r"\W+", "-", title).strip("-")[:60] or "table"
    label = {"aria_label": f"CSV: {title}", "class_": "ek-download"}
    return tag("a", "CSV", **label, download=f"{name}.csv", href=f"data:text/csv;charset=utf-8;base64,{data}")


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[int] = (),
    class_: str = "ek-table",
) -> Html:
    """Return an accessible table: a caption, column and row headers with scope, every cell escaped, and its CSV.

    The first column heads its row. `numeric` are the columns (from 0) set flush right and kept on one line.
    """
    right, rows = set(numeric), [tuple(row) for row in rows]

    def cell(index: int, value: object) -> str:
        kind = {"class_": "ek-number"} if index in right else {}
        value = prose(value) if isinstance(value, str) else value
        return tag("td", value, **kind).text if index else tag("th", value, scope="row").text

    head = "".join(
        tag("th", prose(name), scope="col", **({"class_": "ek-number"} if index in right else {})).text
        for index, name in enumerate(columns)
    )
    body = "\n".join("<tr>" + "".join(cell(i, value) for i, value in enumerate(row)) + "</tr>" for row in rows)
    return Html(
        f'<div class="ek-scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{class_}">\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    ) + download(caption, columns, rows)
