"""What the command line prints: tables of results, differences, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Any

from evalkit import formats
from evalkit.errors import printable
from evalkit.results import Evaluation, GoalResult, ScopeResult, ScopesResult, StudyResult

if TYPE_CHECKING:
    from evalkit.evaluation.history import StudyHistory
    from evalkit.evaluation.planning import GoalPower
    from evalkit.inference.power import PowerResult
    from evalkit.publish.runner import Outcome, Progress
    from evalkit.publish.verify import Verified
    from evalkit.publish.watch import Watch

MARKS = {"achieved": "✔", "not_achieved": "✘", "inconclusive": "~", "not_evaluable": "–", None: " "}
SHOWN_ROWS = 20
FIGURES = ("Before", "After", "As", "Estimate", "Interval", "Target", "Verdict")
CUT = ("partial_period", "phase_in_overlap")  # not all days of the window are evaluated
LEFT_OUT = (*CUT, "not_yet_due", "missing_values")


def evaluation_table(result: StudyResult) -> None:
    """Print goals and indicators as a table, then what the figures hold, roll-outs, cautions and what is left out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"{result.study}, {result.period}, cut-off {result.as_of}")
    table = Table("Goal", "Window", *FIGURES, box=None, pad_edge=False)
    for goal in (*result.goals, *result.indicators):
        table.add_row(Text(goal.id), "period", *_cells(goal, goal.period), _verdict(goal.verdict))
        if goal.target is not None and goal.to_date is not None:
            table.add_row("", "to date", *_cells(goal, goal.to_date), _verdict(goal.to_date_verdict))
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    _print_held((*result.goals, *result.indicators))
    for goal in (*result.goals, *result.indicators):
        if goal.rollout:
            print(f"{goal.id}: {_rollout(goal.rollout)}")
    for goal in result.goals:
        for flag in goal.flags:
            if flag.severity != "info":
                print(f"{goal.id}: {flag.code}: {flag.message}")
    if any(flag.code == "rejected_rows" and flag.severity != "info" for goal in result.goals for flag in goal.flags):
        print("Rejected records: `evalkit check` says which, why, and what would mend it.")
    left_out, more = _left_out(result)
    for told, ids in left_out.items():
        print(f"{', '.join(ids)}: {told}")
    notes = [f"{counted(number, 'note')} on {kind}" for kind, number in more.items() if number]
    if notes:
        print(f"Not shown: {' and '.join(notes)}; they are on the pages, and in --json.")


def _print_held(goals: Sequence[GoalResult]) -> None:
    """Print which values of the table are adjusted ones, that they do not pass for the records' own."""
    from evalkit import wording

    for holding, told in wording.adjusted(goals):
        print(f"{', '.join(goal.id for goal in holding)}: {told}")


def _rollout(found: Mapping[str, Any]) -> str:
    low, high = map(_number, found["ci"])
    reached, waiting = (counted(found[f"units_{which}"], "unit") for which in ("reached", "waiting"))
    figures = f"{_number(found['estimate'])}, interval {low} to {high}"
    return f"roll-out: {figures} (ratio; {reached} reached against {waiting} not yet reached)"


def _left_out(result: StudyResult) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return the notes on days and records left out, each with the goals it is of, and how many notes are not told."""
    found: dict[str, list[str]] = {}
    more = {"goals": 0, "indicators": 0}
    for goal in (*result.goals, *result.indicators):
        judged = goal.target is not None
        for flag in goal.flags:
            if judged and flag.severity != "info":
                continue
            if flag.code in CUT or (judged and flag.code in LEFT_OUT):
                found.setdefault(f"{flag.code}: {flag.message}", []).append(goal.id)
            else:
                more["goals" if judged else "indicators"] += 1
    return found, more


def history_table(results: StudyHistory) -> None:
    """Print every goal and indicator period by period, a row each."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print(f"{results[0].study}, {results[0].period} to {results[-1].period}, each up to its end")
    table = Table("Goal", "Period", *FIGURES, box=None, pad_edge=False)
    partly, family = False, 0
    for goals in zip(*((*result.goals, *result.indicators) for result in results), strict=True):
        for result, goal in zip(results, goals, strict=True):
            name = goal.id if result is results[0] else ""
            cut = any(flag.code in CUT for flag in goal.flags)
            partly = partly or cut
            period = f"{result.period} *" if cut else result.period
            alone = [flag.figures["family"] for flag in goal.flags if flag.code == "multiplicity"]
            family = max(family, *alone, 0)
            verdict = f"{_verdict(goal.verdict)} †" if alone else _verdict(goal.verdict)
            table.add_row(Text(name), period, *_cells(goal, goal.period), verdict)
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    _print_held((*results[-1].goals, *results[-1].indicators))
    if partly:
        print("* not the whole period: `evaluate --period` says which days, and why.")
    if family:
        print(f"† alone achieved; over the {family} goals together not shown (`inference.multiplicity`).")
    if results.left_out:
        print(results.left_out)


