"""Every flag: once where it fires, once where it stays silent."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from built_study import Study, records

import evalkit as ek
from evalkit import wording, wording_flags
from evalkit.evaluation.diagnostics import CODES
from evalkit.evaluation.rules_result import not_robust
from evalkit.periods import parse_period
from evalkit.results import GoalResult, SensitivityLine

MEAN = "    metric: {kind: mean, value: value}\n    better: lower\n    target: {relative_change: -0.20}\n"
FREE = MEAN.replace("value: value", "value: exposure")
RATE = "    metric: {kind: rate, events: events, exposure: exposure}\n    better: lower\n    target: {relative_change: -0.30}\n"
SHARE = "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n    target: {difference: 0.1}\n"
ELAPSED = "    metric: {kind: mean, value: {from: day, to: done, unit: days}}\n    better: lower\n    target: {relative_change: -0.20}\n"
WITHIN = ELAPSED.replace("unit: days", "unit: days, within: 20d")
DUE = "    metric: {kind: proportion, success: {column: done, within: 7d, of: day}}\n    better: higher\n    target: {level: 0.5}\n"

Rows = Callable[[], list[dict[str, Any]]]


def codes(result: GoalResult) -> set[str]:
    return {flag.code for flag in result.flags}


def plain() -> list[dict[str, Any]]:
    return records()


def changed(**values: Callable[[dict[str, Any]], Any]) -> Rows:
    """Return the plain rows with columns computed from each row."""
    return lambda: [row | {name: make(row) for name, make in values.items()} for row in records()]


def only(*columns: str) -> Callable[[Rows], Rows]:
    return lambda rows: lambda: [{column: row[column] for column in columns} for row in rows()]


def monthly(events: Callable[[int, bool], int], exposure: float = 30.0, start: int = 2023) -> Rows:
    """Return one row a month with a number of events, given the month and whether it is after."""
    return lambda: [
        {"day": f"{year}-{month:02d}-01", "events": events(month, year >= 2025), "exposure": exposure}
        for year in range(start, 2026)
        for month in range(1, 13)
    ]


def elapsed(days_after: int, open_late: bool) -> Rows:
    """Return items that take 10 days before and some after; the last ones are still open."""

    def make() -> list[dict[str, Any]]:
        rows = []
        for row in records(branches=2):
            began = date.fromisoformat(row["day"])
            length = 5 + int(row["value"]) % 9 if began < date(2025, 1, 1) else days_after + int(row["value"]) % 5
            done = date.fromordinal(began.toordinal() + length)
            rows.append(
                {"day": row["day"], "done": None if open_late and done > date(2025, 9, 30) else done.isoformat()}
            )
        return rows

    return make


uneven = changed(branch=lambda row: "b0" if row["branch"] not in ("b1", "b2") else row["branch"])
shifted = lambda: [  # noqa: E731
    row for row in records() if row["day"] < "2025" or row["kind"] == "quick" or row["branch"] in ("b1", "b2", "b3")
]
new_kind = changed(kind=lambda row: "new" if row["day"] >= "2025" and row["branch"] == "b1" else row["kind"])
rejects = changed(value=lambda row: 101 if row["branch"] == "b3" and row["day"].endswith("1") else row["value"])
gaps = changed(value=lambda row: None if row["branch"] == "b3" else row["value"])
homeless = changed(branch=lambda row: None if row["branch"] == "b3" else row["branch"])
busy = lambda: [row for row in records() if row["day"] < "2025" or row["branch"] in ("b1", "b2", "b3")]  # noqa: E731
hits = only("day", "hit")(changed(hit=lambda row: "true" if row["branch"] != "b1" else "false"))
few_hits = only("day", "hit")(changed(hit=lambda _: "true"))
skewless = only("day", "value")(plain)
unbounded = lambda: [{"day": row["day"], "exposure": row["value"]} for row in records()]  # noqa: E731
small = lambda: unbounded()[::40]  # noqa: E731
high = changed(value=lambda row: round(80 + row["value"] / 5, 3))


def drifting(slope: float) -> Rows:
    """Return values that fall or rise all along, as well before the programme as after."""

    def make() -> list[dict[str, Any]]:
        start = date(2023, 1, 1).toordinal()
        return [
            row
            | {
                "value": round(
                    row["value"] * float(np.exp(slope * (date.fromisoformat(row["day"]).toordinal() - start) / 365)), 4
                )
            }
            for row in records(effect=1.0)
        ]

    return make


def spell(*months: str) -> Rows:
    """Return values half as high again in some months."""
    return changed(value=lambda row: round(row["value"] * (1.5 if row["day"][:7] in months else 1.0), 4))


def stepped() -> list[dict[str, Any]]:
    """Return values that fell by a third in the middle of the baseline, where no programme began."""
    return [row | {"value": round(row["value"] * (0.67 if row["day"] >= "2024" else 1.0), 4)} for row in records()]


def moody() -> list[dict[str, Any]]:
    """Return values whose months follow each other: half a year up, half a year down, out of step with the year."""
    ups = {f"{year}-{month:02d}" for year, month in ((2023, m) for m in range(1, 6))}
    ups |= {f"2023-{m:02d}" for m in range(10, 13)} | {f"2024-{m:02d}" for m in (1, 2, 6, 7, 8, 9)}
    return spell(*ups)()


counted = monthly(lambda *_: 9)
fractional = lambda: [{"day": row["day"], "exposure": 30, "weight": 0.7 * row["events"]} for row in counted()]  # noqa: E731


def one_branch_carries_it() -> list[dict[str, Any]]:
    """Return values that one big branch alone brings just beyond the target."""
    return [
        row
        | {
            "value": round(
                row["value"] * ((0.2 if row["branch"] == "b1" else 0.84) if row["day"] >= "2025" else 1.0), 4
            )
        }
        for row in records(effect=1.0)
    ]


def uneven_effect() -> list[dict[str, Any]]:
    """Two branches in twelve improve greatly: over records it is shown, over branches it is not."""
    rng = np.random.default_rng(2)
    rows = []
    for row in records(effect=1.0):
        if row["day"] >= "2025":
            row = row | {"value": round(row["value"] * (0.2 if row["branch"] in ("b1", "b2", "b3", "b4") else 0.95), 4)}
        rows.append(row | {"value": round(row["value"] * rng.uniform(0.99, 1.01), 4)})
    return rows


CASES: dict[str, tuple[tuple[Rows, str, str], tuple[Rows, str, str]]] = {
    # code: (fires on: rows, goal, period), (silent on)
    "rejected_rows": ((rejects, MEAN, "2025-Q3"), (plain, MEAN, "2025-Q3")),
    "missing_values": ((gaps, MEAN, "2025-Q3"), (plain, MEAN, "2025-Q3")),
    "unfinished_records": ((elapsed(10, True), ELAPSED, "2025-Q3"), (plain, MEAN, "2025-Q3")),
    "not_yet_due": ((elapsed(6, True), DUE, "2025-Q3"), (plain, MEAN, "2025-Q3")),
    "answered_only": (
        (elapsed(6, True), DUE + "    where: [{column: done, not_null: true}]\n", "2025-Q3"),
        (elapsed(6, True), DUE + "    where: [{column: day, not_null: true}]\n", "2025-Q3"),
    ),
    "phase_in_overlap": (
        (plain, MEAN + "    phase_in: {start: 2025-01-01, end: 2025-07-15}\n", "2025-Q3"),
        (plain, MEAN + "    phase_in: {start: 2025-01-01, end: 2025-03-31}\n", "2025-Q3"),
    ),
    "season_not_covered": ((plain, MEAN, "2025-Q3"), (plain, MEAN, "2025")),
    "moving_holiday": ((plain, MEAN, "2025-02"), (plain, MEAN, "2025-Q1")),
    "case_mix_shift": (
        (shifted, MEAN + "    standardise_by: [kind]\n", "2025-Q3"),
        (plain, MEAN + "    standardise_by: [kind]\n", "2025-Q3"),
    ),
    "strata_dropped": (
        (new_kind, MEAN + "    standardise_by: [kind]\n", "2025-Q3"),
        (plain, MEAN + "    standardise_by: [kind]\n", "2025-Q3"),
    ),
    "few_clusters": (
        (uneven, MEAN + "    cluster: branch\n", "2025-Q3"),
        (plain, MEAN + "    cluster: branch\n", "2025-Q3"),
    ),
    "dominating_cluster": (
        (uneven, MEAN + "    cluster: branch\n", "2025-Q3"),
        (plain, MEAN + "    cluster: branch\n", "2025-Q3"),
    ),
    "missing_cluster": (
        (homeless, MEAN + "    cluster: branch\n", "2025-Q3"),
        (plain, MEAN + "    cluster: branch\n", "2025-Q3"),
    ),
    "events_not_whole": (
        (fractional, RATE.replace("events: events", "events: weight"), "2025-Q3"),
        (counted, RATE, "2025-Q3"),
    ),
    "small_counts": ((monthly(lambda *_: 1), RATE, "2025-Q3"), (monthly(lambda *_: 9), RATE, "2025-Q3")),
    "overdispersion": (
        (monthly(lambda month, _: 30 if month % 2 else 2), RATE, "2025"),
        (monthly(lambda *_: 9), RATE, "2025"),
    ),
    "overdispersion_unchecked": (
        (
            lambda: [
                {"day": "2024-12-01", "events": 20, "exposure": 9},
                {"day": "2025-08-01", "events": 20, "exposure": 9},
            ],
            RATE,
            "2025-Q3",
        ),
        (monthly(lambda *_: 9), RATE, "2025-Q3"),
    ),
    "month_shocks_unchecked": (
        (lambda: [row for row in records() if row["day"] >= "2024-06"], MEAN, "2025-Q3"),
        (plain, MEAN, "2025-Q3"),
    ),
    "small_skewed_sample": ((small, FREE, "2025"), (unbounded, FREE, "2025")),
    "participation_change": ((busy, MEAN, "2025-Q3"), (plain, MEAN, "2025-Q3")),
    "ceiling": (
        (high, MEAN.replace("lower", "higher").replace("-0.20", "0.40"), "2025-Q3"),
        (high, MEAN.replace("lower", "higher").replace("-0.20", "0.05"), "2025-Q3"),
    ),
    "target_unattainable": (
        (monthly(lambda month, _: int(month == 3)), RATE, "2025-07"),
        (monthly(lambda *_: 9), RATE, "2025"),
    ),
    "looks_reached": (
        (shifted, MEAN + "    standardise_by: [kind]\n", "2025-Q3"),
        (plain, MEAN, "2025-Q3"),
    ),
    "pre_existing_trend": ((drifting(-0.15), MEAN, "2025"), (drifting(0.0), MEAN, "2025")),
    "placebo_in_time": (
        (stepped, MEAN + "    cluster: branch\n", "2025"),
        (plain, MEAN + "    cluster: branch\n", "2025"),
    ),
    "regression_to_mean": ((spell("2024-10", "2024-11", "2024-12"), MEAN, "2025"), (plain, MEAN, "2025")),
    "autocorrelation": ((moody, MEAN + "    cluster: branch\n", "2025"), (drifting(0.0), MEAN, "2025")),
    "influential_cluster": (
        (one_branch_carries_it, MEAN + "    cluster: branch\n", "2025"),
        (lambda: records(effect=0.6), MEAN + "    cluster: branch\n", "2025"),
    ),
    "verdict_not_robust": (
        (lambda: uneven_effect(), MEAN + "    cluster: branch\n", "2025"),
        (lambda: records(effect=1.4), MEAN + "    cluster: branch\n", "2025"),
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_the_flag_fires(study: Study, code: str) -> None:
    rows, goal, period = CASES[code][0]
    assert code in codes(study(rows(), goal).evaluate("g", period=period))


@pytest.mark.parametrize("code", CASES)
def test_the_flag_stays_silent(study: Study, code: str) -> None:
    rows, goal, period = CASES[code][1]
    assert code not in codes(study(rows(), goal).evaluate("g", period=period))


def said(result: GoalResult, code: str) -> str:
    return next((flag.message for flag in result.flags if flag.code == code), "")


def test_months_of_single_rows_are_not_called_too_few(study: Study) -> None:
    months = [{"day": row["day"], "value": 10 + (place * 7) % 5} for place, row in enumerate(monthly(lambda *_: 9)())]
    single = study(months, MEAN).evaluate("g", period="2025")
    assert said(single, "month_shocks_unchecked").startswith("Months of the baseline are single rows,")
    doubled = study([row for row in months for _ in range(2)], MEAN).evaluate("g", period="2025")
    assert not said(doubled, "month_shocks_unchecked")


def test_two_or_three_units_are_told_what_to_do(study: Study) -> None:
    few = study(records(branches=3), MEAN + "    cluster: branch\n").evaluate("g", period="2025-Q3")
    assert "Name a finer unit as `cluster`, if records have one" in said(few, "few_clusters")
    more = study(records(branches=5), MEAN + "    cluster: branch\n").evaluate("g", period="2025-Q3")
    assert said(more, "few_clusters").endswith("how much units differ.")


def test_records_that_never_finish_have_a_cure_named(study: Study) -> None:
    found = study(elapsed(10, True)(), ELAPSED).evaluate("g", period="2025-Q3")
    assert "records that will never finish are left out by `where`" in said(found, "unfinished_records")


def test_small_counts_of_a_proportion(study: Study) -> None:
    assert "small_counts" in codes(study(few_hits(), SHARE).evaluate("g", period="2025-Q3"))
    assert "small_counts" not in codes(study(hits(), SHARE).evaluate("g", period="2025-Q3"))


def test_duplicate_keys(study: Study) -> None:
    rows = [row | {"id": f"r{i}"} for i, row in enumerate(records())]
    clean = study(rows, MEAN, key="    key: id\n").evaluate("g", period="2025-Q3")
    doubled = study([*rows, rows[5]], MEAN, key="    key: id\n").evaluate("g", period="2025-Q3")
    assert "duplicate_keys" not in codes(clean)
    assert "duplicate_keys" in codes(doubled)
    assert doubled.period.to_dict() == clean.period.to_dict()


def test_undated_records(study: Study) -> None:
    rows = elapsed(10, True)()
    assert "undated_records" in codes(study(rows, ELAPSED, time="done").evaluate("g", period="2025-Q3"))
    assert "undated_records" not in codes(
        study(elapsed(10, False)(), ELAPSED, time="done").evaluate("g", period="2025-Q2")
    )


def test_records_followed_up_equally_long_are_fewer_days_than_the_period_has(study: Study) -> None:
    flags = study(elapsed(10, True)(), WITHIN).evaluate("g", period="2025-Q3").flags
    (told,) = [flag for flag in flags if flag.code == "unfinished_records"]
    assert (told.severity, "looks quicker" in told.message) == ("caution", False)


def test_a_cutoff_inside_the_period(study: Study) -> None:
    opened = study(plain(), MEAN)
    assert "partial_period" in codes(opened.evaluate("g", period="2025-Q3", as_of="2025-08-31"))
    assert "partial_period" not in codes(opened.evaluate("g", period="2025-Q3"))


def caution(result: GoalResult) -> str:
    """Return what `partial_period` says, nothing where it is silent."""
    told = [flag for flag in result.flags if flag.code == "partial_period"]
    assert all(wording.flag_sentence(flag, "zh") != flag.message for flag in told)
    return " ".join(flag.message for flag in told)


def until(day: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["day"] <= day]


def test_records_that_end_before_the_window(study: Study) -> None:
    opened = study(until("2025-08-31", plain()), MEAN)
    told = caution(opened.evaluate("g", period="2025-Q3"))
    assert told.startswith("The source 's' has no records after 2025-08, but the window goes on to 2025-09-30")
    assert told.endswith("give --as-of 2025-08-31.")
    assert caution(opened.evaluate("g", period="2025-Q4")).endswith("nothing can be said of this window.")
    assert "cut-off" in caution(opened.evaluate("g", period="2025-Q3", as_of="2025-08-31"))
    short = caution(opened.evaluate("g", period="2025-07-01/2025-09-20"))
    assert "no records after 2025-08-30, 21 days before" in short, "September is not whole: its days tell"
    early = caution(study(until("2025-09-02", plain()), MEAN).evaluate("g", period="2025-Q3"))
    assert "no records after 2025-09-0" in early, "days are told where no whole month is lacking"
    seldom = [row for row in plain() if row["day"][5:7] in ("01", "04", "07", "10")]
    assert caution(study(seldom, MEAN).evaluate("g", period="2025-Q4")) == "", "records of one month in three"
    assert "2025-07" in caution(study(until("2025-07-31", seldom), MEAN).evaluate("g", period="2025-Q4"))


def test_no_events_are_a_finding_unless_there_were_many_in_every_month(study: Study) -> None:
    days = RATE.replace("events: events, exposure: exposure", "exposure: calendar-days")
    many = [{"day": row["day"]} for row in until("2025-08-31", plain())]
    few = [row for row in many if row["day"][8:] == "01"][::12]
    assert "2025-08" in caution(study(many, days).evaluate("g", period="2025-Q3"))
    assert caution(study(few, days).evaluate("g", period="2025-Q3")) == ""
    rows = until("2025-08-01", monthly(lambda *_: 1)())
    assert "2025-08" in caution(study(rows, RATE).evaluate("g", period="2025-Q3")), "its exposure ends as well"
    rows = monthly(lambda _, after: 0 if after else 1)()
    assert caution(study(rows, RATE).evaluate("g", period="2025-Q3")) == ""


def test_a_period_that_begins_before_the_programme(study: Study) -> None:
    late = study(plain(), MEAN)
    text = late.file.path.read_text(encoding="utf-8")
    late.file.path.write_text(text.replace("calendar: {", "calendar: {programme_start: 2025-06-01, "), encoding="utf-8")
    late = ek.open_study(late.file.path)
    assert "starts on 2025-06-01; 2025-06-01/2025-06-30 is evaluated" in caution(late.evaluate("g", period="2025-Q2"))
    assert caution(late.evaluate("g", period="2025-06")) == caution(late.evaluate("g", period="2025-Q3")) == ""


def test_events_and_exposure_swapped(study: Study) -> None:
    """So many events vary so much that no exposure is enough."""
    swapped = RATE.replace("events: events, exposure: exposure", "events: exposure, exposure: events")
    rows = monthly(lambda month, _: month, exposure=3.0)()
    for number, row in enumerate(rows):
        row["exposure"] = 10.0 ** (number % 24)
    flags = study(rows, swapped).evaluate("g", period="2025-Q3").flags
    told = [flag for flag in flags if flag.code == "target_unattainable"]
    assert [flag.message for flag in told] == [
        "Even zero events in this window could not show the target, nor in any window within a hundred years."
    ]
    assert wording.flag_sentence(told[0], "zh").endswith("再长的时段也不行。")


def test_too_many_rejected_rows_silence_the_source(study: Study) -> None:
    rows = [row | ({"value": 200} if row["branch"] in ("b1", "b2") else {}) for row in records()]
    result = study(rows, MEAN).evaluate("g", period="2025-Q3")
    assert result.verdict == "not_evaluable"
    assert result.period.effect is None
    assert result.flags[0].code == "too_many_rejected"
    assert result.flags[0].severity == "serious"


def test_rejected_rows_after_the_cutoff_decide_nothing(study: Study) -> None:
    """Rows of the third quarter that are rejected belong to no report before it; rows without a date to each."""
    bad = [row | {"value": -1 if row["day"] >= "2025-07" else row["value"]} for row in records()]
    for period, rejected in (("2025-Q1", False), ("2025-Q2", False), ("2025-Q3", True)):
        result = study(bad, MEAN).evaluate("g", period=period)
        assert ("too_many_rejected" in codes(result)) == rejected, period
        assert "rejected_rows" not in codes(result)
        assert (result.verdict == "not_evaluable") == rejected
    by_cutoff = study(bad, MEAN).evaluate("g", period="2025-Q3", as_of="2025-07-01")
    assert "too_many_rejected" not in codes(by_cutoff)
    undated = [row | {"day": "never" if number % 10 == 0 else row["day"]} for number, row in enumerate(records())]
    assert "too_many_rejected" in codes(study(undated, MEAN).evaluate("g", period="2025-Q1"))


def test_rejected_rows_are_counted_once_for_all_cutoffs(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.records import source

    asked: list[object] = []
    monkeypatch.setattr(source, "fetch", lambda table, real=source.fetch: asked.append(table) or real(table))
    opened = study(rejects(), MEAN)
    opened.evaluate_all()
    known = opened.source_records("s")
    tallies = [known.tally(date(2025, month, 28)) for month in range(1, 13)]
    assert sorted(tally.found for tally in tallies) == [tally.found for tally in tallies]
    assert known.tally(date(2100, 1, 1)) == known.tally()
    assert len(asked) == 1


def test_strata_hardly_in_common_are_not_evaluable(study: Study) -> None:
    rows = [
        row | ({"kind": "new"} if row["day"] >= "2025" and row["branch"] in ("b1", "b2", "b3", "b4") else {})
        for row in records()
    ]
    result = study(rows, MEAN + "    standardise_by: [kind]\n").evaluate("g", period="2025-Q3")
    assert result.verdict == "not_evaluable"
    assert "strata_not_common" in codes(result)


def test_unfinished_records_bias_a_recent_window_and_within_removes_it(study: Study) -> None:
    """Ten days before, ten days after: cut at the quarter's end the naive mean falls, the guarded one does not."""

    def rows() -> list[dict[str, Any]]:
        rng = np.random.default_rng(4)
        made = []
        for row in records(branches=6):
            began = date.fromisoformat(row["day"])
            done = date.fromordinal(began.toordinal() + int(rng.exponential(10)))
            made.append({"day": row["day"], "done": None if done > date(2025, 9, 30) else done.isoformat()})
        return made

    naive = study(rows(), ELAPSED).evaluate("g", period="2025-09")
    assert naive.verdict == "not_evaluable"
    assert "too_many_unfinished" in codes(naive)
    quarter = study(rows(), ELAPSED).evaluate("g", period="2025-Q3")
    assert quarter.verdict == "not_evaluable"
    guarded = (
        study(rows(), ELAPSED.replace("unit: days", "unit: days, within: 60d"))
        .evaluate("g", period="2025-07", as_of="2025-09-30")
        .period.effect
    )
    assert guarded is not None
    assert guarded.estimate == pytest.approx(1.0, abs=0.12)


