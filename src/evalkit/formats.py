"""Numbers and dates as readers see them: the same everywhere, whatever the machine's locale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from evalkit.results import Language as Language

_MOST_DECIMALS = 8
_PER: dict[Language, dict[float, str]] = {
    "en": {1e3: "per 1,000", 1e6: "per million"},
    "zh": {1e3: "/千", 1e6: "/百万"},
}
_DECLARED = 5  # nobody promises a target of more than four decimals; what has more was worked out


def number(value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a number with thousands separated, a true minus sign, and a dash for none.

    >>> number(-1234.5, 1), number(0.25, 2, signed=True), number(None)
    ('−1,234.5', '+0.25', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", "−")


def count(value: int | None) -> str:
    """Return a count with thousands separated."""
    return number(value)


def decimals_for(values: Iterable[float | None], *, apart_from: float | None = None, significant: int = 3) -> int:
    """Return how many decimals show the values to `significant` figures of the largest, and never round a
    value onto `apart_from` (the target) that is not it: rounding must not contradict the verdict.

    >>> decimals_for([0.926, 0.8997]), decimals_for([0.89996, 0.926], apart_from=0.9)
    (3, 5)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max((abs(value) for value in (*known, apart_from or 0.0)), default=0.0)
    decimals = max(0, significant - 1 - math.floor(math.log10(largest))) if largest > 0 else 0
    if apart_from is None:
        return min(decimals, _MOST_DECIMALS)
    while decimals < _MOST_DECIMALS and any(
        round(value, decimals) == round(apart_from, decimals) and not math.isclose(value, apart_from, rel_tol=1e-9)
        for value in known
    ):
        decimals += 1
    return min(decimals, _MOST_DECIMALS)


def percent(share: float | None, decimals: int = 0, language: Language = "en") -> str:
    """Return a share as a percentage.

    >>> percent(0.8), percent(0.034, 1, "zh"), percent(None)
    ('80 %', '3.4%', '–')
    """
    return "–" if share is None else f"{number(100 * share, decimals)}{'' if language == 'zh' else ' '}%"


def chance(share: float | None, language: Language = "en") -> str:
    """Return a probability as whole percents, one that is neither sure nor excluded never as 100 or 0.

    >>> chance(0.26), chance(0.9999), chance(1e-9)
    ('26 %', '> 99 %', '< 1 %')
    """
    if share is None or 0.005 <= share <= 0.995:
        return percent(share, 0, language)
    return f"> {percent(0.99, 0, language)}" if share > 0.5 else f"< {percent(0.01, 0, language)}"


def probability(value: float | None) -> str:
    """Return a p-value as `p = 0.034` or `p < 0.001`.

    >>> probability(0.0251), probability(0.00001), probability(0.34)
    ('p = 0.0251', 'p < 0.001', 'p = 0.340')
    """
    if value is None:
        return "–"
    if value < 0.001:
        return "p < 0.001"
    return f"p = {value:.{4 if value < 0.1 else 3}f}"


def day(value: date, language: Language = "en") -> str:
    """Return a date in words.

    >>> day(date(2026, 9, 30)), day(date(2026, 9, 30), "zh")
    ('30 September 2026', '2026年9月30日')
    """
    from babel.dates import format_date

    # Babel knows the months' names; the pattern is ours, since "long" differs between English regions.
    pattern, locale = ("y年M月d日", "zh") if language == "zh" else ("d MMMM y", "en")
    return format_date(value, pattern, locale=locale)


