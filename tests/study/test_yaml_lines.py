"""YAML by the 1.2 core rules, with places; nothing but a StudyError for anything else."""

from __future__ import annotations

import math

import pytest

from evalkit.errors import StudyError
from evalkit.study.yaml_lines import MAX_BYTES, decode, dotted, parse, shortened


def value(text: str) -> object:
    return parse(f"a: {text}", "s.yaml").data["a"]


def problem(text: str) -> str:
    with pytest.raises(StudyError) as caught:
        parse(text, "s.yaml")
    (message,) = caught.value.messages
    return message


@pytest.mark.parametrize(
    "text",
    ["Yes", "NO", "no", "on", "off", "y", "12:30:00", "1:2", "2023-01-01", "2023-01-01T00:00:00Z", "1_000", "0b11"]
    + ["tRUE", "nULL", "0x", "0o8", "1e", "1.2.3", "+", ".", "-", "=", "<<", "inf", "nan", "'1'", '"true"', "!!str 12"],
)
def test_what_is_text(text: str) -> None:
    if text == "-":
        text = "'-'"
    assert value(text) == text.removeprefix("!!str ").strip("'\"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("true", True), ("FALSE", False), ("~", None), ("null", None), ("NULL", None), ("", None), ("7", 7), ("-07", -7)]
    + [("0o14", 12), ("0x1f", 31), ("+1", 1), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0), ("-1.5E-1", -0.15)]
    + [(".inf", math.inf), ("-.Inf", -math.inf), ("!!float 1", 1.0), ("!!int 3", 3), ("[a, 1]", ["a", 1]), ("{}", {})],
)
def test_what_is_not_text(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_nan() -> None:
    assert math.isnan(value(".NaN"))  # type: ignore[arg-type]


def test_keys_are_text_as_written() -> None:
    assert parse("no: 1\n2024: 2\n0x1: 3", "s.yaml").data == {"no": 1, "2024": 2, "0x1": 3}


def test_every_place_is_known() -> None:
    document = parse("标题: 中文\nlist:\n  - {a: 1, b: [x, y]}\n", "s.yaml")
    assert document.places[("标题",)] == (1, 1)
    assert document.places[("list", 0, "b")] == (3, 12)
    assert document.places[("list", 0, "b", 1)] == (3, 19)
    assert document.place(("list", 0, "c", "d")) == (3, 5)
    assert document.place(()) == (1, 1)


def test_written_text_is_kept() -> None:
    document = parse("a: 007\nb: 1.50\nc: true", "s.yaml")
    assert [document.written[(key,)] for key in "abc"] == ["007", "1.50", "true"]


def test_an_alias_repeats_its_anchor() -> None:
    document = parse("a: &x {b: 1}\nc: *x\nd: *x", "s.yaml")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1}}
    assert document.data["a"] is not document.data["c"]


def test_duplicate_keys_name_both_lines_and_are_all_told() -> None:
    document = parse("a: 1\nb: {c: 1,\n  c: 2}\na: 3", "s.yaml")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert document.sentences() == [
        "s.yaml:3:3: b: the key 'c' stands twice, on lines 2 and 3; keep one.",
        "s.yaml:4:1: the key 'a' stands twice, on lines 1 and 4; keep one.",
    ]


def test_a_key_that_is_a_list() -> None:
    document = parse("? [1, 2]\n: 3\na: 1", "s.yaml")
    assert document.sentences() == ["s.yaml:1:3: a key is a list or a mapping; expected a text."]


@pytest.mark.parametrize(
    ("text", "start", "part"),
    [
        ("", "s.yaml:1: ", "the file holds nothing; expected a mapping"),
        ("# only a comment\n", "s.yaml:1: ", "the file holds nothing; expected a mapping"),
        ("---\n", "s.yaml:2: ", "the file holds nothing; expected a mapping"),
        ("- a\n- b", "s.yaml:1: ", "holds a list; expected a mapping"),
        ("\njust text", "s.yaml:2: ", "the text 'just text'"),
        ("a: 1\n---\nb: 2", "s.yaml:2:1: ", "but found another document"),
        ("a:\n\tb: 1", "s.yaml:2:1: ", "a tab indents this line"),
        ("a: [1,\nb: 2", "s.yaml:3:", "this is not YAML"),
        ("a: 'open", "s.yaml:1:", "this is not YAML"),
        ("a: *nowhere", "s.yaml:1:4: ", "found undefined alias"),
        ("a: &x [*x]", "s.yaml:1: ", "repeats by alias included"),
        ("a: !python/object:os.system x", "s.yaml:1:4: ", "tag '!python/object:os.system' is not understood"),
        ("a: !!python/name:os.system x", "s.yaml:1:4: ", "is not understood"),
        ("a: !!set {x}", "s.yaml:1:4: ", "is not understood"),
        ("a: !!int x", "s.yaml:1:4: ", "is not what its tag"),
        ("a: !!int true", "s.yaml:1:4: ", "is not what its tag"),
        ("b: 1\na: x\x00y", "s.yaml:2: ", "a character that YAML does not allow"),
        ('a: "x\\0y"', "s.yaml:1:4: ", "NUL or half a pair"),
        ("a: " + "[" * 5000 + "]" * 5000, "s.yaml:1:", "nested more than 50 deep"),
        pytest.param("a: [" + "1," * 300_000 + "]", "s.yaml:1:", "more than 200,000 values", marks=pytest.mark.seconds),
    ],
)
def test_what_is_refused(text: str, start: str, part: str) -> None:
    message = problem(text)
    assert message.startswith(start)
    assert part in message


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "repeats by alias included" in problem("\n".join(lines))


def test_a_chain_of_aliases_may_not_nest_deeper() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]
    assert "nested more than 50 deep" in problem("\n".join(lines))


def test_other_encodings_and_sizes_are_refused() -> None:
    with pytest.raises(StudyError, match=r"^s.yaml:2: the file is not UTF-8 \(byte 0xd2\); save it"):
        decode("id: x\ntitle: 银行".encode("gb18030"), "s.yaml")
    with pytest.raises(StudyError, match="more than 5,000,000 bytes"):
        decode(b"#" * (MAX_BYTES + 1), "s.yaml")
    assert decode(b"\xef\xbb\xbfid: x", "s.yaml") == "id: x"


def test_paths_and_texts_in_messages() -> None:
    assert dotted(()) == ""
    assert dotted(("a", 0, 1, "b")) == "a[0][1].b"
    assert len(shortened("x" * 500)) == 60