def test_counts_taken_as_independent_are_no_alternative_where_they_are_not() -> None:
    lines = [
        SensitivityLine(name=name, estimate=0.7, low=0.6, high=0.8, note="", verdict="achieved")
        for name in ("exact", "same months")
    ]
    for dispersion, named in ((None, "exact (achieved), same"), (1.4, "exact (achieved), same"), (1.6, "choice gives")):
        (found,) = not_robust(lines, ("inconclusive",), dispersion)
        assert named in found.message
        assert ("exact" in found.message) == (dispersion != 1.6)
    assert not list(not_robust(lines[:1], ("inconclusive",), 1.6))
    assert list(not_robust(lines[:1], ("inconclusive",), None))


def test_every_documented_code_is_tested() -> None:
    elsewhere = {"duplicate_keys", "undated_records", "partial_period", "multiplicity", "looks_exhausted"}
    elsewhere |= {"rollout_no_comparison", "rollout_pre_trend", "rollout_unknown_unit"}
    elsewhere |= {"partial_baseline", "missing_months", "no_success", "similar_labels"}  # test_coverage, to the last
    elsewhere |= {"units_without_exposure", "multiplicity_to_date", "already_kept"}
    elsewhere |= {"season_in_shocks"}  # test_season_in_shocks
    elsewhere |= {"hac_short_series", "one_step"}  # test_interrupted
    assert set(CODES) == set(CASES) | elsewhere


