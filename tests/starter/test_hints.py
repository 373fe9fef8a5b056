"""What `evalkit init` says of files that need a hand first; the pandas lines that it prints are run as they stand."""

from datetime import date, timedelta

import openpyxl
import pytest
from starter.test_starter import DAYS, all_accepted, field, report_of, write

import evalkit as ek
from evalkit.checked import check_report
from evalkit.errors import ParameterError
from evalkit.records.confined import Confined, most_confined
from evalkit.starter import start
from evalkit.starter.hints import months_across


def code_of(told: str, *, ends: str) -> str:
    """Return the lines of pandas printed, up to the one that writes a file whose name ends so."""
    lines = [line.strip() for line in told.splitlines() if line.startswith("        ")]
    last = next(place for place, line in enumerate(lines) if line.endswith(f'{ends}", index=False)'))
    first = max(place for place in range(last) if lines[place] == "import pandas as pd")
    return "\n".join(lines[first : last + 1])


def rows_of(study, source):
    return study.records(source).to_pyarrow().to_pylist()


@pytest.mark.parametrize(
    ("clock", "form"), [("13h0{}", "%d/%m/%Y %Hh%M"), ("13.0{}", "%d/%m/%Y %H.%M"), ("13:0{}", "%d/%m/%Y %H:%M")]
)
def test_clocks_of_several_countries_are_read(tmp_path, clock, form):
    rows = [[f"{d:%d/%m/%Y} {clock.format(i % 9)}", i % 5] for i, d in enumerate(DAYS)]
    start(tmp_path / "study", [write(tmp_path / "in" / "x.txt", ["reçue le", "n"], rows, delimiter="\t")])
    study = all_accepted(tmp_path / "study")
    assert field(study, "x", "reçue le").format == form
    assert max(row["reçue le"].minute for row in rows_of(study, "x")) == 8


def test_a_shape_that_no_form_reads_is_shown_and_phones_are_no_dates(tmp_path):
    rows = [[f"{d:%d/%m/%Y} à 13 h {i % 9}", f"06.12.34.56.{i % 90 + 10}", i] for i, d in enumerate(DAYS)]
    file = write(tmp_path / "in" / "x.csv", ["opened", "phone", "n"], rows)
    with pytest.raises(ParameterError) as told:
        start(tmp_path / "alone", [file])
    assert "'opened' looks like dates, 99/99/9999 à 99 h 9 with any digit for 9" in str(told.value)
    assert "`format`" in str(told.value)
    assert "'phone'" not in str(told.value)
    dated = write(tmp_path / "in" / "x.csv", ["day", "opened"], [[d, f"{d:%d %B %Y}"] for d in DAYS])
    made = start(tmp_path / "study", [dated])
    said = "looks like dates, 99 abc 9999 with any digit for 9 (abc: a word), in no form that init knows"
    assert f"'opened' {said}" in report_of(made)
    assert said in made.study.read_text()


def test_words_for_no_value_among_numbers_and_dates_are_proposed(tmp_path):
    def rows(words):
        return [
            [words[1] if i and i % 90 == 0 else f"{d:%d.%m.%Y}", words[0] if i % 20 == 0 else f"{i % 9},5"]
            for i, d in enumerate(DAYS)
        ]

    made = start(tmp_path / "study", [write(tmp_path / "in" / "x.csv", ["day", "score"], rows(["n.d.", "00.00.0000"]))])
    study = all_accepted(tmp_path / "study")
    assert {"n.d.", "00.00.0000"} < set(study.file.sources["x"].missing_values)
    assert (field(study, "x", "score").type, field(study, "x", "day").type) == ("number", "date")
    assert "'score': 'n.d.' (37 ×) taken for no value (`missing_values`): make sure." in report_of(made)
    assert "'n.d.' (37 ×) taken for no value" in made.study.read_text()
    made = start(tmp_path / "own", [write(tmp_path / "in" / "x.csv", ["day", "score"], rows(["given by phone", "x"]))])
    assert "given by phone" not in ek.open_study(tmp_path / "own").file.sources["x"].missing_values
    labels = [[d, "K" if i % 4 == 0 else i % 4] for i, d in enumerate(DAYS)]
    start(tmp_path / "labels", [write(tmp_path / "in" / "y.csv", ["day", "grade"], labels)])
    assert field(ek.open_study(tmp_path / "labels"), "y", "grade").type == "string"  # K is a grade too


