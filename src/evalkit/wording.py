"""Every sentence a reader sees, in English and Chinese, generated from one result so that it cannot contradict it.

English sentences stand in the code and are the keys of the catalogue `locale/zh/LC_MESSAGES/evalkit.po`, which
is read as it is: no compiled file can lag behind. `_` marks a sentence; a test compares the marks with the
catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit import formats
from evalkit.formats import Language, Quantity
from evalkit.results import LANGUAGES as LANGUAGES
from evalkit.results import check_language as check_language

if TYPE_CHECKING:
    from evalkit.results import Evaluation, Flag, GoalResult, StudyResult
    from evalkit.study.model_values import Titled

SYMBOLS = {"achieved": "✓", "not_achieved": "✗", "inconclusive": "?", "not_evaluable": "–", None: "·"}
Translator = Callable[[str], str]


@cache
def catalogue(language: Language) -> Mapping[tuple[str | None, str], str]:
    """Return a language's sentences by (context, English); none for English itself."""
    if check_language(language) == "en":
        return {}
    from babel.messages.pofile import read_po

    path = Path(__file__).parent / "locale" / language / "LC_MESSAGES" / "evalkit.po"
    with path.open("rb") as file:
        messages = read_po(file, locale=language)
    return {(m.context, str(m.id)): str(m.string) for m in messages if m.id and m.string and not m.fuzzy}


def translator(language: Language) -> Translator:
    """Return the function that gives an English sentence in `language`.

    >>> translator("zh")("achieved")
    '已达成'
    """
    known = catalogue(language)
    return lambda text: known.get((None, text), text)


def looked_up(context: str, key: str, fallback: str, language: Language) -> str:
    """Return what the catalogue says of a code (a flag, a method, a sensitivity line), else the fallback."""
    return catalogue(language).get((context, key), fallback)


def column(name: str, language: Language, names: Mapping[str, str] | None = None) -> str:
    """Return what readers call a column: its title (`names`, by column), else a usual word for it, else its name."""
    return (names or {}).get(name) or looked_up("column", name, name, language)


def verdict(value: str | None, language: Language = "en") -> str:
    """Return the verdict in words."""
    _ = translator(language)
    words = {
        "achieved": _("achieved"),
        "not_achieved": _("not achieved"),
        "inconclusive": _("inconclusive"),
        "not_evaluable": _("not evaluable"),
        None: _("no target"),
    }
    return words[value]


def badge_text(value: str | None, language: Language = "en") -> str:
    """Return the verdict as symbol and word, so that neither colour nor shape must be seen."""
    return f"{SYMBOLS[value]} {verdict(value, language)}"


def direction(value: str | None, language: Language = "en") -> str:
    """Return what the comparison with the baseline shows, as one sentence; empty without a comparison."""
    _ = translator(language)
    words = {
        "improved": _("Against the baseline this is an improvement."),
        "no_clear_change": _("Against the baseline no change is shown."),
        "worsened": _("Against the baseline this is a worsening."),
        None: "",
    }
    return words[value]


def confidence(value: float, language: Language = "en") -> str:
    """Return the confidence level of an interval, such as `95 %`."""
    return f"{100 * value:g}%" if language == "zh" else f"{100 * value:g} %"


def shown(result: GoalResult, evaluation: Evaluation, language: Language = "en", unit: str = "") -> Quantity:
    """Return how an evaluation's estimate, interval and target are shown together."""
    effect = evaluation.effect
    figures = [effect.estimate, effect.low, effect.high] if effect else []
    return formats.quantity(
        result.kind,
        evaluation.scale,
        figures,
        target=evaluation.target_value,
        unit=unit,
        points=translator(language)("percentage points"),
        language=language,
    )


def levels(result: GoalResult, evaluation: Evaluation, language: Language = "en", unit: str = "") -> Quantity:
    """Return how the two arms' values, in the metric's own units, are shown together."""
    arms = [arm.value for arm in (evaluation.before, evaluation.after) if arm is not None]
    return formats.quantity(result.kind, "level", arms, unit=unit, language=language)


def how(result: GoalResult, language: Language = "en") -> str:
    """Return how a goal's estimate came about: observed, at the baseline's mix or months, or against its course."""
    _ = translator(language)
    words = {
        (): _("observed"),
        ("mix",): _("at the baseline's mix"),
        ("months",): _("against the baseline's same months"),
        ("mix", "months"): _("at the baseline's mix and months"),
        ("course",): _("against the expected course"),
        ("mix", "course"): _("at the baseline's mix, against the expected course"),
    }
    return words[result.held]


def adjusted(results: Sequence[GoalResult], language: Language = "en") -> Iterator[tuple[list[GoalResult], str]]:
    """Yield which values of which results are adjusted ones, lest they pass for the records' own."""
    _ = translator(language)
    told = {
        "mix": _("The value after is standardised to the baseline's mix, not as recorded."),
        "months": _("The value before is weighted to the window's calendar months, not as recorded."),
    }
    for name, text in told.items():
        holding = [one for one in results if name in one.held and one.period.after is not None]
        if holding:
            yield holding, text


