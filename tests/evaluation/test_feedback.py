"""Feedback: what rose, what is hidden, and what is to be taken up first."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from built_study import Study
from scipy.stats import binom

from evalkit.errors import NotEvaluableError
from evalkit.evaluation.feedback import OTHERS, FeedbackAnalysis, analyse_feedback, shift, shifts
from evalkit.periods import parse_period
from evalkit.session import OpenStudy

GOAL = "    metric: {kind: mean, value: value}\n    better: higher\n    target: {relative_change: 0.1}"
FEEDBACK = "feedback: {source: s, category: kind, channel: branch, text: id}"
TOPICS = {
    "queue": (40, 40),
    "app": (12, 40),
    "fees": (20, 20),
    "queue again": (10, 2),
    "cash": (6, 1),
    "stamps": (6, 1),
}


def rows(monthly: dict[str | None, tuple[int, int]], until: date = date(2025, 3, 31)) -> list[dict[str, Any]]:
    """Return so many items a month before 2025 and from then on, spread over the month and three channels."""
    found: list[dict[str, Any]] = []
    for place in range(27):
        first = date(2023 + place // 12, place % 12 + 1, 1)
        for topic, counts in monthly.items():
            for number in range(counts[first.year >= 2025]):
                day = first + timedelta(days=(7 * number + place) % 28)
                channel = ("counter", "app", "hotline")[number % 3]
                if day <= until:
                    found.append({"day": day, "value": 5, "kind": topic, "branch": channel, "id": "secret words"})
    return found


def analysed(study: OpenStudy, period: str = "2025-Q1", as_of: date | None = None) -> FeedbackAnalysis:
    chosen = parse_period(period)
    return analyse_feedback(study.file, study.source_records("s"), chosen, as_of or chosen.end)


def test_counts_are_those_of_the_records_and_what_rose_is_found(study: Study) -> None:
    found = analysed(study(rows(TOPICS), GOAL, extra=FEEDBACK))
    assert found.total == (24 * 94, 3 * 104)
    assert found.by_period.columns == ("baseline", "2025-Q1")
    assert found.by_period.cells[-1] == (24 * 94, 312)
    assert [(c.label, c.before, c.after) for c in found.categories[:2]] == [("queue", 960, 120), ("app", 288, 120)]
    ways = {one.label: (one.number.direction, one.share.direction) for one in found.categories}
    assert ways["app"] == ("rose", "rose")
    assert ways["queue"] == ("same", "same")
    assert ways["queue again"][0] == "fell"
    app = found.categories[1]
    assert app.number.ratio == pytest.approx((120 / 90) / (288 / 731))
    assert app.share.ratio == pytest.approx((120 / 312) / (288 / 2256))
    assert [(one.label, one.why) for one in found.problems] == [("app", "rose"), ("queue", "large"), ("fees", "large")]
    assert found.problems[0].extra == pytest.approx(120 - 288 * 90 / 731)


def test_small_cells_are_hidden_and_told_nowhere(study: Study) -> None:
    found = analysed(study(rows(TOPICS), GOAL, extra=FEEDBACK))
    place = found.by_period.rows.index("cash")
    assert found.by_period.cells[place] == (24 * 6, None)
    assert [row[-1] for row in found.by_period.cells].count(None) == 2
    assert found.hidden == 2
    assert not {"cash", "stamps"} & {one.label for one in found.categories}
    assert found.by_channel is not None
    assert found.by_channel.cells[found.by_channel.rows.index("cash")][-1] is None
    everything = analysed(study(rows(TOPICS), GOAL, extra=f"{FEEDBACK}\ninference: {{minimum_cell: 1}}"))
    assert everything.hidden == 0
    assert all(cell is not None for row in everything.by_channel.cells for cell in row)  # type: ignore[union-attr]


def test_a_new_category_has_an_infinite_ratio_and_the_exact_p_value() -> None:
    none = shift(np.zeros(4), np.full(4, 30.0), np.array([3.0, 4.0]), np.full(2, 30.0), 0.95)
    assert none.ratio == math.inf
    assert none.high == math.inf
    assert none.p == pytest.approx(2 * binom.sf(6, 7, 60 / 180))
    assert binom.sf(6, 7, none.low * 60 / (none.low * 60 + 120)) == pytest.approx(0.025)  # type: ignore[operator]
    assert shift(np.zeros(2), np.ones(2), np.zeros(2), np.ones(2), 0.95).ratio is None


def test_a_missing_category_and_rare_ones_are_counted_together(study: Study) -> None:
    many: dict[str | None, tuple[int, int]] = {f"topic {n:02}": (40 - n, 40 - n) for n in range(30)}
    found = analysed(study(rows({**many, None: (50, 50)}), GOAL, extra=FEEDBACK))
    assert found.by_period.rows[0] is None
    assert len(found.by_period.rows) == 25
    assert found.by_period.rows[-1] == OTHERS
    assert found.by_period.cells[-2][1] == 3 * sum(40 - n for n in range(23, 30))
    assert sum(c or 0 for c in (row[1] for row in found.by_period.cells[:-1])) == found.total[1]


def test_the_cutoff_and_the_first_records_bound_what_is_compared(study: Study) -> None:
    late = [row for row in rows(TOPICS) if row["day"] >= date(2023, 7, 1)]
    found = analysed(study(late, GOAL, extra=FEEDBACK), as_of=date(2025, 2, 10))
    assert found.before.start == date(2023, 7, 1)
    assert (found.after.start, found.after.end) == (date(2025, 1, 1), date(2025, 2, 10))
    assert found.total[1] == sum(date(2025, 1, 1) <= row["day"] <= date(2025, 2, 10) for row in late)


def test_without_a_channel_there_is_no_table_by_channel(study: Study) -> None:
    found = analysed(study(rows(TOPICS), GOAL, extra="feedback: {source: s, category: kind}"))
    assert found.by_channel is None
    assert found.channels_by_period is None


@pytest.mark.parametrize(
    ("kept", "code"), [((2023, 2024), "no_feedback_after"), ((2025,), "no_feedback_before")], ids=["after", "before"]
)
def test_what_cannot_be_compared_says_why(study: Study, kept: tuple[int, ...], code: str) -> None:
    some = [row for row in rows(TOPICS) if row["day"].year in kept]
    with pytest.raises(NotEvaluableError) as told:
        analysed(study(some, GOAL, extra=FEEDBACK))
    assert told.value.code == code


@pytest.mark.seconds
def test_under_no_change_at_most_one_analysis_in_twenty_finds_one(study: Study) -> None:
    """Poisson items at one rate: the chance of any false finding among all comparisons is held at 5 %."""
    rng, false = np.random.default_rng(5), 0
    for _ in range(200):
        monthly = [rng.poisson(20, size=(5, months)) for months in (24, 3)]
        pairs = shifts(monthly, [np.full(24, 30.4), np.full(3, 30.4)], 0.95)
        false += any(one.direction != "same" for pair in pairs for one in pair)
    assert false <= 17  # 10 expected at most; P(more than 17) is below 1 %
