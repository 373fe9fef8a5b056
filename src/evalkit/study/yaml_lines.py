"""YAML by the 1.2 core rules, with the line and column of every key and value.

PyYAML reads the syntax (libyaml where it is there); what a plain word means is decided here, because
PyYAML follows YAML 1.1, in which `NO` is false and `12:30:00` is a number. Nothing but text, numbers,
truth values, nothing, lists and mappings ever comes out, whatever the tags say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from evalkit.errors import StudyError
from evalkit.study.document import Document, Mistake, Path, Position, describe, shortened

MAX_BYTES = 5_000_000
MAX_NODES = 200_000
MAX_DEPTH = 50
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTH = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(inf|Inf|INF)")
_NAN = frozenset((".nan", ".NaN", ".NAN"))
_MAX_DIGITS = 300
_TAGGED = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


@dataclass(slots=True)
class _Node:
    """A scalar (`content` is its value), a list of nodes, or a list of (key node, value node) pairs."""

    kind: str
    content: Any
    position: Position
    written: str = ""
    open: bool = True


def decode(raw: bytes, name: str) -> str:
    """Return the text of a study file. Raises StudyError when it is too large or not UTF-8.

    >>> decode(b"id: x", "study.yaml")
    'id: x'
    """
    if len(raw) > MAX_BYTES:
        raise StudyError(f"{name}: the file has more than {MAX_BYTES:,} bytes, the most that a study file may have.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise StudyError(
            f"{name}:{line}: the file is not UTF-8 (byte 0x{raw[error.start]:02x}); save it in the encoding UTF-8."
        ) from None


def parse(text: str, name: str) -> Document:
    """Read one YAML document whose top level is a mapping.

    Raises StudyError, with file, line and column, for anything that is not one. A key that stands twice
    is told in `mistakes`, so that it can be told together with the others.

    >>> parse("answer: NO\\ntime: 12:30:00\\nshare: 0.05", "study.yaml").data
    {'answer': 'NO', 'time': '12:30:00', 'share': 0.05}
    """
    root = _compose(text, name)
    if root is None:
        raise StudyError(f"{name}:1: the file is empty; write a study file, beginning with 'schema: 1'.")
    if root.kind != "map":
        raise StudyError(
            f"{name}:{root.position.line}: the file holds {describe(_shallow(root))}; "
            "expected a mapping of keys, beginning with 'schema: 1'."
        )
    return _Builder(Document(name)).build(root)


def _shallow(node: _Node) -> object:
    return node.content if node.kind == "scalar" else [0] if node.content else []


def _place(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _events(text: str, name: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise StudyError(_syntax_sentence(error, text, name)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise StudyError(f"{name}:{line}: the file holds a character that YAML does not allow; remove it.") from None


def _syntax_sentence(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark, begun = error.problem_mark, error.context_mark
    line, column = _place(mark) if mark else (1, 1)
    lines = text.splitlines()
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return f"{name}:{line}:1: a tab indents this line; YAML indents with spaces only."
    context = ""
    if error.context and begun is not None and begun.line + 1 != line:
        context = f" {error.context} that starts on line {begun.line + 1}"
    return (
        f"{name}:{line}:{column}: this is not YAML: {error.problem or 'it cannot be read'}{context}; "
        "look at the indentation, quotes and brackets here and just before."
    )


def _compose(text: str, name: str) -> _Node | None:
    """Build the tree from the parser's events without recursion, so that no depth can exhaust the stack."""
    stack: list[_Node] = []
    anchors: dict[str, _Node] = {}
    root: _Node | None = None
    nodes = 0
    for event in _events(text, name):
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            line = _place(event.start_mark).line
            raise StudyError(f"{name}:{line}: a second document begins here; a study file is one, without '---' in it.")
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop().open = False
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        node = _node(event, anchors, name)
        if root is None:
            root = node
        if stack:
            _attach(stack[-1], node)
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(node)
        if nodes > MAX_NODES or len(stack) > MAX_DEPTH:
            raise _too_much(name, node.position)
    empty = root is not None and root.kind == "scalar" and root.content is None and not root.written
    return None if empty else root


