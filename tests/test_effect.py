"""Effects: what may be concluded from a pivot."""

import json

import pytest

import evalkit as ek
from evalkit.effect import decide
from evalkit.errors import ParameterError


@pytest.mark.parametrize(
    ("low", "high", "target", "better", "verdict"),
    [
        (1.11, 1.2, 1.10, "higher", "achieved"),
        (1.0, 1.09, 1.10, "higher", "not_achieved"),
        (1.05, 1.2, 1.10, "higher", "inconclusive"),
        (0.6, 0.79, 0.80, "lower", "achieved"),
        (0.81, 0.9, 0.80, "lower", "not_achieved"),
        (0.7, 0.9, 0.80, "lower", "inconclusive"),
        (1.10, 1.2, 1.10, "higher", "inconclusive"),  # the target itself is not beyond it
    ],
)
def test_verdicts(low: float, high: float, target: float, better: str, verdict: str) -> None:
    assert decide(low, high, target, better) == verdict  # type: ignore[arg-type]


def test_without_a_target_there_is_no_verdict() -> None:
    effect = ek.rate_ratio(30, 12.1, 14, 12.5)
    assert effect.verdict is None
    assert effect.pvalue == effect.p_change
    assert effect.direction == "improved"
    assert "no change" in effect.summary()
    assert effect.null_hypothesis == "the ratio after ÷ before is 1"


def test_a_level_has_no_null_value() -> None:
    effect = ek.proportion(463, 500)
    assert (effect.null_value, effect.p_change, effect.direction) == (None, None, None)


def test_infinite_limits_become_none_in_json() -> None:
    effect = ek.proportion_change(0, 20, 5, 20, scale="ratio")
    json.dumps(effect.to_dict(), allow_nan=False)
    assert effect.to_dict()["ci_high"] is None


def test_the_frame_has_one_row_of_the_same_numbers() -> None:
    effect = ek.proportion(463, 500, target=0.90)
    frame = effect.to_frame()
    assert len(frame) == 1
    assert frame.loc[0, "estimate"] == effect.estimate
    assert frame.loc[0, "verdict"] == effect.verdict == "inconclusive"


def test_a_frozen_result_cannot_be_changed() -> None:
    effect = ek.proportion(463, 500)
    with pytest.raises(AttributeError):
        effect.estimate = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("confidence", [0.4, 1.0, 95])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(ParameterError, match=r"between 0\.5 and 1"):
        ek.proportion(463, 500, confidence=confidence)


def test_a_target_needs_a_direction() -> None:
    with pytest.raises(ParameterError, match="better"):
        ek.proportion(463, 500, target=0.9, better="up")  # type: ignore[arg-type]


def test_it_shows_as_a_table_and_a_picture() -> None:
    effect = ek.proportion(463, 500, target=0.90)
    assert "0.926" in effect._repr_html_()
    assert effect.plot() is not None


def test_an_effect_is_shown_in_a_line() -> None:
    assert repr(ek.proportion(463, 500, target=0.90)) == "<level 0.926, 0.8997 to 0.9458: inconclusive>"
    assert repr(ek.proportion(463, 500)) == "<level 0.926, 0.8997 to 0.9458>"
