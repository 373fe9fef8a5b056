"""`evalkit init` on unlike files: what it proposes loads, passes `check`, and reads the values right."""

import csv
import os
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import openpyxl
import pytest

import evalkit as ek
from evalkit.errors import ParameterError, RecordsError
from evalkit.started import started_report
from evalkit.starter import start


def write(path: Path, header: list[str], rows: list[list[object]], *, encoding="utf-8", delimiter=",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return path


def field(study, source, name):
    return next(f for f in study.file.sources[source].fields if f.name == name)


def all_accepted(folder: Path) -> ek.session.OpenStudy:
    study = ek.open_study(folder)
    for records in study.open_all():
        assert records.rejected == 0, records.reasons
    return study


def report_of(made) -> str:
    with redirect_stdout(StringIO()) as out:
        started_report(made)
    return out.getvalue()


DAYS = [date(2023, 1, 1) + timedelta(days=i) for i in range(730)]


def test_spreadsheet_from_germany(tmp_path):
    rows = [
        [
            f"{i:05d}",
            f"{d:%d.%m.%Y}",
            f"{d + timedelta(days=i % 9):%d.%m.%Y}",
            f"{1000 + i / 7:,.2f}".translate(str.maketrans(",.", ".,")),
            "Süd",
        ]
        for i, d in enumerate(DAYS)
    ]
    file = write(
        tmp_path / "in" / "Fälle.csv",
        ["Nr", "Eingang", "Erledigt am", "Betrag", "Region"],
        rows,
        encoding="cp1252",
        delimiter=";",
    )
    made = start(tmp_path / "study", [file], targets=["time-to-erledigt-am=-20%"])
    study = all_accepted(made.study.parent)
    source = study.file.sources["fälle"]
    assert (source.encoding, source.delimiter, source.time, source.key) == ("cp1252", ";", "Eingang", "Nr")
    assert field(study, "fälle", "Nr").type == "string"  # leading zeros are a label's
    amount = field(study, "fälle", "Betrag")
    assert (amount.type, amount.decimalChar, amount.groupChar) == ("number", ",", ".")
    (goal,) = study.file.goals
    assert (goal.better, goal.target.relative_change, goal.metric.value.unit) == ("lower", -0.2, "days")
    assert study.evaluate_period("2024-Q4").goals[0].period.before.value == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("delimiter", "values", "beside", "marks"),
    [
        (";", ["250", "1.234", "22.875"], "7", (",", ".")),  # a semicolon: the comma is taken
        (";", ["250", "1.234", "1234"], "7", (",", ".")),
        (";", ["250", "1.234", "22.875"], "7.5", (".", "")),  # unless another column says otherwise
        (",", ["250", "1.234", "22.875"], "7,5", (",", ".")),
        (",", ["250", "1.234", "22.875"], "7", (".", "")),
        (",", ["250", "1,234", "22,875"], "7", (".", ",")),
        ("\t", ["250", "1,234", "22,875"], "7", (".", ",")),
        ("\t", ["250", "1,234", "22,875"], "1.234.567,5", (",", "")),
        (";", ["250", "1,234", "22,875"], "7", (",", "")),
    ],
)
def test_thousands_and_decimals_are_told_apart_by_the_rest_of_the_file(
    tmp_path, capsys, delimiter, values, beside, marks
):
    rows = [[d, values[i % 3], beside] for i, d in enumerate(DAYS)]
    file = write(tmp_path / "in" / "x.csv", ["day", "cost", "beside"], rows, delimiter=delimiter)
    made = start(tmp_path / "study", [file])
    started_report(made)
    cost = field(all_accepted(tmp_path / "study"), "x", "cost")
    assert (cost.type, cost.decimalChar, cost.groupChar) == ("number", *marks)
    other = "decimalChar" if marks[1] else "groupChar"
    mark = values[1][1] if len(values[1]) > 4 else "."
    told = f"every value could be a number with {other} '{mark}' as well: make sure"
    assert told in made.study.read_text()
    assert f"'cost': {told}." in capsys.readouterr().out


@pytest.mark.parametrize(("values", "decimal"), [(["0.125", "0.250"], "."), (["1.234", "1234.567"], ".")])
def test_what_cannot_be_thousands_is_a_decimal(tmp_path, values, decimal):
    rows = [[d, values[i % 2]] for i, d in enumerate(DAYS)]
    made = start(tmp_path / "study", [write(tmp_path / "in" / "x.csv", ["day", "cost"], rows, delimiter=";")])
    assert field(all_accepted(tmp_path / "study"), "x", "cost").decimalChar == decimal
    assert "make sure" not in made.study.read_text()


