"""An opened study: what researchers, notebooks and the command line call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from evalkit.errors import ConnectionLostError, ParameterError, RecordsError, nearest
from evalkit.periods import Frequency, Period, check_frequency, parse_date, parse_period, period_containing
from evalkit.results import GoalResult, ScopesResult, StudyResult, check_language

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from evalkit.estimands.control_chart import ControlChart
    from evalkit.evaluation.detail import Detail
    from evalkit.evaluation.history import ScopesHistory, StudyHistory
    from evalkit.evaluation.planning import GoalPower
    from evalkit.records import Records
    from evalkit.study import Study


Result = TypeVar("Result", StudyResult, ScopesResult)
Answer = TypeVar("Answer")
WAITS = (1.0, 10.0)  # seconds before an evaluation whose connection broke off is begun anew


def open_study(path: str | Path | None = None) -> OpenStudy:
    """Open a study: the file or folder given, EVALKIT_STUDY, `data/study.yaml` here or above, or `study.yaml` here.

    Raises ParameterError when there is none, or the path is empty or no path; StudyError telling all its mistakes when
    it is wrong.
    """
    from evalkit.study import find, load

    if not isinstance(path, str | os.PathLike | None):
        raise ParameterError(
            f"expected the path of a study file, found {type(path).__name__}; a study reads files or tables: write a "
            "frame to Parquet (`frame.to_parquet`) and name that as a source, or give its columns to the array "
            "functions, such as `ek.ratio_of_means`."
        )
    return OpenStudy(load(find(path)))


class OpenStudy:
    """A study with its records.

    Records are read and validated once, when first needed; nothing is written.

    Attributes
    ----------
    file : the study file as frozen objects (titles, goals, measures, windows).
    """

    def __init__(self, file: Study) -> None:
        self.file = file
        self._records: dict[str, Records] = {}

    def __repr__(self) -> str:
        return f"<study {self.file.id}: {', '.join(goal.id for goal in self.file.goals)}>"

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.study(self.file)

    @cached_property
    def _engines(self) -> Any:
        from evalkit.records.engines import Engines

        return Engines(self.file)

    def source_records(self, name: str) -> Records:
        """Return one source's records with what was rejected. Raises RecordsError, ParameterError."""
        from evalkit.records import open_records

        self.file.source(name)
        if name not in self._records:
            self._records[name] = open_records(self._engines, self.file, name)
        return self._records[name]

    def open_all(self) -> list[Records]:
        """Return every source's records; all that is wrong with any of them is told at once (RecordsError)."""
        found, problems = self.open_each()
        if problems:
            raise RecordsError(problems)
        return found

    def open_each(self) -> tuple[list[Records], list[str]]:
        """Return the records of every source that can be read, and what is wrong with the others."""
        found: list[Records] = []
        problems: dict[str, Sequence[str]] = {}
        for name in self.file.sources:
            try:
                found.append(self.source_records(name))
            except RecordsError as error:
                problems[name] = error.messages
        return found, said_once(problems)

    def records(self, source: str) -> ibis.Table:
        """Return a source's accepted records, lazily: an Ibis table of the declared fields."""
        return self.source_records(source).accepted

    def rejected(self, source: str, period: str | int | Period | None = None) -> dict[str, int]:
        """Return the number of rejected records by reason: all, or those dated within a period."""
        records = self.source_records(source)
        if period is None:
            return dict(records.reasons)
        when = period if isinstance(period, Period) else parse_period(period)
        return records.reasons_within(when.start, when.end)

    def rejections(self, *periods: str | int | Period) -> pd.DataFrame:
        """Return the rejected records of the goals' sources, a row a source and reason: all, and those of each period.

        Records without a date are in `all` only.
        """
        import pandas as pd

        rows = []
        for name in needed_sources(self.file.goals):
            within = {str(period): self.rejected(name, period) for period in periods}
            rows += [
                {"source": name, "reason": reason, "all": count}
                | {label: found.get(reason, 0) for label, found in within.items()}
                for reason, count in self.rejected(name).items()
            ]
        return pd.DataFrame(rows, columns=["source", "reason", "all", *map(str, periods)])

    def evaluate_period(
        self,
        period: str | int | Period,
        *,
        goal: str | None = None,
        as_of: str | date | None = None,
        language: str = "en",
    ) -> StudyResult:
        """Evaluate all goals and indicators for one period.

        Parameters
        ----------
        period : `2025-Q4`, `2025-10`, `2025-H2`, `2025` or `2025-10-01/2025-12-31`.
        goal : return this goal or indicator only; goals are adjusted among all the study's goals all the same.
        as_of : the data cut-off; nothing dated after it counts. Default: the end of the period.

        Raises
        ------
        ParameterError : a goal unknown, a period not understood, before the programme, or after the cut-off.
        RecordsError : records that are not what the study file says, all problems at once.
        """
        when = period if isinstance(period, Period) else parse_period(period)
        cutoff = when.end if as_of in (None, "") else parse_date(as_of, "the data cut-off")
        return self._answered(lambda: self._evaluated([(when, cutoff)], goal, language)[0])

    def evaluate_all(
        self, *, goal: str | None = None, as_of: str | date | None = None, language: str = "en"
    ) -> StudyHistory:
        """Evaluate every calendar period of the programme, each as `evaluate_period` would, in one reading.

        Periods run to `as_of`, by default to a week after the last record (a period is whole where only its last days
        are missing); each period's own cut-off is its end. Raises as `evaluate_period`, and ParameterError where no
        period has ended. What is returned is a tuple that shows, draws and frames its periods side by side; its
        `left_out` says which period the records have begun but not filled.
        """
        from evalkit.evaluation.history import StudyHistory

        watched = [*self.file.goals, *(i for i in self.file.indicators if goal in (None, i.id))]

        def evaluated() -> StudyHistory:
            looks, left_out = self._looks(watched, as_of)
            return StudyHistory(self._evaluated(looks, goal, language), left_out)

        return self._answered(evaluated)

    def evaluate_by(
        self,
        field: str,
        *,
        period: str | int | Period | None = None,
        goal: str | None = None,
        as_of: str | date | None = None,
        language: str = "en",
    ) -> ScopesHistory:
        """Evaluate all goals in every scope, a value of a field such as region or branch, from one reading.

        One result a period: that of `period`, else every calendar period of the programme (as `evaluate_all`).
        Multiplicity runs over all goals in all scopes of a period; a scope with fewer records than `minimum_cell` on
        one side is suppressed, and the next smallest with it where a total would give it away. A goal whose source has
        no such field is named in `not_split`. Raises as `evaluate_period`, and ParameterError for a field none has.
        """
        from evalkit.evaluation.history import ScopesHistory
        from evalkit.evaluation.scopes import evaluate_scopes
        from evalkit.evaluation.windows import check_period

        if goal is not None and goal not in (ids := [one.id for one in self.file.goals]):
            watched = any(goal == one.id for one in self.file.indicators)
            told = "an indicator, and scopes are of goals only" if watched else "no goal of the study"
            raise ParameterError(f"'{goal}' is {told}; it has {', '.join(ids)}.{nearest(goal, ids)}")

        def evaluated() -> tuple[ScopesResult, ...]:
            if period is None:
                looks = self._looks(self.file.goals, as_of)[0]
            else:
                when = period if isinstance(period, Period) else parse_period(period)
                looks = [(when, when.end if as_of in (None, "") else parse_date(as_of, "the data cut-off"))]
            check_language(language)
            for when, cutoff in looks:
                check_period(self.file, when, cutoff)
            self._open_needed(self.file.goals)
            return evaluate_scopes(self.file, self.file.goals, field, looks, self.source_records, language)

        found = self._answered(evaluated)
        if goal is not None and any(goal in one.not_split for one in found):
            raise ParameterError(
                f"--by {field}: the records of '{goal}' have no field '{field}'; name another field, or leave out "
                "--goal to see the goals that have it."
            )
        return ScopesHistory(found if goal is None else (one.only(goal) for one in found))

    def _answered(self, evaluation: Callable[[], Answer]) -> Answer:
        """Return what an evaluation gives; where a connection breaks off, all of it is begun anew, from a new state.

        A server that does not answer in the first place is told at once.
        """
        for attempt, wait in enumerate(WAITS):
            try:
                return evaluation()
            except ConnectionLostError as error:
                if not (error.begun or attempt):
                    raise
            self._records.clear()
            self.__dict__.pop("_engines", None)
            time.sleep(wait)
        return evaluation()

    def _looks(self, questions: Sequence[Any], as_of: str | date | None) -> tuple[list[tuple[Period, date]], str]:
        """Return every period of the programme that has ended by the cut-off, each with its own end as cut-off.

        And, where no cut-off is given, what period is left out because the records have begun but not filled it.
        """
        from evalkit.evaluation.series import GRACE_DAYS

        if as_of not in (None, ""):
            until = parse_date(as_of, "the data cut-off")
            self.latest_period(until)
            return [(period, period.end) for period in self.file.periods(until)], ""
        last = self._last_day(questions)
        if last is None:
            raise ParameterError(
                "No record has a date, so there is no period to evaluate; name one, or mend the records."
            )
        until = last + timedelta(days=GRACE_DAYS)
        ended = self.latest_period(until).end
        begun = period_containing(ended + timedelta(days=1), self.file.calendar.frequency)
        told = (
            f"Records go on to {last}; {begun} is not whole and left out (name it with --period {begun}, or give "
            f"--as-of {begun.end})."
        )
        return [(period, period.end) for period in self.file.periods(until)], told if begun.start <= last else ""

    def last_day(self, until: date | None = None) -> date | None:
        """Return the last day of which some record of the goals tells, of those dated up to a day (today).

        None without any. Raises RecordsError.
        """
        return self._answered(lambda: self._last_day(self.file.goals, until))

    def _last_day(self, questions: Sequence[Any], until: date | None = None) -> date | None:
        from evalkit.evaluation.series import last_day

        self._open_needed(questions)
        return last_day(questions, self.source_records, until)

    def _evaluated(
        self, looks: Sequence[tuple[Period, date]], goal: str | None, language: str
    ) -> tuple[StudyResult, ...]:
        """Evaluate periods at their cut-offs from one reading of the records."""
        from evalkit.evaluation.gather import gathered
        from evalkit.evaluation.windows import check_period

        check_language(language)
        for when, cutoff in looks:
            check_period(self.file, when, cutoff)
        watched = [i for i in self.file.indicators if goal is None or i.id == goal]
        if goal is not None:
            self.file.goal(goal)
        questions = (*self.file.goals, *watched)
        self._open_needed(questions)
        with ThreadPoolExecutor(1) as pool:  # what evaluates is imported while the engine works: both take long
            conductor = pool.submit(import_module, "evalkit.evaluation.conductor")
            asked = gathered(self.file, questions, [((when,), cutoff) for when, cutoff in looks], self.source_records)
            conductor.result()
        from evalkit.evaluation.conductor import adjust_family, evaluate_question

        results = []
        for place, (when, cutoff) in enumerate(looks):
            found = [evaluate_question(self.file, at[place], when, cutoff, language) for at in asked]
            result = StudyResult(
                study=self.file.id,
                period=when.label,
                as_of=cutoff,
                goals=adjust_family(self.file, found[: len(self.file.goals)]),
                indicators=tuple(found[len(self.file.goals) :]),
            )
            results.append(result if goal is None else result.only(goal))
        return tuple(results)

    def with_provenance(self, result: Result) -> Result:
        """Return the result with the hashes of study and code, versions and parameters; data are not hashed here."""
        from evalkit.publish.provenance import provenance

        return replace(result, provenance=provenance(self.file, period=result.period, as_of=result.as_of))

    def _open_needed(self, questions: Sequence[Any]) -> None:
        """Open the sources that these goals and indicators use, telling every problem at once."""
        problems: dict[str, Sequence[str]] = {}
        for name in needed_sources(questions):
            try:
                self.source_records(name)
            except ConnectionLostError:
                raise
            except RecordsError as error:
                problems[name] = error.messages
        if problems:
            raise RecordsError(said_once(problems))

    def evaluate(
        self, goal: str, *, period: str | int | Period, as_of: str | date | None = None, language: str = "en"
    ) -> GoalResult:
        """Evaluate one goal or indicator for one period; goals are adjusted among all the study's goals.

        Raises as `evaluate_period`, and ParameterError for an unknown goal.
        """
        return self.evaluate_period(period, goal=goal, as_of=as_of, language=language)[goal]

    def series(self, goal: str, frequency: Frequency = "month", *, as_of: str | date | None = None) -> pd.DataFrame:
        """Return a goal's metric by calendar period as a tidy frame.

        Columns: start, end (dates), value (NaN where nothing counts), records, numerator, denominator and
        phase ('baseline', 'phase-in' or 'after'). A period that spans two phases stands in both, cut.
        """
        from evalkit.evaluation.series import series

        check_frequency(frequency)
        cutoff = None if as_of in (None, "") else parse_date(as_of, "the data cut-off")
        return series(self.file, self.file.goal(goal), frequency, cutoff, self.source_records)

    def control_chart(
        self, goal: str, frequency: Frequency = "month", *, as_of: str | date | None = None
    ) -> ControlChart:
        """Return a goal's control chart: p for a proportion, u for a rate, XmR otherwise; a new segment after phase-in.

        Rates of events that are no whole numbers have an XmR chart. Left out are months of the phase-in, months without
        records, and those of which more than a week does not count: cut by a window or the cut-off, or not followed up
        for as long as the goal waits. The target, a relative one of the baseline, is drawn unless the goal holds the
        mix or the months, or is judged against its expected course.
        Raises as `evalkit.control_chart`.
        """
        from evalkit.estimands.control_chart import control_chart
        from evalkit.evaluation.series import baseline_target, partial

        question = self.file.goal(goal)
        whole = self.series(goal, frequency, as_of=as_of)
        target = baseline_target(question, whole)
        cutoff = None if as_of in (None, "") else parse_date(as_of, "the data cut-off")
        whole = whole[~partial(self.file, question, whole, frequency, cutoff, self.source_records)]
        frame = whole[(whole["phase"] != "phase-in") & (whole["denominator"] > 0)]
        after = frame.loc[frame["phase"] == "after", "start"]
        kinds: dict[str, Literal["xmr", "p", "u"]] = {"proportion": "p", "rate": "u"}
        weighted = getattr(question.metric, "weight", None) is not None
        whole_numbers = not (frame["numerator"] % 1).any()
        kind = kinds.get(question.metric.kind, "xmr") if whole_numbers and not weighted else "xmr"
        return control_chart(
            frame["value"] if kind == "xmr" else frame["numerator"],
            kind=kind,
            denominators=None if kind == "xmr" else frame["denominator"],
            times=list(frame["start"]),
            step_at=after.iloc[0] if len(after) else None,
            target=target,
            better=question.better,
        )

    def power(self) -> pd.DataFrame:
        """Return what each goal's data can show, one row a goal: from the baseline, before the programme or during it.

        Columns: goal, scale, better, target, baseline (value); detectable_period and detectable_to_date, the true
        effects at which `achieved` has probability 0.8 in the next whole period and in everything to date;
        effect_beyond (5 points beyond the target) and effect_observed (to date), with p_TRUTH_WINDOW, the probabilities
        of `achieved` there; effect_assumed, for which periods are counted; periods_done, periods_needed (in all) and
        periods_still_needed; note. Missing where there is no answer. `evaluation.planning.assumptions` says what all
        this rests on. Raises RecordsError.
        """
        import pandas as pd

        return pd.DataFrame([goal.to_dict() for goal in self.plan()])

    def plan(self, goal: str | None = None, *, as_of: str | date | None = None) -> tuple[GoalPower, ...]:
        """Return the same as `power`, as objects with the curves: `study.plan()[0].period.plot()`.

        `goal` asks for one goal only; `as_of` for what was known on that day.
        """
        from evalkit.evaluation.planning import plan

        goals = [one for one in self.file.goals if goal in (None, one.id)]
        if not goals and not self.file.goals:
            raise ParameterError("the study has no goal yet; write one under `goals` in the study file.")
        if not goals:
            raise ParameterError(
                f"'{goal}' is no goal of the study; it has {', '.join(g.id for g in self.file.goals)}."
            )
        self._open_needed(goals)
        until = None if as_of in (None, "") else parse_date(as_of, "the data cut-off")
        return plan(self.file, self.source_records, goals, until)

    def detail(self, goal: str, period: str | int | Period, *, as_of: str | date | None = None) -> Detail:
        """Return one goal in one period in depth: `histogram()`, `branches()`, `counterfactual()`, `response_times()`.

        Raises as `evaluate_period`.
        """
        from evalkit.evaluation.detail import Detail
        from evalkit.evaluation.windows import check_period

        when = period if isinstance(period, Period) else parse_period(period)
        cutoff = when.end if as_of in (None, "") else parse_date(as_of, "the data cut-off")
        check_period(self.file, when, cutoff)
        return Detail(self.file, self.file.goal(goal), when, cutoff, self.source_records)

    def latest_period(self, until: str | date) -> Period:
        """Return the last calendar period of the programme that has ended by `until`. Raises ParameterError."""
        day = parse_date(until, "`until`")
        periods = self.file.periods(day)
        if not periods:
            raise ParameterError(
                f"No period of the programme has ended by {day}; it starts on {self.file.programme_start}."
            )
        return periods[-1]


def said_once(problems: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is wrong with sources, once where it is the same of several, as of a connection they share.

    >>> said_once({"a": ["source 'a': It is gone."], "b": ["source 'b': It is gone.", "Mend 'c'."]})
    ["sources 'a', 'b': It is gone.", "Mend 'c'."]
    """
    names: dict[str, list[str]] = {}
    for name, told in problems.items():
        for problem in told:
            bare = problem.removeprefix(f"source '{name}': ")
            names.setdefault(bare, []).extend([f"'{name}'"] if bare != problem else [])
    return [f"source{'s' if len(of) > 1 else ''} {', '.join(of)}: {told}" if of else told for told, of in names.items()]


def needed_sources(questions: Sequence[Any]) -> list[str]:
    """Return the sources that these goals or indicators read, in the order met."""
    names: dict[str, None] = {}
    for question in questions:
        names[question.source] = None
        exposure = getattr(question.metric, "exposure", None)
        if exposure is not None and not isinstance(exposure, str):
            names[exposure.source] = None
        if question.rollout is not None:
            names[question.rollout.source] = None
    return list(names)
