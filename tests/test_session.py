"""An opened study: what researchers and notebooks call."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import ParameterError, RecordsError
from evalkit.records.fetch import fetch
from evalkit.session import needed_sources, open_study


@pytest.fixture
def study(bench: Any, f: Any, daily: list[list[object]]) -> Any:
    goals = [
        {
            "id": "g",
            "source": "s",
            "metric": {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"relative_change": 0.1},
            "cluster": "branch",
            "phase_in": {"start": "2025-01-01", "end": "2025-01-10"},
            "title": {"en": "Up", "zh": "上升"},
        },
        {
            "id": "share",
            "source": "s",
            "metric": {"kind": "proportion", "success": {"column": "x", "at_least": 14}},
            "better": "higher",
            "target": {"level": 0.5},
        },
    ]
    bench.plan([f("day", "date"), f("x", "number", maximum=25), f("branch")], goals=goals)
    bench.study["measures"] = [{"id": "m"}]
    bench.study["indicators"] = [
        {"id": "watch", "measure": "m", "source": "s", "metric": {"kind": "mean", "value": "x"}, "better": "higher"}
    ]
    bench.save()
    bench.write("r.csv", [*daily, ["2024-03-03", 99, "B0"]])
    return bench.open()


def test_found_by_argument_variable_and_folder(bench: Any, f: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    path = bench.folder / "study.yaml"
    assert ek.open_study(path).file.path == path
    assert ek.open_study(bench.folder).file.path == path
    with pytest.raises(ParameterError, match=r"found dict; a study reads files or tables: write a frame to Parquet"):
        ek.open_study({"x": [1]})  # type: ignore[arg-type]
    monkeypatch.setenv("EVALKIT_STUDY", str(bench.folder))
    assert open_study().file.path == path
    monkeypatch.delenv("EVALKIT_STUDY")
    (bench.folder / "data").mkdir()
    path.rename(bench.folder / "data" / "study.yaml")
    (bench.folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(bench.folder / "deep" / "er")
    assert open_study().file.path == bench.folder / "data" / "study.yaml"
    with pytest.raises(ParameterError):
        open_study(bench.folder / "nothing.yaml")


def test_what_it_shows_of_itself_computes_nothing(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    assert repr(bench.open()) == "<study trial: g>"


def test_records_are_lazy_typed_and_accepted_only(study: Any) -> None:
    table = study.records("s")
    assert list(table.columns) == ["day", "x", "branch"]
    assert str(table.schema()["day"]) == "date"
    assert fetch(table.agg(n=table.count(), top=table["x"].max()))[0] == {"n": 364, "top": 20.0}
    assert study.rejected("s") == {"x: above the maximum 25": 1}
    assert study.source_records("s") is study.source_records("s")
    with pytest.raises(ParameterError, match="source 't'"):
        study.records("t")


def test_one_goal_is_adjusted_among_all(study: Any) -> None:
    everything = study.evaluate_period("2025-Q1")
    for name in ("g", "share", "watch"):
        one = study.evaluate(name, period="2025-Q1")
        assert one == everything[name]
        assert study.evaluate_period("2025-Q1", goal=name)[name] == one
    assert everything["g"].p_target_adjusted >= everything["g"].period.p_target
    assert [goal.id for goal in everything] == ["g", "share"]
    with pytest.raises(ParameterError, match="'gg'"):
        study.evaluate("gg", period="2025-Q1")


def test_parameters_as_papermill_passes_them(study: Any) -> None:
    whole = study.evaluate_period("2025")
    assert study.evaluate_period(2025) == whole
    assert study.evaluate_period("2025", as_of="") == whole
    cut = study.evaluate_period("2025", as_of="2025-02-28")
    assert cut == study.evaluate_period("2025", as_of=date(2025, 2, 28))
    assert cut.as_of == date(2025, 2, 28)
    assert cut["g"].period.after.end == date(2025, 2, 28)


def test_titles_in_the_language_asked_for(study: Any) -> None:
    assert study.evaluate("g", period="2025-Q1").title == "Up"
    assert study.evaluate("g", period="2025-Q1", language="zh").title == "上升"


def test_to_date_begins_after_the_phase_in(study: Any) -> None:
    result = study.evaluate("g", period="2025-Q1")
    assert result.to_date.after.start == date(2025, 1, 11)
    assert result.period.after.start == date(2025, 1, 11)
    assert "phase_in_overlap" in [flag.code for flag in result.flags]


def test_series_against_pandas(study: Any, daily: list[list[object]]) -> None:
    frame = pd.DataFrame(daily[1:], columns=["day", "x", "branch"])
    frame["day"] = pd.to_datetime(frame.day)
    series = study.series("g")
    assert list(series.columns) == ["start", "end", "value", "records", "numerator", "denominator", "phase"]
    assert list(series.phase.unique()) == ["baseline", "phase-in", "after"]
    for row in series.itertuples():
        inside = frame[(frame.day >= str(row.start)) & (frame.day <= str(row.end))]
        assert row.records == len(inside)
        assert row.value == pytest.approx(inside.x.mean(), rel=1e-12) or (np.isnan(row.value) and not len(inside))
    assert series.records.sum() == 364
    january = series[series.start.map(str).str.startswith("2025-01")]
    assert [(str(row.start), str(row.end), row.phase) for row in january.itertuples()] == [
        ("2025-01-01", "2025-01-10", "phase-in"),
        ("2025-01-11", "2025-01-31", "after"),
    ]
    assert len(study.series("watch", "quarter")) == 5
    assert study.series("g", as_of="2024-06-30").records.sum() == frame[frame.day <= "2024-06-30"].shape[0]


def test_a_control_chart_has_the_goals_aim_and_whole_months(study: Any) -> None:
    """The chart judged by no direction unless the target was a level, and the page drew another target than the API."""
    chart = study.control_chart("g")
    assert chart.better == "higher"
    assert chart.target == pytest.approx(study.evaluate("g", period="2025-Q1").period.target_level, rel=1e-12)
    assert (study.control_chart("share").target, study.control_chart("share").better) == (0.5, "higher")
    watch = study.control_chart("watch")
    assert (watch.target, watch.better) == (None, "higher")
    months = [str(day)[:7] for day in chart.times]
    assert "2025-01" not in months, "the phase-in leaves two thirds of it"
    assert months[-2:] == ["2025-02", "2025-03"], "whole but for the last days, of which no record tells"
    cut = study.control_chart("watch", as_of="2025-03-15")
    assert str(cut.times[-1])[:7] == "2025-02"


def test_a_chart_of_what_is_held_has_no_target(study: Any, bench: Any) -> None:
    bench.study["goals"][0]["compare_with"] = "same-months"
    bench.save()
    assert bench.open().control_chart("g").target is None


def test_provenance_hashes_no_records(study: Any) -> None:
    result = study.with_provenance(study.evaluate_period("2025-Q1"))
    assert result.provenance["study"] == study.file.hash
    assert result.provenance["data"] == {}
    assert result.provenance["parameters"] == {"study": "study.yaml", "period": "2025-Q1", "as_of": "2025-03-31"}


def test_a_cut_off_may_be_a_datetime_at_midnight_a_timestamp_or_text(study: Any) -> None:
    expected = study.evaluate("g", period="2025-Q2", as_of="2025-06-30")
    for when in (datetime(2025, 6, 30, tzinfo=UTC), pd.Timestamp("2025-06-30"), date(2025, 6, 30)):
        assert study.evaluate("g", period="2025-Q2", as_of=when) == expected
        assert study.latest_period(when) == study.latest_period("2025-06-30")
        assert study.series("g", as_of=when).equals(study.series("g", as_of="2025-06-30"))
        assert study.detail("g", "2025-Q2", as_of=when).as_of == date(2025, 6, 30)
    for ask in (
        lambda when: study.evaluate("g", period="2025-Q2", as_of=when),
        lambda when: study.evaluate_by("branch", period="2025-Q2", as_of=when),
        lambda when: study.series("g", as_of=when),
        lambda when: study.detail("g", "2025-Q2", as_of=when),
        lambda when: study.latest_period(when),
    ):
        with pytest.raises(ParameterError, match=r"2025-06-30 14:00:00 for .* has a time of day; expected a day"):
            ask(pd.Timestamp("2025-06-30 14:00"))


def test_periods_of_pandas_are_taken(study: Any) -> None:
    assert study.evaluate("g", period=pd.Period("2025Q2")).to_dict() == study.evaluate("g", period="2025-Q2").to_dict()


def test_an_unknown_language_is_refused(study: Any) -> None:
    for ask in (
        lambda: study.evaluate("g", period="2025-Q2", language="de"),
        lambda: study.evaluate_all(language="de"),
        lambda: study.evaluate_by("branch", language="de"),
    ):
        with pytest.raises(ParameterError, match="The language 'de' is not known; write en or zh"):
            ask()


def test_an_empty_path_is_refused(study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.file.folder)
    assert open_study(None).file.id == study.file.id
    with pytest.raises(ParameterError, match="The path of the study file is empty; name the file, or give none"):
        open_study("")


def test_rates_of_events_that_are_no_whole_numbers_have_an_individuals_chart(bench: Any, f: Any) -> None:
    goal = {
        "id": "g",
        "source": "s",
        "metric": {"kind": "rate", "events": "x", "exposure": "calendar-days"},
        "better": "lower",
        "target": {"relative_change": -0.1},
    }
    bench.plan([f("day", "date"), f("x", "number")], goals=[goal])
    days = [f"{2024 + m // 12}-{1 + m % 12:02d}-05" for m in range(18)]
    for more, kind in ((0.5, "xmr"), (1, "u")):
        bench.write("r.csv", [["day", "x"], *([day, 3 + more * (m % 2)] for m, day in enumerate(days))])
        assert bench.open().control_chart("g").kind == kind


def test_the_latest_period(study: Any) -> None:
    assert study.latest_period(date(2025, 7, 1)).label == "2025-Q2"
    with pytest.raises(ParameterError, match="No period of the programme has ended by 2025-03-30"):
        study.latest_period(date(2025, 3, 30))


def test_only_sources_that_are_needed_are_opened(bench: Any, f: Any, daily: list[list[object]]) -> None:
    missing = {"path": "missing.csv", "time": "day", "fields": [f("day", "date"), f("x", "number")]}
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], sources={"t": missing, "u": missing})
    bench.write("r.csv", daily)
    study = bench.open()
    assert needed_sources(study.file.goals) == ["s"]
    assert study.evaluate("g", period="2025-Q1").period.effect is not None
    with pytest.raises(RecordsError) as caught:
        study.open_all()
    assert len(caught.value.messages) == 2


def test_changed_records_are_seen_by_a_newly_opened_study(bench: Any, f: Any, daily: list[list[object]]) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")])
    bench.write("r.csv", daily)
    study = bench.open()
    before = study.evaluate("g", period="2025-Q1")
    bench.write("r.csv", daily[:-8])
    assert study.evaluate("g", period="2025-Q1") == before
    assert bench.open().evaluate("g", period="2025-Q1").period.after.records == before.period.after.records - 8


def close(one: Any, other: Any) -> None:
    """Compare two results in their published form: numbers to 1e-9, all else exactly."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            close(left, right)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-14)
    else:
        assert one == other


