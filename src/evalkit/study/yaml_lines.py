"""YAML by the 1.2 core rules as plain data, with the place of every part and what is wrong with it.

PyYAML reads the syntax (libyaml where it is there), but follows YAML 1.1, in which `NO` is false and `12:30:00`
a number; the patterns here say what a plain word means instead (YAML 1.2.2, 10.3.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import yaml

from evalkit.errors import StudyError, printable

Path = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, from 1

MAX_BYTES = 5_000_000
MAX_NODES = 200_000
MAX_DEPTH = 50
MAX_MISTAKES = 200
_TOO_MUCH = (
    f"the file is nested more than {MAX_DEPTH} deep or has more than {MAX_NODES:,} values, repeats by alias included; "
    "a study file needs far less."
)
_CORE = "tag:yaml.org,2002:"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_WORDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "null": (r"(?:~|null|Null|NULL|)\Z", lambda _: None),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)\Z", lambda text: text[0] in "tT"),
    # Longer ones become floats: Python refuses to read them.
    "int": (
        r"(?:[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,240})\Z",
        lambda text: int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)),
    ),
    "float": (rf"(?:{_FLOAT})\Z", lambda text: float(re.sub(r"\.(?=[in])", "", text.lower()))),
    "str": ("", str),
}
_LOADER: Any = type("CoreLoader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
_LOADER.yaml_implicit_resolvers = {None: [(_CORE + kind, re.compile(word)) for kind, (word, _) in _WORDS.items()]}


@dataclass(slots=True)
class Document:
    """A file as plain data. `places` and `written` give, by path, where a key or entry stands and a scalar's text."""

    name: str
    data: Any = None
    places: dict[Path, Place] = field(default_factory=lambda: {(): (1, 1)})
    written: dict[Path, str] = field(default_factory=dict)
    mistakes: set[tuple[Place, str]] = field(default_factory=set)

    def place(self, path: Path) -> Place:
        """Return where the part at the path stands, or the nearest thing around it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def tell(self, path: Path, message: str, place: Place | None = None) -> None:
        """Keep a mistake in the part at the path. Raises StudyError when there are more than anyone reads."""
        self.mistakes.add((place or self.place(path), f"{dotted(path)}: {message}" if path else message))
        if len(self.mistakes) >= MAX_MISTAKES:
            more = f"{self.name}: there are more mistakes than these {MAX_MISTAKES}; mend them first."
            raise StudyError([*self.sentences(), more])

    def tell_full_width(self, text: str) -> None:
        """Tell where a line has the colon of Chinese text behind its key, which YAML takes for a part of a word."""
        for number, line in enumerate(text.splitlines(), start=1):
            if found := re.match(r"\s*(?:- *)?\w[\w-]*(：)", line):
                told = f"'：' behind '{shortened(found[0][:-1].strip(' -'))}' is a full-width colon"
                self.tell((), f"{told}; write ': ', a plain colon and a space.", (number, found.start(1) + 1))

    def sentences(self) -> list[str]:
        """Return the mistakes with file, line and column, in file order."""
        return [f"{self.name}:{line}:{column}: {message}" for (line, column), message in sorted(self.mistakes)]


def dotted(path: Path) -> str:
    """Return a path as a reader writes it: `goals[0].metric.value`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{shortened(part)}" for part in path).removeprefix(".")


def shortened(text: str, limit: int = 60) -> str:
    """Return the text on one line, cut to `limit` characters, without what could steer a terminal."""
    edges = re.sub(r"^ +| +$", "␣", text)  # a space there would not be seen
    text = re.sub(r"://\S*", "://…", printable(" ".join(edges.split())))  # what follows may be a password
    return text if len(text) <= limit else text[: limit - 1] + "…"


def listed(names: Iterable[str], limit: int = 30) -> str:
    """Return the names on one line, the first of them where there are many; `none` where there are none.

    >>> listed(["a", "b", "c"], 2)
    'a, b, … (1 more)'
    """
    known = list(names)
    more = [f"… ({len(known) - limit} more)"] if len(known) > limit else []
    return ", ".join([*map(shortened, known[:limit]), *more]) or "none"


def describe(value: object) -> str:
    """Say what a value is, in words: `the text '0.1'`, `nothing`, `a list`."""
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {shortened(str(value))}"
    if isinstance(value, str) and value.strip():
        return f"the text '{shortened(value)}'"
    if value is None:
        return "nothing"
    kind = "text" if isinstance(value, str) else "mapping" if isinstance(value, dict) else "list"
    return f"an empty {kind}" if not value or kind == "text" else f"a {kind}"


