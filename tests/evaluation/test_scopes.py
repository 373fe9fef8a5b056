"""Every scope of a field is what its records alone would give, small ones are hidden, and all are one family."""

from __future__ import annotations

import csv
import json
from itertools import product
from pathlib import Path

import pytest

import evalkit as ek
from evalkit import wording
from evalkit.errors import ParameterError
from evalkit.publish.compare import same_results
from evalkit.terminal import scopes_table

PERIOD = "2025-Q1"
STUDY = """
schema: 1
id: scopes
calendar: {{baseline: {{start: 2024-01-01, end: 2024-12-31}}}}
inference: {{sequential: {{method: alpha-spending, spending: obrien-fleming, looks: 4}}}}
sources:
  visits:
    path: visits.csv
    time: day
    fields:
      - {{name: day, type: date}}
      - {{name: minutes, type: number}}
      - {{name: branch, type: string}}
      - {{name: region, type: string}}
  incidents:
    path: incidents.csv
    time: day
    fields: [{{name: day, type: date}}, {{name: region, type: string}}]
  other:
    path: other.csv
    time: day
    fields: [{{name: day, type: date}}, {{name: answered, type: string}}]
goals:
  - id: minutes
    source: visits
    metric: {{kind: mean, value: minutes}}
    better: lower
    target: {{relative_change: -0.1}}
    cluster: branch
    where: [{where}]
  - id: incidents
    source: incidents
    metric: {{kind: rate, exposure: calendar-days}}
    better: lower
    target: {{relative_change: -0.3}}
    where: [{where}]
  - id: answered
    source: other
    metric: {{kind: proportion, success: {{column: answered, equals: "yes"}}}}
    better: higher
    target: {{level: 0.5}}
"""


def write(folder: Path, where: str = "") -> Path:
    """Three regions and one of a single record; two branches each; records without region."""
    days = [f"{year}-{month:02}-{day:02}" for year, month, day in product((2024, 2025), range(1, 13), (3, 12, 25))]
    days = [day for day in days if day < "2025-04"]
    visits: list[list[object]] = [["day", "minutes", "branch", "region"]]
    incidents: list[list[object]] = [["day", "region"]]
    for place, day in enumerate(days):
        for number, region in enumerate(("north", "south", "east", "")):
            after = 0.75 if day > "2025" else 1.0
            for branch in range(3):
                minutes = (20 + number + branch + (7 * place + 3 * branch) % 5) * after
                visits.append([day, minutes, f"{region}{branch}", region])
            incidents += [[day, region]] * (1 + (place + number) % 2)
    visits += [["2024-05-05", 20, "w0", "west"], ["2025-02-02", 20, "w0", "west"], ["2025-02-02", 20, "w1", "west"]]
    other = [["day", "answered"], *([day, "yes" if place % 4 else "no"] for place, day in enumerate(days))]
    for name, rows in (("visits", visits), ("incidents", incidents), ("other", other)):
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    study = folder / "study.yaml"
    study.write_text(STUDY.format(where=where))
    return study


def test_a_scope_is_what_its_records_alone_would_give(tmp_path: Path) -> None:
    (found,) = ek.open_study(write(tmp_path)).evaluate_by("region", period=PERIOD)
    assert [one.scope for one in found] == ["east", "north", "south", None]
    assert found.unnamed == 1
    assert found.not_split == ("answered",)
    for scope in found.scopes[1:3]:
        alone = ek.open_study(write(tmp_path, f"{{column: region, equals: {scope.scope}}}")).evaluate_period(PERIOD)
        for goal in scope.goals:
            for window in ("period", "to_date"):
                mine, theirs = getattr(goal, window).to_dict(), getattr(alone[goal.id], window).to_dict()
                assert same_results(mine, theirs), (scope.scope, goal.id, window)


