"""Adjusted p-values, against statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats import multitest

from evalkit.inference.multiplicity import adjust

PVALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.seconds
@pytest.mark.parametrize("method", ["holm", "bonferroni"])
@settings(max_examples=20)
@given(pvalues=PVALUES)
def test_statsmodels_agrees(method: str, pvalues: list[float]) -> None:
    oracle = multitest.multipletests(pvalues, method=method)[1]
    assert adjust(pvalues, method) == pytest.approx(list(oracle), rel=1e-12, abs=1e-300)  # type: ignore[arg-type]


@given(pvalues=PVALUES)
def test_adjusting_raises_and_keeps_the_order(pvalues: list[float]) -> None:
    adjusted = adjust(pvalues)
    assert all(a >= p for a, p in zip(adjusted, pvalues, strict=True))
    order = np.argsort(pvalues, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)


def test_none_leaves_them() -> None:
    assert adjust([0.2, 0.01], "none") == [0.2, 0.01]