def test_chinese_encoding_and_values_missing(tmp_path):
    rows = [
        [i, f"{d} 09:{i % 60:02d}", ["已答复", "未答复"][i % 2], "" if i % 10 else "N/A"] for i, d in enumerate(DAYS)
    ]
    file = write(tmp_path / "工单.csv", ["工单号", "受理时间", "状态", "备注"], rows, encoding="gb18030")
    made = start(tmp_path, [], targets=["share-状态>=0.3"])
    assert made.study.parent == tmp_path
    assert file.exists()
    study = all_accepted(tmp_path)
    assert study.file.sources["工单"].encoding == "gb18030"
    assert "N/A" in study.file.sources["工单"].missing_values
    assert study.file.goals[0].metric.success.equals == "已答复"
    assert study.evaluate_period("2024-Q4").goals[0].verdict == "achieved"


@pytest.mark.parametrize("form", ["%Y-%m", "%m/%Y", "%Y年%m月"])
def test_a_month_as_text_is_its_first_day(tmp_path, form):
    months = [date(2024 + i // 12, i % 12 + 1, 1) for i in range(24)]
    file = write(tmp_path / "m.csv", ["month", "x"], [[month.strftime(form), i] for i, month in enumerate(months)])
    start(tmp_path / "study", [file])
    study = all_accepted(tmp_path / "study")
    assert (field(study, "m", "month").type, field(study, "m", "month").format) == ("date", form)
    assert study.file.sources["m"].time == "month"


def test_american_dates_and_the_ones_that_could_be_either(tmp_path):
    plain = write(tmp_path / "a" / "plain.csv", ["when", "x"], [[f"{d:%m/%d/%y}", i] for i, d in enumerate(DAYS)])
    start(tmp_path / "one", [plain])
    assert field(all_accepted(tmp_path / "one"), "plain", "when").format == "%m/%d/%y"
    either = [d for d in DAYS if d.day <= 12]
    file = write(tmp_path / "b" / "either.csv", ["when", "x"], [[f"{d:%m/%d/%Y}", i] for i, d in enumerate(either)])
    text = start(tmp_path / "two", [file]).study.read_text()
    assert "every value could be %m/%d/%Y as well: make sure" in text


def test_workbook_with_two_sheets(tmp_path):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "survey"
    first.append(["id", "day", "score"])
    for i, d in enumerate(DAYS):
        first.append([i + 1, datetime.combine(d, datetime.min.time()), 1 + i % 10])
    second = book.create_sheet("volumes")
    second.append(["year", "month", "count"])
    for year in (2023, 2024):
        for month in range(1, 13):
            second.append([year, month, 100 + month])
    book.create_sheet("empty")
    book.save(tmp_path / "bank.xlsx")
    made = start(tmp_path / "study", [tmp_path / "bank.xlsx"], programme_start=date(2024, 1, 1))
    study = all_accepted(made.study.parent)
    assert list(study.file.sources) == ["bank-survey", "bank-volumes"]
    assert study.file.sources["bank-volumes"].time == ("year", "month")
    assert field(study, "bank-survey", "day").type == "date"
    assert study.file.baseline.end == date(2023, 12, 31)
    assert [metric.id for metric in made.metrics][:2] == ["mean-score", "bank-survey-per-day"]
    assert not study.file.goals  # nobody said what was promised
    with pytest.raises(ParameterError, match="no goals yet"):
        study.evaluate_period("2024-Q1")


def test_parquet_keeps_its_types(tmp_path):
    import duckdb

    target = tmp_path / "log.parquet"
    duckdb.sql(
        "SELECT i AS id, TIMESTAMP '2023-01-01' + INTERVAL (i) HOUR AS started, i % 7 + 0.5 AS minutes, i % 2 = 0 AS ok "
        "FROM range(17520) t(i)"
    ).write_parquet(str(target))
    made = start(tmp_path / "study", [target], targets=["mean-minutes=-10%", "share-ok>=0.4"])
    study = all_accepted(made.study.parent)
    assert [f.type for f in study.file.sources["log"].fields] == ["integer", "datetime", "number", "boolean"]
    assert {goal.verdict for goal in study.evaluate_period("2024-Q3").goals} <= {
        "achieved",
        "not_achieved",
        "inconclusive",
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "nothing can be compared"),
        ([["a", "b"]], "nothing can be compared"),
    ],
)
def test_without_a_time_nothing_can_be_compared(tmp_path, rows, said):
    file = write(tmp_path / "x.csv", ["name", "colour"], rows)
    with pytest.raises(ParameterError, match=said):
        start(tmp_path / "study", [file])
    assert not (tmp_path / "study" / "study.yaml").exists()