def test_what_is_copied_is_said_with_the_way_to_the_originals(tmp_path, monkeypatch):
    file = write(tmp_path / "exports" / "x.csv", ["day", "n"], [[d, i % 9] for i, d in enumerate(DAYS)])
    told = report_of(start(tmp_path / "study", [file]))
    assert f"COPIES: the study reads copies in {tmp_path / 'study' / 'records'}" in told
    assert f'set RECORDS={tmp_path / "exports"} in the environment and write  path: "${{RECORDS}}/x.csv"' in told
    study = tmp_path / "study" / "study.yaml"
    study.write_text(study.read_text().replace("path: records/x.csv", 'path: "${RECORDS}/x.csv"'))
    (tmp_path / "study" / "records" / "x.csv").unlink()
    monkeypatch.setenv("RECORDS", str(tmp_path / "exports"))
    assert len(rows_of(all_accepted(tmp_path / "study"), "x")) == len(DAYS)
    for month in (1, 2):
        write(tmp_path / "more" / f"survey-{month}.csv", ["day", "n"], [[d, i % 9] for i, d in enumerate(DAYS)])
    told = report_of(start(tmp_path / "several", [tmp_path / "more"]))
    assert f'set RECORDS={tmp_path / "more"} in the environment and write  path: "${{RECORDS}}/*.csv"' in told
    write(tmp_path / "more" / "others.csv", ["day", "cost", "who"], [[d, i, "x"] for i, d in enumerate(DAYS)])
    told = report_of(start(tmp_path / "apart", sorted((tmp_path / "more").glob("survey*"))))
    assert 'path: "${RECORDS}/survey-*.csv"' in told
    monkeypatch.chdir(tmp_path)
    assert 'set RECORDS="$PWD/exports" in the environment' in report_of(start(tmp_path / "here", [file]))
    monkeypatch.chdir(file.parent)
    assert 'set RECORDS="$PWD" in the environment' in report_of(start(tmp_path / "below", [file]))
    inside = write(tmp_path / "inside" / "x.csv", ["day", "n"], [[d, i % 9] for i, d in enumerate(DAYS)])
    assert "COPIES" not in report_of(start(inside.parent, [inside]))


LEFT = "Left without being seen"


def outcomes(*, elsewhere: int) -> list[list[object]]:
    """Return visits of which each 25th left before being seen, some more marked so though they were seen."""
    return [
        [1000 + i, "" if i % 25 == 0 else f"{d} 09:30", LEFT if i % 25 == 0 or i in range(1, elsewhere + 1) else "Home"]
        for i, d in enumerate(DAYS)
    ]


@pytest.mark.parametrize(
    ("elsewhere", "more"),
    [
        (0, f"; in all of them Disposition is '{LEFT}'"),
        (1, f"; in all of them Disposition is '{LEFT}'"),
        (9, ""),  # then it tells of the seen as well
    ],
)
def test_rows_that_count_nowhere_are_told_with_what_only_they_tell(tmp_path, capsys, elsewhere, more):
    file = write(tmp_path / "in" / "x.csv", ["Visit ID", "Seen", "Disposition"], outcomes(elsewhere=elsewhere))
    made = start(tmp_path / "study", [file])
    told = f"CAREFUL: 30 of 730 rows have no 'Seen' and would count in no goal{more}"
    assert f"{told}. Name a `time`" in report_of(made)
    assert told in made.study.read_text().replace("\n    # ", " ")
    check_report(ek.open_study(made.study), None)
    told = "30 have no Seen, so they belong to no period and do not count"
    assert f"{told}{more}{', so what a goal says of that value is wrong' * bool(more)}\n" in capsys.readouterr().out
    assert "CAREFUL" not in report_of(start(tmp_path / "b", [write(tmp_path / "c.csv", ["day"], [[d] for d in DAYS])]))


def test_a_value_confined_to_some_records_is_told_by_how_many():
    assert Confined("how", "left", 50, 50).told(50) == "in all of them how is 'left'"
    assert Confined("how", "left", 40, 40).told(50) == "all 40 with how 'left' are among them"
    assert Confined("how", "left", 1040, 1000).told(1100) == "1,000 of the 1,040 with how 'left' are among them"
    assert most_confined([Confined("how", "left", 4, 4), Confined("how", "seen", 90, 9)], 20) is None


