"""What an interrupted time series gives: the effect, the model's coefficients, residual checks and the course."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evalkit.effect import Effect
from evalkit.estimands.time_axis import Labels
from evalkit.inference.loglinear import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One term of the model as a ratio, with its interval.

    `level` is the jump at the first point after; `slope` and `trend` are factors per step, the slope on top of
    the trend; `sin1`, `cos1`, ... are the season's waves.
    """

    name: str
    estimate: float
    low: float
    high: float

    @property
    def confidence_interval(self) -> tuple[float, float]:
        return (self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Return the shape of `coefficients` in results.json; bounds that are infinite as None."""
        return {
            "name": self.name,
            "estimate": self.estimate,
            "ci": [bound if np.isfinite(bound) else None for bound in self.confidence_interval],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualChecks:
    """What the Pearson residuals say about the model.

    Attributes
    ----------
    dispersion : squared residuals over degrees of freedom; 1 where counts vary as chance alone makes them. The
        residual variance of the logarithms for the Gaussian family.
    lag_one : the residuals' correlation with their neighbour in time, biased downwards.
    autocorrelation : the errors' correlation behind it, the bias undone; between 0 and 0.99, and 0 for counts that
        vary no more than chance makes them.
    ljung_box_lags, ljung_box_p : p-value of no correlation up to that many steps.
    """

    dispersion: float
    lag_one: float
    autocorrelation: float
    ljung_box_lags: int
    ljung_box_p: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Course:
    """The series, its fit, and the counterfactual with its band; all arrays of shape (n,), in order of time.

    Attributes
    ----------
    times : days (datetime64[D]) or month numbers.
    values, exposure : as given.
    fitted : expected values, on the scale of `values`; NaN in the phase-in, which is not fitted.
    counterfactual, low, high : the model without the change, and its pointwise interval (of the expected value,
        not of a single observation). Before the intervention it is the fit.
    phase : 'before', 'phase-in' or 'after'.
    evaluated : whether the point counts for the effect.
    """

    times: Labels
    values: Array
    exposure: Array
    fitted: Array
    counterfactual: Array
    low: Array
    high: Array
    phase: NDArray[np.str_]
    evaluated: NDArray[np.bool_]

    def __repr__(self) -> str:
        return f"<course of {self.times.size} points, {self.times[0]} to {self.times[-1]}>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TimeSeriesEffect(Effect):
    """An effect on the ratio scale against the counterfactual, with the model it comes from."""

    family: str
    errors: str
    coefficients: tuple[Coefficient, ...]
    checks: ResidualChecks
    course: Course = field(repr=False, compare=False)

    @property
    def null_hypothesis(self) -> str:
        """What `pvalue` tests, in words."""
        return Effect.null_hypothesis.fget(self).replace("after ÷ before", "to the counterfactual")  # type: ignore[attr-defined, no-any-return]

    def summary(self) -> str:
        """Say the result in one sentence.

        >>> from evalkit.estimands.time_series import interrupted_time_series
        >>> series = interrupted_time_series([52, 48, 50, 47, 55, 49, 51, 41, 38, 44], range(10), 7, trend=False)
        >>> series.summary()  # doctest: +ELLIPSIS
        'The ratio to the counterfactual is 0.8153 (95 % interval 0.7396 to 0.8988, interrupted...'
        """
        return Effect.summary(self).replace("after ÷ before", "to the counterfactual")

    def plot(self) -> Any:
        """Draw the series, its fit and the counterfactual with its band; return the matplotlib figure."""
        from evalkit import figures

        return figures.course(self)

    def _repr_html_(self) -> str:
        from evalkit import markup, tables

        rows = [(c.name, f"{c.estimate:.6g}", f"{c.low:.6g} to {c.high:.6g}") for c in self.coefficients]
        return tables.effect(self) + markup.table("Coefficients, as ratios", ("", "ratio", "interval"), rows).text
