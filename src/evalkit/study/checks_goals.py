"""Cross checks of goals and indicators: columns and their types, windows, and choices that contradict each other."""

from __future__ import annotations

from evalkit.errors import nearest
from evalkit.periods import MONTHS_IN
from evalkit.study.checks import NUMERIC, TIMES, Findings, check_span, source_names
from evalkit.study.document import Path, describe, shortened
from evalkit.study.model_goal import (
    Elapsed,
    ExposureOf,
    Goal,
    Indicator,
    InterruptedTimeSeries,
    Mean,
    Proportion,
    Question,
    Rate,
    Ratio,
    Rollout,
    Success,
    Where,
)
from evalkit.study.model_source import FieldOf

GROUPS = ("string", "integer", "boolean")


def check_goals(found: Findings) -> None:
    """Check all goals and indicators."""
    commitments, measures = found.ids("commitments"), found.ids("measures")
    lists: dict[str, tuple[Question, ...]] = {"goals": found.study.goals, "indicators": found.study.indicators}
    for key, questions in lists.items():
        for index, question in enumerate(questions):
            here: Path = (key, index)
            found.refer((*here, "commitment"), question.commitment, "commitment", commitments)
            if isinstance(question, Indicator):
                found.refer((*here, "measure"), question.measure, "measure", measures)
            _check_windows(found, here, question)
            _check_estimator(found, here, question)
            if isinstance(question, Goal):
                _check_target(found, here, question)
            if found.refer((*here, "source"), question.source, "source", source_names(found)):
                _check_columns(found, here, question)


def _check_windows(found: Findings, here: Path, question: Question) -> None:
    phase_in, baseline = question.phase_in, found.study.calendar.baseline
    if phase_in is None or not check_span(found, (*here, "phase_in"), phase_in):
        return
    if phase_in.start <= baseline.end and phase_in.end >= baseline.start:
        found.say(
            (*here, "phase_in"),
            f"the phase-in from {phase_in.start} to {phase_in.end} overlaps the baseline, "
            f"{baseline.start} to {baseline.end}; begin it after the baseline.",
        )
    elif phase_in.end < baseline.start:
        found.say(
            (*here, "phase_in"), f"the phase-in ends on {phase_in.end}, before the baseline; begin it after that."
        )


def _check_target(found: Findings, here: Path, goal: Goal) -> None:
    path, target = (*here, "target"), goal.target
    if isinstance(goal.estimator, InterruptedTimeSeries) and target.scale != "ratio":
        found.say(path, f"an interrupted time series answers relative_change only; the target is a {target.scale}.")
    if isinstance(goal.metric, Proportion):
        if target.level is not None and not 0 <= target.level <= 1:
            told = f"found {describe(target.level)}, expected a share between 0 and 1: 0.90 is 90 %."
            found.say((*path, "level"), told)
        if target.difference is not None and not -1 < target.difference < 1:
            found.say(
                (*path, "difference"),
                f"found {describe(target.difference)}, expected a share between -1 and 1: 0.05 is 5 points.",
            )
    elif isinstance(goal.metric, Rate) and target.level is not None and target.level < 0:
        found.say((*path, "level"), f"found {describe(target.level)}, and a rate is never below 0.")


def _check_estimator(found: Findings, here: Path, question: Question) -> None:
    estimator = question.estimator
    if isinstance(estimator, InterruptedTimeSeries) and estimator.harmonics > 6 // MONTHS_IN[estimator.frequency]:
        most = 6 // MONTHS_IN[estimator.frequency]
        found.say(
            (*here, "estimator", "harmonics"),
            f"found {describe(estimator.harmonics)}; a series by {estimator.frequency} has room for {most} at most.",
        )


def _check_columns(found: Findings, here: Path, question: Question) -> None:
    source = question.source
    _check_metric(found, (*here, "metric"), question)
    for index, condition in enumerate(question.where):
        _check_condition(found, (*here, "where", index), source, condition)
    found.column((*here, "cluster"), source, question.cluster, GROUPS, "a cluster")
    for index, name in enumerate(question.standardise_by):
        path = (*here, "standardise_by", index)
        found.column(path, source, name, GROUPS, "standardisation")
        if name in question.standardise_by[:index]:
            found.say(path, f"the column '{shortened(name)}' stands twice; keep one.")
    if question.rollout is not None:
        _check_rollout(found, (*here, "rollout"), source, question.rollout)


def _check_rollout(found: Findings, path: Path, source: str, rollout: Rollout) -> None:
    found.column((*path, "unit"), source, rollout.unit, GROUPS, "the unit of a roll-out")
    if found.refer((*path, "source"), rollout.source, "source", source_names(found)):
        if rollout.source != source:
            found.column((*path, "unit"), rollout.source, rollout.unit, GROUPS, "the unit of a roll-out")
        found.column((*path, "date"), rollout.source, rollout.date, TIMES, "the date of a roll-out")


