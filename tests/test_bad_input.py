"""Bad records through the command line: a clear message or flag, the right exit code, nothing lost, never a NaN."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

VERDICTS = ("achieved", "not_achieved", "inconclusive")


def serious(answer: Any, id: str = "g") -> list[str]:
    return [flag["code"] for flag in answer.goal(id)["flags"] if flag["severity"] == "serious"]


def blocked(answer: Any, code: str, id: str = "g") -> None:
    """The goal is not evaluable for this reason: exit code 3, told on stderr, no number in its place."""
    assert answer.code == 3
    goal = answer.goal(id)
    assert code in serious(answer, id), goal["flags"]
    assert goal["verdict"] == "not_evaluable"
    period = goal["evaluations"]["period"]
    assert (period["estimate"], period["ci"], period["p_target"], period["verdict"]) == (
        None,
        [None, None],
        None,
        "not_evaluable",
    )
    assert f"goal '{id}' is not evaluable in" in answer.err


@pytest.fixture
def simple(bench: Any, f: Any, daily: list[list[object]]) -> Any:
    bench.plan(
        [f("day", "date", required=True), f("x", "number", required=True, minimum=0, maximum=30), f("branch")],
        goal={"cluster": "branch"},
        inference={"common_shocks": "none"},
    )
    bench.write("r.csv", daily)
    return bench


def test_the_good_case(simple: Any) -> None:
    answer = simple.evaluate()
    assert answer.code == 0
    assert answer.err == ""
    assert answer.goal()["verdict"] in VERDICTS
    assert simple.check().code == 0


@pytest.mark.parametrize("command", ["evaluate", "check"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "does not exist"),
        (b"", "the file is empty"),
        (b"day,x\n2024-01-01,1\n", "has no column 'branch'; it has day, x"),
        ("day,x,branch\n2024-01-01,1,上海\n".encode("gb18030"), "is not utf-8"),
        (b'day,x,branch\n2024-01-01,1,"A\n2024-01-01,1,B\n', "a quote is opened there and not closed"),
    ],
    ids=["missing", "empty", "no column", "encoding", "quote"],
)
def test_a_file_that_cannot_be_read(simple: Any, command: str, content: bytes | None, told: str) -> None:
    (simple.folder / "r.csv").unlink()
    if content is not None:
        simple.write("r.csv", content)
    answer = simple.evaluate() if command == "evaluate" else simple.check()
    assert answer.code == 2
    assert answer.out in ("", "The study file is valid (1 goal, 1 source); its records are not.\n")
    [line] = answer.err.strip().splitlines()
    assert line.startswith("evalkit: ")
    assert "r.csv" in line
    assert "'s'" in line
    assert told in line
    assert line.endswith((".", ")"))


def test_faults_of_several_sources_are_told_at_once(bench: Any, f: Any) -> None:
    day = {"path": "missing.csv", "time": "day", "fields": [f("day", "date"), f("x", "number")]}
    goals = [
        {
            "id": name,
            "source": source,
            "metric": {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"level": 1},
        }
        for name, source in (("g", "s"), ("h", "t"), ("i", "u"))
    ]
    bench.plan([f("day", "date"), f("x", "number")], goals=goals, sources={"t": day, "u": {**day, "path": "empty.csv"}})
    bench.write("r.csv", "day\n")
    bench.write("empty.csv", "")
    for answer in (bench.evaluate(), bench.check()):
        assert answer.code == 2
        lines = answer.err.strip().splitlines()
        assert len(lines) == 3
        assert [name in line for name, line in zip(("r.csv", "missing.csv", "empty.csv"), lines, strict=True)] == [
            True
        ] * 3


def test_a_header_and_nothing_else(simple: Any) -> None:
    simple.write("r.csv", "day,x,branch\n")
    blocked(simple.evaluate(), "no_records_before")
    check = simple.check()
    assert check.code == 0
    assert "0 records found" in check.out
    assert "there is nothing to evaluate" in check.out


def test_a_score_of_11_on_a_10_point_scale(simple: Any, daily: list[list[object]]) -> None:
    simple.write("r.csv", [*daily, ["2025-01-02", 31, "B0"], ["2025-01-02", -1, "B0"]])
    answer = simple.evaluate()
    assert answer.code == 0
    assert "rejected_rows" in answer.codes()
    whole = answer.goal()["evaluations"]["period"]
    simple.write("r.csv", daily)
    assert simple.evaluate().goal()["evaluations"]["period"] == whole
    simple.write("r.csv", [*daily, ["2025-01-02", 31, "B0"]])
    told = simple.check().out
    assert "1 × x: above the maximum 30" in told
    assert "r.csv row 366: x: above the maximum 30" in told


def test_above_max_rejected_only_that_sources_goals_are_blocked(bench: Any, f: Any, daily: list[list[object]]) -> None:
    fields = [f("day", "date"), f("x", "number", maximum=30), f("branch")]
    goals = [
        {
            "id": name,
            "source": source,
            "metric": {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"relative_change": 0.1},
        }
        for name, source in (("bad", "s"), ("fine", "t"))
    ]
    bench.plan(
        fields, goals=goals, sources={"t": {"path": "t.csv", "time": "day", "fields": fields}}, max_rejected=0.02
    )
    bench.write("t.csv", daily)
    bench.write("r.csv", [*daily, *[["2025-01-02", 31, "B0"]] * 10])
    answer = bench.evaluate()
    blocked(answer, "too_many_rejected", "bad")
    assert answer.goal("fine")["verdict"] in VERDICTS
    assert answer.goal("bad")["p_target_adjusted"] is None
    assert bench.evaluate("2025-Q1", "--goal", "fine").code == 0
    assert bench.evaluate("2025-Q1", "--goal", "bad").code == 3
    check = bench.check()
    assert check.code == 3
    assert "Not ready: s has too many rejected records." in check.out
    assert "2.7 % of its records were rejected, more than the 2 %" in check.err


def test_above_max_rejected_in_the_source_of_the_exposure(bench: Any, f: Any) -> None:
    metric = {"kind": "rate", "exposure": {"source": "e", "value": "n"}}
    exposure = {"path": "e.csv", "time": "day", "fields": [f("day", "date"), f("n", "number")]}
    bench.plan(
        [f("day", "date")],
        metric,
        goal={"better": "lower", "target": {"relative_change": -0.3}},
        sources={"e": exposure},
    )
    bench.write("r.csv", [["day"], *[[date(2024, 1, 1) + timedelta(days=9 * i)] for i in range(50)]])
    bench.write(
        "e.csv",
        [
            ["day", "n"],
            *[[f"{year}-{month:02d}-01", 100] for year in (2024, 2025) for month in range(1, 13)],
            *[["bad", 1]] * 9,
        ],
    )
    blocked(bench.evaluate(), "too_many_rejected")


@pytest.mark.parametrize("within", [None, "30d"])
def test_negative_durations_and_answers_before_receipt(bench: Any, f: Any, within: str | None) -> None:
    value = {"from": "a", "to": "b", "unit": "minutes", **({"within": within} if within else {})}
    bench.plan(
        [f("a", "datetime"), f("b", "datetime")],
        {"kind": "mean", "value": value},
        time="a",
        goal={"better": "lower", "target": {"relative_change": -0.1}},
    )
    rows: list[list[object]] = [["a", "b"]]
    for i in range(700):
        start = date(2024, 1, 1) + timedelta(days=i * 455 // 700)
        rows.append([f"{start} 09:00", f"{start} 09:{10 + i % 49}"])
    bench.write("r.csv", rows)
    clean = bench.evaluate("2025-Q1", "--as-of", "2025-05-31").goal()["evaluations"]["period"]
    rows += [["2024-05-05 10:00", "2024-05-05 09:59"], ["2025-01-05 10:00", "2025-01-04 10:00"]]
    bench.write("r.csv", rows)
    answer = bench.evaluate("2025-Q1", "--as-of", "2025-05-31")
    assert answer.goal()["evaluations"]["period"] == clean
    assert "rejected_rows" in answer.codes()
    told = bench.check().out
    assert "2 × b: before a" in told
    assert "the wrong way round" not in told
    bench.write("r.csv", [rows[0], *([later, earlier] for earlier, later in rows[1:])])
    assert "700 × b: before a (most records: are the goal's two columns the wrong way round" in bench.check().out


def test_duplicated_keys(bench: Any, f: Any, daily: list[list[object]]) -> None:
    fields = [f("day", "date"), f("x", "number"), f("branch"), f("id")]
    bench.plan(fields, key="id", goal={"cluster": "branch"})
    rows = [[*daily[0], "id"], *[[*row, i] for i, row in enumerate(daily[1:])]]
    bench.write("r.csv", rows)
    clean = bench.evaluate().goal()["evaluations"]["period"]
    bench.write("r.csv", [*rows, rows[5], rows[300]])
    answer = bench.evaluate()
    assert answer.goal()["evaluations"]["period"] == clean
    assert "duplicate_keys" in answer.codes()
    bench.write("r.csv", [*rows, [*rows[5][:1], 99, *rows[5][2:]]])
    differing = bench.evaluate().goal()["evaluations"]["period"]
    assert differing["before"]["records"] == clean["before"]["records"] - 1
    assert "2 × id: duplicate with other values, so no copy counts" in bench.check().out


def test_a_date_beyond_the_cutoff(simple: Any, daily: list[list[object]]) -> None:
    clean = simple.evaluate().goal()["evaluations"]
    simple.write("r.csv", [*daily, ["2025-04-01", 29, "B0"], ["2999-01-01", 29, "B1"]])
    assert simple.evaluate().goal()["evaluations"] == clean
    assert "2 are dated after the cut-off 2025-03-31 and do not count" in simple.check("--as-of", "2025-03-31").out
    cut = simple.evaluate("2025-Q1", "--as-of", "2025-02-15")
    assert cut.goal()["evaluations"]["period"]["after"]["end"] == "2025-02-15"
    assert "partial_period" in cut.codes()


@pytest.mark.parametrize(
    ("period", "as_of", "told"),
    [
        ("2024-Q4", None, "before the programme starts on 2025-01-01"),
        ("2023", None, "before the programme"),
        ("2025-Q1", "2024-12-31", "after the data cut-off 2024-12-31"),
        ("2025-Q5", None, "is not understood; write 2025-Q4"),
        ("2025-03-31/2025-01-01", None, "ends"),
        ("2025-Q1", "31/12/2025", "is not a date for the data cut-off"),
        ("", None, "is not understood"),
    ],
)
def test_periods_and_cutoffs_that_make_no_sense(simple: Any, period: str, as_of: str | None, told: str) -> None:
    answer = simple.evaluate(period, *(["--as-of", as_of] if as_of else []))
    assert answer.code == 2
    assert told in answer.err


def test_a_period_that_begins_in_the_baseline_counts_from_the_programme(simple: Any) -> None:
    answer = simple.evaluate("2024-12-01/2025-03-31")
    assert answer.goal()["evaluations"]["period"]["after"]["start"] == "2025-01-01"


@pytest.mark.parametrize("period", ["2025-Q3", "2031-05"])
def test_a_period_with_no_records(simple: Any, period: str) -> None:
    answer = simple.evaluate(period)
    blocked(answer, "no_records_after")
    assert answer.goal()["evaluations"]["period"]["after"]["records"] == 0


def test_a_baseline_with_no_records(simple: Any, daily: list[list[object]]) -> None:
    simple.write("r.csv", [daily[0], *[row for row in daily[1:] if str(row[0]) >= "2025"]])
    answer = simple.evaluate()
    blocked(answer, "no_records_before")
    assert answer.goal()["evaluations"]["period"]["before"] is None


def test_a_period_wholly_in_the_phase_in(bench: Any, f: Any, daily: list[list[object]]) -> None:
    bench.plan(
        [f("day", "date"), f("x", "number"), f("branch")],
        goal={"phase_in": {"start": "2025-01-01", "end": "2025-03-31"}},
    )
    bench.write("r.csv", daily)
    answer = bench.evaluate()
    assert answer.code == 3
    assert serious(answer) == ["inside_phase_in"]
    assert answer.goal()["evaluations"]["to_date"] is None


@pytest.mark.parametrize("arm", ["before", "after", "both"])
def test_one_cluster_only(simple: Any, daily: list[list[object]], arm: str) -> None:
    def kept(row: Sequence[object]) -> bool:
        late = str(row[0]) >= "2025"
        return row[2] == "B1" or (arm == "before" and late) or (arm == "after" and not late)

    simple.write("r.csv", [daily[0], *[row for row in daily[1:] if kept(row)]])
    blocked(simple.evaluate(), "single_cluster")


def rate(
    bench: Any, f: Any, before: int, after: int, exposure: Any = "calendar-days", target: float = -0.3, **goal: Any
) -> Any:
    fields = [f("day", "date"), f("n", "integer"), f("e", "number")]
    metric = {"kind": "rate", "events": "n", "exposure": exposure}
    bench.plan(fields, metric, goal={"better": "lower", "target": {"relative_change": target}, **goal})
    rows: list[list[object]] = [["day", "n", "e"]]
    rows += [[f"2024-{month:02d}-15", before // 12 + (month <= before % 12), 10] for month in range(1, 13)]
    rows += [[f"2025-{month:02d}-15", after // 3 + (month <= after % 3), 10] for month in range(1, 4)]
    bench.write("r.csv", rows)
    return rows


@pytest.mark.parametrize("exposure", ["calendar-days", "e"])
@pytest.mark.parametrize("scale", ["relative_change", "difference", "level"])
@pytest.mark.parametrize(("before", "after"), [(0, 5), (24, 0), (0, 0)])
def test_zero_incidents(bench: Any, f: Any, exposure: str, scale: str, before: int, after: int) -> None:
    target = {
        "relative_change": {"relative_change": -0.3},
        "difference": {"difference": -0.01},
        "level": {"level": 0.05},
    }[scale]
    rate(bench, f, before, after, exposure)
    bench.study["goals"][0]["target"] = target
    bench.save()
    answer = bench.evaluate()
    if before == 0 and scale == "relative_change":
        blocked(answer, "zero_events_before")
    elif before == after == 0 and scale == "difference":
        blocked(answer, "no_variation")
    else:
        assert answer.code == 0
        period = answer.goal()["evaluations"]["period"]
        assert period["verdict"] in VERDICTS
        assert period["before"]["value"] == pytest.approx(before / (366 if exposure == "calendar-days" else 120))
        assert period["after"]["value"] == pytest.approx(after / (90 if exposure == "calendar-days" else 30))
        if scale == "relative_change":
            assert period["estimate"] == 0
            assert period["ci"][0] == 0
            assert "small_counts" in answer.codes()


@pytest.mark.parametrize("arm", ["2024", "2025", "202"])
def test_zero_exposure(bench: Any, f: Any, arm: str) -> None:
    rows = rate(bench, f, 24, 6, "e")
    gone = [str(row[0]).startswith(arm) for row in rows[1:]]
    given = [[row[0], *((0, 0) if none else (row[1], 10))] for row, none in zip(rows[1:], gone, strict=True)]
    bench.write("r.csv", [rows[0], *given])
    blocked(bench.evaluate(), "zero_exposure")


def test_no_exposure_at_all_for_the_window(bench: Any, f: Any) -> None:
    metric = {"kind": "rate", "exposure": {"source": "e", "value": "n"}}
    exposure = {"path": "e.csv", "time": ["y", "m"], "fields": [f("y", "integer"), f("m", "integer"), f("n", "number")]}
    bench.plan(
        [f("day", "date")],
        metric,
        goal={"better": "lower", "target": {"relative_change": -0.3}},
        sources={"e": exposure},
    )
    bench.write("r.csv", [["day"], *[[date(2024, 1, 1) + timedelta(days=9 * i)] for i in range(50)]])
    bench.write("e.csv", [["y", "m", "n"], *[[2024, month, 100] for month in range(1, 13)]])
    blocked(bench.evaluate(), "exposure_missing")
    bench.write("e.csv", [["y", "m", "n"], [2024, 1, 1200]])
    blocked(bench.evaluate(), "zero_exposure")


def test_no_incident_record_at_all_is_zero_incidents(bench: Any, f: Any) -> None:
    bench.plan(
        [f("day", "date")],
        {"kind": "rate", "exposure": "calendar-days"},
        goal={"better": "lower", "target": {"level": 0.05}},
    )
    bench.write("r.csv", "day\n")
    answer = bench.evaluate()
    assert answer.code == 0
    assert answer.goal()["evaluations"]["period"]["after"]["value"] == 0


def test_a_half_written_file(simple: Any, daily: list[list[object]]) -> None:
    path = simple.write("r.csv", daily)
    path.write_bytes(path.read_bytes()[:-6])
    answer = simple.evaluate()
    assert answer.code == 0
    assert "rejected_rows" in answer.codes()
    assert "1 × fewer columns than the header" in simple.check().out


def weighted(bench: Any, f: Any, daily: list[list[object]], weight: Any, kind: str = "mean") -> Any:
    metric = {
        "mean": {"kind": "mean", "value": "x", "weight": "w"},
        "proportion": {"kind": "proportion", "success": {"column": "x", "at_least": 14}, "weight": "w"},
        "ratio": {"kind": "ratio", "numerator": "x", "denominator": "one", "weight": "w"},
    }[kind]
    bench.plan(
        [f("day", "date"), f("x", "number"), f("branch"), f("w", "number"), f("one", "number")],
        metric,
        goal={"cluster": "branch"},
    )
    bench.write("r.csv", [[*daily[0], "w", "one"], *[[*row, weight(i), 1] for i, row in enumerate(daily[1:])]])
    return bench.evaluate()


@pytest.mark.parametrize("kind", ["mean", "proportion", "ratio"])
def test_weights(bench: Any, f: Any, daily: list[list[object]], kind: str) -> None:
    blocked(weighted(bench, f, daily, lambda _: 0, kind), "zero_exposure")
    blocked(weighted(bench, f, daily, lambda _: None, kind), "no_records_before")
    blocked(weighted(bench, f, daily, lambda _: -1, kind), "too_many_rejected")
    some = weighted(bench, f, daily, lambda i: None if i % 50 == 0 else 0 if i % 7 == 0 else 1.5, kind)
    assert some.code == 0
    assert "missing_values" in some.codes()
    one, same = (weighted(bench, f, daily, lambda _, w=w: w, kind).goal()["evaluations"]["period"] for w in (1, 250.5))
    assert same["estimate"] == pytest.approx(one["estimate"], rel=1e-9)
    assert same["ci"] == pytest.approx(one["ci"], rel=1e-6)


def test_a_missing_stratum_is_its_own(bench: Any, f: Any, daily: list[list[object]]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch"), f("kind")], goal={"standardise_by": ["kind"]})
    rows = [[*daily[0], "kind"], *[[*row, None if i % 3 == 0 else "k"] for i, row in enumerate(daily[1:])]]
    bench.write("r.csv", rows)
    missing = bench.evaluate().goal()["evaluations"]["period"]
    bench.write("r.csv", [[*row[:3], row[3] or "own"] for row in rows])
    assert missing == bench.evaluate().goal()["evaluations"]["period"]


def test_strata_that_one_side_lacks(bench: Any, f: Any, daily: list[list[object]]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch"), f("kind")], goal={"standardise_by": ["kind"]})
    bench.write(
        "r.csv", [[*daily[0], "kind"], *[[*row, str(row[0])[:4] if i % 2 else "k"] for i, row in enumerate(daily[1:])]]
    )
    blocked(bench.evaluate(), "strata_not_common")
    bench.write("r.csv", [[*daily[0], "kind"], *[[*row, str(row[0])[:4]] for row in daily[1:]]])
    blocked(bench.evaluate(), "no_common_stratum")


def test_a_missing_cluster_is_one_of_its_own(simple: Any, daily: list[list[object]]) -> None:
    simple.write("r.csv", [daily[0], *[[*row[:2], None if row[2] == "B3" else row[2]] for row in daily[1:]]])
    answer = simple.evaluate()
    assert answer.code == 0
    assert "missing_cluster" in answer.codes()
    assert answer.goal()["evaluations"]["period"]["after"]["clusters"] == 4


@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity", "1e999", "#REF!", "n/a"])
def test_numbers_that_are_none(simple: Any, daily: list[list[object]], text: str) -> None:
    simple.write("r.csv", [*daily, ["2025-02-01", text, "B0"]])
    assert simple.evaluate().code == 0
    assert "1 × x: not a number" in simple.check().out


@pytest.mark.parametrize("value", [1e300, 1e155, 1e48, 1e-48, 1e-300])
def test_huge_and_tiny_numbers_give_no_nan(bench: Any, f: Any, daily: list[list[object]], value: float) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], goal={"cluster": "branch"})
    bench.write("r.csv", [daily[0], *[[row[0], float(str(row[1])) * value, row[2]] for row in daily[1:]]])
    answers = [bench.evaluate()]
    bench.plan([f("day", "date"), f("x", "number"), f("branch")])
    answers.append(bench.evaluate())
    for answer in answers:
        if value > 1e50:
            blocked(answer, "too_many_rejected")
        elif value == 1e-300:
            assert answer.code in (0, 3)
        else:
            assert answer.code == 0
    if value > 1e50:
        assert "x: beyond ±1e50, too large to compute with" in bench.check().out


@pytest.mark.parametrize("cluster", [None, "branch"])
def test_one_value_everywhere(bench: Any, f: Any, daily: list[list[object]], cluster: str | None) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], goal={"cluster": cluster} if cluster else {})
    bench.write("r.csv", [daily[0], *[[row[0], 7, row[2]] for row in daily[1:]]])
    blocked(bench.evaluate(), "no_variation")


@pytest.mark.parametrize("value", [0, -5])
def test_a_baseline_that_is_not_positive(bench: Any, f: Any, daily: list[list[object]], value: int) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")])
    bench.write(
        "r.csv", [daily[0], *[[row[0], row[1] if str(row[0]) >= "2025" else value, row[2]] for row in daily[1:]]]
    )
    blocked(bench.evaluate(), "baseline_not_positive")


@pytest.mark.parametrize("share", [0, 1])
@pytest.mark.parametrize("cluster", [None, "branch"])
def test_all_or_none_are_a_success(
    bench: Any, f: Any, daily: list[list[object]], share: int, cluster: str | None
) -> None:
    metric = {"kind": "proportion", "success": {"column": "x", "at_least": 1}}
    bench.plan(
        [f("day", "date"), f("x", "number"), f("branch")],
        metric,
        goal={"target": {"level": 0.9}, **({"cluster": cluster} if cluster else {})},
    )
    bench.write("r.csv", [daily[0], *[[row[0], share, row[2]] for row in daily[1:]]])
    answer = bench.evaluate()
    assert answer.code == 0
    period = answer.goal()["evaluations"]["period"]
    assert period["estimate"] == share
    assert period["verdict"] == ("achieved" if share else "not_achieved")


def test_a_single_record_on_each_side(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    bench.write("r.csv", "day,x\n2024-05-01,1\n2025-02-01,2\n")
    blocked(bench.evaluate(), "too_few_records")


def test_every_goal_is_told_and_the_rest_evaluated(bench: Any, f: Any, daily: list[list[object]]) -> None:
    goals = [
        {
            "id": name,
            "source": "s",
            "metric": {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"relative_change": 0.1},
            "where": [{"column": "branch", "equals": branch}],
        }
        for name, branch in (("fine", "B0"), ("none", "Z"), ("nobody", "Y"))
    ]
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], goals=goals)
    bench.write("r.csv", daily)
    answer = bench.evaluate()
    assert answer.code == 3
    assert len(answer.err.strip().splitlines()) == 2
    assert answer.goal("fine")["p_target_adjusted"] > answer.goal("fine")["evaluations"]["period"]["p_target"]


def test_undated_records_are_counted(bench: Any, f: Any, daily: list[list[object]]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")])
    bench.write("r.csv", [*daily, [None, 5, "B0"], [None, None, "B0"]])
    answer = bench.evaluate()
    assert "undated_records" in answer.codes()
    assert "2 have no day, so they belong to no period" in bench.check().out


def test_a_file_that_may_not_be_read(simple: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (simple.folder / "r.csv").chmod(0)
    answer = simple.evaluate()
    assert answer.code == 2
    assert "Permission denied" in answer.err


@pytest.mark.parametrize("order", ["forward", "backward"])
def test_what_is_left_out_is_counted(bench: Any, f: Any, order: str) -> None:
    """Found = accepted + rejected, and accepted = counted + left out for a reason that is told."""
    value = {"from": "a", "to": "b", "unit": "hours", "within": "10d"}
    bench.plan(
        [f("id"), f("a", "datetime"), f("b", "datetime")],
        {"kind": "mean", "value": value},
        time="a",
        key="id",
        goal={"better": "lower"},
    )
    rows: list[list[object]] = []
    for i in range(455):
        start = date(2024, 1, 1) + timedelta(days=i)
        end = "" if i % 31 == 0 else f"{start + timedelta(days=i % 5)} 12:00"
        rows.append([i, "" if i % 53 == 52 else f"{start} 08:00", end])
    rows += [["x", "bad", ""], ["y", "2025-01-01 08:00", "2024-12-31"], [3, "2025-01-01", "2025-01-02"]]
    bench.write("r.csv", [["id", "a", "b"], *(rows if order == "forward" else rows[::-1])])
    study = bench.open()
    result = study.evaluate("g", period="2025-Q1")
    records = study.source_records("s")
    assert records.found == len(rows)
    accepted = records.found - records.rejected
    counts = result.counts
    inside = sum(
        counts[f"{name}_{side}"] for name in ("n", "missing", "open", "not_yet_due") for side in ("before", "after")
    )
    undated = [flag.figures["count"] for flag in result.flags if flag.code == "undated_records"]
    assert inside + sum(undated) == accepted
    assert counts["n_after"] == result.period.after.records
    assert counts["not_yet_due_after"] > 0
    assert counts["open_before"] > 0


def test_a_large_file_of_nothing_but_faults_is_no_burden(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    bench.write("r.csv", "day,x\n" + "2024-01-01\nbad,1\n" * 30_000)
    started = time.perf_counter()
    answer = bench.check()
    assert answer.code == 3
    assert "… and 59990 more" in answer.out
    assert time.perf_counter() - started < 20
