"""What a stranger to the array functions gets wrong: a sentence or a warning, never a silent number or a traceback."""

from __future__ import annotations

import inspect
import warnings
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import NotEvaluableError, ParameterError

RNG = np.random.default_rng(5)
BEFORE, AFTER = RNG.normal(10, 2, 400), RNG.normal(9.85, 2, 400)
MONTHS = list(range(24))
COUNTS = [50, 52, 47, 49, 51, 48] * 4
UNITS, TIMES = list("aaaabbbbccccdddd"), [1, 2, 3, 4] * 4
TOTALS = [10, 11, 9, 9, 20, 21, 17, 19, 30, 31, 34, 33, 40, 41, 44, 46]


# a target on the worse side of no change ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            lambda: ek.ratio_of_means(BEFORE, AFTER, target=0.80),
            "The target 0.8 with better='higher' is met by every ratio above 0.8, so by changes for the worse too; if "
            "lower is better, pass better='lower'",
        ),
        (lambda: ek.proportion_change(40, 80, 39, 80, scale="ratio", target=0.70), "every ratio above 0.7"),
        (lambda: ek.proportion_change(40, 80, 39, 80, target=-0.10), r"every difference above -0.1, .*'lower'\.$"),
        (lambda: ek.rate_ratio(30, 12, 31, 12, target=1.3), "every ratio below 1.3, .* if higher is better"),
        (lambda: ek.interrupted_time_series(COUNTS, MONTHS, 12, target=0.9, better="higher"), "every ratio above 0.9"),
        (lambda: ek.staggered_rollout(TOTALS, UNITS, TIMES, {"a": 3, "b": 3}, target=2, better="lower"), "below 2"),
        (
            lambda: ek.confidence_sequence([0.1, 0.2], [0.1, 0.1], planned_error=0.1, target=-1, better="higher"),
            "difference above -1",
        ),
    ],
)
def test_a_target_that_changes_for_the_worse_meet_is_warned_of_at_the_callers_line(asked: Any, told: str) -> None:
    with pytest.warns(UserWarning, match=told) as caught:
        asked()
    assert [one.filename for one in caught] == [__file__]


def test_no_warning_on_the_better_side_at_no_change_or_for_a_level() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ek.ratio_of_means(BEFORE, AFTER, target=0.80, better="lower")
        ek.ratio_of_means(BEFORE, AFTER, target=1.0)
        ek.proportion_change(40, 80, 39, 80, target=0.0)
        ek.rate_ratio(30, 12, 31, 12, target=0.7)
        ek.proportion(40, 80, target=0.1)


@pytest.mark.parametrize("better", ["up", "", True])
def test_a_direction_that_is_none_is_refused_without_a_target_too(better: Any) -> None:
    for asked in (
        lambda: ek.ratio_of_means(BEFORE, AFTER, better=better),
        lambda: ek.rate_ratio(30, 12, 31, 12, better=better),
        lambda: ek.control_chart(COUNTS, better=better),
    ):
        with pytest.raises(ParameterError, match=r"better is .*; expected 'higher' or 'lower'"):
            asked()


# strata ------------------------------------------------------------------------------------------------------------


def strata(shared: int) -> tuple[list[str], list[str]]:
    """Return strata of which the first so many records of each arm share theirs."""
    return ["a"] * shared + ["b"] * (400 - shared), ["a"] * shared + ["c"] * (400 - shared)


def test_strata_that_the_arms_do_not_share_are_told_as_a_study_tells_them() -> None:
    with pytest.raises(NotEvaluableError, match="Only 10 % of the arm before and 10 % of the arm after lie") as caught:
        ek.ratio_of_means(BEFORE, AFTER, strata=strata(40))
    assert caught.value.code == "strata_not_common"
    with pytest.warns(UserWarning, match="90 % of the arm before and 90 % of the arm after lie in strata") as warned:
        effect = ek.ratio_of_means(BEFORE, AFTER, strata=strata(360))
    assert [one.filename for one in warned] == [__file__]
    assert (effect.details["strata_kept_before"], effect.details["strata_kept_after"]) == (0.9, 0.9)
    assert effect.estimate == pytest.approx(AFTER[:360].mean() / BEFORE[:360].mean(), rel=1e-12)
    assert ek.ratio_of_means(BEFORE, AFTER, strata=strata(390)).details["strata_kept_after"] == 0.975
    assert "strata_kept_before" not in ek.ratio_of_means(BEFORE, AFTER).details


