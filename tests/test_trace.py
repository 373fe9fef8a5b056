"""The trace names every measure with its owners and says honestly how far it is."""

from __future__ import annotations

from datetime import date

import pytest

from evalkit import trace
from evalkit.study.model import Actual, Measure, Planned

TODAY = date(2025, 9, 30)


def measure(planned: Planned | None, actual: Actual | None = None) -> Measure:
    return Measure(id="m", planned=planned, actual=actual)


THREE_MONTHS = Planned(start=date(2025, 1, 1), months=3)


@pytest.mark.parametrize(
    ("made", "planned", "actual"),
    [
        (measure(None), "no timetable", "not recorded"),
        (measure(Planned(ongoing=True)), "ongoing", "not recorded"),
        (
            measure(Planned(start=date(2025, 1, 1), ongoing=True), Actual(start=date(2025, 2, 17))),
            "ongoing from 1 January 2025",
            "since 17 February 2025",
        ),
        (measure(THREE_MONTHS), "1 January to 31 March 2025", "not started, behind timetable"),
        (measure(Planned(start=date(2025, 12, 1), months=1)), "1 December to 31 December 2025", "not started"),
        (
            measure(THREE_MONTHS, Actual(start=date(2025, 1, 6), end=date(2025, 4, 11))),
            "1 January to 31 March 2025",
            "6 January to 11 April 2025 (11 days late)",
        ),
        (
            measure(THREE_MONTHS, Actual(start=date(2025, 1, 6), end=date(2025, 3, 30))),
            "1 January to 31 March 2025",
            "6 January to 30 March 2025 (1 day early)",
        ),
        (
            measure(THREE_MONTHS, Actual(start=date(2025, 1, 6), end=date(2025, 3, 31))),
            "1 January to 31 March 2025",
            "6 January to 31 March 2025",
        ),
        (
            measure(THREE_MONTHS, Actual(start=date(2025, 1, 6))),
            "1 January to 31 March 2025",
            "since 6 January 2025, 183 days over its timetable",
        ),
        (
            measure(THREE_MONTHS, Actual(start=date(2025, 1, 6), end=date(2025, 12, 1))),
            "1 January to 31 March 2025",
            "since 6 January 2025, 183 days over its timetable",
        ),
    ],
)
def test_timetables_in_words(made: Measure, planned: str, actual: str) -> None:
    assert trace.planned_text(made) == planned
    assert trace.actual_text(made, TODAY) == actual


def test_a_measure_takes_effect_when_it_really_began() -> None:
    assert trace.in_effect(measure(THREE_MONTHS)) == date(2025, 1, 1)
    assert trace.in_effect(measure(THREE_MONTHS, Actual(start=date(2025, 2, 1)))) == date(2025, 2, 1)
    assert trace.in_effect(measure(None)) is None
