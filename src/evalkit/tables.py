"""Results as accessible HTML tables: captions, scopes, verdicts as symbol and word, all text from data inert."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evalkit import formats, markup, wording, wording_flags, wording_plain
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.periods import parse_period

if TYPE_CHECKING:
    from evalkit.effect import Effect
    from evalkit.estimands.response_time import SurvivalCurve
    from evalkit.evaluation.detail import Branches
    from evalkit.evaluation.planning import GoalPower
    from evalkit.results import Evaluation, GoalResult, ScopesResult, StudyResult
    from evalkit.study import Study

# Dark text on a light ground: contrast above 7:1 with and without a style sheet, in light and dark notebooks.
_BADGES = {
    "achieved": "background:#d5f0e6;color:#00402d;border-color:#009e73",
    "not_achieved": "background:#fbe0d3;color:#5f2300;border-color:#d55e00",
    "inconclusive": "background:#fdf0d0;color:#4a3500;border-color:#e69f00",
    "not_evaluable": "background:#ececec;color:#333333;border-color:#767676",
    None: "background:#ececec;color:#333333;border-color:#767676",
}


def badge(verdict: str | None, language: Language = "en") -> Html:
    """Return a verdict as symbol and word on its colour."""
    style = f"{_BADGES[verdict]};border:1px solid;border-radius:.3em;padding:.1em .5em;white-space:nowrap"
    return markup.tag("span", wording.badge_text(verdict, language), class_="ek-verdict", style=style)


def effect(result: Effect) -> str:
    """Return one effect as a two-column table."""
    form = formats.quantity(
        "mean", result.scale, [result.estimate, result.low, result.high], target=result.target_value
    )
    rows: list[tuple[str, object]] = [
        (
            "estimate",
            f"{result.estimate:.6g}"
            if result.scale != "ratio"
            else f"{result.estimate:.6g} ({form.text(result.estimate)})",
        ),
        (f"{wording.confidence(result.confidence)} interval", f"{result.low:.6g} to {result.high:.6g}"),
    ]
    if result.target_value is not None:
        rows += [
            ("target", f"{result.target_value:.6g}"),
            ("against the target", formats.probability(result.p_target)),
            ("verdict", badge(result.verdict)),
        ]
    if result.p_change is not None:
        rows.append(("against no change", formats.probability(result.p_change)))
    if result.before is not None:
        rows.append(("before", f"{result.before:.6g}"))
    rows += [("after", f"{result.after:.6g}"), ("method", result.method)]
    name = {"ratio": "Ratio after ÷ before", "difference": "Difference after − before", "level": "Level"}
    return markup.table(name[result.scale], ("", "value"), rows).text


def _cells(result: GoalResult, evaluation: Evaluation, language: Language, unit: str) -> tuple[str, str, str, str, str]:
    """Return before, after, estimate, interval and target as shown."""
    arms, form = wording.levels(result, evaluation, language, unit), wording.shown(result, evaluation, language, unit)
    known = evaluation.effect
    return (
        arms.text(evaluation.before.value) if evaluation.before else "–",
        arms.text(evaluation.after.value) if evaluation.after else "–",
        form.text(known.estimate) if known else "–",
        form.interval(known.low, known.high) if known else "–",
        form.target(evaluation.target_value),
    )


def goal(result: GoalResult, language: Language = "en", *, title: str | None = None, unit: str = "") -> str:
    """Return one goal's two evaluations, this period and since implementation, as a table."""
    _ = wording.translator(language)
    rows = []
    for name, evaluation, verdict in (
        (_("This period"), result.period, result.verdict),
        (_("Since implementation"), result.to_date, result.to_date_verdict),
    ):
        if evaluation is None:
            continue
        rows.append(
            (
                name,
                badge(verdict, language),
                *_cells(result, evaluation, language, unit),
                formats.probability(evaluation.p_target),
            )
        )
    columns = (
        _("Window"),
        _("Verdict"),
        _("Before"),
        _("After"),
        _("Estimate"),
        _("{level} interval").format(level=wording.confidence(result.period.confidence, language)),
        _("Target"),
        _("Against the target"),
    )
    return markup.table(title or result.title, columns, rows, numeric=range(2, 8)).text + _held([result], language)


def _held(results: Sequence[GoalResult], language: Language, titles: Mapping[str, str] | None = None) -> str:
    """Return the note below a table with values that are not the records' own; nothing where all are."""
    told = wording.held(results, language, titles)
    return markup.tag("p", markup.prose(told), class_="ek-soft").text if told else ""


