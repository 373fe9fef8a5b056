"""A file read into plain data, where each part of it stands, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Position(NamedTuple):
    """A place in the file, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with the study file: where (a path of keys and list indices), and a sentence.

    `at_key` points at the key instead of its value, `position` at neither but at that very place.
    """

    path: Path
    message: str
    at_key: bool = False
    position: Position | None = None


@dataclass(slots=True)
class Document:
    """A YAML file as plain data, and where each part of it stands.

    `values` and `keys` give the position of the value and of the key at a path; `written` the text of each
    scalar as it stands in the file, before it became a number or a truth value; `mistakes` what is wrong
    in it although it could be read (a key that stands twice).
    """

    name: str
    data: Any = None
    values: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def position(self, path: Path, *, at_key: bool = False) -> Position:
        """Return where the value (or key) at the path stands, or the nearest thing around it."""
        if at_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Position(1, 1))

    def sentences(self, mistakes: list[Mistake]) -> list[str]:
        """Return the mistakes as sentences with file, line and column, in file order, each once.

        >>> document = Document("study.yaml", values={("id",): Position(2, 5)})
        >>> document.sentences([Mistake(("id",), "found nothing, expected a text.")])
        ['study.yaml:2:5: id: found nothing, expected a text.']
        """
        placed = {
            (m.position or self.position(m.path, at_key=m.at_key), dotted(m.path), m.message): None for m in mistakes
        }
        lines = []
        for (line, column), path, message in sorted(placed, key=lambda item: item[0]):
            lines.append(f"{self.name}:{line}:{column}: {path}{': ' if path else ''}{message}")
        return lines


def dotted(path: Path) -> str:
    """Return a path as a reader writes it.

    >>> dotted(("goals", 0, "metric", "value"))
    'goals[0].metric.value'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{shortened(part)}"
    return text


def shortened(text: str, limit: int = 60) -> str:
    """Return the text on one line, cut to `limit` characters.

    >>> shortened("one\\ntwo")
    'one two'
    """
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def describe(value: object) -> str:
    """Say what a value is, in words.

    >>> describe("0.1"), describe(None), describe([1])
    ("the text '0.1'", 'nothing', 'a list')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text '{shortened(value)}'" if value.strip() else "an empty text"
    kind = "mapping" if isinstance(value, dict) else "list"
    return f"a {kind}" if value else f"an empty {kind}"
