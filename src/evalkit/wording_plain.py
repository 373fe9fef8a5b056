"""A goal's result in plain words for who decides: the finding, what changed, what would change it, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalkit import formats, wording
from evalkit.formats import Language, Quantity

if TYPE_CHECKING:
    from evalkit.estimands.control_chart import ControlChart
    from evalkit.estimands.response_time import SurvivalCurve
    from evalkit.evaluation.planning import GoalPower
    from evalkit.results import GoalResult, SensitivityLine


def finding(result: GoalResult, language: Language = "en", *, unit: str = "") -> str:
    """Return the period's finding as one sentence without statistics; it follows from interval and verdict alone."""
    _, effect = wording.translator(language), result.period.effect
    if effect is None or effect.target_value is None:
        return wording.goal_text(result, language, unit=unit)
    form = wording.shown(result, result.period, language, unit)
    worst, best = (effect.low, effect.high) if result.better == "higher" else (effect.high, effect.low)
    beyond = (effect.estimate > effect.target_value) == (result.better == "higher")
    if result.verdict == "achieved":
        told = _("The promise of {target} is kept: {estimate} {how}, and {worst} even at the interval's worse end.")
    elif result.verdict == "not_achieved":
        told = _("The promise of {target} is not kept: {estimate} {how}, and {best} even at the interval's better end.")
    elif result.period.verdict == "achieved":
        told = _(
            "{estimate} {how} where {target} was promised: enough for this goal alone, not quite when all goals are"
            " judged together."
        )
    elif beyond:
        told = _("{estimate} {how} where {target} was promised, but not certain: the records also fit {worst}.")
    else:
        told = _(
            "{estimate} {how} where {target} was promised; that it is kept is not ruled out: the records also fit"
            " {best}."
        )
        if result.to_date is not None and result.to_date_verdict == "not_achieved":
            told += _(" Since implementation it is ruled out.")
    return told.format(
        target=form.target(effect.target_value),
        estimate=form.text(effect.estimate),
        how=wording.how(result, language),
        worst=form.text(worst),
        best=form.text(best),
    )


def since_last(result: GoalResult, last: GoalResult, period: str, language: Language = "en", *, unit: str = "") -> str:
    """Return what changed since the last period: verdict and estimate."""
    _ = wording.translator(language)
    then, now = wording.verdict(last.verdict, language), wording.verdict(result.verdict, language)
    told = (
        _("Since {period}: still {verdict}").format(period=period, verdict=now)
        if last.verdict == result.verdict
        else _("Since {period}: from {then} to {verdict}").format(period=period, then=then, verdict=now)
    )
    before, after = last.period.effect, result.period.effect
    if before is None or after is None:
        return _("{text}.").format(text=told)
    form = both(result, [before.estimate, after.estimate, after.low, after.high], language, unit)
    return _("{text}; estimate {before}, now {after}.").format(
        text=told, before=form.text(before.estimate), after=form.text(after.estimate)
    )


def both(result: GoalResult, values: list[float | None], language: Language, unit: str = "") -> Quantity:
    """Return how effects of a goal, on its own scale, are shown beside each other and its target."""
    return formats.quantity(
        result.kind,
        result.period.scale,
        values,
        target=result.period.target_value,
        unit=unit,
        points=wording.translator(language)("percentage points"),
        language=language,
    )


def together(
    result: GoalResult, lines: Sequence[SensitivityLine], language: Language = "en", unit: str = ""
) -> Quantity:
    """Return how the estimates and intervals of a goal's other choices are shown, in table and picture alike."""
    return both(result, [v for line in lines for v in (line.estimate, line.low, line.high)], language, unit)


def alternatives(result: GoalResult) -> tuple[SensitivityLine, ...]:
    """Return a goal's other reasonable choices; without the months' of a level, which nothing is divided by, where
    they change no figure."""
    effect = result.period.effect
    own = (effect.estimate, effect.low, effect.high) if effect and result.period.scale == "level" else None
    return tuple(
        line
        for line in result.sensitivity
        if line.name not in ("same months", "whole baseline") or (line.estimate, line.low, line.high) != own
    )