def test_messages_are_one_plain_sentence_with_their_numbers(study: Study) -> None:
    for rows, goal, period in (CASES["case_mix_shift"][0], CASES["ceiling"][0], CASES["target_unattainable"][0]):
        for flag in study(rows(), goal).evaluate("g", period=period).flags:
            assert flag.message[0].isupper() or flag.message[0].isdigit()
            assert flag.message.endswith(".")
            assert "nan" not in flag.message
            assert "{" not in flag.message


ITS = "    estimator: {kind: interrupted-time-series, %s}\n"
HIT = (
    "    metric: {kind: proportion, success: {column: hit, equals: true}}\n    better: higher\n"
    "    target: {level: 0.5}\n"
)


def told(result: GoalResult, code: str) -> tuple[str, str] | None:
    """Return severity and words of a flag; its Chinese must hold the same figures."""
    found = [flag for flag in result.flags if flag.code == code]
    for flag in found:
        assert wording.flag_sentence(flag, "zh") != flag.message
    return (found[0].severity, found[0].message) if found else None


def test_the_same_months_are_no_fewer_participants(study: Study) -> None:
    held = study(plain(), MEAN + "    compare_with: same-months\n").evaluate("g", period="2025-Q4")
    assert "participation_change" not in codes(held)


def test_participants_are_counted_from_the_first_record_on_only_where_chance_leaves_no_such_gap(study: Study) -> None:
    """A survey begun in July 2024 asks as many a day as before; one answer says nothing of when it begun."""
    begun = [row for row in plain() if row["day"] >= "2024-07"]
    assert told(study(begun, MEAN).evaluate("g", period="2025-Q3"), "participation_change") is None
    after = [row for row in plain() if row["day"] >= "2025-07"]
    few = [row for row in plain() if "2024-07" <= row["day"] < "2025"][:: len(plain())]
    found = told(study(few + after, MEAN).evaluate("g", period="2025-Q3"), "participation_change")
    assert found is not None
    asked = sum("2025-07" <= row["day"] < "2025-10" for row in after) / 92
    assert f"are {asked / (len(few) / 731):.2f} times" in found[1]