def test_what_was_looked_at_for_a_time_is_said(tmp_path):
    weeks = [[f"2024-W{1 + i % 50}", "red", i] for i in range(100)]
    file = write(tmp_path / "in" / "weeks.csv", ["week", "colour", "n"], weeks)
    with pytest.raises(ParameterError, match=r"none reads as dates: 'week' \(such as '2024-W1'\), 'colour'\.") as told:
        start(tmp_path / "study", [file])
    assert "Make the file with dates as 2025-03-31, or write the source by hand with the column as" in str(told.value)
    rare = write(tmp_path / "in" / "rare.csv", ["day", "n"], [["" if i % 2 else d, i] for i, d in enumerate(DAYS)])
    good = write(tmp_path / "in" / "good.csv", ["day", "x"], [[d, i] for i, d in enumerate(DAYS)])
    shown = run("init", "study", rare, good, cwd=tmp_path).stdout
    assert "rare.csv: left out, no column says when a record was made: 'day' lacks a date in 365 of 730 rows." in shown


def test_bad_files_and_targets_are_told_plainly(tmp_path):
    good = write(tmp_path / "in" / "x.csv", ["day", "score"], [[d, i % 5] for i, d in enumerate(DAYS)])
    (tmp_path / "in" / "broken.xlsx").write_bytes(b"no workbook")
    (tmp_path / "in" / "empty.csv").write_bytes(b"")
    (tmp_path / "in" / "twice.csv").write_text("day,day\n2023-01-01,1\n")
    cases = [
        ([tmp_path / "in" / "absent.csv"], (), ParameterError, "no such file"),
        (["city:requests"], (), ParameterError, "written CONNECTION::TABLE: city::requests"),
        ([tmp_path / "in" / "broken.xlsx"], (), RecordsError, "not an Excel workbook"),
        ([tmp_path / "in" / "empty.csv"], (), RecordsError, "is empty"),
        ([tmp_path / "in" / "twice.csv"], (), RecordsError, "repeated column names"),
        ([good], ["mean-scor=-5%"], ParameterError, "Did you mean 'mean-score'"),
        ([good], ["mean-score=5"], ParameterError, "a change has its sign"),
        (
            [good],
            ["mean-score=0%"],
            ParameterError,
            "mean-score=-20% for a relative change, mean-score=.0.2 for a diff",
        ),
        ([good], ["mean-score=+5pp"], ParameterError, "are of shares"),
        ([good], ["mean-score>=5pp"], ParameterError, "are of shares"),
        ([good], ["x-per-day=-5"], ParameterError, "of a rate a change is given in percent"),
        ([good], ["mean-score"], ParameterError, "expected ID=-20%"),
    ]
    for number, (files, targets, error, said) in enumerate(cases):
        with pytest.raises(error, match=said):
            start(tmp_path / str(number), files, targets=targets)
        assert not (tmp_path / str(number) / "study.yaml").exists()


def test_a_signed_number_is_a_difference(tmp_path):
    rows = [[d, i % 5, "yn"[i % 2]] for i, d in enumerate(DAYS)]
    file = write(tmp_path / "in" / "x.csv", ["day", "score", "ok"], rows)
    cases = [
        ("mean-score=+0.2", {"difference": 0.2}, "higher"),
        ("mean-score=−.3", {"difference": -0.3}, "lower"),
        ("share-ok=-0.1", {"difference": -0.1}, "lower"),
        ("share-ok=+5pp", {"difference": 0.05}, "higher"),
        ("share-ok=+120%", {"relative_change": 1.2}, "higher"),
    ]
    for number, (target, written, better) in enumerate(cases):
        start(tmp_path / str(number), [file], targets=[target])
        (goal,) = all_accepted(tmp_path / str(number)).file.goals
        assert (goal.target.model_dump(exclude_none=True), goal.better) == (written, better)
    with pytest.raises(ParameterError, match=r"write share-ok=\+5pp for percentage points, share-ok=\+5% for a rel"):
        start(tmp_path / "no", [file], targets=["share-ok=+5"])


