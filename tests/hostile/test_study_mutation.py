"""The shipped study, changed at random: either sentences, or results that keep every invariant."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invariants import check_results

from evalkit.errors import EvalkitError, StudyError
from evalkit.publish.serialise import to_json
from evalkit.session import open_study
from evalkit.study.load import read
from evalkit.study.yaml_lines import parse

SHIPPED = (Path(__file__).parents[2] / "data" / "study.yaml").read_text(encoding="utf-8")
LINES = SHIPPED.splitlines()
WORDS = sorted({word for word in SHIPPED.replace(":", " ").replace(",", " ").split() if word.isidentifier()})
NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 0.5, 2, 7, 1e-300, 1e308, -1e308, 2**63, 10**30, 1e15, 0.1 + 0.2]), st.integers(-9, 400)
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.sampled_from(WORDS),
    st.sampled_from(
        ["2025-01-01", "2024-12-31", "8999-12-31", "7d", "999999d", "1h", "calendar-days", "%Y", "", "\u202e<b>"]
    ),
)
VALUES = st.one_of(LEAVES, st.lists(LEAVES, max_size=2), st.dictionaries(st.sampled_from(WORDS), LEAVES, max_size=2))
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path] * bool(path) + [place for key, value in inside for place in places(value, (*path, key))]


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def mutate(draw: Any, original: Any, most: int) -> Any:
    """Return a copy with up to `most` parts dropped, replaced, repeated, or overwritten by another part."""
    changed = copy.deepcopy(original)
    known = places(original)
    for place in draw(st.lists(st.sampled_from(known), min_size=1, max_size=most)):
        try:
            inside, key = at(changed, place[:-1]), place[-1]
            how = draw(st.sampled_from(["value", "value", "drop", "other part", "twice", "rename"]))
            if how == "drop":
                del inside[key]
            elif how == "other part":
                inside[key] = copy.deepcopy(at(original, draw(st.sampled_from(known))))
            elif how == "twice" and isinstance(inside, list):
                inside.insert(0, copy.deepcopy(inside[key]))
            elif how == "rename" and isinstance(inside, dict):
                inside[draw(st.sampled_from(WORDS))] = inside.pop(key)
            else:
                inside[key] = draw(VALUES)
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    return changed


def mistakes(text: str) -> tuple[str, ...]:
    try:
        read(text, "s.yaml")
    except StudyError as error:
        return error.messages
    return ()


@settings(QUIET, max_examples=25)
@given(st.data())
def test_the_shipped_study_changed(data: st.DataObject) -> None:
    changed = mutate(data.draw, parse(SHIPPED, "s").data, 4)
    assert all(message.startswith("s.yaml") and "\n" not in message for message in mistakes(json.dumps(changed)))


@settings(QUIET, max_examples=25)
@given(st.data())
def test_the_shipped_text_with_lines_moved(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        source, target = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        how = data.draw(st.sampled_from(["drop", "repeat", "move", "indent"]))
        line = lines.pop(source) if how in ("drop", "move") else lines[source]
        if how != "drop":
            lines.insert(target, " " * 2 * (how == "indent") + line)
    assert all(message.startswith("s.yaml") and "\n" not in message for message in mistakes("\n".join(lines)))


METRICS: dict[str, Any] = {
    "level": {"kind": "mean", "value": "x", "weight": "n"},
    "span": {"kind": "mean", "value": {"from": "day", "to": "done", "unit": "hours", "within": "5d"}},
    "share": {"kind": "proportion", "success": {"column": "ok", "equals": True}},
    "soon": {"kind": "proportion", "success": {"column": "done", "within": "2d", "of": "day"}},
    "events": {"kind": "rate", "events": "n", "exposure": "calendar-days"},
    "per": {"kind": "ratio", "numerator": "x", "denominator": "n"},
}


def small() -> dict[str, Any]:
    fields = [
        {"name": "day", "type": "date", "constraints": {"required": True}},
        {"name": "done", "type": "date"},
        {"name": "x", "type": "number", "constraints": {"minimum": 0, "maximum": 50}},
        {"name": "n", "type": "integer"},
        {"name": "branch", "type": "string"},
        {"name": "ok", "type": "boolean"},
    ]
    targets = [
        {"relative_change": 0.1},
        {"difference": 2},
        {"level": 0.4},
        {"level": 0.6},
        {"relative_change": 0.2},
        {"level": 3},
    ]
    goals = [
        {
            "id": name,
            "source": "s",
            "metric": metric,
            "better": "higher",
            "target": target,
            "cluster": "branch",
            "where": [{"column": "x", "at_least": 0}],
            "compare_with": "baseline",
            "phase_in": {"start": "2025-01-01", "end": "2025-01-31"},
        }
        for (name, metric), target in zip(METRICS.items(), targets, strict=True)
    ]
    del goals[2]["cluster"], goals[4]["cluster"], goals[0]["phase_in"]
    goals[3]["standardise_by"] = ["ok"]
    return {
        "schema": 1,
        "id": "mutated",
        "timezone": "UTC",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}, "frequency": "quarter"},
        "inference": {"confidence": 0.95, "multiplicity": "holm", "sequential": "none", "common_shocks": "none"},
        "sources": {"s": {"path": "r.csv", "time": "day", "max_rejected": 0.5, "fields": fields}},
        "goals": goals,
        "indicators": [],
    }


def records() -> str:
    lines = ["day,done,x,n,branch,ok"]
    for i in range(400):
        month, year = i % 12 + 1, 2024 + (i >= 250)
        month = month if year == 2024 else i % 6 + 1
        done = "" if i % 17 == 0 else f"{year}-{month:02d}-{5 + i % 9:02d}"
        lines.append(
            f"{year}-{month:02d}-05,{done},{10 + i * 7 % 13},{1 + i % 4},B{i % 5},{'true' if i % 3 else 'false'}"
        )
    return "\n".join([*lines, "bad,,1,1,B1,true", "2025-02-01,2025-01-01,99,1.5,B1,maybe"]) + "\n"


def outcome(folder: Path, study: Any) -> Any:
    """Return the results, which keep every invariant, or the sentences that say why there are none."""
    (folder / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
    try:
        results = json.loads(to_json(open_study(folder).evaluate_period("2025-Q1").to_dict()))
    except EvalkitError as error:
        return error.messages
    check_results(results)
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "r.csv").write_text(records(), encoding="utf-8")
    return folder


def test_the_study_itself_is_evaluated(folder: Path) -> None:
    results = outcome(folder, small())
    assert {goal["verdict"] for goal in results["goals"]} >= {"achieved", "not_achieved"}


PARTS: dict[str, st.SearchStrategy[Any]] = {
    "better": st.sampled_from(["higher", "lower"]),
    "target": st.sampled_from(
        [{"relative_change": 0.1}, {"relative_change": -0.99}, {"difference": 0.5}, {"difference": -1e9}]
        + [{"level": level} for level in (0, 0.5, 1, 13, 1e300)]
    ),
    "metric": st.sampled_from(list(METRICS.values())),
    "cluster": st.sampled_from([None, "branch", "ok", "n"]),
    "standardise_by": st.sampled_from([[], ["ok"], ["branch", "n"]]),
    "compare_with": st.sampled_from(["baseline", "same-months"]),
    "phase_in": st.sampled_from([None, {"start": "2025-01-01", "end": "2025-02-28"}]),
    "where": st.sampled_from([[], [{"column": "n", "in": [1, 2]}], [{"column": "x", "at_most": 10.5}]]),
    "estimator": st.sampled_from(
        [{"kind": "direct"}]
        + [
            {"kind": "interrupted-time-series", "family": family, "errors": errors, "trend": False}
            for family in ("poisson", "quasi-poisson", "gaussian")
            for errors in ("autoregressive", "hac", "model")
        ]
    ),
}
SEQUENTIAL = [{"method": "alpha-spending", "looks": looks} for looks in (1, 4)] + [{"method": "anytime"}, "none"]


def recombined(draw: Any) -> Any:
    """Return a study whose goals are put together at random from parts that are valid each."""
    study = small()
    study["goals"] = study["goals"][:3]
    for goal in study["goals"]:
        goal |= {key: draw(values) for key, values in PARTS.items()}
    study["inference"] = {
        "confidence": draw(st.sampled_from([0.8, 0.95, 0.999])),
        "multiplicity": draw(st.sampled_from(["holm", "bonferroni", "none"])),
        "sequential": draw(st.sampled_from(SEQUENTIAL)),
        "common_shocks": draw(st.sampled_from(["auto", "none"])),
    }
    study["goals"] = [goal for goal in study["goals"] if not mistakes(json.dumps({**study, "goals": [goal]}))]
    return study


@settings(QUIET, max_examples=4)
@given(data=st.data())
def test_goals_put_together_at_random(folder: Path, data: st.DataObject) -> None:
    study = recombined(data.draw)
    told = outcome(folder, study)
    assert isinstance(told, dict) or not study["goals"], told


@pytest.mark.slow
@settings(QUIET, max_examples=150)
@given(data=st.data())
def test_many_goals_put_together_at_random(folder: Path, data: st.DataObject) -> None:
    study = recombined(data.draw)
    told = outcome(folder, study)
    assert isinstance(told, dict) or not study["goals"], told


@settings(QUIET, max_examples=12)
@given(data=st.data())
def test_a_changed_study_evaluated(folder: Path, data: st.DataObject) -> None:
    outcome(folder, mutate(data.draw, small(), 2))


@pytest.mark.slow
@settings(QUIET, max_examples=400)
@given(data=st.data())
def test_many_changed_studies_evaluated(folder: Path, data: st.DataObject) -> None:
    outcome(folder, mutate(data.draw, small(), 3))