def _attach(parent: _Node, node: _Node) -> None:
    if parent.kind == "list":
        parent.content.append(node)
    elif parent.content and len(parent.content[-1]) == 1:
        parent.content[-1].append(node)
    else:
        parent.content.append([node])


def _node(event: Any, anchors: dict[str, _Node], name: str) -> _Node:
    position = _place(event.start_mark)
    where = f"{name}:{position.line}:{position.column}"
    if isinstance(event, yaml.AliasEvent):
        known = anchors.get(str(event.anchor))
        if known is None:
            raise StudyError(f"{where}: the alias '*{event.anchor}' has no anchor '&{event.anchor}' before it.")
        if known.open:
            raise StudyError(f"{where}: the alias '*{event.anchor}' stands inside what it refers to; write it out.")
        return known
    if isinstance(event, yaml.ScalarEvent):
        node = _Node("scalar", _scalar(event, where), position, event.value, open=False)
    else:
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        if event.tag not in (None, "!", f"{_CORE}{'map' if kind == 'map' else 'seq'}"):
            raise StudyError(f"{where}: the tag '{shortened(event.tag)}' is not understood; remove it.")
        node = _Node(kind, [], position)
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _scalar(event: Any, where: str) -> Any:
    text, tag = event.value, event.tag
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise StudyError(f"{where}: the text holds a character that no file can hold (NUL or half a pair); remove it.")
    plain = event.style in (None, "")
    if tag is None and plain:
        return _resolve(text, where)
    if tag in (None, "!", f"{_CORE}str"):
        return text
    value = _resolve(text, where)
    wanted = _TAGGED.get(tag.removeprefix(_CORE))
    if wanted is None or not tag.startswith(_CORE):
        raise StudyError(f"{where}: the tag '{shortened(tag)}' is not understood; remove it.")
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise StudyError(f"{where}: {describe(text)} is not what its tag '{tag}' says; remove the tag.")
    return float(value) if tag.endswith("float") and value is not None else value


def _resolve(text: str, where: str) -> Any:
    """Return what a plain word means in the YAML 1.2 core schema (chapter 10.3.2 of the specification)."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if text in _NAN:
        return math.nan
    if match := _INFINITY.fullmatch(text):
        return -math.inf if match[1] == "-" else math.inf
    whole = _INT.fullmatch(text)
    base = 8 if _OCTAL.fullmatch(text) else 16 if _HEX.fullmatch(text) else 0
    if (whole or base) and len(text) > _MAX_DIGITS:
        raise StudyError(f"{where}: the number has {len(text)} digits; put it in quotes if it is a text.")
    if whole:
        return int(text)
    if base:
        return int(text[2:], base)
    return float(text) if _FLOAT.fullmatch(text) else text


def _too_much(name: str, position: Position) -> StudyError:
    return StudyError(
        f"{name}:{position.line}: the file is nested more than {MAX_DEPTH} deep or has more than {MAX_NODES:,} values, "
        "repeats by alias included; a study file needs far less."
    )


class _Builder:
    """Turns the tree into plain data and writes down where each part stands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.nodes = 0

    def build(self, root: _Node) -> Document:
        self.document.data = self._value(root, ())
        return self.document

    def _value(self, node: _Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            raise _too_much(self.document.name, node.position)
        self.document.values[path] = node.position
        if node.kind == "scalar":
            self.document.written[path] = node.written
            return node.content
        if node.kind == "list":
            return [self._value(child, (*path, index)) for index, child in enumerate(node.content)]
        return self._mapping(node, path)

    def _mapping(self, node: _Node, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.content:
            if key.kind != "scalar":
                message = "a key is a list or a mapping; expected a text."
                self.document.mistakes.append(Mistake(path, message, position=key.position))
                continue
            here = (*path, key.written)
            if key.written in found:
                lines = f"lines {self.document.keys[here].line} and {key.position.line}"
                message = f"the key '{shortened(key.written)}' stands twice, on {lines}; keep one."
                self.document.mistakes.append(Mistake(path, message, position=key.position))
                continue
            self.document.keys[here] = key.position
            found[key.written] = self._value(value, here)
        return found