def what_would_change(result: GoalResult, language: Language = "en", *, unit: str = "") -> list[str]:
    """Return what the verdict hangs on: how far the interval is from another one, and which choices give another."""
    _, effect = wording.translator(language), result.period.effect
    if effect is None or effect.target_value is None or effect.verdict is None:
        return []
    form = wording.shown(result, result.period, language, unit)
    worst, best = (effect.low, effect.high) if result.better == "higher" else (effect.high, effect.low)
    words = {"target": form.target(effect.target_value), "worst": form.text(worst), "best": form.text(best)}
    told = []
    if effect.verdict == "achieved":
        told.append(_("The interval's worse end, {worst}, would have to lie on the wrong side of {target}."))
    elif effect.verdict == "not_achieved":
        told.append(_("The interval's better end, {best}, would have to reach {target}."))
    else:
        told.append(
            _(
                "For “achieved” the interval's worse end, now {worst}, would have to pass {target}; for “not achieved”"
                " its better end, now {best}, would have to fall short of it."
            )
        )
    if result.verdict == "inconclusive" and effect.verdict == "achieved":
        told = [
            _(
                "For “achieved” the goal's p-value ({p}) would have to hold after the correction for all goals: now"
                " {adjusted}."
            )
        ]
    words |= {"p": formats.probability(effect.p_target), "adjusted": formats.probability(result.p_target_adjusted)}
    others: dict[str, list[str]] = {}
    for line in result.sensitivity:
        if line.verdict and line.verdict != effect.verdict:
            name = wording.looked_up("sensitivity", line.name, line.name, language)
            others.setdefault(wording.verdict(line.verdict, language), []).append(name)
    separator = "、" if language == "zh" else ", "
    for verdict, names in others.items():
        told.append(
            _("Taken alone it would be {verdict} under another reasonable choice: {names}.").format(
                verdict=verdict, names=separator.join(names)
            )
        )
    if result.sensitivity and not others:
        told.append(_("No other choice in the table above gives another verdict of the period by itself."))
    return [text.format(**words) for text in told]


def power(result: GoalResult, plan: GoalPower, language: Language = "en", *, unit: str = "") -> list[str]:
    """Return what the goal's records can show, and how many periods are still needed."""
    _ = wording.translator(language)
    period, to_date = plan.period, plan.to_date
    if period is None:
        return [_("The records give no answer.")]
    known = [period.detectable, to_date.detectable if to_date else None, plan.observed, plan.assumed]
    form = both(result, known, language, unit)
    wanted = formats.percent(0.8, 0, language)
    told = [
        _("In one coming period “achieved” has a chance of {wanted} when the true effect is {effect}.").format(
            wanted=wanted, effect=form.text(period.detectable)
        )
        if period.detectable is not None
        else _("In one coming period no effect gives “achieved” a chance of {wanted}.").format(wanted=wanted)
    ]
    if to_date is not None and to_date.detectable is not None:
        told.append(
            _("Everything to date would give it that chance at {effect}.").format(effect=form.text(to_date.detectable))
        )
    if plan.observed is not None:
        told.append(
            _(
                "If the truth is what is estimated to date, {effect}, the chance is {period} a period and {all} to"
                " date."
            ).format(
                effect=form.text(plan.observed),
                period=formats.chance(plan.at.get("period_observed"), language),
                all=formats.chance(plan.at.get("to_date_observed"), language),
            )
        )
    if plan.assumed is not None:
        words = {"assumed": form.text(plan.assumed), "done": plan.periods_done}
        many = plan.periods_needed or 0
        words["needed"] = (_("{number} period") if many == 1 else _("{number} periods")).format(number=many)
        if plan.periods_needed is None:
            text = _("For a true effect of {assumed} no number of periods within the plan gives a chance of {wanted}.")
        elif plan.periods_needed <= plan.periods_done:
            text = _("For a true effect of {assumed} a chance of {wanted} takes {needed} to date (done: {done}).")
        else:
            text = _(
                "For a true effect of {assumed} a chance of {wanted} takes {needed} to date (done: {done}), so more"
                " data are needed."
            )
        told.append(text.format(wanted=wanted, **words))
    return told


def assurance(code: str, language: Language = "en") -> str:
    """Return whether a process reliably meets its target, in a few words."""
    _ = wording.translator(language)
    return {
        "met": _("reliably met"),
        "missed": _("missed unless the process changes"),
        "hit-or-miss": _("met or missed by chance"),
    }[code]


