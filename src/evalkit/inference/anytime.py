"""Asymptotic confidence sequences: intervals that hold at every look together, however many there are.

The boundary is Robbins' normal mixture for the running sum, with the estimated standard error in place of
the known one: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and
asymptotic confidence sequences, Ann. Stat. 52, 2613-2640 (arXiv 2103.06476), section 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike
from scipy import special

from evalkit.effect import Better, Effect, Pivot, Verdict, cautioned, check_confidence, conclude
from evalkit.errors import ParameterError
from evalkit.inference import columns
from evalkit.inference.checks import positive
from evalkit.inference.numeric import LEAST_LEVEL
from evalkit.inference.student import StudentPivot

if TYPE_CHECKING:
    import pandas as pd


def mixture_ratio(confidence: float) -> float:
    """Return mixture variance × information at which the sequence at this confidence is tightest.

    It is the r that minimises the width, r = ln(1 + r) - 2 ln alpha with alpha = 1 - confidence, in closed form
    by Lambert's W (Waudby-Smith et al. 2024, appendix on the choice of rho).

    >>> r = mixture_ratio(0.95)
    >>> round(r, 4), round(math.log(1 + r) - 2 * math.log(0.05), 4)
    (8.212, 8.212)
    """
    alpha = 1 - confidence
    return -float(special.lambertw(-alpha * alpha / math.e, k=-1).real) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Anytime:
    """A pivot seen at any number of looks: one point of a confidence sequence, with always-valid p-values.

    The inner pivot's tail probability is read as a normal deviate, so its reference distribution (t, exact)
    stays in force; the deviate is compared with the mixture boundary.

    Parameters
    ----------
    pivot : the procedure at this look, unadjusted.
    information : share of the information for which the sequence is tightest; fix that beforehand.
    confidence : the level for which it is tuned; any other level may be asked for.

    Source: the module's; p-values: Johari, Koomen, Pekelis and Walsh (2022), Oper. Res. 70, 1806-1821.

    >>> from evalkit.inference.binomial import Wilson
    >>> now = Anytime(pivot=Wilson(successes=463, trials=500), information=0.5)
    >>> [round(limit, 3) for limit in now.interval(0.95)]
    [0.882, 0.955]
    """

    pivot: Pivot
    information: float
    confidence: float = 0.95

    @property
    def estimate(self) -> float:
        return self.pivot.estimate

    @property
    def method(self) -> str:
        return f"{self.pivot.method}, confidence sequence"

    @property
    def df(self) -> float | None:
        return self.pivot.df

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the sequence's interval at this look."""
        check_confidence(confidence)
        growth = self._growth
        boundary = math.sqrt((1 + 1 / growth) * (math.log1p(growth) - 2 * math.log(1 - confidence)))
        return self.pivot.interval(1 - 2 * max(LEAST_LEVEL, float(special.ndtr(-boundary))))

    def tails(self, value: float) -> tuple[float, float]:
        """Return the always-valid one-sided p-values for an effect above and below `value`."""
        above, below = self.pivot.tails(value)
        return self._always_valid(above), self._always_valid(below)

    @property
    def _growth(self) -> float:
        return self.information * mixture_ratio(self.confidence)

    def _always_valid(self, p: float) -> float:
        if p >= 0.5 or p < LEAST_LEVEL:
            return p
        z, growth = float(special.ndtri(p)), self._growth
        return 0.5 * min(1.0, math.sqrt(1 + growth) * math.exp(-0.5 * z * z * growth / (1 + growth)))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConfidenceSequence:
    """A running estimate with intervals that all hold together. `looks` has one effect per look."""

    looks: tuple[Effect, ...]

    def __repr__(self) -> str:
        return f"<{len(self.looks)} looks, the last {str(self.looks[-1])[1:-1]}>"

    @property
    def estimate(self) -> float:
        return self.looks[-1].estimate

    @property
    def confidence_interval(self) -> tuple[float, float]:
        return self.looks[-1].confidence_interval

    @property
    def pvalue(self) -> float | None:
        return self.looks[-1].pvalue

    @property
    def verdict(self) -> Verdict | None:
        return self.looks[-1].verdict

    def summary(self) -> str:
        """Say the latest look in one sentence."""
        return f"After {len(self.looks)} looks: {self.looks[-1].summary()}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look."""
        import pandas as pd

        frame = pd.DataFrame([effect.to_dict() for effect in self.looks])
        frame.insert(0, "look", range(1, len(self.looks) + 1))
        return frame

    def plot(self) -> Any:
        """Draw the running estimate and its intervals; return the matplotlib figure."""
        from evalkit import figures

        return figures.sequence(self)

    def _repr_html_(self) -> str:
        from evalkit import markup

        rows = [
            (str(look), f"{effect.estimate:.6g}", f"{effect.low:.6g} to {effect.high:.6g}", effect.verdict or "")
            for look, effect in enumerate(self.looks, start=1)
        ]
        caption = f"Confidence sequence, {100 * self.looks[-1].confidence:g} % at all looks together"
        return markup.table(caption, ("look", "estimate", "interval", "verdict"), rows).text


def confidence_sequence(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    *,
    planned_error: float,
    target: float | None = None,
    better: Better | None = None,
    confidence: float = 0.95,
) -> ConfidenceSequence:
    """Return intervals for a running estimate that hold at all looks together, without a planned number.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    estimates, standard_errors : the estimate and its standard error at each look, from all data up to it, in
        order of time; on a scale where the estimate is about normal and 0 is no change (a difference, the
        logarithm of a ratio).
    planned_error : the standard error at which the sequence shall be tightest. To be fixed before the first
        look: choosing it from the data voids the guarantee.
    target, better : as everywhere; the target on the scale of the estimates.
    confidence : probability that all intervals together hold.

    Raises
    ------
    ParameterError : the lengths differ, there is no look, or an error is not positive.

    Source: Waudby-Smith et al. (2024), Ann. Stat. 52, 2613-2640.

    >>> result = confidence_sequence([-0.31, -0.24, -0.26], [0.09, 0.06, 0.045], planned_error=0.045)
    >>> [round(limit, 3) for limit in result.confidence_interval], result.looks[-1].p_change < 0.05
    ([-0.397, -0.123], True)
    """
    columns.check_order(("estimates", estimates), ("standard_errors", standard_errors))
    given, errors = (
        columns.numbers(part, name).ravel().tolist()
        for part, name in ((estimates, "estimates"), (standard_errors, "standard_errors"))
    )
    if len(given) != len(errors) or not given:
        raise ParameterError(
            f"There are {len(given)} estimates and {len(errors)} standard errors; expected one of each per look, and "
            "at least one look."
        )
    planned = positive(planned_error, "planned_error")
    looks = []
    for look, (estimate, error) in enumerate(zip(given, errors, strict=True)):
        if not math.isfinite(estimate):
            raise ParameterError(f"estimates[{look}] is {estimate}; expected a finite number.")
        se = positive(error, f"standard_errors[{look}]")
        normal = StudentPivot(estimate=estimate, se=se, df=None, method="normal")
        pivot = Anytime(pivot=normal, information=(planned / se) ** 2, confidence=confidence)
        looks.append(
            conclude(
                pivot,
                scale="difference",
                target=target,
                better=better,
                confidence=confidence,
                before=None,
                after=normal.estimate,
            )
        )
    return ConfidenceSequence(looks=(*looks[:-1], cautioned(looks[-1])))
