"""Several periods side by side: what `evaluate_all` and `evaluate_by` return, as a table, a picture or a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from evalkit.errors import ParameterError, nearest
from evalkit.results import GoalResult, ScopesResult, StudyResult, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.markup import Html

Result = TypeVar("Result", bound=StudyResult | ScopesResult)


def _of(results: Sequence[Result], period: str) -> Result:
    labels = [result.period for result in results]
    if period not in labels:
        raise ParameterError(f"'{period}' is none of the periods {', '.join(labels)}.{nearest(period, labels)}")
    return results[labels.index(period)]


class StudyHistory(tuple[StudyResult, ...]):
    """A study's results of several periods, in order of time: a tuple that a notebook shows as one table.

    `history.of("2026-Q3")` is one period, `history.only("incidents")` one goal; `to_frame()`, `plot()` and
    `changes("2025-Q3", "2026-Q3")` put the periods beside each other. `left_out` says which period is left out because
    it is not whole, if any.
    """

    left_out: str

    def __new__(cls, results: Iterable[StudyResult] = (), left_out: str = "") -> Self:
        made = super().__new__(cls, results)
        made.left_out = left_out
        return made

    def __repr__(self) -> str:
        return f"<{len(self)} periods: {', '.join(result.period for result in self)}>"

    def of(self, period: str) -> StudyResult:
        """Return one period's result. Raises ParameterError for a period that is not there."""
        return _of(self, period)

    def only(self, goal: str) -> StudyHistory:
        """Return one goal or indicator over all periods; its numbers stay those adjusted among all goals."""
        return StudyHistory((result.only(goal) for result in self), self.left_out)

    def changes(self, first: str, last: str) -> Html:
        """Return every goal's verdict, estimate and interval in two periods, below each other, as a table."""
        from evalkit import tables
        from evalkit.markup import Html

        return Html(tables.changes(self.of(last), self.of(first)))

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy row per period, goal and window."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"period": result.period, **row}
                for result in self
                for goal in result.goals or result.indicators
                for row in rows_of(goal)
            ]
        )

    def counts(self) -> pd.DataFrame:
        """Return one row per period and goal: the records in its metric before and after (`n`), and those left out."""
        import pandas as pd

        rows = [
            {"period": result.period, "goal": goal.id, **goal.counts}
            for result in self
            for goal in result.goals or result.indicators
        ]
        return pd.DataFrame(rows).convert_dtypes()

    def plot(self) -> Any:
        """Draw each goal's estimates over the periods, with intervals, against its target; return the figure."""
        from evalkit import figures

        return figures.history(self._courses())

    def _courses(self) -> dict[str, list[tuple[str, GoalResult]]]:
        """Return each goal's course, or each indicator's where there are no goals, by title."""
        titles = [goal.title for result in self[:1] for goal in result.goals or result.indicators]
        found: dict[str, list[tuple[str, GoalResult]]] = {}
        for result in self:
            for goal in result.goals or result.indicators:
                name = goal.title if titles.count(goal.title) == 1 else f"{goal.title} ({goal.id})"
                found.setdefault(name, []).append((result.period, goal))
        return found

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.side_by_side("goal", self._courses())


class ScopesHistory(tuple[ScopesResult, ...]):
    """The scopes of a field in one or more periods, in order of time: a tuple that a notebook shows as one table.

    `history.of("2026-Q3")` is one period; `to_frame()` and, for one goal, `plot()` put periods and scopes beside each
    other.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} periods by scope: {', '.join(result.period for result in self)}>"

    def of(self, period: str) -> ScopesResult:
        """Return one period's scopes. Raises ParameterError for a period that is not there."""
        return _of(self, period)

    def only(self, goal: str) -> ScopesHistory:
        """Return one goal's scopes over all periods; its numbers stay those adjusted among all."""
        return ScopesHistory(result.only(goal) for result in self)

    def to_frame(self) -> pd.DataFrame:
        """Return one tidy row per period, scope, goal and window."""
        import pandas as pd

        return pd.DataFrame([row for result in self for row in result.rows()])

    def plot(self) -> Any:
        """Draw the estimates over the periods, a small picture a scope (and goal); return the matplotlib figure."""
        from evalkit import figures

        return figures.history(self._courses(), alike=len(self._goals) == 1)

    @property
    def _goals(self) -> set[str]:
        return {goal.id for result in self for scope in result for goal in scope.goals}

    def _courses(self) -> dict[str, list[tuple[str, GoalResult]]]:
        """Return each scope's course, of each goal where there are several."""
        several = len(self._goals) > 1
        found: dict[str, list[tuple[str, GoalResult]]] = {}
        for result in self:
            for scope in result:
                label = "(none)" if scope.scope is None else scope.scope
                for goal in scope.goals:
                    name = f"{label}: {goal.id}" if several else label
                    found.setdefault(name, []).append((result.period, goal))
        return found

    def _repr_html_(self) -> str:
        from evalkit import tables

        return tables.side_by_side(self[0].by if self else "", self._courses())
