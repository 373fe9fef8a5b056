"""A goal's cautions on the scale of its page: −16.5 % where results.json, which programs read, has the ratio 0.835."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit import formats, wording, wording_plain
from evalkit.evaluation.flags import unit_name
from evalkit.formats import Language

if TYPE_CHECKING:
    from evalkit.results import Flag, GoalResult

# by how much they limit the verdict: what overturns it, what undermines the comparison, what the interval lacks; a
# caution in neither list stands between the two
GRAVEST = (
    *("verdict_not_robust", "looks_reached", "multiplicity", "multiplicity_to_date", "looks_exhausted"),
    *("influential_cluster", "no_success", "missing_months", "units_without_exposure", "partial_baseline"),
    *("pre_existing_trend", "rollout_pre_trend", "placebo_in_time", "overdispersion_unchecked"),
    *("month_shocks_unchecked", "regression_to_mean", "participation_change", "few_clusters", "small_counts"),
)
LEAST = ("dominating_cluster", "strata_dropped", "season_not_covered", "partial_period", "case_mix_shift")
_SEVERITY = ("serious", "caution", "info")

_ON_SCALE = ("crude", "estimate", "low", "high", "own", "plain", "value")


def ranked(result: GoalResult) -> list[Flag]:
    """Return a goal's flags, what limits its verdict most first."""
    order = {code: place for place, code in enumerate((*GRAVEST, "", *LEAST))}
    return sorted(result.flags, key=lambda flag: (_SEVERITY.index(flag.severity), order.get(flag.code, order[""])))


def sentence(
    flag: Flag,
    result: GoalResult,
    language: Language = "en",
    *,
    unit: str = "",
    names: Mapping[str, str] | None = None,
) -> str:
    """Return a caution of a goal as one sentence; as it was given where its figures are on no scale of the page.

    `names` are the titles of columns that have one.
    """
    flag = _named_by_title(flag, language, names or {})
    try:
        told = _template(flag, result, language).format(**_words(flag, result, language, unit))
    except KeyError:  # a flag that another version gave, with other figures
        told = ""
    return told or wording.flag_sentence(flag, language)


def _named_by_title(flag: Flag, language: Language, names: Mapping[str, str]) -> Flag:
    """Return the flag with its columns called by what the page calls them."""
    told, message = dict(flag.figures), flag.message
    for key in ("column", "cluster", "columns"):
        known = [(one, wording.column(one, language, names)) for one in str(told.get(key, "")).split(", ") if one]
        if key in told:
            told[key] = ("、" if language == "zh" else ", ").join(name for _one, name in known)
        for one, name in known:
            message = message.replace(f"'{one}'", f"'{name}'")
    return replace(flag, figures=told, message=message)


