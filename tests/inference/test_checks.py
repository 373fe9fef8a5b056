"""Plain numbers that callers hand in: what counts as a number, and the sentence where it does not."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from evalkit.errors import ParameterError
from evalkit.inference.checks import count, positive


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.float32(3), Decimal(3), np.array(3)])
def test_whole_numbers_of_any_type_are_counts(value):
    assert count(value, "trials") == 3
    assert type(count(value, "trials")) is int


@pytest.mark.parametrize("value", ["3", np.str_("3"), b"3", None, [3], 3.5, -1, math.nan, math.inf, 2j])
def test_anything_else_is_no_count(value):
    with pytest.raises(ParameterError, match=r"trials is .*expected a whole number of at least 0"):
        count(value, "trials")


@pytest.mark.parametrize("value", [0, -2.5, math.nan, math.inf, "1", None])
def test_what_is_not_above_zero_is_refused(value):
    with pytest.raises(ParameterError, match=r"exposure is .*expected a number above 0\."):
        positive(value, "exposure")
    assert positive(np.float64(0.5), "exposure") == 0.5
