"""A revised page says in words what of the study file changed; its keys and values are folded away."""

from __future__ import annotations

from typing import Any

from evalkit.publish import issues, study_notes

CHANGES = [
    {"key": "goals.wait", "old": None, "new": {"id": "wait", "title": {"en": "Shorter waits", "zh": "缩短等候"}}},
    {"key": "measures.hurry", "old": {"id": "hurry", "title": "Hurry up"}, "new": None},
    {"key": "goals.score.target.relative_change", "old": 0.1, "new": 0.05},
    {"key": "goals.share.target.level", "old": None, "new": 0.9},
    {"key": "goals.score.cluster", "old": "branch", "new": "team"},
    {"key": "goals.score.where", "old": None, "new": [{"column": "a", "equals": "b"}]},
    {"key": "calendar.baseline.end", "old": "2024-12-31", "new": "2024-11-30"},
    {"key": "inference.looks", "old": 6, "new": None},
]
TITLES, KINDS = {"score": "Score <b>", "share": "Share"}, {"score": "mean", "share": "proportion"}


def test_changes_are_told_in_words() -> None:
    assert list(study_notes.told(CHANGES, "en", TITLES, KINDS)) == [
        "goal added: Shorter waits",
        "measure removed: Hurry up",
        "Score <b>: target changed from +10 % to +5 %",
        "Share: target changed from – to 90 %",
        "Score <b>: cluster changed from branch to team",
        'Score <b>: where added: [{"column": "a", "equals": "b"}]',
        "calendar.baseline.end changed from 2024-12-31 to 2024-11-30",
        "inference.looks changed from 6 to –",
    ]
    chinese = list(study_notes.told(CHANGES, "zh", TITLES, KINDS))
    assert chinese[:3] == ["新增目标项：缩短等候", "删除措施：Hurry up", "Score <b>：目标由+10%改为+5%"]


def told(old: dict[str, Any], new: dict[str, Any], language: Any = "en") -> list[str]:
    return list(study_notes.told(issues.study_changes(old, new), language, TITLES, KINDS))


def test_rules_written_for_the_first_time_are_told_by_their_values_beside_the_defaults() -> None:
    """`inference added` said nothing of what turned a goal from inconclusive to achieved."""
    rules = {"common_shocks": "none", "multiplicity": "none", "confidence": 0.9, "minimum_cell": 5}
    assert told({"id": "s"}, {"id": "s", "inference": rules}) == [
        "shocks of whole months: no longer taken into account",
        "multiplicity over goals: no longer corrected for (before: holm)",
        "inference.confidence changed from 0.95 (default) to 0.9",
        "inference.minimum_cell: 5 as by default, whether written or not",
    ]
    assert told({"inference": {"common_shocks": "none", "multiplicity": "none"}}, {}) == [
        "shocks of whole months: now taken into account",
        "multiplicity over goals: now corrected for (holm)",
    ]
    assert told({"inference": {}}, {"inference": {"sequential": {"method": "anytime"}}}) == [
        'inference.sequential changed from none (default) to {"method": "anytime"}'
    ]
    goal = {"id": "score", "source": "s", "metric": {"kind": "mean", "value": "y"}}
    later = {**goal, "compare_with": "same-months", "phase_in": {"start": "2025-01-01"}}
    assert told({"goals": [goal]}, {"goals": [later]}) == [
        "Score <b>: compare_with changed from baseline (default) to same-months",
        "Score <b>: phase_in.start changed from – to 2025-01-01",
    ]


def test_a_goal_under_another_id_is_called_renamed() -> None:
    goal = {"title": "Wait", "source": "visits", "metric": {"kind": "mean", "value": "y"}, "target": {"level": 5}}
    young, other = {"id": "young", **goal, "where": ["a"]}, {"id": "falls", **goal, "metric": {"kind": "rate"}}
    old = {"goals": [{"id": "wait", **goal}, young, other]}
    new = {"goals": [{**young, "id": "youth"}, {"id": "waiting", **goal, "target": {"level": 6}}]}
    assert issues.renamed(old, new) == {"waiting": "wait", "youth": "young"}
    assert told(old, new) == [
        "goal removed: Wait",
        "goal 'young' is now called 'youth'",
        "goal 'wait' is now called 'waiting'",
        "waiting: target changed from 5 to 6",
    ]
    assert told(old, new, "zh")[1] == "目标项“young”现称“youth”"


def test_keys_and_values_are_folded_away_and_inert() -> None:
    text = study_notes.table(CHANGES, "en", ("Then", "Now"), "The study file then and now").text
    assert text.startswith("<details><summary>As in the study file</summary>")
    assert text.index("<details>") < text.index("&quot;Shorter waits&quot;") < text.index("</details>")
    assert "\n\n" not in text, "Markdown begins anew after an empty line"