def scopes_table(result: ScopesResult, indicators: int = 0) -> None:
    """Print every goal in every scope of one period, and what is not there: `indicators` are not split."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("Goal", "Scope", *FIGURES, box=None, pad_edge=False)
    notes: dict[str, None] = {}
    for number, name in enumerate(dict.fromkeys(goal.id for scope in result.scopes for goal in scope.goals)):
        if number:
            table.add_section()
        for scope in result.scopes:
            for goal in scope.goals:
                if goal.id == name:
                    verdict, note = _verdict_of_scope(goal)
                    notes |= {note: None} if note else {}
                    table.add_row(Text(name), Text(_label(scope)), *_cells(goal, goal.period), verdict)
    print(f"{result.period}, cut-off {result.as_of}; verdicts hold over all goals and scopes together")
    if result.scopes:
        Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for note in notes:
        print(note)
    for (name, reason), labels in _reasons(result).items():
        print(printable(f"{name}: not evaluable in {', '.join(labels)}: {reason}"))
    if result.unnamed:
        few = "value has so few records that it is" if result.unnamed == 1 else "values have so few that they are"
        print(f"{result.unnamed} further {few} not named (of '{printable(result.by)}').")
    if result.not_split:
        print(f"Not split, their records have no field '{printable(result.by)}': {', '.join(result.not_split)}.")
    if indicators:
        are = "is" if indicators == 1 else "are"
        print(f"Goals only: {counted(indicators, 'indicator')} of the study {are} not split.")


def _label(scope: ScopeResult) -> str:
    return "(none)" if scope.scope is None else printable(str(scope.scope))


def _reasons(result: ScopesResult) -> dict[tuple[str, str], list[str]]:
    """Return why a goal is not evaluable, with the scopes where it is not; goals that nowhere are, are told apart."""
    evaluable = {goal.id for scope in result.scopes for goal in scope.goals if goal.verdict != "not_evaluable"}
    found: dict[tuple[str, str], list[str]] = {}
    for scope in result.scopes:
        for goal in scope.goals:
            reasons = [flag.message for flag in goal.flags if flag.severity == "serious"]
            if goal.id in evaluable and goal.verdict == "not_evaluable" and reasons:
                found.setdefault((goal.id, " ".join(reasons)), []).append(_label(scope))
    return found


def _verdict_of_scope(goal: GoalResult) -> tuple[str, str]:
    """Return the verdict of a row, and what is said once below the table of all rows marked like it."""
    for flag in goal.flags:
        if flag.code == "multiplicity":
            family = flag.figures["family"]
            told = (
                f"*: alone achieved; over the {family} goals and scopes together not shown (`inference.multiplicity`)."
            )
            return f"{_verdict(goal.verdict)} *", told
        if flag.code == "suppressed":
            mark = flag.figures.get("case", "suppressed")
            return mark, f"{mark}: {flag.message.removeprefix('Not shown').lstrip(':, ')}"
    return _verdict(goal.verdict), ""


def power_table(plans: Sequence[GoalPower], basis: str) -> None:
    """Print what each goal's data can show, then what the figures rest on."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = ("As", "Target", "One period", "To date", "Beyond target", "Observed", "Still needed")
    table = Table("Goal", *shown, box=None, pad_edge=False)
    for plan in plans:
        cells = [plan.scale, _number(plan.target), _detectable(plan.period), _detectable(plan.to_date)]
        for truth, effect in (("beyond", plan.beyond), ("observed", plan.observed)):
            chances = [plan.at.get(f"{window}_{truth}") for window in ("period", "to_date")]
            told = ", ".join("–" if chance is None else f"{chance:.0%}" for chance in chances)
            cells.append("–" if effect is None else f"{_number(effect)}: {told}")
        table.add_row(Text(plan.goal), *cells, _needed(plan))
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table)
    for plan in plans:
        if plan.reason:
            print(f"{plan.goal}: {plan.reason}")
    print()
    for line in (*LEGEND, basis):
        print(fill(line, 110))


LEGEND = (
    "One period, To date: the true effect that is shown there with a chance of 80 %; none: no effect is. Beyond "
    "target, Observed: a true effect, then the chance of `achieved` in one coming period and in everything to date; "
    "–: no period has ended, or there is no answer.",
    "Beyond target lies past it by 5 points of a ratio or share, of other differences and levels by 5 % of the "
    "baseline's value; where the metric's bound is near, halfway to it.",
    "Still needed: how many periods more until everything to date shows the target with a chance of 80 %, were the "
    "truth the effect named. `not at Observed`: if what is observed is the truth, the periods done do not give that "
    "chance.",
)


def _detectable(found: PowerResult | None) -> str:
    return "–" if found is None else "none" if found.detectable is None else _number(found.detectable)


def _needed(plan: GoalPower) -> str:
    """Return how many periods are still needed, and for what truth, lest 0 pass for nothing needed."""
    from evalkit.inference.power import WANTED

    if plan.period is None:
        return "–"
    chance = plan.at.get("to_date_observed")
    short = ", not at Observed" if plan.periods_done and plan.still == "0" and (chance or 0) < WANTED else ""
    return f"{plan.still} if {_number(plan.assumed)} is true{short}; {plan.periods_done} done"


