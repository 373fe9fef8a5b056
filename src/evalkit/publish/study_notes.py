"""What changed in a study file, in words with the values; the keys as they stand in it folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from evalkit import formats, markup, wording
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.publish.compare import shown
from evalkit.publish.issues import QUESTIONS, renamed
from evalkit.study.model import Calendar, Inference, Study
from evalkit.study.model_goal import Goal, Indicator
from evalkit.study.model_source import Source

_SCALES = {"relative_change": "ratio", "difference": "difference", "level": "level"}
_LONGEST = 40
_MODELS: Mapping[str, type[BaseModel]] = {"goals": Goal, "indicators": Indicator, "sources": Source}
_NAMED = (*QUESTIONS, "measures", "commitments", "weaknesses", "sources")
_SINGLE: Mapping[str, type[BaseModel]] = {"inference": Inference, "calendar": Calendar}
# what does not enter any number: a change here is told, but no goal is judged otherwise for it
_BESIDE = ("title", "weaknesses", "commitments", "measures", "feedback")


def is_beside(change: Mapping[str, Any]) -> bool:
    """Return whether a change touches nothing that enters how a goal is judged, such as a title or a measure."""
    key = str(change["key"])
    return key.split(".")[0] in _BESIDE or key.endswith(("title", "title.en", "title.zh"))


def told(
    changes: Sequence[Mapping[str, Any]],
    language: Language,
    titles: Mapping[str, str],
    kinds: Mapping[str, str | None],
) -> Iterator[str]:
    """Yield each change (`key`, `old`, `new`) as a sentence; `titles` and `kinds` of metric are the goals', by id."""
    for change in _parted(_renamed_apart(changes)):
        part, _dot, rest = str(change["key"]).partition(".")
        name, _dot, inner = rest.partition(".")
        special = _special(change, language)
        if special:
            yield special
        elif part in QUESTIONS and inner == "id":
            yield _renamed(part, change["old"], change["new"], language)
        elif name and not inner and (change["old"] is None or change["new"] is None):
            yield _whole(part, name, change["old"], change["new"], language)
        elif inner.startswith("target.") and inner.removeprefix("target.") in _SCALES:
            yield _target(change, name, inner.removeprefix("target."), language, titles, kinds)
        else:
            title = titles.get(name) if part in QUESTIONS else None
            yield _value(f"{title}: {inner}" if title else str(change["key"]), change, language)


def table(changes: Sequence[Mapping[str, Any]], language: Language, heads: tuple[str, str], caption: str) -> Html:
    """Return keys and values as they stand in the file, folded."""
    _ = wording.translator(language)
    rows = [(change["key"], shown(change["old"]), shown(change["new"])) for change in changes]
    whole = markup.table(caption, (_("Key of the study file"), *heads), rows)
    summary = markup.tag("summary", _("As in the study file"))
    return Html(f"<details>{summary.text}\n{whole.text}\n</details>")