def test_a_season_is_no_matter_to_a_series_that_models_it(study: Study) -> None:
    rows = monthly(lambda month, _: 20 + month % 4)()
    with_season = study(rows, RATE + ITS % "harmonics: 2").evaluate("g", period="2025-Q3")
    assert with_season.period.effect is not None
    assert "season_not_covered" not in codes(with_season)
    for more in ("", "    compare_with: same-months\n"):
        without = study(rows, RATE + ITS % "harmonics: 0" + more).evaluate("g", period="2025-Q3")
        found = told(without, "season_not_covered")
        assert found is not None
        assert found[0] == "caution"
        assert "the model of the series has no season" in found[1]


def test_a_season_can_be_in_the_change_of_a_level_only(study: Study) -> None:
    rows = [{"day": row["day"], "hit": str(row["value"] < 20).lower()} for row in records()]
    found = told(study(rows, HIT).evaluate("g", period="2025-Q3"), "season_not_covered")
    assert found is not None
    assert found[0] == "info"
    assert "same months" not in found[1]
    alone = study([row for row in rows if row["day"] >= "2025"], HIT).evaluate("g", period="2025-Q3")
    assert alone.period.effect is not None
    assert "season_not_covered" not in codes(alone)


def test_whether_the_baseline_lacks_the_windows_months_is_asked_of_it(study: Study) -> None:
    whole = told(study(plain(), MEAN).evaluate("g", period="2025-Q3"), "season_not_covered")
    assert whole is not None
    assert "'same months'" in whole[1]
    part = [row for row in plain() if row["day"][5:7] < "07" or row["day"] >= "2025"]
    lacking = told(study(part, MEAN).evaluate("g", period="2025-Q3"), "season_not_covered")
    assert lacking is not None
    assert lacking[0] == "caution"
    assert "lacks some of those months" in lacking[1]


