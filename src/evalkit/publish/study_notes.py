"""What changed in a study file, in words; the keys and values themselves folded away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalkit import formats, markup, wording
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.publish.compare import shown

_SCALES = {"relative_change": "ratio", "difference": "difference", "level": "level"}
_LONGEST = 40


def told(
    changes: Sequence[Mapping[str, Any]],
    language: Language,
    titles: Mapping[str, str],
    kinds: Mapping[str, str | None],
) -> Iterator[str]:
    """Yield each change (`key`, `old`, `new`) as a sentence; `titles` and `kinds` of metric are the goals', by id."""
    for change in changes:
        part, _dot, rest = str(change["key"]).partition(".")
        name, _dot, inner = rest.partition(".")
        if name and not inner and (change["old"] is None or change["new"] is None):
            yield _whole(part, name, change["old"], change["new"], language)
        elif inner.startswith("target.") and inner.removeprefix("target.") in _SCALES:
            yield _target(change, name, inner.removeprefix("target."), language, titles, kinds)
        else:
            title = titles.get(name) if part in ("goals", "indicators") else None
            yield _value(f"{title}: {inner}" if title else str(change["key"]), change["old"], change["new"], language)


def table(changes: Sequence[Mapping[str, Any]], language: Language, heads: tuple[str, str], caption: str) -> Html:
    """Return keys and values as they stand in the file, folded."""
    _ = wording.translator(language)
    rows = [(change["key"], shown(change["old"]), shown(change["new"])) for change in changes]
    whole = markup.table(caption, (_("Key of the study file"), *heads), rows)
    summary = markup.tag("summary", _("As in the study file"))
    return Html(f"<details>{summary.text}\n{whole.text}\n</details>")


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
        return _value(f"{part}.{name}", old, new, language)
    return text.format(part=parts[part], title=_title(new if old is None else old, language) or name)


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


def _value(name: str, old: Any, new: Any, language: Language) -> str:
    """Say a change of a value; one that is a whole part, or long, without it."""
    _ = wording.translator(language)
    if any(isinstance(v, Mapping | list) or len(shown(v, 1000)) > _LONGEST for v in (old, new)):
        text = _("{name} added") if old is None else _("{name} removed") if new is None else _("{name} changed")
        return text.format(name=name)
    return _("{name} changed from {old} to {new}").format(name=name, old=shown(old), new=shown(new))
