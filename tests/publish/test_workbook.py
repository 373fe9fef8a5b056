"""Tables leave a page as CSV and Excel: numbers as numbers, text never as a formula, the same bytes each time."""

from __future__ import annotations

import base64
import csv
import io
import re
import time
from pathlib import Path

import openpyxl
import pandas as pd

from evalkit import markup, svg
from evalkit.figures import styled
from evalkit.markup import Html
from evalkit.publish import workbook

ROWS = [
    ("=HYPERLINK(1)", "−1,234.5", "+11.3 %", Html("<b>a</b> &amp; b")),
    ("@x\r\ny", "–", "92.6 %", "+10 % to +12 %"),
    ("银行 007", "007", "0%", "\x00\u202eevil"),
]


def csv_of(page: str) -> list[list[str]]:
    found = re.search(r"base64,([^\"]+)\"", page)
    assert found
    data = base64.b64decode(found[1])
    assert data.startswith(b"\xef\xbb\xbf")  # else Excel takes Chinese for Latin
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_table_carries_its_own_csv() -> None:
    text = markup.table("Title <1>: 银行", ("name", "value", "share", "text"), ROWS, numeric=(1, 2)).text
    assert 'download="Title-1-银行.csv"' in text
    assert 'aria-label="CSV: Title &lt;1&gt;: 银行"' in text
    assert csv_of(text) == [
        ["name", "value", "share", "text"],
        ["'=HYPERLINK(1)", "-1234.5", "+11.3 %", "a & b"],
        ["'@x\r\ny", "–", "92.6 %", "'+10 % to +12 %"],
        ["银行 007", "007", "0%", "evil"],
    ]


def test_a_figure_carries_its_numbers_in_full() -> None:
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(2, 1))
    frame = pd.DataFrame(
        {"start": pd.to_datetime(["2026-01-01", None]), "value": [0.1 + 0.2, None], "name": ["=x", None]}
    )
    text = svg.picture(figure, title="Course", description="It rose.", data=frame).text
    assert csv_of(text) == [["start", "value", "name"], ["2026-01-01", str(0.1 + 0.2), "'=x"], ["", "", ""]]
    assert frame["value"].isna().sum() == 1
    assert "ek-download" not in svg.picture(figure, title="Course", description="It rose.").text


def test_the_workbook_holds_every_table_typed_and_is_the_same_each_time(tmp_path: Path) -> None:
    page = tmp_path / "goal.html"
    table = markup.table("One & all", ("name", "value", "share", "text"), ROWS, numeric=(1, 2)).text
    page.write_text(table + markup.table("Empty", ("a",), []).text, encoding="utf-8")
    workbook.write(tmp_path / "one.xlsx", [page], "en")
    time.sleep(2.1)  # what a zip file's times can tell apart
    workbook.write(tmp_path / "two.xlsx", [page], "en")
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "one.xlsx")
    assert book.sheetnames == ["Contents", "1 One & all", "2 Empty"]
    assert [cell.value for cell in book["Contents"][2]] == ["1 One & all", "goal", "One & all"]
    cells = [[(cell.value, cell.data_type) for cell in row] for row in book["1 One & all"].iter_rows(min_row=2)]
    assert cells[0][:4] == [("=HYPERLINK(1)", "s"), (-1234.5, "n"), (0.113, "n"), ("a & b", "s")]
    assert cells[1][2:] == [(0.926, "n"), (0.1, "n"), (0.12, "n")]
    assert cells[2][:3] == [("银行 007", "s"), ("007", "s"), (0, "n")]
    assert book["1 One & all"]["C3"].number_format == "0.0%"
    assert [[cell.value for cell in row] for row in book["2 Empty"].iter_rows()] == [["a"]]


def test_the_table_of_all_results_opens_as_what_it_is() -> None:
    from evalkit.publish.all_results import as_csv

    text = as_csv([(1, {"study": "候诊", "period": "2026-Q1", "as_of": "2026-03-31", "goals": []})])
    assert text.startswith("\ufeffstudy,period")
    assert list(pd.read_csv(io.BytesIO(text.encode())).columns)[:2] == ["study", "period"]