def months_of(folder: Path, *, odd: int | None = None, spelled=("ä", "a")) -> list[Path]:
    """Write a survey's answers, one CSV a month; the odd one has another column."""
    made = []
    for month in range(1, 13):
        header = ["day", "score", "comment"] if month != odd else ["day", "rating", "comment"]
        rows = [[date(2024, month, day), (day + month) % 5, spelled[month % 2]] for day in range(1, 29)]
        made.append(write(folder / f"2024-{month:02d}.csv", header, rows, encoding="cp1252"))
    return made


def partitions_of(folder: Path) -> None:
    import duckdb

    for year in (2023, 2024):
        for month in range(1, 13):
            part = folder / f"year={year}" / f"month={month:02d}" / "part-0.parquet"
            part.parent.mkdir(parents=True)
            duckdb.sql(
                f"SELECT i AS id, DATE '{year}-{month:02d}-01' + i::INT AS day, i * 2 AS cost FROM range(28) t(i)"
            ).write_parquet(str(part))


def test_a_folder_is_searched_and_files_of_one_form_are_one_source(tmp_path, monkeypatch):
    months_of(tmp_path / "chain" / "survey", odd=7)
    partitions_of(tmp_path / "chain" / "orders")
    write(tmp_path / "chain" / "survey" / "legend.csv", ["code", "meaning"], [["a", "b"]])
    (tmp_path / "chain" / "notes.docx").write_bytes(b"x")
    (tmp_path / "chain" / "empty.csv").write_bytes(b"")
    (tmp_path / "chain" / ".hidden.csv").write_bytes(b"")
    made = run("init", "study", "chain", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "records/survey/*.csv: 308 records in 11 files, placed by 'day', no key." in made.stdout
    assert "11 files with the same columns, 2024-01.csv to 2024-12.csv: make sure" in made.stdout
    assert "kept apart from records/survey/*.csv (11 files): it has 'rating', lacks 'score'" in made.stdout
    assert "records/orders/**/*.parquet: 672 records in 24 files" in made.stdout
    assert "left alone: chain: notes.docx: not CSV" in made.stdout
    assert "empty.csv: the file is empty" in made.stdout
    assert "legend.csv: left out" in made.stdout
    study = all_accepted(tmp_path / "study")
    assert {name: source.path for name, source in study.file.sources.items()} == {
        "orders": "records/orders/**/*.parquet",
        "survey": "records/survey/*.csv",
        "x-2024-07": "records/2024-07.csv",
    }
    assert study.file.sources["survey"].encoding == "cp1252"  # some months have no accent: they are read alike
    assert field(study, "orders", "year").type == "integer"
    assert [records.found for records in study.open_all()] == [672, 308, 28]
    (tmp_path / "study" / "study.yaml").unlink()
    monkeypatch.chdir(tmp_path)  # where the files lie already nothing is copied
    start("study", [])
    assert 'path: "records/survey/*.csv"' in (tmp_path / "study" / "study.yaml").read_text()
    assert sorted(p.name for p in (tmp_path / "study" / "records").iterdir()) == ["2024-07.csv", "orders", "survey"]


@pytest.mark.parametrize(
    ("given", "path", "files"),
    [
        (["in/survey"], "records/survey/*.csv", 12),
        (["in/survey/2024-0?.csv"], "records/survey/*.csv", 9),
        (["in/survey/2024-01.csv", "in/survey/2024-02.csv"], "records/survey/*.csv", 2),
        (["in/orders/**/*.parquet"], "records/orders/**/*.parquet", 24),
        (["in/orders/year=2024/month=03/part-0.parquet"], "records/orders/**/*.parquet", 1),
        (["in/orders/year=2024"], "records/orders/**/*.parquet", 12),
    ],
)
def test_folders_globs_and_many_files_are_one_source(tmp_path, monkeypatch, given, path, files):
    months_of(tmp_path / "in" / "survey")
    partitions_of(tmp_path / "in" / "orders")
    monkeypatch.chdir(tmp_path)
    made = start("study", given)
    (records,) = all_accepted(tmp_path / "study").open_all()
    assert (records.source.path, len(records.files)) == (path, files)
    assert records.found == 28 * files
    assert [metric.id for metric in made.metrics if "per-day" in metric.id] == [f"{records.name}-per-day"]


def test_a_glob_in_the_study_folder_names_its_files_and_no_other(tmp_path):
    mine = tmp_path / "study"
    months_of(mine / "survey", odd=7)
    write(mine / "north-1.csv", ["day", "x"], [[d, 1] for d in DAYS])
    write(mine / "north-2.csv", ["x", "day"], [[2, d] for d in DAYS])
    write(mine / "plan.csv", ["day", "y"], [[d, 1] for d in DAYS])
    start(mine, [])
    study = all_accepted(mine)
    paths = {name: source.path for name, source in study.file.sources.items()}
    assert paths["north"] == "north-*.csv"
    assert paths["survey"] == "records/survey/*.csv"  # no glob leaves out 2024-07 alone
    assert paths["plan"] == "plan.csv"
    assert study.source_records("north").found == 2 * len(DAYS)
    assert study.source_records("survey").found == 11 * 28
    (mine / "study.yaml").unlink()
    write(mine / "records" / "survey" / "more.csv", ["day", "other"], [[DAYS[0], 1]])
    with pytest.raises(ParameterError, match="would count among survey"):
        start(mine, [*(p for p in (mine / "survey").glob("*.csv") if "07" not in p.name)])


def test_line_breaks_in_names_stay_in_comments_and_what_a_csv_cannot_say_is_told(tmp_path):
    for part in ("region=N", "region=S"):
        write(tmp_path / "in" / part / "a\nid: evil.csv", ["day", "x"], [[d, 1] for d in DAYS])
    write(tmp_path / "in" / "reports" / "results.csv", ["day", "y"], [[d, 1] for d in DAYS])
    (tmp_path / "in" / "reports" / "ledger.jsonl").touch()
    made = start(tmp_path / "study", [tmp_path / "in"])
    study = all_accepted(tmp_path / "study")
    assert study.file.id == "study"
    assert [source.path for source in study.file.sources.values()] == ["records/in/**/*.csv"]
    assert "folders such as region=N name a column, which is read with Parquet only" in report_of(made)


def test_files_of_one_name_in_two_folders_and_what_is_not_there(tmp_path, monkeypatch):
    write(tmp_path / "in" / "a" / "data.csv", ["day", "x"], [[d, 1] for d in DAYS])
    write(tmp_path / "in" / "b" / "data.csv", ["day", "y"], [[d, 1] for d in DAYS])
    start(tmp_path / "study", [tmp_path / "in"])
    sources = all_accepted(tmp_path / "study").file.sources
    assert [source.path for source in sources.values()] == ["records/data.csv", "records/b/data.csv"]
    (tmp_path / "void").mkdir()
    for given, said in [("in/*.parquet", "matches no file"), ("void", "holds no CSV"), ("nowhere", "no such file")]:
        with pytest.raises(ParameterError, match=said):
            start(tmp_path / "other", [tmp_path / given])


def test_answers_stand_for_targets(tmp_path):
    file = write(tmp_path / "in" / "x.csv", ["day", "score"], [[d, i % 5] for i, d in enumerate(DAYS)])
    made = start(tmp_path / "study", [file], ask=lambda metric: "+10%" if metric.id == "mean-score" else "")
    assert [goal.id for goal in ek.open_study(made.study).file.goals] == ["mean-score"]


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalkit", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=os.environ)


def test_from_nothing_to_a_verdict_on_the_command_line(tmp_path):
    assert run("init", "bank", cwd=tmp_path).returncode == 0
    assert "no records" in run("check", "--study", "bank", cwd=tmp_path).stdout
    again = run("init", "bank", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    file = write(
        tmp_path / "calls.csv",
        ["call_id", "received_at", "score"],
        [[i, f"{d}T10:00:00", i % 5] for i, d in enumerate(DAYS)],
    )
    made = run("init", "mine", file, "--target", "mean-score=+10%", "--baseline", "2023", cwd=tmp_path)
    assert made.returncode == 0
    assert "mean-score" in made.stdout
    assert run("check", "--study", "mine", cwd=tmp_path).returncode == 0
    assert "mean-score" in run("evaluate", "--study", "mine", "--period", "2024-Q2", cwd=tmp_path).stdout


def test_what_fails_leaves_nothing_behind_and_can_be_tried_again(tmp_path, monkeypatch):
    file = write(tmp_path / "in" / "x.csv", ["day", "score"], [[d, i % 5] for i, d in enumerate(DAYS)])
    mine = tmp_path / "a" / "study"
    wrong = [
        ({"targets": ["nothing=-5%"]}, "nothing is called 'nothing'"),
        ({"targets": ["x-per-day>=-1"]}, "line [0-9:]+ goals"),
        ({"timezone": "Mars/Olympus"}, "not a timezone"),
        ({"frequency": "week"}, "expected month, quarter"),
        ({"baseline": (date(2023, 1, 1), date(2023, 12, 31)), "programme_start": date(2023, 6, 1)}, "may not overlap"),
    ]
    for flags, said in wrong:
        with pytest.raises(ParameterError, match=said):
            start(mine, [file], **flags)
        assert not (tmp_path / "a").exists()
    with pytest.raises(KeyboardInterrupt):
        start(mine, [file], ask=Mock(side_effect=KeyboardInterrupt))

    def full(self, content, write=Path.write_bytes):
        if self.name == "study.yaml":
            raise OSError(28, "No space left on device", str(self))
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        start(mine, [file])
    assert not (tmp_path / "a").exists()
    monkeypatch.undo()
    start(mine, [file]).study.unlink()
    assert start(mine, [file], targets=["mean-score=-5%"]).study.is_file()  # the same records are there already
    (mine / "study.yaml").unlink()
    write(file, ["day", "score"], [[d, 1] for d in DAYS])
    with pytest.raises(ParameterError, match="is there already"):
        start(mine, [file])


def test_the_share_finished_in_time_is_proposed_without_inventing_the_time(tmp_path):
    hours = [datetime.combine(d, datetime.min.time()) for d in DAYS]
    rows = [[h, h + timedelta(hours=i % 12)] for i, h in enumerate(hours)]
    file = write(tmp_path / "in" / "x.csv", ["received", "settled"], rows)
    text = start(tmp_path / "open", [file]).study.read_text()
    assert "#     metric: {kind: proportion, success: {column: settled, within: TIME, of: received}}" in text
    made = start(tmp_path / "study", [file], targets=["settled-within-8h>=0.85", "settled-within-4h＝＋１０％"])
    first, second = all_accepted(made.study.parent).file.goals
    assert (first.id, first.target.level, first.better) == ("settled-within-8h", 0.85, "higher")
    assert (first.metric.success.within.seconds, first.metric.success.of) == (8 * 3600, "received")
    assert (second.id, second.target.relative_change) == ("settled-within-4h", 0.1)
    answers = {"settled-within-TIME": "8h>=85%", "time-to-settled": "−20%"}
    made = start(tmp_path / "asked", [file], ask=lambda metric: answers.get(metric.id, ""))
    goals = ek.open_study(made.study).file.goals
    assert [(goal.id, goal.target.value) for goal in goals] == [("time-to-settled", 0.8), ("settled-within-8h", 0.85)]
    with pytest.raises(ParameterError, match="write the time allowed for TIME"):
        start(tmp_path / "no", [file], targets=["settled-within-TIME>=0.85"])


def test_rows_that_are_totals_get_a_rate_and_no_mean(tmp_path):
    rows = [
        [f"{year}-{month:02d}-01", plant, (month + i) % 4, 90_000 + 700 * month + i]
        for year in (2023, 2024)
        for month in range(1, 13)
        for i, plant in enumerate(["Nord", "Süd", "Ost", "West", "Mitte", "Rand"])
    ]
    file = write(tmp_path / "in" / "safety.csv", ["Month", "Plant", "Recordable injuries", "Hours worked"], rows)
    with pytest.raises(ParameterError) as told:
        start(tmp_path / "study", [file], targets=["recordable-injuries=-30%"])
    assert "mean-" not in str(told.value)
    made = start(tmp_path / "study", [file], targets=["recordable-injuries-per-hours-worked=-30%"])
    assert [metric.id for metric in made.metrics] == ["recordable-injuries-per-hours-worked"]
    assert "rows look like totals" in made.study.read_text()
    (goal,) = all_accepted(tmp_path / "study").file.goals
    assert (goal.metric.events, goal.metric.exposure, goal.cluster) == ("Recordable injuries", "Hours worked", "Plant")
    single = [[d, f"c{i}", i % 4, 90_000 + i] for i, d in enumerate(DAYS)]  # a row an event: no totals
    file = write(tmp_path / "in" / "single.csv", ["day", "claim_id", "items", "amount"], single)
    assert [m.id for m in start(tmp_path / "single", [file]).metrics] == ["mean-items", "mean-amount", "single-per-day"]


def test_what_could_be_a_unit_a_mix_a_key_or_a_fault_is_said_in_comments(tmp_path):
    rows = [
        [f"L{max(i, 1)}", d, f"desk {i % 20}", "abc"[i % 3], -5 if i == 9 else 5 + i % 30, "yn"[i % 2]]
        for i, d in enumerate(DAYS)
    ]
    file = write(tmp_path / "in" / "x.csv", ["流水号", "day", "desk", "channel", "amount", "ok"], rows)
    made = run("init", "study", file, "--target", "mean-amount=+5%", cwd=tmp_path)
    assert (
        "'流水号' is no key: 1 row repeats another's (row 3); mend that and it would be one; as a `key`" in made.stdout
    )
    assert "--baseline START/END --programme-start DATE" in made.stdout
    assert "Does the mix of channel move?" in made.stdout
    text = (tmp_path / "study" / "study.yaml").read_text()
    assert '    # key: "流水号" ' in text
    assert "    # cluster: desk  " in text
    assert "    # standardise_by: [channel]  " in text  # and not by what is an outcome
    assert "1 below zero; add constraints: {minimum: 0}?" in text
    all_accepted(tmp_path / "study")


def test_german_words_for_no_value_are_known(tmp_path):
    words = ["k.A.", "k. A.", "n.a.", "–", "5"]
    rows = [[d, words[i % 5] if i % 5 < 4 else i] for i, d in enumerate(DAYS)]
    start(tmp_path / "study", [write(tmp_path / "in" / "x.csv", ["day", "score"], rows)])
    study = all_accepted(tmp_path / "study")
    assert field(study, "x", "score").type == "integer"
    assert {"k.A.", "k. A.", "n.a.", "–"} < set(study.file.sources["x"].missing_values)


def test_a_row_of_totals_and_why_a_column_is_no_key_are_said(tmp_path):
    header = ["Nr.", "day", "cost"]
    rows = [[i + 1, d, i % 30] for i, d in enumerate(DAYS)]
    total = sum(row[2] for row in rows)
    named = write(tmp_path / "in" / "named.csv", header, [*rows, ["Summe", "", total]])
    bare = write(tmp_path / "in" / "bare.csv", header, [*rows, ["", "", total]])
    cut = write(tmp_path / "in" / "cut.csv", header, [*rows, ["", "", total - 1]])
    made = run("init", "study", named, bare, cut, cwd=tmp_path).stdout
    assert "    1 row looks like a total of the others ('Summe' in 'Nr.')" in made  # of three files rows have no number
    shown = {file: run("init", file.stem, file, cwd=tmp_path).stdout for file in (named, bare, cut)}
    assert "    row 732 looks like a total of the others ('Summe' in 'Nr.'): remove it in the file" in shown[named]
    assert "row 732 looks like a total of the others (no date, and the sum of the others in 'cost')" in shown[bare]
    assert "looks like a total" not in shown[cut]
    for told in shown.values():
        assert "'Nr.' is no key: 1 row lacks it (row 732); mend that and it would be one." in told
    assert "  # row 732 looks like a total" in (tmp_path / "named" / "study.yaml").read_text()
    rows[9][0] = rows[5][0] = 5
    twice = write(tmp_path / "in" / "twice.csv", header, [*rows, ["合计", "", total], ["Total", "", total]])
    text = start(tmp_path / "study-twice", [twice]).study.read_text()
    assert "  # 2 rows, the first in row 732, look like totals of the others ('合计' in 'Nr.')" in text
    assert "# no key: 2 rows lack it (first: row 732), 2 rows repeat another's (first: row 7); mend that" in text
    lines = [[max(i, 1), "a\nb", d] for i, d in enumerate(DAYS)]
    text = start(tmp_path / "lines", [write(tmp_path / "in" / "l.csv", ["id", "note", "day"], lines)]).study.read_text()
    assert "no key: 1 row repeats another's; mend that" in text  # a line is no row here


def test_a_workbook_of_one_sheet_keeps_its_name_and_formulas_without_results_are_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "log"
    book.active.append(["day", "score", "double"])
    for i, d in enumerate(DAYS):
        book.active.append([datetime.combine(d, datetime.min.time()), i % 7, f"=B{i + 2}*2"])
    book.create_sheet("notes")
    book.save(tmp_path / "safety.xlsx")
    made = run("init", "study", "safety.xlsx", cwd=tmp_path)
    assert "'double' is empty in every row; its formulas have no stored results" in made.stdout
    assert list(all_accepted(tmp_path / "study").file.sources) == ["safety"]


def test_a_baseline_in_another_form_is_shown_in_the_right_one(tmp_path):
    told = run("init", "study", "--baseline", "2024/03/01-2025/05/31", cwd=tmp_path).stderr
    assert "expected START/END, such as 2024-03-01/2025-05-31" in told
    assert not (tmp_path / "study").exists()


def test_an_assumed_baseline_is_told_with_its_days(tmp_path):
    file = write(tmp_path / "in" / "x.csv", ["day", "score"], [[d, i % 5] for i, d in enumerate(DAYS)])
    told = report_of(start(tmp_path / "a", [file]))
    assert (
        "2023-01-01 to 2023-12-31, the first half of the months that the records cover, is the time before it" in told
    )
    assert "--baseline START/END --programme-start DATE" in told
    assert "half" not in report_of(start(tmp_path / "b", []))
    assert "ASSUMED" not in report_of(start(tmp_path / "c", [file], programme_start=date(2024, 2, 1)))


def test_a_value_far_beyond_all_others_is_named(tmp_path):
    rows = [[d, 99999 if i == 9 else i % 60, 2900 if i == 9 else i % 60] for i, d in enumerate(DAYS)]
    made = start(tmp_path / "study", [write(tmp_path / "in" / "x.csv", ["day", "minutes", "less"], rows)])
    told = "99 % are at most 59, and the largest is 99999"
    assert f"0 to 99999; {told}: add constraints: {{maximum: …}}?" in made.study.read_text()
    assert f"'minutes': {told}. If that cannot be" in report_of(made)
    assert "'less'" not in report_of(made)
    all_accepted(tmp_path / "study")


def test_values_that_hold_a_comma_are_quoted_and_one_is_singular(tmp_path):
    rows = [[d, ["waste, bulky", "light", 'a "b"'][i % 3], "x" if i == 7 else i] for i, d in enumerate(DAYS)]
    made = start(tmp_path / "study", [write(tmp_path / "in" / "x.csv", ["day", "kind", "n"], rows)])
    text = made.study.read_text()
    assert r'''values: "a \"b\"", light, "waste, bulky"''' in text
    assert "1 of 730 values is not of this type and will be rejected" in text
    one = start(tmp_path / "one", [write(tmp_path / "in" / "one.csv", ["day", "n"], [[DAYS[0], 1]])])
    assert "1 record, placed by 'day'" in report_of(one)


def test_markup_and_line_breaks_in_values_stay_in_their_comment(tmp_path):
    rows = [[d, ["a\nid: evil", "b # c"][i % 2]] for i, d in enumerate(DAYS)]
    file = write(tmp_path / "in" / "x.csv", ["day", "kind: [of"], rows)
    study = all_accepted(start(tmp_path / "study", [file]).study.parent)
    assert study.file.id == "study"
    assert study.file.sources["x"].fields[1].name == "kind: [of"


@pytest.mark.parametrize(("unit", "people"), [("agent", True), ("branch", False)])
def test_units_that_are_people_are_warned_of(tmp_path: Path, unit: str, people: bool) -> None:
    rows = [[f"L{i}", d, f"{unit} {i % 8}", 5 + i % 30] for i, d in enumerate(DAYS)]
    file = write(tmp_path / "in" / "x.csv", ["id", "day", unit, "amount"], rows)
    run("init", "study", file, "--target", "mean-amount=+5%", cwd=tmp_path)
    text = (tmp_path / "study" / "study.yaml").read_text()
    assert f"cluster: {unit}  " in text
    assert ("careful: pages name every unit with its figures" in text) is people


def test_whole_questions_as_headers_and_long_names_of_files_give_ids(tmp_path):
    asked, closed = "When did you ask for the service (day)?", "When had you got all that you asked for (day)?"
    question = "On a scale of 1 to 10, how satisfied were you with the service that you received {} at the counter of our branch?"
    days = [date(2024, 1, 1) + timedelta(days=i) for i in range(600)]
    rows = [[d, d + timedelta(days=i % 5), 1 + i % 10, 1 + i % 9] for i, d in enumerate(days)]
    header = [asked, closed, question.format("today"), question.format("on earlier days of the year")]
    file = write(tmp_path / f"Answers to the survey {'of the year ' * 6}.csv", header, rows)
    target = "when-had-you-got-all-that-you-asked-for-day-within-2d>=0.5"
    made = start(tmp_path / ("very " * 20 + "good study"), [file], targets=[target])
    ids = [metric.id for metric in made.metrics]
    mean = "mean-on-a-scale-of-1-to-10-how-counter-of-our-branch"
    assert ids[2:4] == [mean, f"{mean}-2"]
    assert all_accepted(made.study).evaluate(target.partition(">")[0], period="2025-Q1").period.before.value == 0.6
