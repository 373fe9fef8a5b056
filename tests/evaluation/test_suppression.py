"""What a table hides cannot be worked out from what it shows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from evalkit.evaluation.suppression import Counts, Mask, suppressed_list, suppressed_table

MINIMUM = 5


def room(counts: Counts, hidden: Mask, rows: Mask, columns: Mask) -> list[float]:
    """Return by how much each hidden cell could vary, zero at least, given every cell and total shown; an LP each."""
    places = [tuple(place) for place in np.argwhere(hidden)]
    totals = [("row", i) for i in np.flatnonzero(rows)] + [("column", j) for j in np.flatnonzero(columns)]
    unknown = [*places, *totals]
    lines, right = [], []
    for i in range(counts.shape[0]):
        lines.append([1.0 if u in places and u[0] == i else -1.0 if u == ("row", i) else 0.0 for u in unknown])
        right.append(counts[i][hidden[i]].sum() - (counts[i].sum() if rows[i] else 0))
    for j in range(counts.shape[1]):
        lines.append([1.0 if u in places and u[1] == j else -1.0 if u == ("column", j) else 0.0 for u in unknown])
        right.append(counts[:, j][hidden[:, j]].sum() - (counts[:, j].sum() if columns[j] else 0))
    for kind, sums, mask in (("row", counts.sum(axis=1), rows), ("column", counts.sum(axis=0), columns)):
        lines.append([1.0 if u[0] == kind and u in totals else 0.0 for u in unknown])
        right.append(sums[mask].sum())
    found = []
    for index in range(len(unknown)):
        cost = np.eye(len(unknown))[index]
        low, high = (linprog(sign * cost, A_eq=lines, b_eq=right, bounds=(0, None)).fun for sign in (1, -1))
        found.append(-high - low)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_no_hidden_count_is_given_away_by_the_sums_shown(seed: int) -> None:
    counts = np.random.default_rng(seed).negative_binomial(0.6, 0.05, size=(6, 4)).astype(np.int64)
    rows, columns = (suppressed_list(counts.sum(axis=axis), MINIMUM) for axis in (1, 0))
    hidden = suppressed_table(counts, MINIMUM, rows, columns)
    assert hidden[(counts > 0) & (counts < MINIMUM)].all()
    assert not hidden[counts == 0].any()
    assert all(width > 0.5 for width in room(counts, hidden, rows, columns))
    sums, number = (counts * hidden).sum(axis=1), hidden.sum(axis=1)
    assert all(n == 0 or (n > 1 and s >= MINIMUM) for n, s, total in zip(number, sums, rows, strict=True) if not total)


def test_a_cell_that_joins_two_hidden_squares_is_seen_to_be_determined() -> None:
    """Every line has two hidden cells or more, and still the one that joins the two squares has a single solution."""
    counts = np.full((4, 4), 20)
    for place in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (2, 3), (3, 2), (3, 3)):
        counts[place] = 3
    none = np.zeros(4, dtype=bool)
    small = counts < MINIMUM
    assert min(room(counts, small, none, none)) == pytest.approx(0, abs=1e-9)
    hidden = suppressed_table(counts, MINIMUM, none, none)
    assert hidden.sum() > small.sum()
    assert min(room(counts, hidden, none, none)) > 0.5


def test_nothing_is_hidden_without_need_and_a_zero_is_told() -> None:
    assert not suppressed_list(np.array([40, 0, 9]), MINIMUM).any()
    assert suppressed_list(np.array([40, 1, 1, 9]), MINIMUM).tolist() == [False, True, True, True]
    assert suppressed_list(np.array([3, 0]), MINIMUM).tolist() == [True, False]
    table = np.array([[9, 0], [0, 7]])
    assert not suppressed_table(table, MINIMUM, np.zeros(2, dtype=bool), np.zeros(2, dtype=bool)).any()