def _template(flag: Flag, result: GoalResult, language: Language) -> str:
    _, level = wording.translator(language), result.period.scale == "level"
    templates = {
        "looks_reached": _(
            "Taken plainly the figures ({crude}) are beyond the target of {target}, yet the evaluation does not show"
            " it: the estimate is {estimate}, its interval {interval}."
        ),
        "case_mix_shift": _(
            "The mix of {columns} moved by {moved} points; holding it at the baseline's gives {own}, leaving it as it"
            " fell gives {plain}."
        ),
        "pre_existing_trend": _(
            "Before the programme the value already moved by {a_year} a year (p {p}); a part of the change may be that"
            " trend going on. The line “time series” of the sensitivity analysis takes it out."
        ),
        "influential_cluster": _("Without {named} the estimate would be {value}, on the other side of the target."),
        "verdict_not_robust": _("Another reasonable choice gives another verdict: {names}."),
        "multiplicity": _(
            "Taken alone the goal would count as achieved; judged together with all {family} goals its adjusted p-value"
            " ({p}) is not below {alpha}."
        ),
        "ceiling": _(
            "The target asks for {wanted}, beyond the end of the scale; from a baseline of {before} it cannot be"
            " reached."
        ),
        "already_kept": _(
            "The baseline kept this promise already, with {before}; that it is kept is no effect of the programme. What"
            " the programme did is the change against the baseline."
        ),
        "duplicate_keys": _("Rejected records of '{source}' that repeat a key: {count}."),
    }
    if flag.figures.get("case") == "alone":
        templates["pre_existing_trend"] = _(
            "Before the programme the value already moved by {a_year} a year (p {p}); a part of the change may be that"
            " trend going on."
        )
    if level:  # nothing is divided by the baseline, so no line 'same months' could differ
        templates["season_not_covered"] = _(
            "The window holds other calendar months than the baseline, so part of a change against it may be season."
        )
    else:
        templates["placebo_in_time"] = _(
            "The same evaluation finds a change inside the baseline, where no programme ran ({estimate}, p {p});"
            " something else moves this value."
        )
    if flag.code == "looks_reached" and result.period.verdict == "not_achieved":
        return _(
            "Taken plainly the figures ({crude}) are beyond the target of {target}, yet the evaluation shows that it is"
            " missed: the estimate is {estimate}, its interval {interval}."
        )
    if flag.code == "looks_reached":
        crude, estimate = flag.figures["crude"], flag.figures["estimate"]
        if abs(crude - estimate) < 0.005 * abs(estimate):
            return _(
                "The figure {crude} is better than the target of {target}, but its interval, {interval}, reaches past"
                " it."
            )
    return templates.get(flag.code, "")


def _words(flag: Flag, result: GoalResult, language: Language, unit: str) -> dict[str, str]:
    """Return the flag's figures as the page shows such."""
    _, found = wording.translator(language), flag.figures
    form = wording_plain.both(result, [found[name] for name in _ON_SCALE if name in found], language, unit)
    words = {name: form.text(value) if name in _ON_SCALE else _plain(value) for name, value in found.items()}
    separator = "、" if language == "zh" else ", "
    if "target" in found:
        words["target"] = form.target(found["target"])
    if flag.code in ("ceiling", "already_kept"):
        levels = {name: found[name] for name in ("wanted", "before") if name in found}
        level = formats.quantity(result.kind, "level", list(levels.values()), unit=unit, language=language)
        words |= {name: level.text(value) for name, value in levels.items()}
    if "low" in found:
        words["interval"] = form.interval(found["low"], found["high"])
    if "moved" in found:
        words["moved"] = formats.number(found["moved"])
    if "a_year" in found:
        words["a_year"] = _a_year(found["a_year"], result, language, unit, ratio="%" in str(found["unit"]))
    if "alpha" in found:
        words |= {"p": formats.probability(found["p"]), "alpha": f"{found['alpha']:g}"}
    if "label" in found:
        words["named"] = _named(str(found["cluster"]), str(found["label"]), language)
    if flag.code == "verdict_not_robust":
        words["names"] = separator.join(
            _("{name} ({verdict})").format(
                name=wording.looked_up("sensitivity", line.name, line.name, language),
                verdict=wording.verdict(line.verdict, language),
            )
            for line in result.sensitivity
            if line.verdict is not None and line.verdict != result.period.verdict
        )
    return words


def _plain(value: object) -> str:
    return formats.count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _a_year(value: float, result: GoalResult, language: Language, unit: str, *, ratio: bool) -> str:
    """Return a trend a year: in per cent where it is a `ratio`, else in the metric's own units."""
    shown, scale = (1 + value / 100, "ratio") if ratio else (value, "difference")
    points = wording.translator(language)("percentage points")
    form = formats.quantity(result.kind, scale, [shown], unit=unit, points=points, language=language)
    return form.text(shown)


def _named(cluster: str, label: str, language: Language) -> str:
    """Return a unit with what it is, said once."""
    told = unit_name(cluster, label)
    if language == "zh" and told != label:
        return f"{cluster}“{label}”"
    return told