def test_small_scopes_are_hidden_and_the_next_smallest_with_them(tmp_path: Path) -> None:
    (found,) = ek.open_study(write(tmp_path)).evaluate_by("region", period=PERIOD)
    hidden = {
        s.scope for s in found for g in s.goals if g.id == "minutes" and g.flags and g.flags[0].code == "suppressed"
    }
    assert hidden == {"east"}, "west is not named, and of it alone the total would tell"
    (told,) = found.scopes[0].goals[0].flags
    assert told.message == "Not shown, so that another's small number cannot be worked out from the total."
    assert wording.flag_sentence(told, "zh").startswith("不予显示")
    for scope in found:
        for goal in scope.goals:
            if scope.scope in hidden and goal.id == "minutes":
                assert goal.verdict == "not_evaluable"
                assert goal.period.before is goal.period.after is goal.period.effect is goal.to_date is None


def totals(folder: Path, after: dict[str, list[int]]) -> ek.OpenStudy:
    """A row a month and ward: its events, and patient-days at risk."""
    rows: list[list[object]] = [["day", "ward", "falls", "days"]]
    for ward, counts in after.items():
        rows += [[f"2024-{month:02}-01", ward, 9, 100] for month in range(1, 13)]
        rows += [[f"2025-{month + 1:02}-01", ward, count, 100] for month, count in enumerate(counts)]
    with (folder / "wards.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (folder / "study.yaml").write_text(
        "schema: 1\nid: wards\ncalendar: {baseline: {start: 2024-01-01, end: 2024-12-31}}\nsources:\n  s:\n"
        "    path: wards.csv\n    time: day\n    fields:\n      - {name: day, type: date}\n      - {name: ward, type: string}\n"
        "      - {name: falls, type: integer}\n      - {name: days, type: number}\ngoals:\n  - id: falls\n    source: s\n"
        "    metric: {kind: rate, events: falls, exposure: days}\n    better: lower\n    target: {relative_change: -0.3}\n"
    )
    return ek.open_study(folder)


def test_events_summed_in_few_rows_are_counted_as_events(tmp_path: Path) -> None:
    (found,) = totals(tmp_path, {"a": [9, 9, 9], "b": [0, 1, 1], "c": [5, 4, 5], "": [8, 8, 8]}).evaluate_by(
        "ward", period=PERIOD
    )
    told = {scope.scope: [f.message for f in scope.goals[0].flags if f.code == "suppressed"] for scope in found}
    assert told["a"] == told[None] == []
    assert told["b"] == ["Not shown: fewer than 5 events on one side (`inference.minimum_cell`)."]
    assert told["c"] == ["Not shown, so that another's small number cannot be worked out from the total."]


def test_a_few_records_without_the_field_hide_no_one_else(tmp_path: Path) -> None:
    (found,) = totals(tmp_path, {"a": [9, 9, 9], "b": [9, 9, 9], "": [1, 1, 1]}).evaluate_by("ward", period=PERIOD)
    assert {scope.scope: any(f.code == "suppressed" for f in scope.goals[0].flags) for scope in found} == {
        "a": False,
        "b": False,
        None: True,
    }


def test_a_verdict_that_the_family_took_away_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    after = {"a": [2, 3, 2], "b": [9, 9, 9], "c": [9, 9, 9], "d": [1, 1, 0], "e": [9, 8, 9], "f": [3, 2, 1]}
    (found,) = totals(tmp_path, after).evaluate_by("ward", period=PERIOD)
    scopes_table(found)
    out = capsys.readouterr().out
    lost = [scope for scope in found if any(f.code == "multiplicity" for f in scope.goals[0].flags)]
    assert out.count("~ inconclusive *") == len(lost) == 1
    assert out.count("*: alone achieved; over the 6 goals and scopes together not shown") == 1
    assert "suppressed: fewer than 5 events on one side (`inference.minimum_cell`)." in out
    assert "hidden: so that another's small number" in out


