"""HTML that data cannot break out of: escaping, one table writer, one displayable fragment."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


_BEFORE_PERCENT = re.compile(r"(?<=\d) (?=%)")


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
    return value.text if isinstance(value, Html) else html.escape(_CONTROL.sub("", str(value)))


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


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[int] = (),
    class_: str = "ek-table",
) -> Html:
    """Return an accessible table: a caption, column and row headers with scope, every cell escaped.

    The first column heads its row. `numeric` are the columns (from 0) set flush right and kept on one line.
    """
    right = set(numeric)

    def cell(index: int, value: object) -> str:
        kind = {"class_": "ek-number"} if index in right else {}
        return tag("td", value, **kind).text if index else tag("th", value, scope="row").text

    head = "".join(
        tag("th", name, scope="col", **({"class_": "ek-number"} if index in right else {})).text
        for index, name in enumerate(columns)
    )
    body = "\n".join("<tr>" + "".join(cell(i, value) for i, value in enumerate(row)) + "</tr>" for row in rows)
    return Html(
        f'<div class="ek-scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="{class_}">\n<caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )
