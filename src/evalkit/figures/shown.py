"""A figure that shows itself in a notebook: without pyplot, without a display backend, the same bytes each time."""

from __future__ import annotations

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that Jupyter shows as SVG; it is drawn, changed and saved like any other."""

    def _repr_svg_(self) -> str:
        from evalkit.svg import as_svg

        told = "; ".join(text.get_text() for legend in self.legends for text in legend.get_texts())
        # shown as an image, not as part of a page, it needs its namespace
        return as_svg(self, title="", description=told).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