def scopes(result: ScopesResult, language: Language = "en") -> str:
    """Return every goal in every scope of one period."""
    _ = wording.translator(language)
    rows = []
    for scope in result.scopes:
        for one in scope.goals:
            before, after, estimate, interval, target = _cells(one, one.period, language, "")
            label = _("(none)") if scope.scope is None else scope.scope
            rows.append((label, one.title, badge(one.verdict, language), before, after, estimate, interval, target))
    columns = (
        result.by,
        _("Goal"),
        _("Verdict"),
        _("Before"),
        _("After"),
        _("Estimate"),
        _("Interval"),
        _("Target"),
    )
    caption = _("The goals in {period}").format(period=result.period)
    return markup.table(caption, columns, rows, numeric=range(3, 8)).text


def overview(
    result: StudyResult,
    language: Language = "en",
    *,
    titles: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    """Return all goals of a period, verdicts first; `links` leads from a goal to its page."""
    _ = wording.translator(language)
    rows = []
    for one in result.goals:
        before, after, estimate, interval, target = _cells(one, one.period, language, (units or {}).get(one.id, ""))
        name: object = (titles or {}).get(one.id, one.title)
        if links and one.id in links:
            name = markup.tag("a", name, href=links[one.id])
        since = one.to_date_verdict if one.to_date else "not_evaluable"
        rows.append(
            (name, badge(one.verdict, language), before, after, estimate, interval, target, badge(since, language))
        )
    level = wording.confidence(result.goals[0].period.confidence if result.goals else 0.95, language)
    columns = (
        _("Goal"),
        _("Verdict"),
        _("Before"),
        _("After"),
        _("Estimate"),
        _("{level} interval").format(level=level),
        _("Target"),
        _("Since implementation"),
    )
    caption = _("The goals in {period}").format(period=result.period)
    table = markup.table(caption, columns, rows, numeric=range(2, 7)).text
    return table + _held(result.goals, language, titles)


def data_used(result: GoalResult, language: Language = "en", *, unit: str = "") -> str:
    """Return which records a goal's estimates rest on: days, records, clusters and value of each arm."""
    _ = wording.translator(language)
    rows = []
    for window, evaluation in ((_("This period"), result.period), (_("Since implementation"), result.to_date)):
        if evaluation is None:
            continue
        form = wording.levels(result, evaluation, language, unit)
        same = _("{days}, the same calendar months only") if "months" in result.held else "{days}"
        for arm, name, days in ((evaluation.before, _("before"), same), (evaluation.after, _("after"), "{days}")):
            if arm is not None:
                rows.append(
                    (
                        _("{window}, {arm}").format(window=window, arm=name),
                        days.format(days=formats.span(arm.start, arm.end, language)),
                        formats.count(arm.records),
                        formats.count(arm.clusters),
                        form.text(arm.value),
                    )
                )
    columns = (_("Arm"), _("Days"), _("Records"), _("Clusters"), _("Value"))
    table = markup.table(_("Records the estimates rest on"), columns, rows, numeric=(2, 3, 4)).text
    return table + _held([result], language)


def left_out(rejected: Mapping[str, int], counts: Mapping[str, int], language: Language = "en") -> str:
    """Return how many records were rejected on reading, and left out of the metric before and after, by reason.

    `counts` are the result's own: `missing_before`, `open_after`, `not_yet_due_after`, …
    """
    _ = wording.translator(language)
    reasons = {
        "missing": _("the value is missing"),
        "open": _("not finished by the cut-off"),
        "not_yet_due": _("not yet due"),
    }
    arms = {"before": _("baseline"), "after": _("after")}
    rows = [
        (wording.rejection(reason, language), _("whole source, on reading"), formats.count(count))
        for reason, count in rejected.items()
    ]
    for name, told in reasons.items():
        rows += [(told, arms[arm], formats.count(count)) for arm in arms if (count := counts.get(f"{name}_{arm}", 0))]
    columns = (_("Reason"), _("Where"), _("Records"))
    return markup.table(_("Records left out"), columns, rows or [(_("none"), "", "0")], numeric=(2,)).text


def sensitivity(result: GoalResult, language: Language = "en", *, unit: str = "") -> str:
    """Return the estimate under other reasonable choices, with what each choice means."""
    _ = wording.translator(language)
    lines = wording_plain.alternatives(result)
    form = wording_plain.together(result, lines, language, unit)
    rows = [
        (
            wording.looked_up("sensitivity", line.name, line.name, language),
            form.text(line.estimate),
            form.interval(line.low, line.high) if line.estimate is not None else "–",
            badge(line.verdict, language) if line.verdict else "–",
            wording.looked_up("sensitivity note", line.name, line.note, language),
        )
        for line in lines
    ]
    columns = (
        _("Choice"),
        _("Estimate"),
        _("{level} interval").format(level=wording.confidence(result.period.confidence, language)),
        _("Taken alone"),
        _("What differs"),
    )
    return markup.table(_("The same question under other reasonable choices"), columns, rows, numeric=(1, 2)).text


def flags(
    result: GoalResult,
    language: Language = "en",
    *,
    most: int | None = None,
    unit: str = "",
    page: str = "",
    names: Mapping[str, str] | None = None,
) -> str:
    """Return a goal's cautions as a list, what limits the verdict most first.

    With `most` only so many, no mere notes, and how many more there are, with a link to their `page`; that the verdict
    hangs on one cluster is never left out. `names` are the titles of columns that have one.
    """
    shown, more = wording_flags.ranked(result), 0
    if most is not None:
        grave = [flag for flag in shown if flag.severity != "info"]
        shown = grave[:most] + [flag for flag in grave[most:] if flag.code == "influential_cluster"]
        more = len(grave) - len(shown)
    told = markup.items(
        (
            markup.tag("strong", wording.severity(flag.severity, language))
            + markup.prose(wording_flags.sentence(flag, result, language, unit=unit, names=names))
            for flag in shown
        ),
        class_="ek-flags",
    ).text
    return told + (_further(more, page, language).text if more else "")


def _further(count: int, page: str, language: Language) -> Html:
    _ = wording.translator(language)
    text = (_("{number} more caution") if count == 1 else _("{number} more cautions")).format(number=count)
    return markup.tag("p", markup.tag("a", text, href=page) if page else text, class_="ek-soft")


def changes(
    result: StudyResult,
    last: StudyResult,
    language: Language = "en",
    *,
    titles: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> str:
    """Return what changed since the last period: verdict, estimate and interval of each goal then and now."""
    _ = wording.translator(language)
    rows = []
    for now in result.goals:
        for period, one in ((last.period, last[now.id]), (result.period, now)):
            estimate, interval = _cells(one, one.period, language, (units or {}).get(now.id, ""))[2:4]
            rows.append(
                ((titles or {}).get(now.id, now.title), period, badge(one.verdict, language), estimate, interval)
            )
    columns = (_("Goal"), _("Period"), _("Verdict"), _("Estimate"), _("Interval"))
    caption = _("{period} beside {last}").format(period=result.period, last=last.period)
    return markup.table(caption, columns, rows, numeric=(3, 4)).text


def study(file: Study) -> str:
    """Return what a study asks: each goal's id, promise, metric, source and clusters."""
    rows = []
    for one in file.goals:
        form = formats.quantity(one.metric.kind, one.target.scale, [])
        against = {"ratio": "against the baseline", "difference": "from the baseline", "level": "as a level"}
        promise = f"{form.target(one.target.value)} {against[one.target.scale]} ({one.better} is better)"
        rows.append((one.id, wording.title(one), promise, one.metric.kind, one.source, one.cluster or "–"))
    span = formats.span(file.baseline.start, file.baseline.end)
    caption = f"{wording.title(file)}: baseline {span}, programme from {formats.day(file.programme_start)}"
    return markup.table(caption, ("goal", "title", "promise", "metric", "source", "cluster"), rows).text


def side_by_side(head: str, courses: Mapping[str, Sequence[tuple[str, GoalResult]]]) -> str:
    """Return estimate and interval of each row in several periods, the verdict as symbol and colour."""
    periods = sorted(
        {period for course in courses.values() for period, _result in course}, key=lambda p: parse_period(p).start
    )
    rows = []
    for name, course in courses.items():
        there = dict(course)
        target = _cells(course[0][1], course[0][1].period, "en", "")[4]
        rows.append((name, target, *(_in_period(there.get(period)) for period in periods)))
    words = (wording.badge_text(verdict) for verdict in _BADGES if verdict)
    caption = f"Estimate, interval and verdict ({', '.join(words)})"
    return markup.table(caption, (head, "target", *periods), rows, numeric=range(1, 2 + len(periods))).text


def _in_period(result: GoalResult | None) -> object:
    if result is None or result.period.effect is None:
        return "" if result is None else markup.tag("span", wording.SYMBOLS["not_evaluable"])
    form, effect = wording.shown(result, result.period, "en", ""), result.period.effect
    estimate = f"{wording.SYMBOLS[result.verdict]} {form.text(effect.estimate)}"
    interval = f"{form.bare(effect.low)} to {form.bare(effect.high)}"
    shown = markup.tag("strong", estimate) + markup.tag("small", interval, style="display:block")
    style = f"{_BADGES[result.verdict]};display:block;padding:.1em .4em;white-space:nowrap"
    return markup.tag("span", shown, style=style)


def branches(found: Branches, result: GoalResult, cluster: str, language: Language = "en", *, unit: str = "") -> str:
    """Return the metric by cluster as a heat table: each period's shade says how far it is from its own baseline."""
    _ = wording.translator(language)
    values = [v for _label, row in found.rows for v in row if v is not None and not math.isnan(v)]
    form = formats.quantity(result.kind, "level", values, unit=unit, language=language)
    scale = "difference" if result.kind == "proportion" else "ratio"
    change = formats.quantity(result.kind, scale, [0.123], points=_("percentage points"), language=language)

    def cells(row: tuple[float | None, ...]) -> list[object]:
        before, last = row[0], row[-1]
        told: list[object] = [_bare(before, form)]
        told += [_shaded(value, before, result.better, _bare(value, form)) for value in row[1:]]
        if before and last is not None and not math.isnan(before) and not math.isnan(last):
            return [*told, change.text(last - before if scale == "difference" else last / before)]
        return [*told, "–"]

    rows = [(label or _("(none)"), *cells(row)) for label, row in found.rows]
    rows.append((markup.tag("strong", _("all together")), *cells(found.total)))
    columns = (cluster, _("Baseline"), *found.columns[1:], _("Change"))
    caption = _("By {cluster}, as recorded").format(cluster=cluster) + (f" ({form.unit})" if form.unit else "")
    return markup.table(caption, columns, rows, numeric=range(1, len(columns))).text


def _bare(value: float | None, form: formats.Quantity) -> str:
    return "–" if value is None else "*" if math.isnan(value) else form.bare(value)


def _shaded(value: float | None, before: float | None, better: str, text: str) -> object:
    """Return a cell on a shade of blue (better than its baseline) or orange (worse): by 2, 10 and 20 per cent."""
    if not value or not before or math.isnan(value) or math.isnan(before):
        return text
    gain = (value / before - 1) * (1 if better == "higher" else -1)
    shade = ("#d3e7f5", "#a5cfea", "#74b3dd") if gain > 0 else ("#fbe7c6", "#f6ce8b", "#efb04a")
    step = sum(abs(gain) >= limit for limit in (0.02, 0.10, 0.20))
    style = f"display:block;padding:0 .3em;color:#1a1a1a;background:{shade[step - 1]}"
    return markup.tag("span", text, style=style) if step else text


def response_times(
    curves: Mapping[str, SurvivalCurve], window: float, language: Language = "en", *, unit: str = "days"
) -> str:
    """Return median, restricted mean and share within the window, with intervals, before and after.

    Curves and window are in the `unit`, hours or days.
    """
    _ = wording.translator(language)
    share = formats.Quantity(factor=100.0, percent=True, decimals=1, language=language)
    times = formats.Quantity(decimals=1, language=language)
    names = {"before": _("before"), "after": _("after")}
    rows = []
    for arm, curve in curves.items():
        share_within = "–"
        if window <= curve.known_until:
            one, low, high = curve.within(window)
            share_within = f"{share.text(one)} ({share.interval(low, high)})"
        rows.append(
            (
                names[arm],
                formats.count(curve.records),
                f"{times.bare(curve.median)} ({times.interval(*curve.median_interval)})",
                f"{times.bare(curve.restricted_mean)} ({times.interval(*curve.restricted_mean_interval)})",
                share_within,
            )
        )
    horizon = next((curve.horizon for curve in curves.values()), 0.0)
    columns = (
        _("Arm"),
        _("Records"),
        _("Median, {unit}").format(unit=wording.looked_up("unit", unit, unit, language)),
        _("Mean up to {horizon}").format(horizon=wording_plain.duration(horizon, unit, language)),
        _("Within {window}").format(window=wording_plain.duration(window, unit, language)),
    )
    level = wording.confidence(next(iter(curves.values())).confidence, language)
    caption = _("Time to an answer, with {level} intervals").format(level=level)
    return markup.table(caption, columns, rows, numeric=range(1, 5)).text


def planned(plan: GoalPower, result: GoalResult, language: Language = "en", *, unit: str = "") -> str:
    """Return what one coming period, and everything to date, can show."""
    _ = wording.translator(language)
    rows = []
    for key, name, found in (
        ("period", _("One coming period"), plan.period),
        ("to_date", _("Everything to date"), plan.to_date),
    ):
        if found is not None:
            form = wording_plain.both(result, [found.detectable, plan.beyond, plan.observed], language, unit)
            chances = (formats.chance(plan.at.get(f"{key}_{truth}"), language) for truth in ("beyond", "observed"))
            rows.append((name, form.text(found.detectable), *chances))
    form = wording_plain.both(result, [plan.beyond, plan.observed], language, unit)
    columns = (
        _("Window"),
        _("Effect shown with a chance of {wanted}").format(wanted=formats.percent(0.8, 0, language)),
        _("At {effect}, 5 points beyond the target").format(effect=form.text(plan.beyond)),
        _("At {effect}, as estimated to date").format(effect=form.text(plan.observed)),
    )
    return markup.table(
        _("What the records can show, and the chance of “achieved”"), columns, rows, numeric=range(1, 4)
    ).text