def held(results: Sequence[GoalResult], language: Language = "en", titles: Mapping[str, str] | None = None) -> str:
    """Return the same as one note; of several results, those are named."""
    _, parts = translator(language), []
    for holding, text in adjusted(results, language):
        goals = ("、" if language == "zh" else ", ").join((titles or {}).get(one.id, one.title) for one in holding)
        parts.append(text if len(results) == 1 else _("{goal}: {figure}").format(goal=goals, figure=text))
    return ("" if language == "zh" else " ").join(parts)


def description(result: GoalResult, evaluation: Evaluation, language: Language = "en", unit: str = "") -> str:
    """Return what was observed, plainly, beside the target: `observed +11.3 %, beyond the target of +10 %`."""
    _ = translator(language)
    effect = evaluation.effect
    if effect is None:
        return _("nothing to compare")
    form = shown(result, evaluation, language, unit)
    if effect.target_value is None:
        return _("{how} {estimate}").format(how=how(result, language), estimate=form.text(effect.estimate))
    words = {
        "how": how(result, language),
        "estimate": form.text(effect.estimate),
        "target": form.target(effect.target_value),
    }
    if effect.estimate == effect.target_value:
        return _("{how} {estimate}, exactly the target of {target}").format(**words)
    above = effect.estimate > effect.target_value
    if evaluation.scale == "level":
        return (_("{how} {estimate}, above {target}") if above else _("{how} {estimate}, below {target}")).format(
            **words
        )
    if above == (result.better == "higher"):
        return _("{how} {estimate}, beyond the target of {target}").format(**words)
    return _("{how} {estimate}, short of the target of {target}").format(**words)


def evidence(result: GoalResult, evaluation: Evaluation, language: Language = "en", unit: str = "") -> str:
    """Return how sure the observation is: where the interval lies, and what that says of the target."""
    _ = translator(language)
    effect = evaluation.effect
    if effect is None:
        return ""
    form = shown(result, evaluation, language, unit)
    words = {
        "level": confidence(effect.confidence, language),
        "interval": form.interval(effect.low, effect.high),
    }
    told = {
        "achieved": _("the {level} interval, {interval}, lies wholly on the good side of the target"),
        "not_achieved": _("the {level} interval, {interval}, lies wholly on the wrong side of the target"),
        "inconclusive": _(
            "the {level} interval, {interval}, includes the target, which is thus neither shown nor ruled out"
        ),
    }
    return told.get(effect.verdict or "", _("the {level} interval is {interval}")).format(**words)


def reason(result: GoalResult, language: Language = "en") -> str:
    """Return why a goal is not evaluable: its serious flags, else all of them."""
    serious = [flag for flag in result.flags if flag.severity == "serious"] or list(result.flags)
    if not serious:
        return translator(language)("The records do not allow it.")
    return (" " if language == "en" else "").join(flag_sentence(flag, language) for flag in serious)


def multiplicity(result: GoalResult, language: Language = "en") -> str:
    """Return the sentence for a goal reached alone but not beside the others, or nothing."""
    if not (result.verdict == "inconclusive" and result.period.verdict == "achieved"):
        return ""
    return translator(language)(
        "Taken alone the period would count as achieved, but not once all goals are judged together"
        " (adjusted {probability})."
    ).format(probability=formats.probability(result.p_target_adjusted))


def evaluation_sentence(result: GoalResult, evaluation: Evaluation, language: Language = "en", unit: str = "") -> str:
    """Return what one window's evaluation says, without the goal's name."""
    _ = translator(language)
    if evaluation.effect is None:
        return reason(result, language)
    text = _("{description}; {evidence}.").format(
        description=description(result, evaluation, language, unit),
        evidence=evidence(result, evaluation, language, unit),
    )
    return text[:1].upper() + text[1:]


def goal_text(result: GoalResult, language: Language = "en", *, unit: str = "") -> str:
    """Return what stands beside a goal's verdict: what was observed, how sure it is, and what changed."""
    if result.verdict == "not_evaluable":
        return reason(result, language)
    told = evaluation_sentence(result, result.period, language, unit)
    parts = (told, multiplicity(result, language), direction(result.period.direction, language))
    return (" " if language == "en" else "").join(part for part in parts if part)


def goal_sentence(result: GoalResult, language: Language = "en", *, title: str | None = None, unit: str = "") -> str:
    """Return the period's result in plain words: the goal, its verdict, and what stands beside it.

    Everything in it comes from `result`, so it cannot contradict the numbers beside it.
    """
    _ = translator(language)
    words = {"title": title or result.title, "text": goal_text(result, language, unit=unit)}
    if result.verdict is None:
        return _("{title}: {text}").format(**words)
    return _("{title}: {verdict}. {text}").format(verdict=verdict(result.verdict, language), **words)