def decode(raw: bytes, name: str) -> str:
    """Return the text of a study file. Raises StudyError when it is too large or not UTF-8."""
    if len(raw) > MAX_BYTES:
        raise StudyError(f"{name}: the file has more than {MAX_BYTES:,} bytes, the most that a study file may have.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = raw.count(b"\n", 0, error.start) + 1, raw[error.start]
        raise StudyError(f"{name}:{line}: the file is not UTF-8 (byte 0x{byte:02x}); save it in UTF-8.") from None


def parse(text: str, name: str) -> Document:
    """Read one YAML document whose top level is a mapping; keys that stand twice are kept in its `mistakes`.

    Raises StudyError, with file, line and column, for anything that is not one.

    >>> parse("answer: NO\\ntime: 12:30:00\\nshare: 0.05", "study.yaml").data
    {'answer': 'NO', 'time': '12:30:00', 'share': 0.05}
    """
    builder = _Builder(Document(name))
    try:
        depth = 0
        # The parser does not recurse, as composing does: no depth can exhaust its stack.
        for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            builder.allow(event, count // 2, depth)
            if isinstance(event, yaml.ScalarEvent) and re.search("[\0\ud800-\udfff]", event.value):
                raise builder.refusal(event, "the text holds a character that no file can hold (NUL or half a pair)")
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        builder.document.tell_full_width(text)
        raise StudyError([*builder.document.sentences(), _not_yaml(error, text, name)]) from None
    data = builder.document.data = builder.value(node, ()) if node else None
    if not isinstance(data, dict):
        where = f"{name}:{node.start_mark.line + 1 if node else 1}"
        raise StudyError(f"{where}: the file holds {describe(data)}; expected a mapping, beginning with 'schema: 1'.")
    return builder.document


def _not_yaml(error: Any, text: str, name: str) -> str:
    mark, lines = getattr(error, "problem_mark", None), [*text.splitlines(), ""]
    if mark is None:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        return f"{name}:{line}: the file holds a character that YAML does not allow; remove it."
    if re.match(r" *\t", lines[min(mark.line, len(lines) - 1)]):
        return f"{name}:{mark.line + 1}:1: a tab indents this line; YAML indents with spaces only."
    if "nesting depth" in (error.problem or ""):  # the limit of PyYAML 6.0.4's libyaml, which reads ahead of ours
        return f"{name}:{mark.line + 1}: {_TOO_MUCH}"
    context = f"{error.context} (line {error.context_mark.line + 1}), " if error.context and error.context_mark else ""
    return (
        f"{name}:{mark.line + 1}:{mark.column + 1}: this is not YAML: {context}{error.problem}; "
        "look at the indentation, quotes and brackets here and just before."
    )


def _place(marked: Any) -> Place:
    return marked.start_mark.line + 1, marked.start_mark.column + 1


@dataclass(slots=True)
class _Builder:
    document: Document
    nodes: int = 0

    def allow(self, marked: Any, nodes: int, depth: int) -> None:
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise StudyError(f"{self.document.name}:{_place(marked)[0]}: {_TOO_MUCH}")

    def refusal(self, marked: Any, what: str) -> StudyError:
        line, column = _place(marked)
        return StudyError(f"{self.document.name}:{line}:{column}: {what}; remove it.")

    def value(self, node: Any, path: Path) -> Any:
        """Return a node as plain data; aliases are repeated, within the budget of nodes and depth."""
        self.nodes += 1
        self.allow(node, self.nodes, len(path))
        kind, places = node.tag.removeprefix(_CORE), self.document.places
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, path, places)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            places.update({(*path, index): _place(child) for index, child in enumerate(node.value)})
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        if not isinstance(node, yaml.ScalarNode) or kind not in _WORDS:
            raise self.refusal(node, f"the tag '{shortened(node.tag)}' is not understood")
        if not re.match(_WORDS[kind][0], node.value):
            raise self.refusal(node, f"{describe(node.value)} is not what its tag '{kind}' says")
        self.document.written[path] = node.value
        return _WORDS[kind][1](node.value)

    def _mapping(self, node: Any, path: Path, places: dict[Path, Place]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            here = (*path, key.value)
            if not isinstance(key, yaml.ScalarNode):
                self.document.tell(path, "a key is a list or a mapping; expected a text.", _place(key))
            elif key.value in found:
                lines = f"lines {places[here][0]} and {_place(key)[0]}"
                told = f"the key '{shortened(key.value)}' stands twice, on {lines}; keep one."
                self.document.tell(path, told, _place(key))
            else:
                places[here] = _place(key)
                found[key.value] = self.value(value, here)
        return found
