"""Published issues read back, and what is different between two of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.errors import ParameterError, RecordsError
from evalkit.periods import Period, parse_period
from evalkit.publish import swap
from evalkit.publish.compare import WORDS, differences
from evalkit.results import beside_all
from evalkit.study import Study

LOST = 0.2  # share of the records that no correction takes away unseen
QUESTIONS = ("goals", "indicators")
FIGURES = ("estimate", "ci", "target_value", "p_target", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One issue of a period's report: its results and, where known, their plan and what it says of earlier `looks`."""

    period: Period
    number: int
    results: Mapping[str, Any]
    plan: Mapping[str, Any] | None = None
    looks: Sequence[Mapping[str, Any]] = ()

    @property
    def made_from(self) -> Mapping[str, Any]:
        """The hashes of study, data and code, and the versions."""
        found = self.results.get("provenance")
        return found if isinstance(found, Mapping) else {}

    def __str__(self) -> str:
        return f"{self.period}@{self.number}"


def read(out: Path, period: Period) -> Issue | None:
    """Return the issue that stands as a period's report; None without one, one without results when it is damaged."""
    folder = out / period.slug
    return _read(folder, period, swap.next_revision(folder)) if folder.is_dir() else None


def revision(out: Path, period: Period, number: int) -> Issue | None:
    """Return an earlier issue; None where there is none."""
    folder = out / period.slug / swap.REVISIONS / str(number)
    return _read(folder, period, number) if folder.is_dir() else None


def find(out: Path, text: str) -> Issue:
    """Return the issue that `2026-Q2` (the one that stands) or `2026-Q2@1` (the first) names; else ParameterError."""
    label, _, wanted = text.partition("@")
    period = parse_period(label)
    standing = read(out, period)
    if standing is None:
        raise not_published(out, period)
    found: Issue | None = standing
    if wanted and wanted != str(standing.number):
        found = revision(out, period, int(wanted)) if wanted.isdecimal() else None
    if found is None:
        raise ParameterError(f"{period} has no issue '{wanted}'; it has 1 to {standing.number}.")
    if not found.results:
        raise ParameterError(f"The results.json of {found} in {out} is missing or cannot be read.")
    return found


def not_published(out: Path, period: Period) -> ParameterError:
    """Return the error that a period is not published, with what is."""
    names = sorted(path.parent.name for path in out.glob("*/results.json") if path.parent.name[:1].isdigit())
    there = f"published are {', '.join(names)}" if names else "nothing is published there; name the folder with --out"
    return ParameterError(f"{period} is not published in {out}; {there}.")


def _read(folder: Path, period: Period, number: int) -> Issue:
    results, provenance = (_json(folder / name) for name in ("results.json", "provenance.json"))
    looks = (provenance.get("history") or {}).get("looks", [])
    return Issue(period=period, number=number, results=results, plan=provenance.get("plan"), looks=looks)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def plan_of(study: Study) -> dict[str, Any]:
    """Return the study file's content as plain data; empty when the file is no longer the one that was opened."""
    from evalkit.study.yaml_lines import decode, parse

    raw = study.path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != study.hash:
        return {}
    found: dict[str, Any] = json.loads(json.dumps(parse(decode(raw, study.path.name), "").data, default=str))
    return found


def plan_hash(plan: Mapping[str, Any]) -> str:
    """Return the hash of a plan, whatever its order of keys."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _tables(plan: Mapping[str, Any] | None) -> list[str]:
    """Return the sources that are tables of a database: what those held is nowhere recorded."""
    return [name for name, source in ((plan or {}).get("sources") or {}).items() if "connection" in source]


def compare(old: Issue, new: Issue) -> dict[str, Any]:
    """Return what differs, as plain data: reasons (study, data, code, versions) and results (verdicts, estimates)."""
    before, after = old.made_from, new.made_from
    goals = list(_goals(old.results, new.results, renamed(old.plan, new.plan)))
    read = [set(side.get("data") or {}) for side in (before, after)]
    return {
        "old": {"period": old.period.label, "issue": old.number, "as_of": old.results.get("as_of")},
        "new": {"period": new.period.label, "issue": new.number, "as_of": new.results.get("as_of")},
        "study": {
            "same": before.get("study") == after.get("study"),
            "changes": study_changes(old.plan, new.plan) if old.plan and new.plan else None,
        },
        "data": [
            {"source": source, "file": file, "old": one, "new": other}
            for source, file, one, other in _files(before.get("data") or {}, after.get("data") or {})
            if source in read[0] & read[1]  # one that a study file no longer asks for is not other records
        ],
        "tables": sorted({name for plan in (old.plan, new.plan) for name in _tables(plan)}),
        "sources": {"gone": sorted(read[0] - read[1]), "new": sorted(read[1] - read[0])},
        "code": {"same": before.get("code") == after.get("code")},
        "versions": _listed(differences(before.get("versions") or {}, after.get("versions") or {})),
        "goals": goals,
    }


def check_not_lost(old: Issue, new: Issue) -> None:
    """Raise RecordsError when the same study finds far fewer records than the issue that stands, as in half a file."""
    if old.made_from.get("study") != new.made_from.get("study"):
        return
    lost = []
    for goal in _goals(old.results, new.results):
        one, other = goal["windows"]["period"]
        for arm in ("before", "after"):
            had, has = (side[f"records_{arm}"] if side else None for side in (one, other))
            if had and (has or 0) < (1 - LOST) * had:
                where = "baseline" if arm == "before" else "period"
                lost.append(
                    f"{new.period}: goal '{goal['id']}' has {has or 0} records in its {where}, where the published"
                    f" report has {had}: is a record file only half written? If they are right, --force publishes them."
                )
    if lost:
        raise RecordsError(lost)


def study_changes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the keys of the study file that differ, each with its old and its new value."""
    return _listed(differences(old or {}, new or {}))


