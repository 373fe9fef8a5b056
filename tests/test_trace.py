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


def test_measures_behind_come_first_and_late_ones_are_counted() -> None:
    from evalkit.study.model_values import Text

    def named(name: str, planned: Planned, actual: Actual | None) -> Measure:
        return Measure(id=name, title=Text(en=name), owners=("it",), planned=planned, actual=actual)

    def study(*measures: Measure) -> object:
        return type("S", (), {"measures": measures})()

    done = named("done", THREE_MONTHS, Actual(start=date(2025, 1, 6), end=date(2025, 4, 11)))
    slow = named("slow", THREE_MONTHS, Actual(start=date(2025, 1, 6)))
    missing = named("missing", THREE_MONTHS, None)
    told = trace.behind(study(done, slow, missing), TODAY)  # type: ignore[arg-type]
    assert [text.split(" ")[0] for text in told] == ["slow", "missing"]
    assert told[0] == "slow (IT): since 6 January 2025, 183 days over its timetable."
    assert trace.behind(study(done), TODAY) == [  # type: ignore[arg-type]
        "No measure is behind its timetable on 30 September 2025. 1 of 1 were finished late, “done” by 11 days."
    ]
    assert trace.behind(study(), TODAY) == []  # type: ignore[arg-type]
