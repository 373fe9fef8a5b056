"""A matplotlib figure as inline SVG that a screen reader can tell and a browser draws in the reader's own fonts."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias, Union

from evalkit import figures
from evalkit.figures.style import one_font
from evalkit.markup import CONTROL, Html, download, escape

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Numbers: TypeAlias = Union["tuple[Sequence[object], Iterable[Sequence[object]]]", "pd.DataFrame"]

FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', 'Source Han Sans SC', 'DejaVu Sans', sans-serif"
)
_TAG = re.compile(r"<[^>]*>")
_LONG_NUMBER = re.compile(r"(?<![\w#])(-?\d+\.\d{2})\d+")


def as_svg(figure: Figure, *, title: str, description: str) -> str:
    """Return the figure as one accessible `<svg>` element, the same bytes each time.

    Text stays text (searchable, and drawn in whatever font the reader has, Chinese included); `title` names the
    picture and `description` states what it shows.
    """
    markup = _written(figure)
    key = "f" + hashlib.sha256(f"{title}{description}{markup}".encode()).hexdigest()[:10]
    width, height = (round(inches * 72) for inches in figure.get_size_inches())
    inner = markup[markup.index(">", markup.index("<svg")) + 1 : markup.rindex("</svg>")]
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.S)
    inner = re.sub(r"<!--.*?-->\s*", "", inner, flags=re.S)
    inner = inner.replace("xlink:href", "href").replace("'DejaVu Sans'", FONTS.replace('"', "'"))
    inner = re.sub(r'\bid="', f'id="{key}-', inner)
    inner = inner.replace('href="#', f'href="#{key}-').replace("url(#", f"url(#{key}-")
    # of places only: in what is written between the tags every digit is a result's
    inner = _TAG.sub(lambda found: _LONG_NUMBER.sub(r"\1", found[0]), inner)
    return (
        f'<svg class="ek-figure" role="img" aria-labelledby="{key}-title {key}-desc" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" style="max-width:100%;height:auto">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(description)}</desc>'
        f"{inner.strip()}</svg>"
    )


def _written(figure: Figure) -> str:
    import matplotlib

    buffer = io.StringIO()
    salt = matplotlib.rc_context({"svg.hashsalt": "evalkit"})
    with figures.styled(), one_font(figure), salt, warnings.catch_warnings():
        # The browser draws the text; that matplotlib's own font lacks a Chinese glyph does not matter here.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return CONTROL.sub("", buffer.getvalue())


def picture(figure: Figure, *, title: str, description: str, data: Numbers | None = None) -> Html:
    """Return the figure with its title as a visible caption, to be shown in a notebook or a page.

    `data` are the numbers it shows, as (columns, rows) or a tidy frame; they can be downloaded from the caption.
    """
    numbers = download(title, *_rows(data)).text if data is not None else ""
    return Html(
        f'<figure class="ek-picture"><div class="ek-scroll" role="region" tabindex="0" aria-label="{escape(title)}">'
        f"{as_svg(figure, title=title, description=description)}</div>"
        f"<figcaption>{escape(title)} {numbers}</figcaption></figure>"
    )


def _rows(data: Numbers) -> tuple[Sequence[object], Iterable[Sequence[object]]]:
    if isinstance(data, tuple):
        return data
    shown = data.copy()
    for name in shown.select_dtypes("datetime"):
        shown[name] = shown[name].dt.strftime("%Y-%m-%d")
    return list(shown.columns), shown.astype(object).where(shown.notna(), None).itertuples(index=False)