def test_all_scopes_are_one_family(tmp_path: Path) -> None:
    (found,) = ek.open_study(write(tmp_path)).evaluate_by("region", period=PERIOD)
    goals = [goal for scope in found for goal in scope.goals]
    known = [goal for goal in goals if goal.period.p_target is not None]
    smallest = min(known, key=lambda goal: goal.period.p_target or 0.0)
    assert smallest.p_target_adjusted == pytest.approx(len(goals) * (smallest.period.p_target or 0.0))
    one = found.only("minutes")
    assert {goal.id for scope in one for goal in scope.goals} == {"minutes"}
    assert one.scopes[0].goals[0] is found.scopes[0].goals[0]
    frame = found.to_frame()
    assert {"period", "scope", "goal", "window", "estimate", "ci_low", "p_target_adjusted"} <= set(frame.columns)
    assert "<caption>" in found._repr_html_()


def test_the_cluster_itself_and_every_period(tmp_path: Path) -> None:
    study = ek.open_study(write(tmp_path))
    (found,) = study.evaluate_by("branch", period=PERIOD, goal="minutes")
    assert found.not_split == ()
    shown = [one.goals[0] for one in found if one.goals[0].period.effect is not None]
    assert len(shown) == 11, "one more is hidden beside the small ones"
    assert all(goal.period.after is not None and goal.period.after.clusters is None for goal in shown)
    (history,) = study.evaluate_by("branch", goal="minutes")
    assert history == found


def test_a_field_that_no_source_has(tmp_path: Path) -> None:
    study = ek.open_study(write(tmp_path))
    with pytest.raises(ParameterError, match=r"--by regoin: no source of .* has such a field.*Did you mean 'region'"):
        study.evaluate_by("regoin", period=PERIOD)
    with pytest.raises(ParameterError, match=r"--by minutes: it is of type number, so its values are no scopes"):
        study.evaluate_by("minutes", period=PERIOD)
    with pytest.raises(ParameterError, match=r"--by answered: it is what 'answered' measures, so its values are no"):
        study.evaluate_by("answered", period=PERIOD)
    with pytest.raises(ParameterError, match="'minute' is no goal"):
        study.evaluate_by("region", period=PERIOD, goal="minute")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from evalkit import cli

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["evalkit", "evaluate", "--study", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    write(tmp_path)
    code, out = run("--period", PERIOD, "--by", "region", "--json")
    assert code == 0
    shape = json.loads(out)
    assert [scope["scope"] for scope in shape["scopes"]] == ["east", "north", "south", None]
    assert shape["by"] == "region"
    code, out = run("--all-periods", "--by", "region", "--json")
    assert [one["period"] for one in json.loads(out)["periods"]] == [PERIOD]
    code, out = run("--period", PERIOD, "--by", "region")
    assert code == 0
    assert "hidden: so that another's small number cannot be worked out from the total." in out
    assert "answered" in out


def test_a_small_number_to_date_is_hidden_where_it_is_shown(tmp_path: Path) -> None:
    """A ward without any fall this quarter had three in the one before: everything to date would tell of them."""
    after = {"a": [9] * 6, "b": [1, 1, 1, 0, 0, 0], "c": [9] * 6, "d": [8] * 6}
    (found,) = totals(tmp_path, after).evaluate_by("ward", period="2025-Q2")
    told = {scope.scope: scope.goals[0] for scope in found}
    assert [flag.code for flag in told["b"].flags] == ["suppressed"]
    assert told["b"].to_date is None
    shown = [goal.to_date.after.records for goal in told.values() if goal.to_date and goal.to_date.after]
    assert len(shown) == 2, "one more is hidden beside it"
    # what no one is shown to date hides nothing
    first, *_rest, last = totals(tmp_path, {**after, "b": [9, 9, 9, 0, 0, 0]}).evaluate_by("ward")
    assert not any(flag.code == "suppressed" for one in (first, last) for scope in one for flag in scope.goals[0].flags)
