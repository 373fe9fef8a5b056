"""The command line: what stands on stdout and stderr, and the exit codes."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import report_fixtures as fixtures

from evalkit import __version__, cli, terminal
from evalkit.results import Arm, Evaluation


def shell(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m evalkit` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "evalkit", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def ready(bench: Any, f: Any, daily: list[list[object]]) -> Any:
    goals = [
        {
            "id": "g",
            "source": "s",
            "metric": {"kind": "mean", "value": "x"},
            "better": "higher",
            "target": {"relative_change": 0.1},
            "cluster": "branch",
            "title": {"en": "Higher", "zh": "更高"},
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
    bench.write("r.csv", daily)
    return bench


@pytest.mark.seconds
def test_json_stands_alone_on_stdout_as_utf8_and_twice_the_same(ready: Any) -> None:
    first = shell(
        ready.folder,
        "evaluate",
        "--study",
        "study.yaml",
        "--period",
        "2025-Q1",
        "--json",
        PYTHONIOENCODING="ascii",
        PYTHONUTF8="0",
    )
    again = shell(
        ready.folder, "evaluate", "--study", str(ready.folder), "--period", "2025-Q1", "--json", PYTHONHASHSEED="7"
    )
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == again.stdout
    from json import loads

    result = loads(first.stdout)
    assert list(result) == ["schema", "study", "period", "as_of", "goals", "indicators", "provenance"]
    assert (result["schema"], result["study"], result["period"], result["as_of"]) == (
        1,
        "trial",
        "2025-Q1",
        "2025-03-31",
    )
    assert [goal["id"] for goal in result["goals"]] == ["g", "share"]
    goal, indicator = result["goals"][0], result["indicators"][0]
    assert set(goal) == {
        "id",
        "title",
        "kind",
        "better",
        "target",
        "evaluations",
        "verdict",
        "p_target_adjusted",
        "rollout",
        "flags",
        "sensitivity",
    }
    assert set(goal) - set(indicator) == {"target", "verdict", "p_target_adjusted"}
    evaluation = goal["evaluations"]["period"]
    assert set(evaluation) == {
        "before",
        "after",
        "scale",
        "estimate",
        "ci",
        "confidence",
        "target_value",
        "null_value",
        "p_target",
        "p_change",
        "verdict",
        "direction",
        "change",
        "method",
        "df",
        "not_yet_due",
    }
    assert set(evaluation["before"]) == {"records", "clusters", "value", "start", "end"}
    assert (evaluation["target_value"], evaluation["null_value"], evaluation["scale"]) == (1.1, 1.0, "ratio")
    assert (evaluation["before"]["start"], evaluation["before"]["end"]) == ("2024-01-01", "2024-12-31")
    level = result["goals"][1]["evaluations"]["period"]
    assert (level["scale"], level["null_value"], level["target_value"]) == ("level", None, 0.5)
    assert set(level["change"]) == {"estimate", "ci"}
    assert set(result["provenance"]) == {"study", "data", "code", "versions", "parameters", "seed"}
    assert result["provenance"]["data"] == {}


def test_another_order_of_rows_gives_the_same_numbers(ready: Any, daily: list[list[object]]) -> None:
    first = ready.evaluate().json["goals"]
    ready.write("r.csv", [daily[0], *daily[:0:-1]])

    def same(one: Any, other: Any) -> None:
        if isinstance(one, dict):
            assert one.keys() == other.keys()
            for key in one:
                same(one[key], other[key])
        elif isinstance(one, list):
            assert len(one) == len(other)
            for a, b in zip(one, other, strict=True):
                same(a, b)
        elif isinstance(one, float):
            assert other == pytest.approx(one, rel=1e-9, abs=1e-12)
        else:
            assert one == other

    same(first, ready.evaluate().json["goals"])


def test_another_unit_leaves_the_ratio(ready: Any, daily: list[list[object]]) -> None:
    one = ready.evaluate().goal()["evaluations"]["period"]
    ready.study["sources"]["s"]["fields"][1] = {"name": "x", "type": "number"}
    ready.save()
    ready.write("r.csv", [daily[0], *[[row[0], float(str(row[1])) * 60, row[2]] for row in daily[1:]]])
    other = ready.evaluate().goal()["evaluations"]["period"]
    assert other["after"]["value"] == pytest.approx(60 * one["after"]["value"], rel=1e-9)
    for key in ("estimate", "ci", "p_target", "p_change", "df"):
        assert other[key] == pytest.approx(one[key], rel=1e-9)


def test_goal_filters_the_output_only(ready: Any) -> None:
    everything = ready.evaluate()
    one = ready.evaluate("2025-Q1", "--goal", "share")
    assert one.json["goals"] == [everything.goal("share")]
    assert one.json["indicators"] == []
    watched = ready.evaluate("2025-Q1", "--goal", "watch")
    assert (watched.json["goals"], watched.json["indicators"]) == ([], [everything.goal("watch")])
    wrong = ready.evaluate("2025-Q1", "--goal", "shares")
    assert wrong.code == 2
    assert "Did you mean 'share'?" in wrong.err
    assert wrong.err.startswith("evalkit: ")


def test_the_table_says_what_the_json_says(ready: Any) -> None:
    answer = ready.run("evaluate", "--period", "2025-Q1")
    goal = ready.evaluate().goal()
    period = goal["evaluations"]["period"]
    assert answer.code == 0
    line = next(line for line in answer.out.splitlines() if line.startswith("g "))
    assert f"{period['estimate']:.4g}" in line
    assert f"{period['ci'][0]:.4g} to {period['ci'][1]:.4g}" in line
    assert goal["verdict"].replace("_", " ") in line
    assert "watch" in answer.out
    for flag in goal["flags"]:
        assert (f"g: {flag['code']}: {flag['message']}" in answer.out) == (flag["severity"] != "info")
    assert re.search(r"^g .* ratio ", answer.out, re.MULTILINE)
    assert re.search(r"^share .* level ", answer.out, re.MULTILINE)
    hidden = [flag for flag in (*goal["flags"], *ready.evaluate().goal("share")["flags"]) if flag["severity"] == "info"]
    watched = ready.evaluate().goal("watch")["flags"]
    notes = [(len(hidden), "goals"), (len(watched), "indicators")]
    told = " and ".join(f"{n} note{'s' * (n != 1)} on {kind}" for n, kind in notes if n)
    assert f"Not shown: {told}; they are on the pages, and in --json." in answer.out


def test_what_is_left_out_held_or_rolled_out_stands_below_the_table(ready: Any, daily: list[list[object]]) -> None:
    goal, indicator = ready.study["goals"][0], ready.study["indicators"][0]
    goal["phase_in"] = indicator["phase_in"] = {"start": "2025-01-01", "end": "2025-01-31"}
    goal |= {"standardise_by": ["branch"], "compare_with": "same-months"}
    del goal["cluster"]
    ready.save()
    ready.write("r.csv", [*daily, ["2025-03-01", "", "B1"]])
    told = ready.run("evaluate", "--period", "2025-Q1").out
    assert "\ng: The value after is standardised to the baseline's mix, not as recorded.\n" in told
    assert "\ng: The value before is weighted to the window's calendar months, not as recorded.\n" in told
    assert "\ng, watch: phase_in_overlap: Part of the window lies in the phase-in (2025-01-01/2025-01-31); " in told
    assert "\ng, share: missing_values: 1 records (" in told
    assert "2025-Q1 *" in ready.run("evaluate", "--all-periods", "--as-of", "2025-03-31").out


def test_a_roll_out_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    rollout = {"estimate": 0.9123, "ci": [0.85, 0.98], "units_reached": 4, "units_waiting": 1}
    result = fixtures.study_result()
    terminal.evaluation_table(replace(result, goals=(replace(result.goals[0], rollout=rollout), *result.goals[1:])))
    told = "roll-out: 0.9123, interval 0.85 to 0.98 (ratio; 4 units reached against 1 unit not yet reached)"
    assert f"\n{result.goals[0].id}: {told}\n" in capsys.readouterr().out


def test_a_period_as_a_number_and_as_an_interval(ready: Any) -> None:
    assert ready.evaluate("2025", "--as-of", "2025-03-31").json["period"] == "2025"
    assert ready.evaluate("2025-01-01/2025-02-28").json["period"] == "2025-01-01/2025-02-28"


def test_version_and_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["evalkit", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    assert run("--version") == (0, f"{__version__}\n", "")
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in ("evaluate", "check", "run", "simulate", "--debug"))
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Commands:" in err
    for arguments, told in (
        (("frobnicate",), "No such command 'frobnicate'."),
        (
            ("evaluate", "--period", "2025", "--all-periods"),
            "evaluate asks for one of two: a period (--period 2025-Q4)",
        ),
        (("evaluate", "--period"), "--period"),
        (("evaluate", "--perod", "x"), "--perod"),
        (("run", "--period", "2025-Q1", "--language", "fr"), "'fr' is not one of 'en', 'zh'"),
        (("simulate", "--out", "x", "--records", "many"), "--records"),
        (("check", "extra"), "extra"),
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert told in err
        assert len(err.strip().splitlines()) == 1
        assert err.startswith("evalkit: ")


@pytest.mark.parametrize("command", [["evaluate", "--period", "2025-Q1"], ["check"]])
def test_no_study(bench: Any, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer = bench.run(*command)
    assert answer.code == 2
    assert "is a folder with neither study.yaml nor data/study.yaml" in answer.err
    assert "does not exist" not in answer.err
    monkeypatch.chdir(bench.folder)
    monkeypatch.delenv("EVALKIT_STUDY", raising=False)
    monkeypatch.setattr(sys, "argv", ["evalkit", *command])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "There is no data/study.yaml" in bench.capsys.readouterr().err


def test_a_period_is_named_where_none_is_given(ready: Any) -> None:
    assert re.search(r"a period \(the last whole one is --period 20\d\d-Q[1-4]\)", ready.run("evaluate").err)
    ready.study["calendar"]["programme_start"] = "8000-01-01"
    ready.save()
    assert "a period (none has ended yet), or --all-periods." in ready.run("evaluate").err


def test_mistakes_of_the_study_file_are_told_at_once(ready: Any) -> None:
    ready.study["goals"][0]["bettr"] = "higher"
    ready.study["goals"][1]["source"] = "z"
    ready.save()
    for answer in (ready.evaluate(), ready.check()):
        assert answer.code == 2
        lines = answer.err.strip().splitlines()
        assert len(lines) == 2
        assert all("study.yaml:" in line for line in lines)
        assert "better" in lines[0]


def test_check_tells_what_an_analyst_needs(ready: Any, daily: list[list[object]]) -> None:
    clean = ready.check()
    assert (clean.code, clean.err) == (0, "")
    assert clean.out == (
        "The study 'trial' is valid: 2 goals, 1 indicator, 1 source.\n\n"
        "s (r.csv)\n  364 records found, dated 2024-01-01 to 2025-03-26\n\n"
        "Ready: all 364 records are accepted.\n"
    )
    ready.study["sources"]["s"]["path"] = "*.csv"
    ready.save()
    ready.write("q.csv", "day,x,branch\n2024-01-01,26,A\n2024-01-01,oops,A\n")
    answer = ready.check("--as-of", "2025-01-31")
    assert answer.code == 0
    assert answer.out.splitlines()[2:] == [
        "s (2 files, q.csv to r.csv)",
        "  366 records found, dated 2024-01-01 to 2025-03-26",
        "  44 are dated after the cut-off 2025-01-31 and do not count",
        "  2 rejected (0.55 %; the study allows 5 %):",
        "    1 × x: above the maximum 25",
        "    1 × x: not a number (expected 1234.5; other marks need the field's `decimalChar` and `groupChar`; "
        'words for no value belong in `missing_values: ["", NA, 未知]`)',
        "  which rows (row 1 is the header):",
        "    q.csv row 2: x: above the maximum 25",
        "    q.csv row 3: x: not a number",
        f"  all of them with their values, for your eyes only: {ready.folder}/.evalkit/rejected/s.csv",
        "",
        "Ready: 364 of 366 records are accepted; the 2 rejected ones count nowhere.",
    ]
    assert ready.check("--as-of", "soon").code == 2


def test_check_counts_totals_that_may_be_entered_twice(bench: Any, f: Any) -> None:
    fields = [f("day", "date"), f("plant")]
    exposure = {"path": "e.csv", "time": "day", "fields": [f("day", "date"), f("plant"), f("hours", "number")]}
    metric = {"kind": "rate", "exposure": {"source": "e", "value": "hours"}}
    bench.plan(fields, metric, goal={"better": "lower"}, sources={"e": exposure})
    bench.write("r.csv", [["day", "plant"], *[["2024-01-09", "A"]] * 3])
    hours = [["day", "plant", "hours"], ["2024-01-01", "A", 100], ["2024-01-01", "B", 100], ["2024-02-01", "A", 100]]
    bench.write("e.csv", hours)
    assert "entered twice" not in bench.check().out  # events without a key may be alike
    bench.write("e.csv", [*hours, hours[1], ["2024-02-01", "A", 90]])
    assert (
        "\n  1 row equals another in every field the study names and counts beside it; entered twice? "
        "(a `key` in the study file would reject them)\n"
    ) in bench.check().out


def test_check_says_what_a_rate_counts_and_that_there_is_no_goal_yet(bench: Any, f: Any) -> None:
    fields = [f("day", "date"), f("plant"), f("injuries", "integer"), f("hours", "number")]
    where = [{"column": "plant", "equals": "A"}]
    bench.plan(
        fields, {"kind": "rate", "events": "injuries", "exposure": "hours"}, goal={"better": "lower", "where": where}
    )
    rows = [["day", "plant", "injuries", "hours"], ["2024-01-01", "A", 2, 1000], ["2024-02-01", "A", 1, 1500.5]]
    bench.write("r.csv", [*rows, ["2024-02-01", "B", 7, 1]])
    assert "\ng: events 'injuries' 3 over exposure 'hours' 2,500.5\n" in bench.check().out
    del bench.study["goals"][0]["where"]
    bench.save()
    assert "\ng: events 'injuries' 10 over exposure 'hours' 2,501.5\n" in bench.check().out
    bench.study["goals"][0]["where"] = where
    del bench.study["goals"][0]["metric"]["events"]
    bench.save()
    told = bench.check().out
    assert "\ng: rows, each one event, 2 over exposure 'hours' 2,500.5\n" in told
    assert "name the column that holds counts under `events` if rows are totals" in told
    bench.study["goals"] = []
    bench.save()
    assert bench.check().out.endswith("There is no goal yet; nothing will be evaluated.\n")


def test_hints_are_in_the_declared_form_and_one_is_no_plural(bench: Any, f: Any) -> None:
    day = {"name": "day", "type": "date", "format": "%d.%m.%Y"}
    bench.plan([day, {**f("x", "number"), "decimalChar": ","}, f("n", "integer")], max_rejected=1, delimiter=";")
    bench.write("r.csv", "day;x;n\n2024-01-01;1;1\n01.01.2024;oops;1\n01.01.2024;1,5;未知\n;1;1\n01.02.2025;1;1\n")
    told = bench.check("--as-of", "2024-12-31").out
    assert "day: not a date (expected 31.12.2025, by its `format: %d.%m.%Y`; words for no value" in told
    assert "x: not a number (expected 1234,5; other marks" in told
    assert (
        'n: not a whole number (expected 1234; words for no value belong in `missing_values: ["", NA, 未知]`)' in told
    )
    assert "  1 has no day, so it belongs to no period and does not count" in told
    assert "  1 is dated after the cut-off 2024-12-31 and does not count" in told
    bench.write("r.csv", "day;x;n\n01.01.2024;1;1\n01.01.2024;1;a\n")
    assert bench.check().out.endswith("Ready: 1 of 2 records are accepted; the rejected one counts nowhere.\n")
    bench.write("r.csv", "day;x;n\n01.01.2024;1;1\n")
    assert bench.check().out.endswith("Ready: the one record is accepted.\n")


def test_rejected_rows_are_private_and_forgotten_when_mended(ready: Any) -> None:
    ready.study["sources"]["s"]["path"] = "*.csv"
    ready.save()
    ready.write("q.csv", "day,x,branch\n2024-01-01,26,A\n")
    assert not (ready.folder / ".evalkit").exists()
    ready.evaluate()
    assert not (ready.folder / ".evalkit").exists()
    ready.check()
    written = ready.folder / ".evalkit" / "rejected" / "s.csv"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
    assert (written.parent / ".gitignore").read_text() == "*\n"
    (ready.folder / "q.csv").unlink()
    ready.check()
    assert not written.exists()


def test_rejected_rows_go_home_where_the_study_is_read_only(
    ready: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    ready.write("r.csv", "day,x,branch\n2024-01-01,26,A\n" + "2024-01-01,2,A\n" * 30)
    (ready.folder / ".evalkit").write_text("in the way")
    answer = ready.check()
    assert answer.code == 0
    assert (home / ".local" / "state" / "evalkit" / "trial" / "rejected" / "s.csv").is_file()
    (home / ".local" / "state" / "evalkit" / "trial" / "rejected" / "s.csv").unlink()
    monkeypatch.setenv("HOME", str(ready.folder / "r.csv"))
    answer = ready.check()
    assert answer.code == 2
    assert "its rejected rows could not be written" in answer.err


def test_a_key_that_would_steer_the_terminal_is_shown_inert(bench: Any, f: Any) -> None:
    bench.plan([f("id"), f("day", "date"), f("x", "number")], key="id", max_rejected=1)
    bench.write("r.csv", "id,day,x\n\x1b[2Jboo,bad,1\n")
    answer = bench.check()
    assert "\x1b" not in answer.out
    assert "(id �[2Jboo)" in answer.out


def raising(error: BaseException) -> Any:
    def command(**_: object) -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ValueError("customer 4711 said"), 1, "evalkit: a fault of evalkit itself: ValueError in"),
        (PermissionError(13, "Permission denied", "/reports"), 2, "evalkit: /reports: Permission denied."),
        (OSError(28, "No space left on device", "/reports/x"), 1, "evalkit: /reports/x: No space left on device."),
        (KeyboardInterrupt(), 130, "evalkit: stopped."),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_faults(
    error: BaseException,
    code: int,
    told: str,
    debug: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("evalkit.cli.app", raising(error))
    monkeypatch.setattr(sys, "argv", ["evalkit", "check", *(["--debug"] if debug else [])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == code
    err = capsys.readouterr().err
    assert told in err
    if not isinstance(error, KeyboardInterrupt):
        assert ("Traceback" in err) == debug
        assert ("4711" in err) == (debug and isinstance(error, ValueError))


def test_a_reader_that_closes_our_output_is_no_fault(ready: Any) -> None:
    command = f"{sys.executable} -m evalkit evaluate --study {ready.folder} --period 2025-Q1 --json"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 141
    assert done.stderr == ""


def test_a_terminal_without_the_marks(ready: Any) -> None:
    done = shell(ready.folder, "evaluate", "--study", ".", "--period", "2025-Q1", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "achieved" in done.stdout


def test_progress_is_plain_lines_when_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    from evalkit.publish.runner import Outcome
    from evalkit.terminal import progress_of_pages

    with progress_of_pages() as tell:
        tell(Outcome(page="index", seconds=1.0), 1, 5)
    assert capsys.readouterr().err == "1/5 index\n"


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.publish.runner import Outcome
    from evalkit.terminal import progress_of_pages

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress_of_pages() as tell:
        tell(Outcome(page="index", seconds=1.0), 1, 5)
    assert "1/5 index\n" not in screen.getvalue()


def test_heavy_packages_stay_out_of_an_evaluation(ready: Any) -> None:
    code = (
        "import sys\nfrom evalkit import cli\n"
        f"sys.argv = ['evalkit', 'evaluate', '--study', {str(ready.folder)!r}, '--period', '2025-Q1', '--json']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'statsmodels', 'scipy.stats', 'matplotlib', 'papermill', 'nbconvert'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_small_rates_stand_in_the_table_without_zeros_to_count() -> None:
    arms = {
        side: Arm(records=9, clusters=None, value=value, start=date(2024, 1, 1), end=date(2024, 12, 31))
        for side, value in (("before", 3.516e-05), ("after", 2.29e-05))
    }
    one = Evaluation(**arms, scale="ratio", confidence=0.95, target_value=0.8, effect=None)
    goal = replace(fixtures.incidents(), period=one)
    assert terminal._cells(goal, one)[:2] == ("35.2 per million", "22.9 per million")
    assert terminal._cells(replace(goal, kind="mean"), one)[:2] == ("3.516e-05", "2.29e-05")


def test_check_names_values_asked_for_that_no_record_has(bench: Any, f: Any) -> None:
    fields = [f("day", "date"), f("ok"), f("grade", "integer"), f("open", "boolean"), f("code", unique=True)]
    where = [{"column": "grade", "in": [1, 7]}, {"column": "open", "equals": True}]
    success = {"kind": "proportion", "success": {"column": "ok", "equals": "Nein"}}
    bench.plan(fields, success, goal={"where": where, "target": {"level": 0.9}})
    rows = [["day", "ok", "grade", "open", "code"]]
    rows += [["2024-01-01", "nein" if i % 3 else "ja", i % 3 + 1, "false", f"c{i}"] for i in range(30)]
    bench.write("r.csv", rows)
    answer = bench.check()
    assert answer.code == 0
    assert (
        "\ng: no record has ok = 'Nein' (metric.success); the column holds 'nein' (20 ×), 'ja' (10 ×).\n"
        "g: no record has grade = 7 (where[0]); the column holds 1 (10 ×), 2 (10 ×), 3 (10 ×).\n"
        "g: no record has open = true (where[1]); the column holds false (30 ×).\n"
    ) in answer.out
    assert answer.out.endswith(
        "Look again: 3 values that the study asks for stand in no record (above). All 30 records are accepted.\n"
    )
    bench.study["goals"][0]["where"] = [{"column": "code", "equals": "C1"}]
    success["success"]["equals"] = "nein"
    bench.save()
    assert "g: no record has code = 'C1' (where[0]); the column holds 30 different values.\n" in bench.check().out
    fields[4] = f("code")
    bench.study["sources"]["s"]["fields"] = fields
    bench.save()
    told = bench.check().out
    assert "the column holds 30 different values; the nearest are 'c1' (1 ×), " in told
    bench.study["goals"][0]["where"] = []
    bench.save()
    assert bench.check().out.endswith("Ready: all 30 records are accepted.\n")


def test_check_says_which_values_are_allowed_and_of_most_rows_which_there_are(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("ok", enum=["ja", "nein"])], max_rejected=1)
    bench.write("r.csv", "day,x,ok\n" + "2024-01-01,1,Ja\n" * 3 + "2024-01-01,1,ja\n")
    told = bench.check().out
    assert (
        "3 × ok: not one of the allowed values (allowed: ja, nein; in these rows the column holds 'Ja' (3 ×))" in told
    )
    bench.write("r.csv", "day,x,ok\n2024-01-01,1,Ms Smith\n" + "2024-01-01,1,ja\n" * 4)
    told = bench.check().out
    assert "1 × ok: not one of the allowed values (allowed: ja, nein)\n" in told
    assert "Smith" not in told


def test_by_says_why_a_scope_is_not_evaluable_and_what_is_not_split(ready: Any, daily: list[list[object]]) -> None:
    ready.study["sources"]["t"] = {"path": "t.csv", "time": "day", "fields": ready.study["sources"]["s"]["fields"][:2]}
    ready.study["goals"].append({**ready.study["goals"][1], "id": "whole", "source": "t"})
    ready.study["goals"][0].pop("cluster")
    ready.save()
    ready.write("t.csv", [row[:2] for row in daily])
    zero = [[row[0], 0 if row[2] in ("B0", "B1") and str(row[0]) < "2025" else row[1], row[2]] for row in daily[1:]]
    ready.write("r.csv", [daily[0], *zero])
    told = ready.run("evaluate", "--period", "2025-Q1", "--by", "branch").out
    assert told.count("g: not evaluable in B0, B1: ") == 1
    assert "Not split, their records have no field 'branch': whole." in told
    assert "Goals only: 1 indicator of the study is not split." in told
    alone = ready.run("evaluate", "--period", "2025-Q1", "--by", "branch", "--goal", "whole")
    assert (alone.code, alone.out) == (2, "")
    assert "--by branch: the records of 'whole' have no field 'branch'; name another field" in alone.err
    watched = ready.run("evaluate", "--period", "2025-Q1", "--by", "branch", "--goal", "watch")
    assert "'watch' is an indicator, and scopes are of goals only; it has g, share, whole." in watched.err


def test_power_of_a_study_without_goals_says_so(ready: Any) -> None:
    ready.study["goals"] = []
    ready.save()
    answer = ready.run("power")
    assert (answer.code, answer.err) == (
        2,
        "evalkit: the study has no goal yet; write one under `goals` in the study file.\n",
    )


def test_check_shows_the_words_found_in_the_place_of_values(ready: Any) -> None:
    def hint(*words: str) -> str:
        rows = "".join(f"2024-02-0{1 + place % 9},{word},A\n" for place, word in enumerate(words))
        ready.write("q.csv", "day,x,branch\n" + rows)
        line = next(line for line in ready.check().out.splitlines() if "not a number (" in line)
        return line[line.index("`missing_values") :]

    ready.study["sources"]["s"]["path"] = "*.csv"
    ready.save()
    assert hint("n.d.", "n.d.", "00/00", "00/00") == '`missing_values: ["", NA, "00/00", "n.d."]`)'
    for words in (["Ann Smith"], ["1;5", "1;5"], ["a very long word", "a very long word"], [*"aabbccdd"]):
        assert hint(*words) == '`missing_values: ["", NA, 未知]`)'


def test_power_says_for_what_truth_nothing_more_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    from evalkit.evaluation.planning import GoalPower
    from evalkit.inference.power import PowerResult

    none = PowerResult(
        target=0.2,
        better="higher",
        scale="difference",
        level=0.025,
        effect=None,
        probability=None,
        detectable=None,
        effects=(),
        probabilities=(),
    )
    plan = GoalPower(goal="g", scale="difference", better="higher", target=0.2, at={})
    done = replace(plan, period=none, to_date=replace(none, detectable=0.25), beyond=0.363, observed=0.21, assumed=0.3)
    done = replace(done, at={"period_beyond": 0.9, "to_date_observed": 0.0}, periods_done=3, periods_needed=2)
    before = replace(done, to_date=None, observed=None, at={}, periods_done=0)
    terminal.power_table([done, before, replace(plan, reason="No baseline.")], "Basis.")
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert rows[1] == "g difference 0.2 none 0.25 0.363: 90%, – 0.21: –, 0% 0 if 0.3 is true, not at Observed; 3 done"
    assert rows[2] == "g difference 0.2 none – 0.363: –, – – 2 if 0.3 is true; 0 done"
    assert rows[3:5] == ["g difference 0.2 – – – – –", "g: No baseline."]
    legend = " ".join(rows)
    assert "by 5 points of a ratio or share, of other differences and levels by 5 % of the baseline's value" in legend
    assert "none: no effect is." in legend
    assert "–: no period has ended, or there is no answer." in legend


def test_rows_of_one_reason_leave_room_for_others_and_nameless_rows_are_counted(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], max_rejected=1)
    bench.write("r.csv", "day,x\n" + "2024-01-01,a\n" * 30 + "never,1\n2024-01-01,1,1\n")
    rows = bench.check().out.splitlines()
    shown = rows[rows.index("  which rows (row 1 is the header):") + 1 :]
    assert shown[:8] == [
        *(f"    r.csv row {number}: x: not a number" for number in range(2, 7)),
        "    r.csv row 32: day: not a date",
        "    r.csv row 33: more columns than the header",
        "    … and 25 more",
    ]
    import duckdb

    with duckdb.connect(bench.folder / "x.db") as database:
        database.execute("CREATE TABLE t AS SELECT 'never' AS day, range AS x FROM range(20)")
    bench.monkeypatch.setenv("EVALKIT_CONNECTION_CITY", "duckdb://x.db")
    source = bench.study["sources"]["s"]
    bench.study["sources"]["s"] = {**source, "connection": "city", "table": "t"}
    del bench.study["sources"]["s"]["path"]
    bench.save()
    told = bench.check().out
    assert told.count("    table t of city: ") == 1
    assert "    table t of city: day: not a date (20 ×)\n" in told
    bench.study["sources"]["s"]["key"] = "x"
    bench.save()
    assert bench.check().out.count("    table t of city (x ") == 5


def test_evaluate_says_where_the_mend_of_rejected_records_is_told(ready: Any, daily: list[list[object]]) -> None:
    ready.write("r.csv", [*daily, *[["2025-01-01", "1,5a", "B1"][:3] for _ in range(10)]])
    ready.study["sources"]["s"]["max_rejected"] = 0.5
    ready.save()
    told = "`evalkit check` says which, why, and what would mend it."
    answer = ready.run("evaluate", "--period", "2025-Q1")
    assert answer.code == 0
    assert answer.out.count(f"\nRejected records: {told}\n") == 1
    ready.study["sources"]["s"]["max_rejected"] = 0
    ready.save()
    for more in ((), ("--by", "branch")):
        answer = ready.run("evaluate", "--period", "2025-Q1", *more)
        assert answer.code == 3
        assert all(line.endswith(told) for line in answer.err.splitlines())


def test_check_says_which_mix_moved_that_no_goal_holds(bench: Any, f: Any) -> None:
    fields = [f("day", "date"), f("minutes", "number"), f("kind"), f("level", "integer"), f("note")]
    bench.plan(fields, {"kind": "mean", "value": "minutes"}, goal={"better": "lower"})
    rows: list[list[object]] = [["day", "minutes", "kind", "level", "note"]]
    for year, easy in ((2024, 4), (2025, 7)):
        for number in range(300):
            row = [
                f"{year}-{1 + number % 12:02d}-05",
                number % 50,
                "easy" if number % 10 < easy else "hard",
                number % 3,
            ]
            rows.append([*row, f"{year}-{number}"])
    bench.write("r.csv", rows)
    told = bench.check().out
    assert (
        "\ns: a better figure may be another mix alone\n"
        "  the mix of kind moved by 30 points since the baseline ('easy' 40 % → 70 %); not held by g (`standardise_by`)\n"
    ) in told
    assert "mix of level" not in told
    bench.study["goals"][0]["standardise_by"] = ["kind"]
    bench.save()
    assert "another mix" not in bench.check().out
