"""Notebooks that show nothing but the result, for tests of what happens around them."""

from __future__ import annotations

from pathlib import Path

import nbformat

_RUN = """\
import evalkit as ek
from IPython.display import display

found = ek.open_study(study).evaluate_period(period, as_of=as_of or None){chosen}.to_dict()
found.pop("provenance", None)"""
_NOTEBOOKS = (("period_report", "", []), ("context", "", []), ("goal_report", "[goal]", ['goal = ""  # the goal']))
_SHOW = 'display({"application/vnd.evalkit.result+json": found}, raw=True)'


def write_notebooks(folder: Path, *, between: str = "") -> Path:
    """Write the three notebooks, with this code `between` evaluating and showing, and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, chosen, more in _NOTEBOOKS:
        names = [f'{name} = ""  # {name}' for name in ("study", "period", "as_of", "language")]
        cells = [
            nbformat.v4.new_code_cell("\n".join([*names, *more]), metadata={"tags": ["parameters"]}, id="parameters"),
            nbformat.v4.new_code_cell(_RUN.format(chosen=chosen), id="run"),
            nbformat.v4.new_code_cell(between or "pass", id="between"),
            nbformat.v4.new_code_cell(_SHOW, id="show"),
        ]
        kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / f"{name}.ipynb")
    return folder