def test_in_the_table_of_all_results_verdict_is_the_one_that_counts() -> None:
    """Who filters `verdict` must not send a list of goals that are achieved only taken alone."""
    from evalkit.publish.all_results import as_csv

    alone = {"verdict": "achieved", "p_target": 0.02}
    flags = [{"code": "multiplicity"}, {"code": "multiplicity_to_date"}]
    one = {"id": "a", "verdict": "inconclusive", "p_target_adjusted": 0.06, "flags": flags}
    two = {"id": "b", "verdict": "achieved", "p_target_adjusted": 0.01, "flags": []}
    goals = [{**goal, "evaluations": {"period": alone, "to_date": alone}} for goal in (one, two)]
    text = as_csv([(1, {"study": "s", "period": "2026-Q1", "as_of": "2026-03-31", "goals": goals})])
    table = pd.read_csv(io.StringIO(text.removeprefix("\ufeff")))
    assert "goal_verdict" not in table
    assert table["verdict"].tolist() == ["inconclusive", "inconclusive", "achieved", "achieved"]
    assert table["verdict_alone"].tolist() == ["achieved"] * 4
    assert table["p_target_adjusted"].fillna(-1).tolist() == [0.06, -1, 0.01, -1]


def test_the_workbook_speaks_the_pages_language_and_parts_its_intervals(tmp_path: Path) -> None:
    page = tmp_path / "wait.zh.html"
    rows = [("本期", "+12.8%", "+10.2%至+15.5%", "8.10至9.40分钟"), ("实施以来", "–", "–", "–")]
    figure = markup.download("缩短等候：逐月走势", ("start", "phase", "name"), [("2026-01-01", "after", "after")])
    changes = markup.table("变化", ("类别", "变化"), [("a", "+180%（+121%至+251%）"), ("b", "–")])
    wide = markup.table("前后对比", ("时段", "估计", "95%区间", "区间"), rows, numeric=(1, 2, 3))
    page.write_text(wide.text + figure.text + changes.text, encoding="utf-8")
    workbook.write(tmp_path / "one.xlsx", [page], "zh", {"wait.zh": "缩短等候"})
    book = openpyxl.load_workbook(tmp_path / "one.xlsx")
    assert book.sheetnames[1:] == ["1 缩短等候 前后对比", "2 缩短等候 逐月走势", "3 缩短等候 变化"]
    first, second, third = ([[cell.value for cell in row] for row in book[name]] for name in book.sheetnames[1:])
    assert first == [
        ["时段", "估计", "95%区间：下限", "95%区间：上限", "区间：下限", "区间：上限"],
        ["本期", 0.128, 0.102, 0.155, 8.1, 9.4],
        ["实施以来", "–", "–", None, "–", None],
    ]
    assert [cell.number_format for cell in book["1 缩短等候 前后对比"][2]][2:5] == ["0.0%", "0.0%", '0.00" 分钟"']
    assert second == [["开始", "阶段", "name"], ["2026-01-01", "之后", "after"]], "no label of the records is changed"
    assert third[1] == ["a", 1.8, 1.21, 2.51]
    assert third[0] == ["类别", "变化", "变化：下限", "变化：上限"]


def test_sheets_have_names_that_excel_takes(tmp_path: Path) -> None:
    page = tmp_path / "goal.html"
    page.write_text("".join(markup.table("Before and after", ("a",), []).text for _ in range(3)), encoding="utf-8")
    workbook.write(tmp_path / "one.xlsx", [page], "en", {"goal": "A very long title [of a goal], and on"})
    names = openpyxl.load_workbook(tmp_path / "one.xlsx").sheetnames
    assert names[1] == "1 A very long Before and after"
    assert max(map(len, names)) <= 31
    assert len(set(names)) == 4