def renamed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the ids of goals and indicators that have another id now with the same source and metric, old by new.

    Of several that it could be, it is the one of which the least else has changed.

    >>> goal = {"source": "s", "metric": {"kind": "mean", "value": "y"}}
    >>> renamed({"goals": [{"id": "wait", **goal}]}, {"goals": [{"id": "waiting", **goal}]})
    {'waiting': 'wait'}
    """
    found: dict[str, str] = {}
    for part in QUESTIONS:
        gone, come = _of_one_side(old, new, part), _of_one_side(new, old, part)
        pairs = [
            (_distance(goal, come[now]), then, now)
            for then, goal in gone.items()
            for now in come
            if _same_question(goal, come[now])
        ]
        for _far, then, now in sorted(pairs, key=lambda pair: pair[0]):
            if now not in found and then not in found.values():
                found[now] = then
    return found


def _of_one_side(
    one: Mapping[str, Any] | None, other: Mapping[str, Any] | None, part: str
) -> dict[str, Mapping[str, Any]]:
    """Return the goals (or indicators) of one plan that the other has not, by id."""
    sides = [
        {str(goal["id"]): goal for goal in (plan or {}).get(part) or () if isinstance(goal, Mapping) and "id" in goal}
        for plan in (one, other)
    ]
    return {name: goal for name, goal in sides[0].items() if name not in sides[1]}


def _same_question(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) is not None and one.get(key) == other.get(key) for key in ("source", "metric"))


def _distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(one.get(key) != other.get(key) for key in {*one, *other})


def is_same(facts: Mapping[str, Any]) -> bool:
    """Return whether `compare` found nothing."""
    return not causes(facts) and all(goal["same"] for goal in facts["goals"])


def causes(facts: Mapping[str, Any]) -> list[str]:
    """Return which of study, data, code, versions and cut-off are not the same."""
    found = {
        "study": not facts["study"]["same"],
        "data": bool(facts["data"]),
        "code": not facts["code"]["same"],
        "versions": bool(facts["versions"]),
        "as_of": facts["old"]["as_of"] != facts["new"]["as_of"],
    }
    return [name for name, changed in found.items() if changed]


def _listed(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [{"key": one.key, "old": one.old, "new": one.new} for one in found]


def _files(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None, str | None]]:
    for source in sorted({*old, *new}):
        one, other = old.get(source, {}), new.get(source, {})
        for file in sorted({*one, *other}):
            if one.get(file) != other.get(file):
                yield source, file, one.get(file), other.get(file)


def _goals(
    old: Mapping[str, Any], new: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield goals and indicators of either side with both sides' verdicts, estimates and records.

    One that has another name now (`names`, old by new) is met by the new one.
    """
    sides = [{g["id"]: g for part in QUESTIONS for g in side.get(part, ())} for side in (old, new)]
    for now, then in (names or {}).items():
        if then in sides[0] and now in sides[1]:
            sides[0] = {(now if key == then else key): goal for key, goal in sides[0].items()}
            sides[0][now] = {**sides[0][now], "id": now}
    for goal in dict.fromkeys((*sides[0], *sides[1])):
        one, other = (side.get(goal) for side in sides)
        known = other or one or {}
        yield {
            "id": goal,
            "title": known.get("title"),
            "kind": known.get("kind"),
            "same": not any(differences(one, other, skip=WORDS)),
            "verdict": [side and side.get("verdict") for side in (one, other)],
            "windows": {
                window: [_figures(side or {}, window) for side in (one, other)] for window in ("period", "to_date")
            },
        }


def _figures(goal: Mapping[str, Any], window: str) -> dict[str, Any] | None:
    """Return one window's figures; its verdict to date is the one that counts beside all goals, as pages tell it."""
    evaluation = goal.get("evaluations", {}).get(window)
    if evaluation is None:
        return None
    records = {f"records_{arm}": (evaluation.get(arm) or {}).get("records") for arm in ("before", "after")}
    found = {"scale": evaluation.get("scale"), **{key: evaluation.get(key) for key in FIGURES}, **records}
    if window == "to_date":
        found["verdict"] = beside_all(found["verdict"], (flag["code"] for flag in goal.get("flags", ())))
    return found