def test_one_column_where_a_pair_is_meant_is_told_so() -> None:
    for given, found in ((["x"] * 800, "a list of 800 values"), (pd.Series(["x", "y"]), "a Series of 2 values")):
        with pytest.raises(ParameterError, match=rf"clusters is {found}; give a pair \(before, after\)"):
            ek.ratio_of_means(BEFORE, AFTER, clusters=given)  # type: ignore[arg-type]
    for given in ("ab", 3, pd.DataFrame({"a": [1], "b": [2]}), (1, 2)):
        with pytest.raises(ParameterError, match=r"weights is .*; give a pair \(before, after\)"):
            ek.ratio_of_means(BEFORE, AFTER, weights=given)  # type: ignore[arg-type]


# survival ----------------------------------------------------------------------------------------------------------


def test_a_share_beyond_the_last_follow_up_is_refused() -> None:
    curve = ek.kaplan_meier([1, 2, 3, 5], [1, 1, 1, 0])
    assert curve.known_until == 5
    assert curve.within(5)[0] == pytest.approx(0.75)
    with pytest.raises(ParameterError, match=r"window is 5\.5, but the longest duration is 5 .* choose a window up to"):
        curve.within(5.5)
    assert ek.kaplan_meier([1, 2]).within(100)[0] == 1, "all were answered: nothing is left to be known"
    with pytest.raises(ParameterError, match="window is '7d'; expected a number"):
        curve.within("7d")  # type: ignore[arg-type]


# labels of pandas --------------------------------------------------------------------------------------------------


def turned(values: Any) -> pd.Series:
    return pd.Series(list(values)).iloc[::-1]


