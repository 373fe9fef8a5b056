"""Whatever stands in the file, either a study or a StudyError comes out, and each message names a place."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.errors import StudyError
from evalkit.study.load import read
from evalkit.study.yaml_lines import decode, parse

WHOLE = Path(__file__).with_name("whole.yaml").read_text(encoding="utf-8")
DATA = parse(WHOLE, "s.yaml").data
TEXTS = st.one_of(
    st.sampled_from(
        ["survey", "score", "calendar-days", "none", "2025-01-01", "9999-12-31", "${X}/a", "..", "7d", "%Y", "<text>"]
    ),
    st.text(max_size=12),
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(10**300, 10**320), st.floats(), TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path] * bool(path) + [place for key, value in inside for place in places(value, (*path, key))]


def either_a_study_or_sentences(text: str) -> None:
    messages: tuple[str, ...] = ("s.yaml:1:",)
    try:
        read(text, "s.yaml")
    except StudyError as error:
        messages = error.messages
    assert messages
    assert all(re.match(r"s\.yaml:\d+:", message) and "\n" not in message for message in messages)


@pytest.mark.seconds
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_values(data: st.DataObject) -> None:
    changed = copy.deepcopy(DATA)
    for place in data.draw(st.lists(st.sampled_from(places(DATA)), min_size=1, max_size=3)):
        inside: Any = changed
        try:
            for key in place[:-1]:
                inside = inside[key]
            how = data.draw(st.sampled_from(["replace", "drop", "add"]))
            if how == "drop":
                del inside[place[-1]]
            elif how == "add" and isinstance(inside, dict):
                inside[data.draw(TEXTS)] = data.draw(VALUES)
            else:
                inside[place[-1]] = data.draw(VALUES)
        except (KeyError, IndexError, TypeError):
            continue
    either_a_study_or_sentences(json.dumps(changed, ensure_ascii=True))


@pytest.mark.seconds
@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.text(max_size=8))
def test_changed_text(start: int, length: int, inserted: str) -> None:
    either_a_study_or_sentences(WHOLE[:start] + inserted + WHOLE[start + length :])


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.binary(max_size=60), st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\t\n ?,0.~", max_size=40).map(str.encode))
)
def test_any_bytes(raw: bytes) -> None:
    try:
        text = decode(raw, "s.yaml")
    except StudyError:
        return
    either_a_study_or_sentences(text)
