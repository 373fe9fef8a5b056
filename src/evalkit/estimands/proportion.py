"""A proportion as a level, and the change of a proportion between two independent arms."""

from __future__ import annotations

from typing import Literal

from evalkit.effect import Better, Effect, cautioned, check_target, conclude
from evalkit.errors import ParameterError, nearest
from evalkit.inference.binomial import ClopperPearson, ScoreDifference, ScoreRatio, Wilson
from evalkit.inference.checks import count


def proportion(
    successes: int,
    trials: int,
    *,
    target: float | None = None,
    better: Better = "higher",
    confidence: float = 0.95,
    method: Literal["score", "exact"] = "score",
) -> Effect:
    """Estimate one proportion and, with a target, test whether it is reached.

    The trials are independent; for clustered or weighted records use a study or `ratio_of_means`.

    Parameters
    ----------
    successes, trials : whole numbers, 0 <= successes <= trials, trials > 0.
    target : the level to be exceeded (`better="higher"`) or undercut ("lower"), e.g. 0.90.
    better : the good direction.
    confidence : level of the two-sided interval; the target is tested at half of 1 - confidence.
    method : "score", Wilson's interval with the score test, at any size: its average coverage is closest
        to the nominal one; "exact", Clopper-Pearson with the binomial tail: never below nominal, wider.

    Returns
    -------
    Effect : on the scale "level"; there is no null value, so `p_change` is None.

    Raises
    ------
    ParameterError : the counts are no whole numbers or contradict each other, or an option is unknown.

    Sources: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212; Clopper and Pearson (1934), Biometrika 26,
    404-413; the choice: Newcombe (1998), Stat. Med. 17, 857-872.

    >>> result = proportion(463, 500, target=0.90)
    >>> round(result.low, 8), round(result.high, 8), result.verdict
    (0.89966525, 0.94583882, 'inconclusive')
    >>> round(proportion(463, 500, target=0.90, method="exact").p_target, 8)
    0.02743008
    """
    x, n = _arm(successes, trials, "")
    pivots: dict[str, type[Wilson | ClopperPearson]] = {"score": Wilson, "exact": ClopperPearson}
    if method not in pivots:
        raise ParameterError(f"method is {method!r}; expected 'score' or 'exact'.{nearest(str(method), pivots)}")
    _check_target(target, 0, 1)
    return conclude(
        pivots[method](successes=x, trials=n),
        scale="level",
        target=target,
        better=better,
        confidence=confidence,
        before=None,
        after=x / n,
    )


def proportion_change(
    successes_before: int,
    trials_before: int,
    successes_after: int,
    trials_after: int,
    *,
    target: float | None = None,
    scale: Literal["difference", "ratio"] = "difference",
    better: Better = "higher",
    confidence: float = 0.95,
) -> Effect:
    """Estimate the change of a proportion between two independent arms.

    Parameters
    ----------
    successes_before, trials_before, successes_after, trials_after : whole numbers,
        0 <= successes <= trials, trials > 0.
    target : on the estimate's scale: +0.05 for 5 points more, 1.10 for 10 % more.
    scale : "difference" (after - before, Miettinen-Nurminen) or "ratio" (after ÷ before, Koopman).
    better : the good direction; a target on the worse side of no change is warned of.
    confidence : level of the two-sided interval; the target is tested at half of 1 - confidence.

    Returns
    -------
    Effect : with the ratio scale and no success before, estimate and upper limit are infinite.

    Raises
    ------
    ParameterError : the counts are no whole numbers or contradict each other, or an option is unknown.
    NotEvaluableError : a ratio is asked for and neither arm has a success (`zero_events_before`).

    Sources: Miettinen and Nurminen (1985), Stat. Med. 4, 213-226; Koopman (1984), Biometrics 40, 513-517.

    >>> result = proportion_change(48, 80, 56, 70)
    >>> round(result.estimate, 4), round(result.low, 4), round(result.high, 4), result.direction
    (0.2, 0.0528, 0.3382, 'improved')
    """
    x_before, n_before = _arm(successes_before, trials_before, "_before")
    x_after, n_after = _arm(successes_after, trials_after, "_after")
    pivots: dict[str, type[ScoreDifference | ScoreRatio]] = {"difference": ScoreDifference, "ratio": ScoreRatio}
    if scale not in pivots:
        raise ParameterError(f"scale is {scale!r}; expected 'difference' or 'ratio'.{nearest(str(scale), pivots)}")
    if scale == "difference":
        _check_target(target, -1, 1)
    effect = conclude(
        pivots[scale](successes_before=x_before, trials_before=n_before, successes_after=x_after, trials_after=n_after),
        scale=scale,
        target=target,
        better=better,
        confidence=confidence,
        before=x_before / n_before,
        after=x_after / n_after,
    )
    return cautioned(effect)


def _arm(successes: float, trials: float, arm: str) -> tuple[int, int]:
    x, n = count(successes, f"successes{arm}"), count(trials, f"trials{arm}")
    if n == 0:
        raise ParameterError(f"trials{arm} is 0; a proportion needs at least one trial.")
    if x > n:
        raise ParameterError(
            f"There are {x} successes of {n} trials (successes{arm}, trials{arm}); swap or correct them."
        )
    return x, n


def _check_target(target: float | None, low: float, high: float) -> None:
    check_target(target)
    if target is not None and not low <= target <= high:
        raise ParameterError(f"The target is {target}; expected a value between {low} and {high}: 90 % is 0.90.")
