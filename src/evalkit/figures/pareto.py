"""Which few categories make most of it: bars by size, and their cumulative share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit import formats, wording
from evalkit.figures.panels import wrapped
from evalkit.figures.style import BLACK, BLUE, GREY, ORANGE, WIDTH, number_axis, sheet, styled
from evalkit.formats import Language

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS, TOLD, ROW = 190.0, 210.0, 27.0


def pareto(counts: Sequence[tuple[str, int]], total: int, language: Language = "en") -> Figure:
    """Draw categories, the largest first, as shares of `total`, with the running sum as a line and 80 % marked."""
    _ = wording.translator(language)
    form = formats.Quantity(factor=100, percent=True, decimals=1, language=language)
    height = ROW * len(counts) + 82
    with styled():
        figure = sheet(WIDTH, height)
        axes = figure.add_axes(
            (LABELS / WIDTH, 46 / height, (WIDTH - LABELS - TOLD) / WIDTH, ROW * len(counts) / height)
        )
        shares = [count / total for _label, count in counts]
        sums = [sum(shares[: place + 1]) for place in range(len(shares))]
        rows = range(len(counts))
        axes.barh(rows, [100 * share for share in shares], height=0.66, color=BLUE)
        axes.plot([100 * share for share in sums], rows, color=ORANGE, marker="D", markersize=5, markeredgecolor=BLACK)
        axes.axvline(80, color=GREY, linestyle=":", linewidth=1.4)
        axes.annotate(
            formats.percent(0.8, 0, language),
            (80, 1),
            (0, 2),
            ("data", "axes fraction"),
            "offset points",
            ha="center",
            color=GREY,
            fontsize=10,
        )
        axes.set_ylim(len(counts) - 0.5, -0.5)
        axes.set_xlim(0, 103)
        axes.set_yticks(rows, ["\n".join(wrapped(label, LABELS - 14, 10)) for label, _count in counts])
        axes.tick_params(axis="y", length=0, labelcolor=BLACK, labelsize=10)
        number_axis(axes.xaxis, formats.Quantity(percent=True, language=language))
        axes.set_xlabel(_("share of the period's feedback"), color=GREY)
        for place, ((_label, count), share, so_far) in enumerate(zip(counts, shares, sums, strict=True)):
            words = _("{count} ({share}), together {sum}").format(
                count=formats.count(count), share=form.text(share), sum=form.text(so_far)
            )
            axes.annotate(
                words, (1, place), (8, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=10
            )
        for x, label, style in (
            (8, _("share of one category"), {"color": BLUE, "marker": "s", "linestyle": "none"}),
            (290, _("all down to it together"), {"color": ORANGE, "marker": "D", "markeredgecolor": BLACK}),
        ):
            (line,) = axes.plot([], [], **style)  # type: ignore[arg-type]
            figure.legend(
                [line],
                [label],
                loc="upper left",
                bbox_to_anchor=(x / WIDTH, 1.0),
                frameon=False,
                borderaxespad=0.0,
                borderpad=0.2,
            )
    return figure