def tally(result: StudyResult, language: Language = "en") -> str:
    """Return how many goals got which verdict, in one line."""
    _ = translator(language)
    parts = []
    for value in ("achieved", "not_achieved", "inconclusive", "not_evaluable"):
        number = sum(goal.verdict == value for goal in result.goals)
        if number:
            parts.append(_("{number} {verdict}").format(number=number, verdict=verdict(value, language)))
    if len(result.goals) == 1:
        return _("One goal: {verdict}.").format(verdict=verdict(result.goals[0].verdict, language))
    return _("Of {count} goals: {parts}.").format(
        count=len(result.goals), parts=("，" if language == "zh" else ", ").join(parts)
    )


class _Shown:
    """A figure of a flag as a sentence takes it in: thousands separated, a true minus sign; text as it is."""

    def __init__(self, value: float) -> None:
        self.value = value

    @classmethod
    def of(cls, value: object) -> object:
        return cls(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    def __format__(self, given: str) -> str:
        whole = isinstance(self.value, int) or given == ".0f"
        return format(self.value, ",.0f" if whole and given in ("", ".0f") else given).replace("-", "−")


def flag_sentence(flag: Flag, language: Language = "en") -> str:
    """Return a flag as one sentence; English where the catalogue has none or lacks a figure it names.

    A code that says several things has a sentence for each, by the figure `case`.
    """
    template = looked_up("flag", f"{flag.code} {flag.figures.get('case', '')}".strip(), "", language)
    if not template:
        return flag.message
    try:
        return template.format(**{name: _Shown.of(value) for name, value in flag.figures.items()})
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return flag.message


def severity(value: str, language: Language = "en") -> str:
    """Return a flag's severity in words."""
    _ = translator(language)
    return {"info": _("note"), "caution": _("caution"), "serious": _("serious")}[value]


def title(named: Titled, language: Language = "en") -> str:
    """Return the title of a study, goal, measure, … in this language, or in the other where it has only that."""
    return named.title.in_language(language)


def rejection(reason: str, language: Language = "en") -> str:
    """Return why records were rejected: `score: above the maximum 10`, the words after the field translated."""
    field, separator, words = reason.rpartition(": ")
    known = {key: text for (context, key), text in catalogue(language).items() if context == "rejection"}
    found = max((key for key in known if words.startswith(key)), key=len, default=None)
    if found is None:
        return reason
    return f"{field}{'：' if separator else ''}{known[found]}{words.removeprefix(found)}"


def turned_off(*, shocks: bool, goals: int, language: Language = "en") -> list[str]:
    """Return what a study file turned off that keeps verdicts careful, and what that does.

    `shocks` says whether shocks of whole months are, `goals` how many are judged without a correction for their number.
    """
    _ = translator(language)
    told = []
    if shocks:
        told.append(
            _(
                "The study file turns off shocks of whole months (common_shocks: none): where the records of a month"
                " move together, intervals are too narrow and “achieved” comes too easily."
            )
        )
    if goals > 1:
        told.append(
            _(
                "The study file turns off the correction for judging several goals (multiplicity: none): each of the"
                " {goals} goals is judged as if it were the only one, so a false “achieved” among them is likelier."
            ).format(goals=goals)
        )
    return told


def notes(
    level: float,
    language: Language = "en",
    *,
    adjusted: bool = True,
    sequential: bool = False,
    levels: Sequence[bool] = (False,),
) -> tuple[str, ...]:
    """Return the standing notes on what verdicts mean; each is said once a report.

    `level` is the confidence level; `adjusted` says whether several goals are judged and that is corrected for,
    `sequential` whether looking at everything to date in every period is; `levels` of each goal whether its target is
    a level, not a change.
    """
    _ = translator(language)
    told = (
        _(
            "Before against after does not prove that the measures were the cause: whatever else changed in the same"
            " time is in it too. More can be learnt from a staggered roll-out, a time series that follows trend and"
            " season, and the context page, which says what was done, and when."
        ),
        _(
            "Achieved means that the whole {level} interval lies beyond the target in the promised direction; not"
            " achieved, that it lies wholly on the other side; inconclusive, that it includes the target, or that what"
            " one goal alone would show does not hold for all goals judged together."
        ).format(level=confidence(level, language)),
        *([_("A target that is a level is held against the value after alone.")] if any(levels) else []),
        *(
            [
                _(
                    "A target that is a change is held against an estimated baseline, whose own uncertainty is part of"
                    " the interval."
                )
            ]
            if not all(levels)
            else []
        ),
        _("An improvement over the baseline alone never counts as a target met."),
        _(
            "Where every record of a period is observed, what happened in it is known; interval and verdict speak of"
            " the process that produced it, and so of what to expect of it."
        ),
        _(
            "A period's verdict is one look. Who waits for the first “achieved” in seven quarters sees a false one in"
            " 16 % of programmes that sit exactly on their target."
        ),
        _(
            "“Since implementation” uses all periods so far, and its interval is widened for being looked at every"
            " period: it is the answer that holds over all looks."
        )
        if sequential
        else _(
            "“Since implementation” uses all periods so far. The study plans no correction for looking at it every"
            " period, so it too is one look."
        ),
    )
    if not adjusted:
        return told
    return (
        *told,
        _(
            "The goals are judged together: a goal is called achieved only if it would still be so after the"
            " correction for testing several goals at once."
        ),
    )
