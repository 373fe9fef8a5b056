"""Group-sequential boundaries: what a claim needs at each of several looks so that all together err at most alpha.

The statistics of the looks are jointly normal, their correlations the roots of the ratios of information.
The chance to cross first at a look is an integral over the paths that have not crossed yet, computed
look by look (Armitage, McPherson and Rowe 1969, J. R. Stat. Soc. A 132, 235-244) by Gauss-Legendre
quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from evalkit.errors import ParameterError, nearest, shown
from evalkit.inference import columns
from evalkit.inference.checks import number_of
from evalkit.inference.numeric import crossing, quantile

if TYPE_CHECKING:
    import pandas as pd

Spending = Literal["obrien-fleming", "pocock"]
Array = NDArray[np.float64]

MOST_LOOKS = 100
_FAR = 8.5  # standard deviations; what lies beyond has probability 1e-17


def obrien_fleming_spending(share: float, alpha: float) -> float:
    """Return the one-sided error spent at a share of the information: 2 - 2 Φ(z / √share), z at alpha / 2.

    Lan and DeMets (1983), Biometrika 70, p. 660, α₁*.

    >>> round(obrien_fleming_spending(1 / 3, 0.025), 11)
    0.00010350572
    """
    if not 0 < share < 1:
        return alpha if share >= 1 else 0.0
    return 2 * float(special.ndtr(quantile(alpha / 2) / math.sqrt(share)))


def pocock_spending(share: float, alpha: float) -> float:
    """Return the one-sided error spent at a share of the information: alpha · ln(1 + (e - 1) share).

    Lan and DeMets (1983), Biometrika 70, p. 660, α₂*.

    >>> round(pocock_spending(0.5, 0.025), 6)
    0.015503
    """
    if not 0 < share < 1:
        return alpha if share >= 1 else 0.0
    return alpha * math.log1p((math.e - 1) * share)


SPENDING = {"obrien-fleming": obrien_fleming_spending, "pocock": pocock_spending}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GroupSequentialBounds:
    """Boundaries of a sequence of looks.

    Attributes
    ----------
    information : share of the planned information at each look; above 1 where the plan was overrun.
    critical_values : the normal deviate a claim must exceed at each look; infinite where nothing is left.
    alpha_spent : cumulative error spent, one-sided (two-sided for the classic designs).
    alpha : the error over all looks, in the same sense.
    design : name of the spending function or of the classic design.
    """

    information: tuple[float, ...]
    critical_values: tuple[float, ...]
    alpha_spent: tuple[float, ...]
    alpha: float
    design: str

    def __repr__(self) -> str:
        return f"<{self.design}, error {self.alpha:g} over {len(self.information)} looks>"

    @property
    def tail_probabilities(self) -> tuple[float, ...]:
        """The nominal one-sided level of each look: the boundary for a p-value of any reference distribution."""
        return tuple(float(special.ndtr(-value)) for value in self.critical_values)

    def summary(self) -> str:
        """Say the boundaries in one sentence."""
        values = ", ".join(f"{value:.3f}" for value in self.critical_values)
        looks = len(self.critical_values)
        return f"{self.design}, error {self.alpha:g} over {looks} looks: a claim needs z above {values}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per look."""
        import pandas as pd

        return pd.DataFrame(
            {
                "look": range(1, len(self.information) + 1),
                "information": self.information,
                "critical_value": self.critical_values,
                "nominal_p": self.tail_probabilities,
                "alpha_spent": self.alpha_spent,
            }
        )

    def plot(self) -> Any:
        """Draw the boundary over the information; return the matplotlib figure."""
        from evalkit import figures

        return figures.bounds(self)

    def _repr_html_(self) -> str:
        from evalkit import markup

        rows = [
            (str(k + 1), f"{t:.4g}", f"{z:.4f}", f"{p:.3g}", f"{spent:.4g}")
            for k, (t, z, p, spent) in enumerate(
                zip(self.information, self.critical_values, self.tail_probabilities, self.alpha_spent, strict=True)
            )
        ]
        headings = ("look", "information", "critical value", "nominal p", "alpha spent")
        return markup.table(f"{self.design}, error {self.alpha:g}", headings, rows).text