def span(start: date, end: date, language: Language = "en") -> str:
    """Return the days from `start` to `end` in words.

    >>> span(date(2026, 7, 1), date(2026, 9, 30))
    '1 July to 30 September 2026'
    """
    if language == "zh":
        return f"{day(start, 'zh')}至{day(end, 'zh')}"
    if start == end:
        return day(end)
    first = day(start).removesuffix(f" {end.year}") if start.year == end.year else day(start)
    return f"{first} to {day(end)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """How one kind of figure is shown: `factor` and `offset` turn the raw value into the shown one.

    A ratio of 1.10 is shown as +10 %, a share of 0.926 as 92.6 %, a difference of shares in percentage points.
    """

    factor: float = 1.0
    offset: float = 0.0
    signed: bool = False
    percent: bool = False
    unit: str = ""
    decimals: int = 2
    language: Language = "en"

    def shown(self, value: float) -> float:
        """Return the raw value on the shown scale."""
        return value * self.factor + self.offset

    def bare(self, value: float | None, decimals: int | None = None) -> str:
        """Return the value without its unit."""
        places = self.decimals if decimals is None else decimals
        return number(None if value is None else self.shown(value), places, signed=self.signed)

    def text(self, value: float | None) -> str:
        """Return the value with its unit.

        >>> Quantity(factor=100, offset=-100, signed=True, percent=True, decimals=1).text(1.113)
        '+11.3 %'
        """
        return self._with_unit(self.bare(value)) if value is not None else "–"

    def target(self, value: float | None) -> str:
        """Return a target with its unit and no needless decimals; one worked out from the baseline as its estimate.

        >>> Quantity(factor=100, offset=-100, signed=True, percent=True, decimals=1).target(0.8)
        '−20 %'
        """
        if value is None:
            return "–"
        shown = self.shown(value)
        decimals = next((d for d in range(_DECLARED) if math.isclose(round(shown, d), shown, abs_tol=1e-9)), None)
        return self._with_unit(self.bare(value, decimals))  # without an end: as the others

    def interval(self, low: float | None, high: float | None) -> str:
        """Return an interval, its unit told once unless it is a percent sign."""
        middle = "至" if self.language == "zh" else " to "
        if self.percent:
            return f"{self.text(low)}{middle}{self.text(high)}"
        return self._with_unit(f"{self.bare(low)}{middle}{self.bare(high)}")

    def _with_unit(self, text: str) -> str:
        gap = "" if self.language == "zh" else " "
        if self.percent:
            return f"{text}{gap}%"
        return f"{text}{gap}{self.unit}" if self.unit else text


def quantity(
    kind: str,
    scale: str,
    values: Iterable[float | None],
    *,
    target: float | None = None,
    unit: str = "",
    points: str = "percentage points",
    language: Language = "en",
) -> Quantity:
    """Return how values of a metric `kind` on a `scale` (ratio, difference, level) are shown together.

    `values` are all that will be shown side by side; they share their decimals. Small rates are told per 1,000 or per
    million.

    >>> quantity("rate", "level", [3.516e-05, 2.9e-05]).text(3.516e-05), quantity("rate", "level", [0.352]).text(0.352)
    ('35.2 per million', '0.352')
    """
    values = list(values)
    if scale == "ratio":
        form = Quantity(factor=100.0, offset=-100.0, signed=True, percent=True, language=language)
    elif kind == "proportion":
        level = scale == "level"
        form = Quantity(factor=100.0, signed=not level, percent=level, unit="" if level else points, language=language)
    else:
        factor = _factor((*values, target)) if kind == "rate" else 1.0
        unit = _PER[language].get(factor, unit)
        form = Quantity(factor=factor, signed=scale == "difference", unit=unit, language=language)
    shown = [form.shown(value) for value in values if value is not None and math.isfinite(value)]
    aim = None if target is None else form.shown(target)
    decimals = decimals_for(shown, apart_from=aim)
    if form.factor == 100.0 and decimals > 1 and max((abs(value) for value in shown), default=0.0) >= 1:
        decimals = max(1, decimals_for(shown, apart_from=aim, significant=2))
    return Quantity(
        factor=form.factor,
        offset=form.offset,
        signed=form.signed,
        percent=form.percent,
        unit=form.unit,
        decimals=decimals,
        language=language,
    )


def _factor(values: Iterable[float | None]) -> float:
    """Return what rates below a hundredth are multiplied by, that nobody has to count zeros."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    return 1.0 if largest >= 0.01 or largest == 0 else 1e3 if largest >= 0.001 else 1e6