def test_a_trend_names_the_line_that_takes_it_out_only_where_it_stands(study: Study) -> None:
    rows = drifting(-0.15)()
    for period, goal, stands in (
        ("2025", MEAN, True),
        ("2025-Q1", MEAN, False),
        ("2025", MEAN + ITS % "trend: false", False),
    ):
        result = study(rows, goal).evaluate("g", period=period)
        found = told(result, "pre_existing_trend")
        assert found is not None
        assert ("'time series'" in found[1]) == stands == ("time series" in [line.name for line in result.sensitivity])
        (flag,) = (flag for flag in result.flags if flag.code == "pre_existing_trend")
        for language, name in (("en", "time series"), ("zh", "时间序列")):
            assert (name in wording_flags.sentence(flag, result, language)) == stands


@pytest.mark.parametrize(
    ("family", "errors", "widened"),
    [("poisson", "model", False), ("quasi-poisson", "model", True), ("poisson", "autoregressive", True)],
)
def test_an_interval_is_called_wider_only_where_it_is(study: Study, family: str, errors: str, widened: bool) -> None:
    rows = monthly(lambda month, _: 30 if month % 2 else 2)()
    result = study(rows, RATE + ITS % f"family: {family}, errors: {errors}").evaluate("g", period="2025")
    found = told(result, "overdispersion")
    assert found is not None
    assert found[0] == ("info" if widened else "caution")
    assert ("the interval is widened for it" in found[1]) == widened


