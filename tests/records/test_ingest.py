"""Files as they come: encodings, line ends, compression, broken rows, names; nothing lost, nothing guessed."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from evalkit.errors import RecordsError
from evalkit.records.fetch import fetch


def rows_of(bench: Any, source: str = "s") -> list[tuple[Any, ...]]:
    """Return the accepted records as tuples, in no particular order of rows but sorted."""
    table = bench.open().records(source)
    return sorted((tuple(row.values()) for row in fetch(table)), key=repr)


def told(bench: Any) -> list[str]:
    with pytest.raises(RecordsError) as caught:
        bench.open().source_records("s")
    assert caught.value.exit_code == 2
    return list(caught.value.messages)


@pytest.fixture
def plain(bench: Any, f: Any) -> Any:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")])
    return bench


TEXT = 'day,x,branch\n2024-01-01,1,A\n2024-01-02,2.5,"B ""x"", C"\n2024-01-03,,\n'
EXPECTED = 3


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.rstrip("\n").encode(),
        ("\ufeff" + TEXT).replace("day", '"day"').encode(),
        TEXT.replace("A\n", "A\r\n").encode(),
        TEXT.replace("h\n2", "h\r\n2").encode(),
        TEXT.replace("A\n", "A\n\n\n").encode() + b"\n\n",
    ],
    ids=["lf", "crlf", "cr", "bom", "no last line end", "bom quoted", "lf then crlf", "crlf then lf", "blank lines"],
)
def test_the_same_records_however_lines_end(plain: Any, content: bytes) -> None:
    plain.write("r.csv", content)
    assert [(str(a), b, c) for a, b, c in rows_of(plain)] == [
        ("2024-01-01", 1.0, "A"),
        ("2024-01-02", 2.5, 'B "x", C'),
        ("2024-01-03", None, None),
    ]


def test_a_line_end_inside_quotes_is_part_of_the_value(plain: Any) -> None:
    plain.write("r.csv", b'day,x,branch\r\n2024-01-01,1,"A\nB"\r\n2024-01-02,2,C\r\n')
    assert [row[2] for row in rows_of(plain)] == ["A\nB", "C"]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "big5", "utf-16", "utf-16-le", "utf-32", "shift_jis"])
def test_any_encoding_with_headers_of_its_own_script(bench: Any, f: Any, encoding: str) -> None:
    bench.plan(
        [f("day", "date", rename_from="日期"), f("x", "number", rename_from="分"), f("branch", rename_from="店")],
        encoding=encoding,
    )
    bench.write("r.csv", "日期,分,店\n2024-01-01,3,上海\n2024-01-02,4,天津\n".encode(encoding))
    assert [row[1:] for row in rows_of(bench)] == [(3.0, "上海"), (4.0, "天津")]


@pytest.mark.parametrize("compressed", [False, True])
def test_gb18030_where_utf8_is_declared(plain: Any, compressed: bool) -> None:
    text = "day,x,branch\n" + "2024-01-01,1,A\n" * 5 + "2024-01-01,1,上海\n"
    raw = text.encode("gb18030")
    if compressed:
        plain.study["sources"]["s"]["path"] = "r.csv.gz"
        plain.save()
    plain.write("r.csv.gz" if compressed else "r.csv", gzip.compress(raw) if compressed else raw)
    [message] = told(plain)
    assert "source 's': r.csv" in message
    assert "is not utf-8" in message
    assert "row " in message
    assert "gb18030" in message


@pytest.mark.parametrize("header", ["店", "branch"])
@pytest.mark.parametrize("encoding", ["gb18030", "cp1252", "latin-1"])
def test_utf8_where_another_encoding_is_declared(bench: Any, f: Any, header: str, encoding: str) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], encoding=encoding)
    bench.write("r.csv", f"day,x,branch,{header}2\n2024-01-01,1,上海浦东,y\n")
    [message] = told(bench)
    assert "utf-8" in message or "is not cp1252" in message


def test_a_western_file_is_not_taken_for_utf8(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], encoding="cp1252")
    bench.write("r.csv", "day,x,branch\n2024-01-01,1,Zürich – café\n".encode("cp1252"))
    assert rows_of(bench)[0][2] == "Zürich – café"


def test_a_header_in_another_encoding(plain: Any) -> None:
    plain.write("r.csv", "day,x,branch,店\n".encode("gb18030"))
    assert "(seen at or after row 1)" in told(plain)[0]


def test_a_byte_order_mark_in_another_encoding(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], encoding="utf-16-le")
    bench.write("r.csv", "\ufeffday,x,branch\n2024-01-01,1,A\n".encode("utf-16-le"))
    assert len(rows_of(bench)) == 1


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_other_delimiters(bench: Any, f: Any, delimiter: str) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("branch")], delimiter=delimiter)
    bench.write("r.csv", f"day{delimiter}x{delimiter}branch\n2024-01-01{delimiter}1{delimiter}A,B\n")
    assert rows_of(bench)[0][2] == "A,B"


def test_the_wrong_delimiter_shows_what_the_header_looks_like(plain: Any) -> None:
    plain.write("r.csv", "day;x;branch\n2024-01-01;1;A\n")
    [message] = told(plain)
    assert "its header is one column, 'day;x;branch'" in message
    assert 'set the source\'s `delimiter: ";"`' in message
    plain.write("r.csv", "day\tx\tbranch\n2024-01-01\t1\tA\n")
    [message] = told(plain)
    assert 'the values are separated by tab, not by ",": set the source\'s `delimiter: tab`' in message
    plain.study["sources"]["s"]["delimiter"] = "tab"
    plain.save()
    assert rows_of(plain)[0][2] == "A"


def test_missing_file(plain: Any) -> None:
    [message] = told(plain)
    assert "r.csv" in message
    assert "does not exist" in message


def test_empty_and_blank_files(plain: Any) -> None:
    plain.write("r.csv", b"")
    assert "r.csv: the file is empty" in told(plain)[0]
    plain.write("r.csv", b"\n\n")
    assert "row 1 is blank" in told(plain)[0]
    plain.write("r.csv", b"\xef\xbb\xbf")
    assert "r.csv" in told(plain)[0]


def test_header_only_means_no_records(plain: Any) -> None:
    for content in (b"day,x,branch\n", b"day,x,branch"):
        plain.write("r.csv", content)
        records = plain.open().source_records("s")
        assert (records.found, records.rejected, records.tally().too_many_rejected) == (0, 0, False)


def test_lacking_columns_are_told_all_at_once_with_the_nearest(plain: Any) -> None:
    plain.write("r.csv", "day,X,brnach\n2024-01-01,1,A\n")
    messages = told(plain)
    assert len(messages) == 2
    assert "has no column 'x'; it has day, X, brnach" in messages[0]
    assert "Did you mean 'brnach'?" in messages[1]
    assert "rename_from" in messages[1]


def test_a_renamed_column_names_field_and_header(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number", rename_from="评分")])
    bench.write("r.csv", "day,分数\n")
    assert "has no column '评分' (field 'x'); it has day, 分数" in told(bench)[0]


def test_a_declared_column_that_stands_twice(plain: Any) -> None:
    plain.write("r.csv", "day,x,x,branch,branch2,,\n2024-01-01,1,2,A,B,,\n")
    assert "the column 'x' stands 2 times in the header" in told(plain)[0]


def test_undeclared_columns_may_repeat_and_differ_in_capitals(plain: Any) -> None:
    plain.write("r.csv", "X,day,x,branch,,,n,n\n9,2024-01-01,1,A,,,,\n")
    assert rows_of(plain)[0][1] == 1.0


def test_fields_that_differ_in_capitals_only_are_told(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number"), f("X", "number")])
    bench.write("r.csv", "day,x,X\n2024-01-01,1,2\n")
    answer = bench.evaluate()
    assert answer.code == 2
    assert "the name 'X' is taken" in answer.err


def test_malformed_rows_are_kept_aside_and_counted(plain: Any) -> None:
    plain.write(
        "r.csv",
        'day,x,branch\n2024-01-01,1,A\n\n2024-01-02,2\n2024-01-03,3,"x\ny"\n2024-01-04,4,D,E\n2024-01-05,5,"F"G\n'
        "2024-01-06,bad,H\n\n\n2024-01-07,7,I\n2024-02-30,8,J\n",
    )
    records = plain.open().source_records("s")
    assert records.found == 8
    assert records.rejected == 5
    assert [(row.row, row.reason) for row in records.rejected_rows()] == [
        (4, "fewer columns than the header"),
        (6, "more columns than the header"),
        (7, "a quote that is not closed, or text after a closing quote"),
        (8, "x: not a number"),
        (12, "day: not a date"),
    ]
    assert [row.row for row in records.rejected_rows(2)] == [4, 6]


def test_rows_are_numbered_in_each_file(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="in/*.csv")
    bench.write("in/a.csv", "day,x\n2024-01-01\n\n2024-01-01,no\n")
    bench.write("in/b.csv", "x,other,day\n1,,2024-01-01\nno,,2024-01-01\n")
    records = bench.open().source_records("s")
    assert [(row.file, row.row) for row in records.rejected_rows()] == [
        ("in/a.csv", 2),
        ("in/a.csv", 4),
        ("in/b.csv", 3),
    ]
    assert (records.found, records.rejected) == (4, 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_rows_are_no_records_even_of_a_single_column(bench: Any, f: Any, end: str) -> None:
    bench.plan(
        [f("day", "date", required=True)], {"kind": "rate", "exposure": "calendar-days"}, goal={"better": "lower"}
    )
    bench.write("r.csv", end.join(["day", "2024-01-01", "", "2024-13-01", "", "", '""', "", ""]))
    records = bench.open().source_records("s")
    assert [(row.row, row.reason) for row in records.rejected_rows()] == [(4, "day: not a date"), (7, "day: missing")]
    assert records.found == 3


@pytest.mark.parametrize(
    "content",
    [
        'day,x,branch\n2024-01-01,1,A\n2024-01-02,2,"B\n2024-01-03,3,C\n2024-01-04,4,D\n',
        'day,x,branch\n2024-01-01,1,A\n2024-01-02,"2,B\n2024-01-03,3,"C"\n2024-01-04,4,D\n',
        'day,x,branch\n2024-01-01,1,A\n2024-01-02,2,"' + "B\n" * 1_100_000,
    ],
    ids=["to the end", "to the next quote", "long"],
)
def test_a_quote_never_closed_stops_the_file(plain: Any, content: str) -> None:
    plain.write("r.csv", content)
    [message] = told(plain)
    assert "r.csv: row 3 cannot be read: a quote is opened there and not closed" in message
    assert "Mend that row" in message


@pytest.mark.parametrize("cut", [0.5, 0.99])
def test_a_gzip_file_not_written_to_its_end(bench: Any, f: Any, cut: float) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="r.csv.gz")
    packed = gzip.compress("".join(["day,x\n", *(f"2024-01-01,{i * 7919 % 1000}\n" for i in range(5000))]).encode())
    bench.write("r.csv.gz", packed[: int(len(packed) * cut)])
    [message] = told(bench)
    assert "r.csv.gz: the compressed file is damaged or was not written to its end" in message


def test_gzip_files(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="r.csv.gz")
    packed = gzip.compress(b"day,x\n2024-01-01,1\n") + gzip.compress(b"2024-01-02,2\n")
    bench.write("r.csv.gz", packed)
    assert len(rows_of(bench)) == 2
    long = gzip.compress(b"day,x\n" + b"".join(b"2024-01-01,%d\n" % (i * 7919 % 10007) for i in range(9999)))
    bench.write("r.csv.gz", long[:9000] + bytes(255 - byte for byte in long[9000:9004]) + long[9004:])
    assert "damaged" in told(bench)[0]
    bench.write("r.csv.gz", b"day,x\n2024-01-01,1\n")
    assert "is named .gz but is not compressed with gzip" in told(bench)[0]
    bench.write("r.csv.gz", b"")
    assert "r.csv.gz" in told(bench)[0]


@pytest.mark.parametrize("name", ["r.xlsx", "r.zip", "r.csv.zst"])
def test_kinds_of_file_that_are_not_read(bench: Any, f: Any, name: str) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path=name)
    bench.write(name, b"PK\x03\x04")
    [message] = told(bench)
    assert f"{name}: is " in message
    assert any(word in message for word in ("save", "unpack"))


def test_a_binary_file_is_not_text(plain: Any) -> None:
    plain.write("r.csv", bytes(range(256)) * 10)
    assert "r.csv" in told(plain)[0]


def test_every_file_with_a_fault_is_told(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="*.csv")
    bench.write("a.csv", "")
    bench.write("b.csv", "day,y\n")
    bench.write("c.csv", "day,x\n2024-01-01,1\n")
    messages = told(bench)
    assert [message.split(":")[1].strip() for message in messages] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("name", ["a'b.csv", "[1].csv", "ä 上海 (2).csv", "x; DROP TABLE s--.csv", 'q".csv', "{a}.csv"])
def test_awkward_file_names(bench: Any, f: Any, name: str) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path=name)
    bench.write(name, "day,x\n2024-01-01,1\nbad,2\n")
    bench.write("1.csv", "day,x\n2024-01-01,7\n2024-01-01,7\n")
    records = bench.open().source_records("s")
    assert (records.found, [row.file for row in records.rejected_rows()]) == (2, [name])


def test_a_star_in_a_name_is_not_taken_for_a_glob_by_the_engine(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="r?.csv")
    bench.write("r1.csv", "day,x\n2024-01-01,1\n")
    bench.write("r*.csv", "day,x\n2024-01-02,2\n")
    assert len(rows_of(bench)) == 2


def test_awkward_names_of_fields_sources_and_values(bench: Any) -> None:
    day, value, unit = 'the "day"', "va'lue; DROP TABLE x", "网点 名"
    label = '\'; DROP TABLE "s"; --'
    bench.plan(
        [{"name": day, "type": "date"}, {"name": value, "type": "number"}, {"name": unit, "type": "string"}],
        {"kind": "mean", "value": value},
        time=day,
        goal={"cluster": unit, "standardise_by": [unit], "where": [{"column": unit, "in": [label, "b\\c%_", "上海"]}]},
    )
    quote = lambda text: '"' + text.replace('"', '""') + '"'  # noqa: E731
    lines = [",".join(map(quote, (day, value, unit)))]
    for i in range(450):
        month = f"2024-{1 + i % 12:02d}-01" if i % 2 else f"2025-{1 + i % 3:02d}-01"
        lines.append(f"{month},{10 + i % 7},{quote([label, 'b' + chr(92) + 'c%_', '上海'][i // 2 % 3])}")
    bench.write("r.csv", "\n".join(lines) + "\n")
    answer = bench.evaluate()
    assert answer.code == 0
    assert answer.goal()["evaluations"]["period"]["before"]["records"] == 225
    assert answer.goal()["evaluations"]["period"]["after"]["clusters"] == 3


def test_equal_names_in_two_folders_stay_apart(
    bench: Any, f: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setenv("BENCH_RECORDS", str(outside))
    bench.plan([f("id"), f("day", "date"), f("x", "number")], path="${BENCH_RECORDS}/*/r.csv", key="id")
    for folder in ("a", "b"):
        bench.write(f"{outside}/{folder}/r.csv", "id,day,x\n1,2024-01-01,1\nbad,no,1\n")
    records = bench.open().source_records("s")
    assert records.reasons == {"day: not a date": 2, "id: duplicate, the same record again": 1}
    assert sorted((row.file, row.row) for row in records.rejected_rows()) == [
        ("a/r.csv", 3),
        ("b/r.csv", 2),
        ("b/r.csv", 3),
    ]


def test_text_and_parquet_do_not_mix(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], path="r.*")
    bench.write("r.csv", "day,x\n")
    bench.write("r.parquet", b"PAR1")
    assert "Parquet and text files cannot be one source" in told(bench)[0]


def test_a_connection_without_its_variable(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")])
    source = bench.study["sources"]["s"]
    del source["path"]
    source |= {"connection": "warehouse", "table": "survey"}
    bench.save()
    for answer in (bench.evaluate(), bench.check()):
        assert answer.code == 2
        assert answer.err.count("evalkit:") == 1
        assert "the environment variable EVALKIT_CONNECTION_WAREHOUSE is not set" in answer.err


def test_opening_again_after_mending(plain: Any) -> None:
    study = plain.open()
    plain.write("r.csv", "day,y,branch\n")
    with pytest.raises(RecordsError):
        study.source_records("s")
    plain.write("r.csv", TEXT)
    assert study.source_records("s").found == EXPECTED


def test_one_wrong_name_over_many_files_is_told_once_and_one_other_header_is_mended_in_its_file(
    bench: Any, f: Any
) -> None:
    bench.plan([f("day", "date"), f("x", "number", rename_from="Wert")], path="*.csv")
    bench.study["sources"]["s"]["fields"][1] = {"name": "x", "type": "number", "rename_from": "Wert"}
    bench.save()
    for number in range(40):
        bench.write(f"f{number:02}.csv", "day,wert\n2024-01-01,1\n")
    (message,) = told(bench)
    assert "f00.csv (and 39 more files): has no column 'Wert' (field 'x'); it has day, wert." in message
    assert "Mend the header, or the field's `name` or `rename_from` in " in message
    assert re.search(r"study\.yaml:\d+\.", message)
    for number in range(39):
        bench.write(f"f{number:02}.csv", "day,Wert\n2024-01-01,1\n")
    (message,) = told(bench)
    assert "f39.csv: has no column 'Wert'" in message
    assert message.endswith("Other files of the source have it: mend the header of this one.")


def test_a_header_in_utf8_declared_otherwise_is_recognised(bench: Any, f: Any) -> None:
    bench.plan([f("day", "date"), f("x", "number")], encoding="cp1252")
    bench.study["sources"]["s"]["fields"][1] = {"name": "x", "type": "number", "rename_from": "Störungsnr."}
    bench.save()
    bench.write("r.csv", "day,Störungsnr.\n2024-01-01,1\n")
    assert told(bench) == [
        "source 's': r.csv: is declared as cp1252, but its header reads as utf-8; set the source's `encoding: utf-8`."
    ]