def group_sequential_bounds(
    *,
    looks: int | None = None,
    information: ArrayLike | None = None,
    alpha: float = 0.025,
    spending: Spending = "obrien-fleming",
) -> GroupSequentialBounds:
    """Return the boundaries that an error-spending function gives (Lan and DeMets), one-sided.

    Columns are lists, or of NumPy, pandas, Polars or PyArrow; the result is the same.

    Parameters
    ----------
    looks : number of looks planned, at most 100. Alone: equally spaced. Beside `information`: when as many looks have
        been taken as planned, the last spends all that is left, even where less information than planned
        came in (under-running); looks beyond that have nothing left.
    information : shares of the planned information at the looks taken so far, increasing; the last may lie
        above 1 (over-running): from 1 on all of alpha is spent.
    alpha : one-sided error over all looks, below 0.5.
    spending : "obrien-fleming" (hardly anything early) or "pocock" (about the same hurdle at every look).

    Raises
    ------
    ParameterError : neither looks nor information is given, shares do not increase, or a value is out of range.

    Source: Lan and DeMets (1983), Biometrika 70, 659-663. Jennison and Turnbull (2000), Group Sequential
    Methods, chapters 7 and 19.

    >>> [round(value, 4) for value in group_sequential_bounds(looks=3).critical_values]
    [3.7103, 2.5114, 1.993]
    """
    if spending not in SPENDING:
        raise ParameterError(
            f"spending is {spending!r}; expected {' or '.join(map(repr, SPENDING))}.{nearest(str(spending), SPENDING)}"
        )
    if not 0 < number_of(alpha) < 0.5:
        raise ParameterError(f"alpha is {shown(alpha)}; expected a one-sided error between 0 and 0.5, such as 0.025.")
    shares = _shares(looks, information)
    spent = spent_at(shares, looks, alpha, spending)
    return GroupSequentialBounds(
        information=shares,
        critical_values=boundaries_of(shares, spent),
        alpha_spent=spent,
        alpha=alpha,
        design={"obrien-fleming": "O'Brien–Fleming type spending", "pocock": "Pocock type spending"}[spending],
    )


def classic_bounds(*, looks: int, alpha: float = 0.05, design: Spending = "pocock") -> GroupSequentialBounds:
    """Return Pocock's or O'Brien and Fleming's own two-sided boundaries for equally spaced looks.

    Parameters
    ----------
    looks : number of looks.
    alpha : two-sided error over all looks.
    design : "pocock", one critical value throughout, or "obrien-fleming", falling with the root of the look.

    Source: Pocock (1977), Biometrika 64, 191-199; O'Brien and Fleming (1979), Biometrics 35, 549-556;
    Jennison and Turnbull (2000), Group Sequential Methods, tables 2.1 and 2.3.

    >>> round(classic_bounds(looks=5).critical_values[0], 3)
    2.413
    """
    if design not in SPENDING:
        raise ParameterError(f"design is {design!r}; expected {' or '.join(map(repr, SPENDING))}.")
    if not 0 < number_of(alpha) < 1:
        raise ParameterError(f"alpha is {shown(alpha)}; expected an error between 0 and 1, such as 0.05.")
    shares = _shares(looks, None)
    shape = np.ones(len(shares)) if design == "pocock" else 1 / np.sqrt(shares)

    def spent(constant: float) -> Array:
        paths = _Paths(shares, two_sided=True)
        return np.cumsum([paths.advance(constant * c) for c in shape])

    constant = crossing(lambda c: spent(c)[-1] - alpha, 0.0, 20.0)
    return GroupSequentialBounds(
        information=shares,
        critical_values=tuple(float(constant * c) for c in shape),
        alpha_spent=tuple(map(float, spent(constant))),
        alpha=alpha,
        design={"pocock": "Pocock", "obrien-fleming": "O'Brien–Fleming"}[design],
    )


