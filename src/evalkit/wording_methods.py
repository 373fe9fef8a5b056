"""Each statistical procedure in a plain sentence, with its source: what a goal page says under "Method"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit import formats, wording
from evalkit.formats import Language

if TYPE_CHECKING:
    from evalkit.results import GoalResult


MISSES = {"power": (("branches-5-unequal", 69.0),)}
"""Figures of the calibration, in per cent, that miss their bound; a test compares them with its published result."""
BOUNDED = 110
"""How many of its figures have a bound."""
BESIDE = 8
"""How many lie beyond their bound themselves, though their 99 % Monte-Carlo interval does not."""


def calibration(language: Language = "en") -> str:
    """Return what the calibration leaves: which of the methods' promises are not kept, and by how much."""
    _ = wording.translator(language)
    [(_bank, power)] = MISSES["power"]
    return _(
        "The methods were tried on simulated data of known truth: of {bounded} figures with a bound, {missed} is shown"
        " to miss it. With five very unequal clusters power is {power} % where about 80 % was promised: intervals from"
        " so few clusters are wide. {beside} more lie beyond their bound, by no more than the chance of the simulation"
        " explains (reports/method-validation in evalkit's repository)."
    ).format(bounded=BOUNDED, missed=sum(map(len, MISSES.values())), beside=BESIDE, power=f"{power:.0f}")


def short(method: str, language: Language = "en") -> str:
    """Return a procedure's short name in this language.

    >>> short("cluster jackknife, t, log scale", "zh")
    '群组刀切法，t，对数尺度'
    """
    told = []
    for part in re.split(r", (?![^(]*\))", method):
        lags = re.search(r"\d+(?= lags)", part)
        key = part.replace(lags[0], "{lags}") if lags else part
        told.append(wording.looked_up("method", key, key, language).replace("{lags}", lags[0] if lags else ""))
    return ("，" if language == "zh" else ", ").join(told)


def method_sentences(result: GoalResult, language: Language = "en") -> str:
    """Return how a goal was judged, in two sentences: what was compared, and where the uncertainty comes from."""
    _ = wording.translator(language)
    effect = result.period.effect
    estimand = {
        "mean": {
            "ratio": _("The mean after is divided by the mean of the baseline."),
            "difference": _("The mean of the baseline is subtracted from the mean after."),
            "level": _("The mean itself is estimated."),
        },
        "ratio": {
            "ratio": _("The quotient of sums after is divided by that of the baseline."),
            "difference": _("The quotient of sums of the baseline is subtracted from that after."),
            "level": _("The quotient of sums itself is estimated."),
        },
        "proportion": {
            "ratio": _("The share after is divided by the share of the baseline."),
            "difference": _("The share of the baseline is subtracted from the share after."),
            "level": _("The share itself is estimated."),
        },
        "rate": {
            "ratio": _("The rate after is divided by the rate of the baseline."),
            "difference": _("The rate of the baseline is subtracted from the rate after."),
            "level": _("The rate itself is estimated."),
        },
    }[result.kind][result.period.scale]
    if effect is None:
        return estimand
    df = "" if effect.df is None else _(", {df} degrees of freedom").format(df=formats.number(effect.df, 1))
    told = _procedure(effect.method, language).format(df=df, method=effect.method)
    space = " " if language == "en" else ""
    if effect.details.get("month_shock"):
        told += space + _(
            "Shocks of whole months beyond sampling, and beyond the season where it can be told apart, widen it."
        )
    return estimand + space + told


def _procedure(method: str, language: Language) -> str:
    """Return the sentence of the first procedure whose name is in the method's short name."""
    _ = wording.translator(language)
    sentences = {
        "time series": _(
            "It is the series after against what the months before lead to expect, by a level and the trend and season"
            " that the study's model has; the errors of neighbouring months may be alike (segmented regression{df};"
            " Wagner et al. 2002)."
        ),
        "jackknife": _(
            "Its uncertainty comes from leaving out one cluster at a time, since records of one cluster move together,"
            " with Student's t (delete-one-cluster jackknife{df}; Efron and Stein 1981)."
        ),
        "skewness": _(
            "Its interval is Student's t corrected for skewness{df}, since a few very large values would otherwise"
            " make false reductions (Hall 1992)."
        ),
        "quasi-Poisson": _(
            "Its interval allows counts to vary more than chance alone would make them, by the dispersion of the"
            " monthly counts (quasi-Poisson{df}; McCullagh and Nelder 1989)."
        ),
        "Poisson": _("Its interval is the exact one of Poisson counts (Garwood 1936; Przyborowski and Wilenski 1940)."),
        "Miettinen": _("Its interval inverts the score test of a difference of shares (Miettinen and Nurminen 1985)."),
        "Koopman": _("Its interval inverts the score test of a ratio of shares (Koopman 1984)."),
        "Wilson": _("Its interval inverts the score test of one share (Wilson 1927{df})."),
        "Clopper": _("Its interval is the exact binomial one (Clopper and Pearson 1934)."),
    }
    return next((text for name, text in sentences.items() if name in method), _("Procedure: {method}{df}."))