def test_months_alike_are_told_of_a_rate_that_takes_them_as_independent(study: Study) -> None:
    waves = monthly(lambda month, _: 40 if month % 12 < 6 else 12)()
    found = told(study(waves, RATE).evaluate("g", period="2025"), "autocorrelation")
    assert found is not None
    assert found[0] == "caution"
    assert "times as wide" in found[1]
    jagged = monthly(lambda month, _: 30 if month % 2 else 2)()
    assert told(study(jagged, RATE).evaluate("g", period="2025"), "autocorrelation") is None


@pytest.mark.parametrize(("errors", "widened"), [("model", False), ("autoregressive", True)])
def test_months_alike_widen_a_series_by_its_errors(study: Study, errors: str, widened: bool) -> None:
    goal = MEAN + "    cluster: branch\n" + ITS % f"family: gaussian, trend: false, errors: {errors}"
    found = told(study(moody(), goal).evaluate("g", period="2025"), "autocorrelation")
    assert found is not None
    assert ("widened for it." in found[1] and "not widened" not in found[1]) == widened


def test_what_no_events_could_show_is_not_asked_of_a_series(study: Study) -> None:
    rows = monthly(lambda month, _: int(month % 3 == 0))()
    assert "target_unattainable" in codes(study(rows, RATE).evaluate("g", period="2025-09"))
    series = study(rows, RATE + ITS % "trend: false").evaluate("g", period="2025-09")
    assert series.period.effect is not None
    assert "target_unattainable" not in codes(series)


@pytest.mark.parametrize(
    ("frequency", "period", "days"),
    [
        ("quarter", "2025-12", "from 2025-10-01 to 2025-12-31"),
        ("month", "2025-10-20/2025-11-10", "from 2025-10-01 to 2025-11-10"),
        ("quarter", "2025-Q4", None),
        ("month", "2025-Q4", None),
        ("month", "2025-12", None),
    ],
)
def test_the_points_of_a_series_may_hold_other_days_than_the_window(
    study: Study, frequency: str, period: str, days: str | None
) -> None:
    goal = MEAN + ITS % f"frequency: {frequency}, family: gaussian, trend: false"
    result = study(plain(), goal).evaluate("g", period=period)
    assert result.period.effect is not None
    assert result.period.after is not None
    asked = parse_period(period)
    assert (result.period.after.start, result.period.after.end) == (asked.start, asked.end)
    found = told(result, "partial_period")
    if days is None:
        assert found is None
    else:
        assert found is not None
        assert f"points are {frequency}s, so the days {days} are evaluated" in found[1]