@pytest.fixture
def dated(bench: Any, f: Any) -> Any:
    """A Parquet study by month whose goals depend on the cut-off: open work, answers not yet due, a share, events."""
    generator = np.random.default_rng(4)
    n = 20_000
    began = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(generator.integers(0, 480 * 86400, n), unit="s"))
    ended = began + pd.to_timedelta(generator.exponential(6 * 86400, n).astype(int), unit="s")
    ended[generator.random(n) < 0.05] = pd.NaT
    frame = pd.DataFrame({"a": began.sort_values(ignore_index=True), "b": ended[began.sort_values().index].to_numpy()})
    frame["branch"] = generator.choice([f"B{i}" for i in range(12)], n)
    frame["kind"] = generator.choice(["k", "l"], n)
    frame.to_parquet(bench.folder / "r.parquet")
    took = {"from": "a", "to": "b", "unit": "days"}
    goals = [
        {"id": "took", "metric": {"kind": "mean", "value": took}, "cluster": "branch", "standardise_by": ["kind"]},
        {"id": "followed", "metric": {"kind": "mean", "value": {**took, "within": "10d"}}, "cluster": "branch"},
        {
            "id": "answered",
            "metric": {"kind": "proportion", "success": {"column": "b", "within": "7d", "of": "a"}},
            "better": "higher",
            "target": {"level": 0.6},
        },
        {
            "id": "events",
            "metric": {"kind": "rate", "exposure": "calendar-days"},
            "where": [{"column": "kind", "equals": "k"}],
        },
    ]
    usual = {"source": "s", "better": "lower", "target": {"relative_change": -0.1}}
    bench.plan(
        [f("a", "datetime", required=True), f("b", "datetime"), f("branch", required=True), f("kind")],
        goals=[{**usual, **goal} for goal in goals],
        time="a",
        path="r.parquet",
        calendar={"baseline": {"start": "2024-01-01", "end": "2024-12-31"}, "frequency": "month"},
        inference={"sequential": {"method": "alpha-spending", "spending": "pocock", "looks": 6}},
    )
    return bench