def _shares(looks: int | None, information: ArrayLike | None) -> tuple[float, ...]:
    if looks is not None and number_of(looks) not in range(1, MOST_LOOKS + 1):
        raise ParameterError(
            f"looks is {shown(looks)}; expected a whole number between 1 and {MOST_LOOKS}; for any number of looks "
            "there is `evalkit.confidence_sequence`."
        )
    if information is None:
        if looks is None:
            raise ParameterError("Give looks (how many are planned) or information (its share at each look).")
        return tuple((k + 1) / looks for k in range(int(looks)))
    shares = tuple(columns.numbers(information, "information").ravel().tolist())
    if len(shares) > MOST_LOOKS:
        raise ParameterError(f"information has {len(shares)} shares; expected {MOST_LOOKS} looks at most.")
    if not shares or not all(math.isfinite(share) and share > 0 for share in shares):
        raise ParameterError(f"information is {list(shares)}; expected shares above 0 of what is planned.")
    for k, (earlier, later) in enumerate(pairwise(shares), start=2):
        if later <= earlier:
            raise ParameterError(
                f"information does not grow at look {k} ({earlier:g}, then {later:g}); expected increasing shares."
            )
    return shares


def spent_at(shares: Sequence[float], looks: int | None, alpha: float, spending: Spending) -> tuple[float, ...]:
    """Return the cumulative error spent at each look."""
    return tuple(
        alpha if looks is not None and look >= looks else SPENDING[spending](share, alpha)
        for look, share in enumerate(shares, start=1)
    )


@lru_cache(maxsize=4096)
def boundaries_of(shares: tuple[float, ...], spent: tuple[float, ...]) -> tuple[float, ...]:
    """Return the boundary of each look, from shares of information and cumulative error spent."""
    paths = _Paths(shares)
    boundaries = []
    for now, earlier in zip(spent, (0.0, *spent[:-1]), strict=True):
        # What is smaller than the rounding of the difference is nothing.
        boundaries.append(paths.boundary(now - earlier if now - earlier > 1e-14 * now else 0.0))
        paths.advance(boundaries[-1])
    return tuple(boundaries)


class _Paths:
    """The paths that have not crossed: quadrature nodes and masses of the score, whose variance is the information."""

    def __init__(self, shares: tuple[float, ...], *, two_sided: bool = False) -> None:
        self.shares = shares
        self.steps = [math.sqrt(later - earlier) for earlier, later in pairwise((0.0, *shares))]
        self.two_sided = two_sided
        self.look = 0
        self.nodes: Array = np.zeros(1)
        self.masses: Array = np.ones(1)

    def exit(self, boundary: float) -> float:
        """Return the probability to be beyond `boundary` at the next look without having crossed before."""
        reached = boundary * math.sqrt(self.shares[self.look])
        above = special.ndtr((self.nodes - reached) / self.steps[self.look])
        return float(self.masses @ above) * (2 if self.two_sided else 1)

    def boundary(self, error: float) -> float:
        """Return the boundary that is first crossed at the next look with probability `error`."""
        if error < 1e-300:
            return math.inf
        return crossing(lambda boundary: self.exit(boundary) - error, -_FAR, 40.0)

    def advance(self, boundary: float) -> float:
        """Move on past the next look; return the probability to cross there."""
        crossed = self.exit(boundary) if math.isfinite(boundary) else 0.0
        step, root = self.steps[self.look], math.sqrt(self.shares[self.look])
        self.look += 1
        if self.look == len(self.shares):
            return crossed
        high = min(boundary, _FAR) * root
        low = max(-_FAR, -boundary) * root if self.two_sided else -_FAR * root
        # The integrands vary on the scale of the steps before and after this look; three of the shorter on a
        # panel of 16 points leave an error of about 1e-12.
        panels = max(4, math.ceil((high - low) / (3 * min(step, self.steps[self.look]))))
        points, weights = _legendre(16)
        edges = np.linspace(low, high, panels + 1)
        half = (edges[1:] - edges[:-1]) / 2
        nodes = ((edges[1:] + edges[:-1]) / 2)[:, None] + half[:, None] * points
        density = np.exp(-0.5 * ((nodes.ravel()[:, None] - self.nodes) / step) ** 2) @ self.masses
        self.masses = (half[:, None] * weights).ravel() * density / (step * math.sqrt(2 * math.pi))
        self.nodes = nodes.ravel()
        return crossed


@lru_cache(maxsize=2)
def _legendre(points: int) -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return nodes, weights