SEASON_SHOWS, TWO_YEARS = 10, 24
"""Months of a stretch in which a season may break rules by itself; those from which a chart could tell it apart."""


def process(chart: ControlChart, form: Quantity, language: Language = "en") -> str:
    """Return how the process runs, and, where no rule is broken, whether single months will meet the target."""
    _ = wording.translator(language)
    last = chart.segment == chart.segment[-1]
    broken = np.flatnonzero(last & (chart.variation != "common"))
    words = {
        "centre": form.text(float(chart.centre[-1])),
        "range": form.interval(*chart.usual),
        "broken": broken.size,
        "first": str(chart.times[broken[0]])[:7] if broken.size else "",  # the month of a date
        "count": int(last.sum()),
        "target": form.target(chart.target),
    }
    if not broken.size:
        told = [_("As it runs now the process lies about {centre}, its months from {range} by chance alone.")]
        told.append(_("None of its {count} months breaks a rule."))
    else:  # the limits of such a process foretell nothing
        told = [_("The process has averaged {centre}; by chance alone its months would lie from {range}.")]
        told.append(
            _(
                "1 of its {count} months breaks a rule ({first}), so it has not been stable and nothing is said about"
                " single months to come."
            )
            if broken.size == 1
            else _(
                "{broken} of its {count} months break a rule (the first: {first}), so it has not been stable and"
                " nothing is said about single months to come."
            )
        )
    months, first = int(last.sum()), int((chart.segment == chart.segment[0]).sum())
    runs = ((chart.shift != 0) | (chart.trend != 0))[last].any()  # a season breaks the rules of runs
    if runs and months >= SEASON_SHOWS and first < TWO_YEARS:
        told.append(
            _("A season looks the same, and a chart with less than two years before the change cannot tell them apart.")
        )
    if chart.assurance is not None:
        told.append(
            {
                "met": _("It will reliably meet the target of {target} month by month."),
                "missed": _("It will miss the target of {target} month by month unless it is changed."),
                "hit-or-miss": _("Whether a single month meets the target of {target} is left to chance."),
            }[chart.assurance]
        )
    if chart.provisional:
        told.append(_("With fewer than 12 months its limits may still move."))
    return (" " if language == "en" else "").join(text.format(**words) for text in told)


def duration(value: float, unit: str, language: Language = "en") -> str:
    """Return a length of time in hours or days (`unit`), with no needless decimals.

    >>> duration(8.0, "hours"), duration(1.0, "days"), duration(2.25, "days")
    ('8 hours', '1 day', '2.2 days')
    """
    _ = wording.translator(language)
    number = formats.number(value, 1).removesuffix(".0")
    if unit == "hours":
        return (_("{number} hour") if value == 1 else _("{number} hours")).format(number=number)
    return (_("{number} day") if value == 1 else _("{number} days")).format(number=number)


def response(
    curves: Mapping[str, SurvivalCurve], window: float, language: Language = "en", *, unit: str = "days"
) -> str:
    """Return how the time to an answer changed, in one sentence; curves and window are in the `unit`."""
    _ = wording.translator(language)
    within = duration(window, unit, language)
    told = []
    for arm, text, alone in (
        (
            "before",
            _("before, half were answered within {median} and {share} within {window}"),
            _("before, half were answered within {median}"),
        ),
        ("after", _("after, half within {median} and {share} within {window}"), _("after, half within {median}")),
    ):
        if arm in curves:
            known = window <= curves[arm].known_until
            share = formats.percent(curves[arm].within(window)[0] if known else None, 1, language)
            median = duration(curves[arm].median, unit, language)
            told.append((text if known else alone).format(median=median, share=share, window=within))
    text = ("；" if language == "zh" else "; ").join(told)
    return _("{text}.").format(text=text[:1].upper() + text[1:])


def expected_by(*, trend: bool, season: bool, language: Language = "en") -> str:
    """Return what a time series' expectation rests on, in words."""
    _ = wording.translator(language)
    words = {
        (False, False): _("the months before"),
        (True, False): _("the months before and their trend"),
        (False, True): _("the months before and their season"),
        (True, True): _("the months before, their trend and season"),
    }
    return words[trend, season]
