"""Which small counts a table hides, and which more, so that no total gives one of them away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalkit.moments import SUMS, Moments

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def counted(question: Any, moments: Moments) -> NDArray[Any]:
    """Return what each cell of the moments counts: its records; of a rate its events, which one row may sum up."""
    return moments.sums[:, SUMS.index("a")] if question.metric.kind == "rate" else moments.counts[:, 0]


def small(counts: Counts, minimum: int) -> Mask:
    """Return which counts are too small to be shown; a zero is told."""
    return (counts > 0) & (counts < minimum)


def suppressed_list(counts: Counts, minimum: int) -> Mask:
    """Return which counts are hidden where their total is shown: none, or several that together reach the minimum.

    >>> suppressed_list(np.array([40, 9, 3, 0]), 5).tolist()
    [False, True, True, False]
    """
    hidden = small(counts, minimum)
    while hidden.any() and (hidden.sum() == 1 or counts[hidden].sum() < minimum):
        shown = np.flatnonzero(~hidden & (counts > 0))
        if not shown.size:
            break
        hidden[shown[np.argmin(counts[shown])]] = True
    return hidden


def suppressed_table(counts: Counts, minimum: int, rows: Mask, columns: Mask) -> Mask:
    """Return which cells (R, C) are hidden beside row and column totals; `rows` and `columns` are the hidden totals.

    Cells are added, the smallest first, until no hidden cell or total is the only solution of the sums shown and the
    hidden cells of a line with its total sum to the minimum. A cell that the sums determine is a bridge of the graph
    whose nodes are the lines and whose edges are the hidden cells; its leverage in the lines' equations is 1.
    (Willenborg and de Waal 2001, Elements of Statistical Disclosure Control, section 6.2. Exact values are protected,
    bounds that an intruder could work out are not.)

    >>> table = np.array([[3, 20, 30], [12, 25, 14], [40, 8, 9]])
    >>> suppressed_table(table, 5, np.zeros(3, bool), np.zeros(3, bool)).astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    """
    hidden = small(counts, minimum)
    while (line := _line_to_hide_more_of(counts, minimum, hidden, rows, columns)) is not None:
        visible = (counts > 0) & ~hidden
        candidates = visible & line if (visible & line).any() else visible
        if not candidates.any():
            break
        # one that another hidden cell of its own row and column protects costs no third
        met = np.logical_and.outer(hidden.any(axis=1), hidden.any(axis=0))
        places = np.flatnonzero(candidates & met if (candidates & met).any() else candidates)
        hidden.flat[places[np.argmin(counts.flat[places])]] = True
    return hidden


def _line_to_hide_more_of(counts: Counts, minimum: int, hidden: Mask, rows: Mask, columns: Mask) -> Mask | None:
    """Return the cells among which one more is to be hidden, or None when all is well."""
    for axis, totals in ((1, rows), (0, columns)):
        sums, count = (counts * hidden).sum(axis=axis), hidden.sum(axis=axis)
        wanting = ~totals & (count > 0) & ((count == 1) | (sums < minimum)) | (totals & (count == 0))
        room = ((counts > 0) & ~hidden).any(axis=axis)
        if (wanting & room).any():
            return _cells_of(counts.shape, axis, int(np.flatnonzero(wanting & room)[0]))
    known = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), dtype=bool)
    known[:-1, :-1], known[:-1, -1], known[-1, :-1] = hidden, rows, columns
    row, column = np.nonzero(known)
    edges = np.zeros((known.shape[0] + known.shape[1], len(row)))
    edges[row, np.arange(len(row))] = edges[known.shape[0] + column, np.arange(len(row))] = 1.0
    leverage = np.einsum("ij,ij->j", edges, np.linalg.pinv(edges @ edges.T) @ edges)
    for index in np.flatnonzero(leverage > 1 - 1e-9):
        line = np.zeros(counts.shape, dtype=bool)
        line[row[index] : row[index] + 1], line[:, column[index] : column[index] + 1] = True, True
        return line
    return None


def _cells_of(shape: tuple[int, ...], axis: int, index: int) -> Mask:
    line = np.zeros(shape, dtype=bool)
    line[(index, slice(None)) if axis == 1 else (slice(None), index)] = True
    return line