def _check_metric(found: Findings, path: Path, question: Question) -> None:
    metric, source = question.metric, question.source
    match metric:
        case Mean(value=str() as value):
            found.column((*path, "value"), source, value, NUMERIC, "a mean")
        case Mean(value=Elapsed() as elapsed):
            _check_elapsed(found, (*path, "value"), source, elapsed)
        case Ratio():
            found.column((*path, "numerator"), source, metric.numerator, NUMERIC, "a sum")
            found.column((*path, "denominator"), source, metric.denominator, NUMERIC, "a sum")
        case Proportion():
            _check_success(found, (*path, "success"), source, metric.success)
        case Rate():
            found.column((*path, "events"), source, metric.events, NUMERIC, "a count of events")
            _check_exposure(found, (*path, "exposure"), question, metric)
    if not isinstance(metric, Rate):
        found.column((*path, "weight"), source, metric.weight, NUMERIC, "a weight")


def _check_elapsed(found: Findings, path: Path, source: str, elapsed: Elapsed) -> None:
    first = found.column((*path, "from"), source, elapsed.from_, TIMES, "the start of a duration")
    last = found.column((*path, "to"), source, elapsed.to, TIMES, "the end of a duration")
    _check_pair(found, path, ("to", elapsed.to), ("from", elapsed.from_))
    _check_hours(found, (*path, "within"), elapsed.within.unit if elapsed.within else None, first, last)


def _check_success(found: Findings, path: Path, source: str, success: Success) -> None:
    if success.within is None:
        if success.of is not None:
            found.say((*path, "of"), "the key 'of' goes with within only; remove it.", at_key=True)
        types = NUMERIC if success.operator != "equals" else ()
        declared = found.column((*path, "column"), source, success.column, types, f"a success by {success.operator}")
        if success.operator == "equals":
            _cast_listed(found, (*path, "equals"), source, success.equals, declared)
        return
    answered = found.column((*path, "column"), source, success.column, TIMES, "a success by within")
    if success.of is None:
        raw = found.document.data
        for part in found.checked.original(path):
            raw = raw[part]
        if raw.get("of") is None:
            found.say(path, "the key 'of' is missing; within needs the column that says when it was received.")
        return
    received = found.column((*path, "of"), source, success.of, TIMES, "a success by within")
    _check_pair(found, path, ("of", success.of), ("column", success.column))
    _check_hours(found, (*path, "within"), success.within.unit, received, answered)


def _check_pair(found: Findings, path: Path, one: tuple[str, str], other: tuple[str, str]) -> None:
    if one[1] == other[1]:
        found.say((*path, one[0]), f"'{one[0]}' and '{other[0]}' are the same column, '{shortened(one[1])}'.")


def _check_hours(found: Findings, path: Path, unit: str | None, *declared: FieldOf | None) -> None:
    dates = [one.name for one in declared if one is not None and one.type == "date"]
    if unit == "h" and dates:
        name = shortened(dates[0])
        found.say(
            path, f"hours cannot be counted in '{name}', which holds dates without times; write days, such as 7d."
        )


def _check_exposure(found: Findings, path: Path, question: Question, metric: Rate) -> None:
    if not isinstance(metric.exposure, ExposureOf):
        if not metric.by_calendar_days:
            found.column(path, question.source, metric.exposure, NUMERIC, "an exposure")
        return
    exposure = metric.exposure
    if found.refer((*path, "source"), exposure.source, "source", source_names(found)):
        found.column((*path, "value"), exposure.source, exposure.value, NUMERIC, "an exposure")
        columns = found.columns(exposure.source)
        for name in question.standardise_by:
            if columns is not None and name not in columns:
                found.say(
                    (*path, "source"),
                    f"the source '{exposure.source}' declares no field '{shortened(name)}', which standardise_by needs "
                    "to divide the exposure.",
                )


def _check_condition(found: Findings, path: Path, source: str, condition: Where) -> None:
    types = {"contains": ("string",), "at_least": (*NUMERIC, *TIMES), "at_most": (*NUMERIC, *TIMES)}
    operator = condition.operator
    declared = found.column((*path, "column"), source, condition.column, types.get(operator, ()), operator)
    if operator == "in":
        for index, value in enumerate(condition.in_ or ()):
            _cast_listed(found, (*path, "in", index), source, value, declared)
    elif operator == "equals":
        _cast_listed(found, (*path, "equals"), source, condition.equals, declared)
    elif operator != "not_null":
        found.cast((*path, operator), condition.operand, declared)


def _cast_listed(found: Findings, path: Path, source: str, value: object, declared: FieldOf | None) -> None:
    """Cast a value; one that the field's enum does not list would never be met, so it is a mistake."""
    result = found.cast(path, value, declared)
    if result is None or declared is None or not declared.constraints.enum:
        return
    index = found.study.sources[source].fields.index(declared)
    enum = ("sources", source, "fields", index, "constraints", "enum")
    known = [found.cast_value((*enum, place), one) for place, one in enumerate(declared.constraints.enum)]
    if result not in known:
        words = [shortened(str(one)) for one in known]
        found.say(
            path,
            f"the field '{shortened(declared.name)}' has no value '{shortened(str(result))}'; its enum lists "
            f"{', '.join(words)}.{nearest(str(result), words)}",
        )