def test_files_with_a_key_in_common_are_to_be_joined_and_so_are_days_and_times(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrivals = [[f"V{i:04d}", f"{d:%m/%d/%Y}", f"{1 + i % 11}:05 PM", 1 + i % 5] for i, d in enumerate(DAYS)]
    seen = [[f"V{i:04d}", f"{d + timedelta(days=1)} 00:0{i % 9}", "abc"[i % 3]] for i, d in enumerate(DAYS)]
    first = write(tmp_path / "arrivals.csv", ["Visit", "Arrival Date", "Arrival Time", "Triage Level"], arrivals)
    second = write(tmp_path / "seen.txt", ["Visit", "Seen", "Disposition"], seen, delimiter=";", encoding="utf-8")
    made = start("study", [first, second])
    told = report_of(made)
    assert "records/arrivals.csv and records/seen.txt have the key 'Visit' in common, which is unique in both" in told
    assert "a time from 'Arrival' to 'Seen' could then be measured" in told
    assert "'Arrival Date' is a day and 'Arrival Time' the time of that day: join them into one column" in told
    exec(code_of(told, ends="arrivals-joined.csv"), {})
    exec(code_of(told, ends="arrivals-and-seen.csv"), {})
    start("joined", ["arrivals-and-seen.csv"], targets=["time-to-seen=-10%"])
    study = all_accepted(tmp_path / "joined")
    assert study.file.sources["arrivals-and-seen"].time == "Arrival"
    assert {row["Arrival"].hour for row in rows_of(study, "arrivals-and-seen")} == set(range(13, 24))
    text = made.study.read_text()
    assert "# standardise_by: [Disposition]" not in text  # what comes of service is no mix to hold
    assert "success: {column: Disposition, equals: a}" in text
    other = write(tmp_path / "other.csv", ["Visit", "Seen"], [[f"W{i:04d}", d] for i, d in enumerate(DAYS)])
    assert "in common" not in report_of(start("apart", [first, other]))


def test_levels_are_a_mix_and_scores_are_none(tmp_path):
    rows = [[d, 1 + i % 5, i % 10, "ab"[i % 2]] for i, d in enumerate(DAYS)]
    made = start(tmp_path / "study", [write(tmp_path / "x.csv", ["day", "Triage Level", "score", "site"], rows)])
    assert "Does the mix of site or Triage Level move?" in report_of(made)
    told = 'standardise_by: ["Triage Level"]'
    text = made.study.read_text()
    assert "only what is fixed before service" in text
    of_level = text[text.index("id: mean-triage-level") : text.index("id: mean-score")]
    assert "or Triage Level" not in of_level
    assert told in text[text.index("id: share-site") :]


def test_months_across_are_to_be_turned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    months = [date(2024 + i // 12, 1 + i % 12, 1) for i in range(24)]
    book = openpyxl.Workbook()
    book.active.title = "Safety"
    book.active.append(["Indicator", *(f"{month:%b %Y}" for month in months)])
    book.active.append(["Falls", *range(2, 26)])
    book.active.append(["Patient days", *range(6000, 6024)])
    book.save("dashboard.xlsx")
    with pytest.raises(ParameterError, match="its months run across, 'Jan 2024' to 'Dec 2025' in the header"):
        start("alone", ["dashboard.xlsx"])
    beside = write(tmp_path / "in" / "x.csv", ["day", "n"], [[d, i % 9] for i, d in enumerate(DAYS)])
    told = report_of(start("study", ["dashboard.xlsx", beside]))
    exec(code_of(told, ends="turned.csv"), {})
    made = start("turned", ["dashboard-turned.csv"])
    assert [metric.id for metric in made.metrics] == ["falls-per-patient-days"]
    assert len(rows_of(all_accepted(tmp_path / "turned"), "dashboard-turned")) == 24
    assert months_across(["id", "2024-01", "2024-02"]) == []
    assert len(months_across(["Indikator", "Jan. 24", "Mär 24", "2024年3月"])) == 3
    assert months_across(["Item 12", "Unit 10", "Place 24", "Jan 2024"]) == []