def _cells(goal: GoalResult, evaluation: Evaluation) -> tuple[str, ...]:
    effect = evaluation.effect
    before = evaluation.before.value if evaluation.before else None
    after = evaluation.after.value if evaluation.after else None
    shown = [effect.estimate, effect.low, effect.high] if effect else []
    rate = goal.kind == "rate"
    arms = _small("level", [before, after]) if rate else _number
    own = _small(evaluation.scale, [*shown, evaluation.target_value]) if rate else _number
    return (
        arms(before),
        arms(after),
        evaluation.scale,
        own(effect.estimate) if effect else "–",
        f"{own(effect.low)} to {own(effect.high)}" if effect else "–",
        own(evaluation.target_value),
    )


def _small(scale: str, values: Sequence[float | None]) -> Callable[[float | None], str]:
    """Return how rates are shown: as other numbers, but small ones per 1,000 or per million."""
    form = formats.quantity("rate", scale, values)
    return _number if scale == "ratio" or form.factor == 1 else form.text


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _verdict(verdict: str | None) -> str:
    return f"{MARKS[verdict]} {verdict.replace('_', ' ')}" if verdict else ""


@contextmanager
def progress_of_pages(watch: Watch | None = None) -> Iterator[Progress]:
    """Yield what is told each page: a bar on a terminal, plain lines elsewhere, the events of a watch that logs."""
    if watch is not None and watch.log:
        yield watch.page
        return
    if not sys.stderr.isatty():
        yield lambda made, done, of: print(f"{done}/{of} {made.page}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pages", total=None)

        def tell(made: Outcome, done: int, of: int) -> None:
            bar.update(task, description=made.page, completed=done, total=of)

        yield tell


def verified_report(found: Verified, say: Callable[[str], None]) -> None:
    """Print what `verify` found: on stdout that all is the same, on stderr what is not."""
    for problem in found.problems[:SHOWN_ROWS]:
        say(problem)
    if len(found.problems) > SHOWN_ROWS:
        say(f"… and {len(found.problems) - SHOWN_ROWS} more differences.")
    since = f" ({'; '.join(found.since)})" if found.since else ""
    if not found.problems and found.error is None:
        print(f"{found.period}: all {found.numbers} numbers are the same, and nothing published was altered{since}.")
    elif found.problems and since:
        say(f"the likely reason, as to what was recomputed{since}.")


def difference_table(facts: Mapping[str, Any]) -> None:
    """Print two issues side by side: verdicts, estimates, records; then what they were made from."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from evalkit.publish.compare import shown

    sides = [f"{facts[side]['period']}@{facts[side]['issue']}" for side in ("old", "new")]
    heads = [f"{name} {side}" for name in ("Verdict", "Estimate", "Records") for side in sides]
    table = Table("Goal", "Window", *heads, box=None, pad_edge=False)
    for goal in facts["goals"]:
        for window, both in goal["windows"].items():
            if both != [None, None]:
                verdicts = goal["verdict"] if window == "period" else [one and one["verdict"] for one in both]
                cells = [*map(_verdict, verdicts), *map(_estimate, both), *map(_counts, both)]
                table.add_row(Text(goal["id"]), window.replace("_", " "), *map(Text, cells))
    Console(width=None if sys.stdout.isatty() else 180, highlight=False).print(table)
    cutoffs = [str(facts[side]["as_of"]) for side in ("old", "new")]
    print(f"Records up to: {cutoffs[0]}, {cutoffs[1]}" if cutoffs[0] != cutoffs[1] else f"Records up to: {cutoffs[0]}")
    changes = facts["study"]["changes"] or []
    print(f"Study file: {'the same' if facts['study']['same'] else 'differs'}")
    for change in changes:
        print(f"  {printable(change['key'])}: {printable(shown(change['old']))} → {printable(shown(change['new']))}")
    files = [printable(f"{one['source']} ({one['file']})") for one in facts["data"]]
    if files or not facts["tables"]:
        print(f"Record files: {'differ: ' + ', '.join(files) if files else 'the same'}")
    if facts["tables"]:
        print(
            f"Tables ({', '.join(map(printable, facts['tables']))}): what a database held is not recorded; the records "
            "counted above are what tells"
        )
    for way, side in (("no longer", "gone"), ("now", "new")):
        if facts["sources"][side]:
            print(f"  {way} read: {printable(', '.join(facts['sources'][side]))}")
    print(f"Code: {'the same' if facts['code']['same'] else 'differs'}")
    versions = [f"{one['key']} {shown(one['old'])} → {shown(one['new'])}" for one in facts["versions"]]
    print(f"Versions: {', '.join(versions) or 'the same'}")


def counted(number: int, word: str) -> str:
    """Return a number of things in words: `1 record`, `3 records`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _estimate(figures: Mapping[str, Any] | None) -> str:
    if figures is None or figures["estimate"] is None:
        return "–"
    return f"{_number(figures['estimate'])} ({' to '.join(map(_number, figures['ci']))})"


def _counts(figures: Mapping[str, Any] | None) -> str:
    arms = [figures[f"records_{arm}"] for arm in ("before", "after")] if figures else []
    return " / ".join("–" if count is None else f"{count}" for count in arms) or "–"