def _renamed_apart(changes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the changes, a goal removed and one added that ask the same as one renamed, with what else it changed."""
    whole = {str(c["key"]): c for c in changes if str(c["key"]).count(".") == 1 and None in (c["old"], c["new"])}
    sides: list[dict[str, list[Any]]] = [{part: [] for part in QUESTIONS} for _side in range(2)]
    for key, change in whole.items():
        part = key.partition(".")[0]
        for side, value in zip(sides, (change["old"], change["new"]), strict=True):
            if part in QUESTIONS and value is not None:
                side[part].append(value)
    names = renamed(*sides)
    gone = {f"{part}.{name}" for part in QUESTIONS for name in names.values()}
    for change in changes:
        part, _dot, name = str(change["key"]).partition(".")
        if part in QUESTIONS and name in names and str(change["key"]) in whole:
            old = whole[f"{part}.{names[name]}"]["old"]
            yield {"key": f"{part}.{name}.id", "old": names[name], "new": name}
            for key in dict.fromkeys((*old, *change["new"])):
                if key != "id" and old.get(key) != change["new"].get(key):
                    yield {"key": f"{part}.{name}.{key}", "old": old.get(key), "new": change["new"].get(key)}
        elif str(change["key"]) not in gone:
            yield change


def _parted(changes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the changes, a group of settings that was written or left out as a whole by its keys."""
    for change in changes:
        key, sides = str(change["key"]), [change["old"], change["new"]]
        if not _is_group(key, sides):
            yield change
            continue
        one, other = (side or {} for side in sides)
        inner = [{"key": f"{key}.{k}", "old": one.get(k), "new": other.get(k)} for k in dict.fromkeys((*one, *other))]
        yield from _parted(part for part in inner if part["old"] != part["new"])


def _is_group(key: str, sides: Iterable[Any]) -> bool:
    """Return whether a value's keys are settings of their own: not a goal, a source, a field, or what has a default."""
    groups = [side for side in sides if side is not None]
    named = key.count(".") == 1 and key.partition(".")[0] in _NAMED
    alike = all(isinstance(group, Mapping) and not {"id", "name"} & set(group) for group in groups)
    return alike and not named and _default(key) is None


def _default(key: str) -> Any:
    """Return what holds where a key of the study file is absent; None where that is nothing, or no plain value."""
    part, _dot, inner = key.partition(".")
    model: type[BaseModel] | None = _SINGLE.get(part)
    if part in _MODELS:
        model, inner = _MODELS[part], inner.partition(".")[2]
    elif not inner:
        model, inner = Study, part
    field = model.model_fields.get(inner) if model else None
    value = field.default if field is not None and not field.is_required() else None
    return value if isinstance(value, str | int | float) and value != "" else None


def _special(change: Mapping[str, Any], language: Language) -> str:
    """Say in words what the two rules are that widen intervals and hold verdicts back; nothing of other changes."""
    _ = wording.translator(language)
    old, new = (_default(str(change["key"])) if change[side] is None else change[side] for side in ("old", "new"))
    if old == new:
        return ""
    if change["key"] == "inference.common_shocks":
        off = _("shocks of whole months: no longer taken into account")
        return off if new == "none" else _("shocks of whole months: now taken into account")
    if change["key"] == "inference.multiplicity" and new == "none":
        return _("multiplicity over goals: no longer corrected for (before: {rule})").format(rule=old)
    if change["key"] == "inference.multiplicity" and old == "none":
        return _("multiplicity over goals: now corrected for ({rule})").format(rule=new)
    return ""


def _whole(part: str, name: str, old: Any, new: Any, language: Language) -> str:
    """Say that a goal, measure, source, … was added or removed."""
    _ = wording.translator(language)
    parts = {
        "goals": _("goal"),
        "indicators": _("indicator"),
        "measures": _("measure"),
        "commitments": _("commitment"),
        "weaknesses": _("weakness"),
        "sources": _("source of records"),
    }
    text = _("{part} added: {title}") if old is None else _("{part} removed: {title}")
    if part not in parts or not isinstance(new if old is None else old, Mapping):
        return _value(f"{part}.{name}", {"key": f"{part}.{name}", "old": old, "new": new}, language)
    return text.format(part=parts[part], title=_title(new if old is None else old, language) or name)


def _renamed(part: str, old: str, new: str, language: Language) -> str:
    _ = wording.translator(language)
    text = _("goal '{old}' is now called '{new}'") if part == "goals" else _("indicator '{old}' is now called '{new}'")
    return text.format(old=old, new=new)


def _title(content: Mapping[str, Any], language: Language) -> str:
    title = content.get("title")
    if isinstance(title, Mapping):
        return str(title.get(language) or next(iter(title.values()), ""))
    return str(title or "")


def _target(
    change: Mapping[str, Any],
    goal: str,
    key: str,
    language: Language,
    titles: Mapping[str, str],
    kinds: Mapping[str, str | None],
) -> str:
    _ = wording.translator(language)
    aims = [float(v) if isinstance(v, int | float) else None for v in (change["old"], change["new"])]
    aims = [1 + aim if aim is not None and key == "relative_change" else aim for aim in aims]
    points = _("percentage points")
    form = formats.quantity(kinds.get(goal) or "mean", _SCALES[key], aims, points=points, language=language)
    return _("{title}: target changed from {old} to {new}").format(
        title=titles.get(goal, goal), old=form.target(aims[0]), new=form.target(aims[1])
    )


def _value(name: str, change: Mapping[str, Any], language: Language) -> str:
    """Say a change of a value, with the default where it is not in the file; of a whole part only that it changed."""
    _, old, new = wording.translator(language), change["old"], change["new"]
    default = _default(str(change["key"]))
    if None in (old, new) and default is not None and default in (old, new):
        return _("{name}: {value} as by default, whether written or not").format(name=name, value=shown(default))
    whole = any(isinstance(value, Mapping | list) or len(shown(value, 1000)) > _LONGEST for value in (old, new))
    if whole and default is None and None in (old, new):
        text = _("{name} added: {value}") if old is None else _("{name} removed: {value}")
        return text.format(name=name, value=shown(new if old is None else old))
    absent = shown(None) if default is None else _("{value} (default)").format(value=shown(default))
    before, after = (absent if value is None else shown(value) for value in (old, new))
    return _("{name} changed from {old} to {new}").format(name=name, old=before, new=after)