SERIES = pd.Series(COUNTS)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            lambda: ek.ratio_of_means(pd.Series(BEFORE), AFTER, weights=(turned(np.ones(400)), np.ones(400))),
            r"weights\[0\] has the labels of before in another order, .* weights\[0\].reindex\(before.index\), or "
            r"weights\[0\].to_numpy\(\)",
        ),
        (
            lambda: ek.ratio_of_means(BEFORE, pd.Series(AFTER), clusters=(UNITS * 25, turned(UNITS * 25))),
            r"clusters\[1",
        ),
        (lambda: ek.ratio_of_means(BEFORE, pd.Series(AFTER), strata=(UNITS * 25, turned(UNITS * 25))), r"strata\[1"),
        (lambda: ek.rate_ratio(SERIES, turned(COUNTS), COUNTS, COUNTS), "exposure_before has the labels of events_"),
        (
            lambda: ek.interrupted_time_series(SERIES, MONTHS, 12, exposure=turned(COUNTS)),
            "exposure has the labels of v",
        ),
        (lambda: ek.interrupted_time_series(SERIES, turned(MONTHS), 12), "times has the labels of values"),
        (lambda: ek.control_chart(SERIES, kind="u", denominators=turned(COUNTS)), "denominators has the labels of val"),
        (lambda: ek.staggered_rollout(pd.Series(TOTALS), turned(UNITS), TIMES, {"a": 3}), "units has the labels"),
        (lambda: ek.kaplan_meier(SERIES, turned([1] * 24)), "answered has the labels of durations"),
        (lambda: ek.confidence_sequence(SERIES, turned(COUNTS), planned_error=1), "standard_errors has the labels"),
    ],
)
def test_series_with_the_same_labels_in_another_order_are_refused(asked: Any, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        asked()


def test_series_with_other_labels_are_taken_by_position() -> None:
    weights = pd.Series(np.ones(400), index=range(1000, 1400)), np.ones(400)
    expected = ek.ratio_of_means(BEFORE, AFTER, weights=(np.ones(400), np.ones(400)))
    assert ek.ratio_of_means(pd.Series(BEFORE), AFTER, weights=weights) == expected
    assert (
        ek.ratio_of_means(pd.Series(BEFORE), AFTER, weights=(turned(np.ones(400)).to_numpy(), weights[1])) == expected
    )


# nonsense ----------------------------------------------------------------------------------------------------------


def series(**options: Any) -> Any:
    return ek.interrupted_time_series(COUNTS, MONTHS, 12, **options)


def powered(**options: Any) -> Any:
    return ek.power(**({"standard_error": 0.1, "target": 0.8, "better": "lower"} | options))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (lambda: powered(scale="Ratio"), "scale is 'Ratio'; expected one of 'ratio', .* Did you mean 'ratio'"),
        (lambda: powered(effect="0.7"), "effect is '0.7'; expected a number"),
        (lambda: powered(family="2"), "family is '2'; expected a whole number"),
        (lambda: powered(confidence="0.95"), "confidence is '0.95'; expected a level between 0.5 and 1"),
        (lambda: ek.proportion(1, 2, confidence=[0.95]), r"confidence is \[0.95\]; expected a level"),
        (lambda: ek.proportion(SERIES, 2), "successes is a Series of 24 values; expected a whole number"),
        (lambda: ek.rate_ratio("30", 1, 2, 3), "events_before is '30'; expected a whole number"),
        (lambda: series(chance=-1), "chance is -1; expected a number of at least 0"),
        (lambda: series(chance="1"), "chance is '1'; expected a number of at least 0"),
        (lambda: series(trend="no"), "trend is 'no'; expected True or False"),
        (lambda: series(harmonics="2"), "harmonics is '2'; a series with 12 points a year has between 0 and 6"),
        (lambda: series(window="2025-03"), r"window is '2025-03'; expected a pair \(first, last\)"),
        (lambda: series(phase_in="2025-01-01"), r"phase_in is '2025-01-01'; expected a pair \(first, last\)"),
        (lambda: series(phase_in=(1, 2, 3)), r"phase_in is \(1, 2, 3\); expected a pair \(first, last\)"),
        (
            lambda: ek.staggered_rollout(TOTALS, UNITS, TIMES, {"a": 3}, window="2025"),
            r"window is '2025'; expected a pa",
        ),
        (
            lambda: ek.staggered_rollout(TOTALS, UNITS, TIMES, ["a", "b"]),
            r"reached is \['a', 'b'\]; expected a mapping",
        ),
        (lambda: ek.control_chart([1, 2, 3], times=[1, 2, 2]), "times: 2 stands more than once"),
        (lambda: ek.control_chart([1, 1.5], kind="u", denominators=[1, 1]), r"values\[1\] is 1.5; expected a whole"),
        (lambda: ek.group_sequential_bounds(looks=3, alpha=0.95), "alpha is 0.95; expected a one-sided error .* 0.5"),
        (lambda: ek.group_sequential_bounds(looks=3, alpha="0.05"), "alpha is '0.05'; expected a one-sided error"),
        (
            lambda: ek.group_sequential_bounds(looks=10**6),
            "looks is 1000000; expected a whole number between 1 and 100",
        ),
        (lambda: ek.group_sequential_bounds(looks="3"), "looks is '3'; expected a whole number"),
        (lambda: ek.group_sequential_bounds(information=np.arange(1, 102) / 101), "information has 101 shares"),
    ],
)
def test_nonsense_is_named(asked: Any, told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        asked()


def test_whole_floats_are_looks() -> None:
    assert ek.group_sequential_bounds(looks=3.0) == ek.group_sequential_bounds(looks=3)  # type: ignore[arg-type]


def test_reached_may_be_a_series() -> None:
    found = ek.staggered_rollout(TOTALS, UNITS, TIMES, pd.Series({"a": 3, "b": 3}))  # type: ignore[arg-type]
    assert found == ek.staggered_rollout(TOTALS, UNITS, TIMES, {"a": 3, "b": 3})


def test_a_picture_in_an_unknown_language_is_refused() -> None:
    from evalkit import figures

    with pytest.raises(ParameterError, match="The language 'de' is not known; write en or zh"):
        figures.sequence(ek.confidence_sequence([0.1], [0.1], planned_error=0.1), "de")  # type: ignore[arg-type]


# reprs -------------------------------------------------------------------------------------------------------------


def test_results_of_many_values_have_a_line_for_repr() -> None:
    many = np.arange(1, 6001)
    found: dict[str, Any] = {
        "<6000 records, median 3000, 2924 to 3076>": ek.kaplan_meier(many),
        "<xmr chart of 6000 points, 0 to 5999>": ek.control_chart(many),
        "<course of 24 points, 0 to 23>": series().course,
        "<O'Brien–Fleming type spending, error 0.025 over 3 looks>": ek.group_sequential_bounds(looks=3),
        "<target 0.8, lower is better: detectable with 80 % 0.6045>": powered(),
        "<2 looks, the last difference 0.2, ": ek.confidence_sequence([0.1, 0.2], [0.1, 0.1], planned_error=0.1),
    }
    for told, result in found.items():
        assert repr(result).startswith(told)
        assert len(repr(result)) < 100


def test_dates_in_messages_are_dates() -> None:
    with pytest.raises(ParameterError, match="intervention is 2025-01-01; expected a whole number"):
        ek.interrupted_time_series(COUNTS, MONTHS, date(2025, 1, 1))


def test_every_function_that_takes_a_target_and_a_direction_was_thought_of() -> None:
    taking = {
        name
        for name in ek.__all__
        if inspect.isfunction(getattr(ek, name)) and "better" in inspect.signature(getattr(ek, name)).parameters
    }
    levels = {"proportion", "power", "control_chart"}  # no promise of a change is judged by these
    assert taking - levels == {
        "confidence_sequence",
        "interrupted_time_series",
        "proportion_change",
        "rate_ratio",
        "ratio_of_means",
        "staggered_rollout",
    }
