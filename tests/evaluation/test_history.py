"""Periods and scopes side by side, and what results show of themselves in a notebook: tables, pictures, frames."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import date

import pytest
import report_fixtures as fixtures
from matplotlib.figure import Figure

import evalkit as ek
from evalkit import figures
from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.evaluation.detail import Branches, Histogram
from evalkit.evaluation.history import ScopesHistory, StudyHistory
from evalkit.evaluation.planning import GoalPower
from evalkit.results import ScopeResult, ScopesResult

SVG = "{http://www.w3.org/2000/svg}"


def text_of(html: str) -> list[list[str]]:
    root = ElementTree.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def texts(figure: Figure) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(figure._repr_svg_()).iter(f"{SVG}text")]


@pytest.fixture
def history() -> StudyHistory:
    now = fixtures.study_result()
    goals = (replace(fixtures.satisfaction(), verdict="inconclusive"), *now.goals[1:])
    return StudyHistory((replace(now, period="2026-Q2", goals=goals), now))


@pytest.fixture
def scopes() -> ScopesHistory:
    def of(period: str, *goals: object) -> ScopesResult:
        parts = [("north", goals[0]), (None, goals[1])]
        found = tuple(ScopeResult(scope=scope, goals=(goal,)) for scope, goal in parts)
        return ScopesResult(study="s", period=period, as_of=date(2026, 9, 30), by="region", scopes=found)

    good, hidden = fixtures.satisfaction(), replace(fixtures.incidents(), id="satisfaction")
    return ScopesHistory((of("2026-Q2", good, hidden), of("2026-Q3", good, good)))


def test_a_figure_shows_itself_as_the_same_bytes_each_time() -> None:
    figure = fixtures.satisfaction().plot()
    assert isinstance(figure, Figure)
    shown = figure._repr_svg_()
    assert shown == fixtures.satisfaction().plot()._repr_svg_()
    assert ElementTree.fromstring(shown).tag == f"{SVG}svg", "an image needs its namespace"
    figure.axes[0].set_title("mine")
    assert "mine" in texts(figure), "what was done to it since is shown"


def test_results_are_short_in_a_console(history: StudyHistory, scopes: ScopesHistory) -> None:
    assert repr(history) == "<2 periods: 2026-Q2, 2026-Q3>"
    assert repr(scopes) == "<2 periods by scope: 2026-Q2, 2026-Q3>"
    assert repr(history[0]["satisfaction"]) == "<satisfaction: inconclusive>"
    assert repr(history[1]).startswith(f"<{history[1].study} 2026-Q3: satisfaction achieved, ")
    assert repr(scopes[0]) == "<s 2026-Q2 by region: 2 scopes>"


def test_periods_stand_beside_each_other(history: StudyHistory) -> None:
    rows = text_of(history._repr_html_())
    assert rows[0] == ["goal", "target", "2026-Q2", "2026-Q3"]
    assert rows[1][1:] == ["+10 %", "? +11.3 %\n+10.4 to +12.2", "✓ +11.3 %\n+10.4 to +12.2"]
    assert rows[-1][2:] == ["–", "–"], "what is not evaluable is not left empty"
    frame = history.to_frame()
    assert list(frame.columns[:3]) == ["period", "goal", "window"]
    assert len(frame) == sum(len(result.to_frame()) for result in history)
    assert frame["estimate"].dtype == float, "a missing estimate is NaN, not None"
    held_back = frame[(frame["period"] == "2026-Q2") & (frame["goal"] == "satisfaction")].iloc[0]
    assert held_back[["verdict", "verdict_alone"]].tolist() == ["inconclusive", "achieved"], "verdict is what counts"
    counts = replace(history[1].goals[0], counts={"n_after": 5, "open_after": 2})
    known = StudyHistory((history[0], replace(history[1], goals=(counts,)))).counts()
    assert known.iloc[-1].tolist() == ["2026-Q3", "satisfaction", 5, 2]
    assert known["n_after"].isna().sum() == len(history[0].goals)
    assert history.of("2026-Q3") is history[1]
    assert [[goal.id for goal in result] for result in history.only("incidents")] == [["incidents"]] * 2
    told = text_of(history.changes("2026-Q2", "2026-Q3").text)
    assert [row[1:3] for row in told[1:3]] == [["2026-Q2", "? inconclusive"], ["2026-Q3", "✓ achieved"]]
    with pytest.raises(ParameterError, match="'2026-Q4' is none of the periods 2026-Q2, 2026-Q3"):
        history.of("2026-Q4")


def test_the_course_of_estimates_is_drawn(history: StudyHistory) -> None:
    drawn = history.plot()
    assert len(drawn.axes) == len(history[0].goals)
    assert {"achieved", "not achieved", "inconclusive", "not evaluable", "target", "no change"} <= set(texts(drawn))
    one = history.only("satisfaction").plot().axes[0]
    assert [label.get_text() for label in one.get_xticklabels()] == ["2026-Q3", "2026-Q2"]
    assert pytest.approx(10) in [line.get_ydata()[0] for line in one.lines if line.get_linestyle() == "--"]
    assert len(history[0].plot().axes) == len(history[0].goals)


def test_goals_of_one_title_are_kept_apart() -> None:
    twins = fixtures.satisfaction(), replace(fixtures.satisfaction(), id="other")
    result = replace(fixtures.study_result(), goals=twins)
    rows = text_of(StudyHistory((result,))._repr_html_())
    assert [row[0].rpartition(" ")[2] for row in rows[1:]] == ["(satisfaction)", "(other)"]


def test_many_panels_and_intervals_without_end_are_drawn() -> None:
    lost = fixtures.goal("g", "G", "rate", fixtures.effect(0.6, 0.3, float("inf"), target=0.7, better="lower"))
    drawn = figures.history({f"branch {number}": [("2026-Q3", lost)] for number in range(14)}, "zh", alike=True)
    assert len({axes.get_ylim() for axes in drawn.axes}) == 1
    low, high = drawn.axes[0].get_ylim()
    assert all(low <= y <= high for line in drawn.axes[0].lines for y in line.get_ydata())


def test_scopes_stand_beside_each_other(scopes: ScopesHistory) -> None:
    rows = text_of(scopes._repr_html_())
    assert rows[0] == ["region", "target", "2026-Q2", "2026-Q3"]
    assert [row[0] for row in rows[1:]] == ["north", "(none)"]
    assert rows[2][2] == "–"
    assert list(scopes.to_frame().columns[:4]) == ["period", "scope", "goal", "window"]
    assert len({axes.get_ylim() for axes in scopes.plot().axes}) == 1, "parts of one goal have one scale"
    shown = texts(scopes.of("2026-Q2").plot())
    assert {"north", "(none)", "✓ +11.3 % (+10.4 % to +12.2 %)", "– not evaluable", "target +10 %"} <= set(shown)
    assert scopes.only("satisfaction") == scopes


def test_a_picture_of_scopes_is_of_one_goal(scopes: ScopesHistory) -> None:
    more = ScopeResult(scope="south", goals=(fixtures.satisfaction(), fixtures.handling_time()))
    several = replace(scopes[1], scopes=(*scopes[1].scopes, more))
    with pytest.raises(ParameterError, match="choose one by only"):
        several.plot()
    with pytest.raises(ParameterError, match="none"):
        several.only("nothing").plot()
    assert len(ScopesHistory((several,)).plot().axes) == 4


def test_hostile_names_are_inert(scopes: ScopesHistory) -> None:
    bad = ScopeResult(scope=fixtures.HOSTILE, goals=scopes[0].scopes[0].goals)
    told = ScopesHistory((replace(scopes[0], by="<b>", scopes=(bad,)),))
    html = told._repr_html_() + told.plot()._repr_svg_() + told[0].plot()._repr_svg_()
    assert "<script" not in html
    assert "<b>" not in html


def test_power_shows_and_draws_itself() -> None:
    curve = ek.power(standard_error=0.06, target=0.80, better="lower", effect=0.70, df=30)
    plan = GoalPower(
        goal="g", scale="ratio", better="lower", target=0.8, period=curve, observed=0.7, assumed=0.7, at={},
        periods_done=2, periods_needed=5,
    )  # fmt: skip
    rows = dict(text_of(plan._repr_html_())[1:])
    assert rows["target"] == "−20 %"
    assert rows["periods still needed, when the truth is −30.0 %"] == "3"
    assert repr(plan) == "<power of g: 3 periods still needed>"
    assert "estimated to date −30.0 %" in texts(plan.plot())
    assert plan.to_frame()["periods_still_needed"].tolist() == [3]
    none = GoalPower(goal="g", scale="level", kind="proportion", better="higher", target=0.9, at={}, reason="Too few.")
    assert dict(text_of(none._repr_html_())[1:])["no answer"] == "Too few."
    with pytest.raises(NotEvaluableError, match="Too few"):
        none.plot()


def test_what_lies_below_a_page_gives_frames_too() -> None:
    found = Histogram(edges=(0.5, 1.5, 2.5), before=(0.4, 0.6), after=(None, 0.7), open_end=False, whole=True)
    frame = found.to_frame()
    assert frame.columns.tolist() == ["low", "high", "before", "after"]
    assert frame["after"].isna().tolist() == [True, False]
    assert found.plot().axes
    branches = Branches(
        columns=("", "2026-Q3"), rows=(("B1", (1.0, None)), (None, (2.0, 3.0))), total=(1.5, 3.0), hidden=0
    )
    assert branches.to_frame().columns.tolist() == ["baseline", "2026-Q3"]
    assert branches.to_frame().index.tolist()[0] == "B1"
    assert branches.to_frame()["2026-Q3"].isna().tolist() == [True, False]