def test_all_periods_at_once_are_those_one_by_one(dated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.records import columns

    monkeypatch.setattr(columns, "PART_ROWS", 3000)
    results = dated.open().evaluate_all()
    assert [result.period for result in results] == [
        "2025-01",
        "2025-02",
        "2025-03",
        "2025-04",  # of which the last days are missing
    ]
    assert [str(result.as_of) for result in results][1:] == ["2025-02-28", "2025-03-31", "2025-04-30"]
    for result in results:
        close(result.to_dict(), dated.open().evaluate_period(result.period).to_dict())
    told = dated.run("evaluate", "--all-periods", "--json").json
    assert (told["schema"], told["study"]) == (1, "trial")
    assert [period["period"] for period in told["periods"]] == [result.period for result in results]
    close(told["periods"][1]["goals"], results[1].to_dict()["goals"])
    table = dated.run("evaluate", "--all-periods", "--goal", "answered", "--as-of", "2025-02-28").out
    assert table.count("2025-0") == 4  # the heading names the first and the last
    assert dated.run("evaluate", "--all-periods", "--period", "2025-01").code == 2
    assert dated.run("evaluate").code == 2
    assert dated.run("evaluate", "--all-periods", "--as-of", "2024-12-31").code == 2


def test_all_periods_of_the_shipped_bank() -> None:
    results = open_study("data").evaluate_all(as_of="2025-09-30")
    assert [result.period for result in results] == ["2025-Q1", "2025-Q2", "2025-Q3"]
    close(results[1].to_dict(), open_study("data").evaluate_period("2025-Q2").to_dict())


def test_records_stay_in_the_engine(dated: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only cells enter Python: fewer than months × branches × kinds, and as few from ten times the records."""
    from evalkit.evaluation import gather, series, winsorised
    from evalkit.records import columns
    from evalkit.records import fetch as fetching

    fetched: list[int] = []

    def counting(of: Any, size: Any) -> Any:
        def counted(table: Any) -> Any:
            found = of(table)
            fetched.append(size(found))
            return found

        return counted

    rows = counting(fetching.fetch, len)
    for module in (fetching, columns, series, gather):
        monkeypatch.setattr(module, "fetch", rows)
    monkeypatch.setattr(
        columns, "fetch_columns", counting(columns.fetch_columns, lambda found: len(next(iter(found[0].values()))))
    )
    monkeypatch.setattr(winsorised, "MOST_RECORDS", 0)
    once = dated.open().evaluate_all()
    few, cells = list(fetched), 16 * 12 * 2
    assert max(few) < cells * 4 * 4 * 3  # each by the cut-off at which its work ended and had been followed up
    assert len(few) <= 3  # the last day, and one query: the goals' groupings nest
    frame = pd.read_parquet(dated.folder / "r.parquet")
    pd.concat([frame] * 10).to_parquet(dated.folder / "r.parquet")
    fetched.clear()
    more = dated.open().evaluate_all()
    assert fetched == few
    assert more[0].goals[0].period.after.records == 10 * once[0].goals[0].period.after.records


def test_a_frequency_that_is_none_is_told_with_those_there_are(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    for ask in (bench.open().series, bench.open().control_chart):
        with pytest.raises(
            ParameterError, match=r"'week' is not known; expected one of month, quarter, half-year, year"
        ):
            ask("g", "week")


def test_a_folder_without_a_study_and_a_path_to_nothing_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"is a folder with neither study\.yaml nor data/study\.yaml"):
        ek.open_study(tmp_path)
    with pytest.raises(ParameterError, match=r"nothing\.yaml .* does not exist; name the file, or the folder"):
        ek.open_study(tmp_path / "nothing.yaml")


def test_a_target_that_is_a_text_is_refused_by_name() -> None:
    for ask in (
        lambda target: ek.rate_ratio(30, 12.1, 14, 12.5, target=target),
        lambda target: ek.ratio_of_means([1, 2, 3], [2, 3, 5], target=target),
        lambda target: ek.proportion(46, 50, target=target),
        lambda target: ek.proportion_change(40, 50, 46, 50, target=target),
        lambda target: ek.control_chart([1, 2, 3, 2] * 3, target=target, better="lower"),
        lambda target: ek.power(standard_error=0.1, target=target, better="lower"),
    ):
        with pytest.raises(ParameterError, match=r"target is '15%'; expected a number: 0\.85 is the ratio"):
            ask("15%")
