"""A revised page says in words what of the study file changed; its keys and values are folded away."""

from __future__ import annotations

from evalkit.publish import study_notes

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
        "Score <b>: where added",
        "calendar.baseline.end changed from 2024-12-31 to 2024-11-30",
        "inference.looks changed from 6 to –",
    ]
    chinese = list(study_notes.told(CHANGES, "zh", TITLES, KINDS))
    assert chinese[:3] == ["新增目标项：缩短等候", "删除措施：Hurry up", "Score <b>：目标由+10%改为+5%"]


def test_keys_and_values_are_folded_away_and_inert() -> None:
    text = study_notes.table(CHANGES, "en", ("Then", "Now"), "The study file then and now").text
    assert text.startswith("<details><summary>As in the study file</summary>")
    assert text.index("<details>") < text.index("&quot;Shorter waits&quot;") < text.index("</details>")
    assert "\n\n" not in text, "Markdown begins anew after an empty line"
