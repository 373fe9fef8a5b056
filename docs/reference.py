"""The reference, written from the code: `.venv/bin/python docs/reference.py > docs/reference.md`.

Public names with their signatures and docstrings, the study file's keys, flags, exit codes and commands. Of what a
monitor reads the code has the names, and only what they mean is written here. tests/test_reference.py holds the
committed file to the code.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

import evalkit
from evalkit import cli, effect, errors, results, told
from evalkit.evaluation.flags import CODES
from evalkit.publish import all_results, ledger, watch
from evalkit.study.schema import json_schema

PACKAGE = Path(evalkit.__file__).parent
SEVERITIES = ("serious", "caution", "info")
OWN_EXITS = {
    0: "Done, whatever the verdicts: a missed goal is a finding, not a failure.",
    1: "A fault of evalkit itself; `--debug` shows the details.",
    told.INTERRUPTED: "Stopped from the keyboard.",
    told.PIPE_CLOSED: "What read the output closed it.",
    143: (
        "Ended by SIGTERM, as by `kill`, `systemctl stop` or a scheduler's time limit, without a word of its own (a "
        "negative code, -15, for who started it without a shell). What was published stands whole; the next run "
        "clears up."
    ),
}
COLUMN_MEANS = {
    "study": "The study's `id`.",
    "period": "The period's label, such as `2026-Q3`.",
    "as_of": "The data cut-off, the last day of which records count.",
    "issue": "Number of the issue that stands; a revision adds one.",
    "role": "`goal`, or `indicator`, which promises nothing and has no verdict.",
    "id": "The goal's `id`.",
    "title": "Its title, in English where the folder has English pages.",
    "flags": "Codes of its cautions (see [Flags](#flags)) with blanks between, those of both windows.",
    "window": "`period`, or `to_date`: everything since implementation.",
    "scale": "How `estimate` reads: `ratio` after ÷ before (0.8: 20 % less), `difference` after - before, or `level`.",
    "estimate": "The estimate; differences and levels in the metric's own unit, shares from 0 to 1 (0.05 is 5 points).",
    "ci_low, ci_high": "Its interval.",
    "confidence": "The interval's confidence, from 0 to 1.",
    "target_value": "What was promised, on the same scale.",
    "null_value": "What no change is on that scale; empty of a level.",
    "verdict": "The one that counts, beside the study's other goals.",
    "p_target": "The target's p-value, alone.",
    "p_target_adjusted": "That of the period beside all goals; empty to date.",
    "verdict_alone": "The window's own verdict; not the one to send on.",
    "p_change": "The p-value of no change.",
    "change_estimate, change_low, change_high": "Of a level: its difference from the baseline, with its interval.",
    "method": "The procedure's short name.",
    "df": "Its degrees of freedom; empty where it has none.",
    "not_yet_due": "Records left out because their window had not closed; empty where the metric has no window.",
    "before_start, before_end, after_start, after_end": "First and last day of each arm.",
    "before_value, after_value": "The metric in each arm, in its own unit; shares from 0 to 1.",
    "before_records, after_records": "Records it rests on.",
    "before_clusters, after_clusters": "Clusters among them; empty without `cluster`.",
    "study_hash, code_hash": "SHA-256 of the study file and of evalkit's and the notebooks' code.",
}
LEDGER_MEANS = {
    "number, time": "Number of the line, and when it was written (UTC).",
    "study, period, as_of, issue": "As in `results.csv`.",
    "languages": "The languages whose pages this run made; `files` has all that stand.",
    "verdicts": "The period's verdict on each goal, by id.",
    "made_from": "SHA-256 of `study`, `data`, `code` and of the `plan` (the study file's content).",
    "why": "Why it is a revision: any of `study`, `data`, `code`, `versions`, `as_of`; empty for a first issue.",
    "study_changed": "Whether the study file differs from the plan that was lodged.",
    "other_looks": "Earlier issues (`2026-Q2@1`) that came from other records.",
    "seconds": "How long the run of this period took.",
    "files, root": "SHA-256 of the issue's files, and of the index pages and `results.csv` as they then were.",
    "previous, hash": "Hash of the line before, and of this one without `hash`.",
}
EVENTS_MEAN = {
    "run_started": ("", "The run has begun."),
    "period_started": ("`period`", "A period is about to be published."),
    "page": ("`period`, `page`, `seconds`, `outcome`", "A page is `done` or `failed`."),
    "message": ("`period`, `message`", "A sentence for the operator, in English."),
    "period": (
        "`period`, `seconds`, `outcome`",
        "What became of it: `published`, `renewed`, `revised`, `up to date`, `waiting` or `failed`.",
    ),
    "run": ("`seconds`, `outcome`, `exit_code`", "The end: `done`, `not evaluable` (exit code 3) or `failed`."),
}
NOTICE_MEANS = {
    "event, outcome, exit_code, seconds": "As in the log's event `run`.",
    "started": "When the run began (UTC).",
    "periods": (
        "A list, an entry a period: `period`, `seconds` and `outcome` as in the log; where a report stands `issue`, "
        "`index` (the path of its first page) and `verdicts`, by goal's id."
    ),
    "messages": "The sentences for the operator.",
}
# what these hold is the study file's, or the inside of evalkit
NOT_SHOWN = ("evalkit.markup", "evalkit.study", "evalkit.records", "evalkit.periods", "evalkit.errors")


def row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join([row(*heads), row(*("---" for _ in heads)), *(row(*cells) for cells in rows)])


def first_paragraph(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


# names -----------------------------------------------------------------------------------------------------------


def details(text: str | None) -> str:
    """Return what a docstring says after its first paragraph, without examples, as a block of text."""
    _, _, rest = inspect.cleandoc(text or "").partition("\n\n")
    kept, example = [], False
    for line in rest.split("\n"):
        example = line.lstrip().startswith((">>>", "...")) or (example and bool(line.strip()))
        if not example:
            kept.append(line)
    told = "\n".join(kept).strip()
    return f"\n```text\n{told}\n```\n" if told else ""


def parameter_text(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    kind = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
    if parameter.default is parameter.empty:
        return f"{stars}{parameter.name}{kind}"
    return f"{parameter.name}{kind}{' = ' if kind else '='}{parameter.default!r}"


def signature(name: str, function: Callable[..., Any], *, width: int = 100) -> str:
    """Return a call's signature, a parameter a line where it is longer than the width."""
    found = inspect.signature(function)
    given: list[str] = []
    for key, parameter in found.parameters.items():
        if key not in ("self", "cls"):
            if parameter.kind is parameter.KEYWORD_ONLY and "*" not in given:
                given.append("*")
            given.append(parameter_text(parameter))
    end = "" if found.return_annotation is found.empty else f" -> {found.return_annotation}"
    short = f"{name}({', '.join(given)}){end}"
    if len(short) <= width:
        return short
    return f"{name}(\n" + "".join(f"    {one},\n" for one in given) + f"){end}"


def function_text(name: str, function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function)
    call = signature(f"evalkit.{name}", function)
    return f"### `{name}`\n\n```python\n{call}\n```\n\n{first_paragraph(text)}\n{details(text)}"


def members(kind: type) -> list[tuple[str, str]]:
    """Return a class's public methods and properties, each with its first paragraph."""
    found = []
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property | cached_property):
            getter = member.fget if isinstance(member, property) else member.func
            found.append((name, first_paragraph(inspect.getdoc(getter))))
        elif inspect.isfunction(member):
            found.append((signature(name, member, width=10_000), first_paragraph(inspect.getdoc(member))))
    return found


def fields(kind: type) -> str:
    """Return a dataclass's fields with their types."""
    own = [f"{name}: {of}" for name, of in inspect.get_annotations(kind).items() if not name.startswith("_")]
    return "\n".join(own)


def class_text(kind: type) -> str:
    text = inspect.getdoc(kind)
    parts = [f"### `{kind.__name__}`", "", first_paragraph(text), details(text)]
    if hasattr(kind, "__dataclass_fields__") and (own := fields(kind)):
        parts += ["", f"```python\n{own}\n```"]
    if issubclass(kind, errors.EvalkitError):
        parts += ["", f"Exit code {kind.exit_code}."]
    if shown := members(kind):
        parts += ["", table(("member", "what it gives"), [(f"`{name}`", what) for name, what in shown])]
    return "\n".join(parts) + "\n"


@cache
def all_classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in pkgutil.walk_packages([str(PACKAGE)], "evalkit."):
        if module.name.startswith(("evalkit.publish", "evalkit.__main__", *NOT_SHOWN)):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(value) and value.__module__ == module.name and not name.startswith("_"):
                found.setdefault(name, value)
    return found


def words(kind: Any) -> set[str]:
    """Return the words in what a function returns, or in what a class holds and gives."""
    if inspect.isfunction(kind):
        return set(re.findall(r"\w+", str(inspect.signature(kind).return_annotation)))
    given = [str(of) for name, of in inspect.get_annotations(kind).items() if not name.startswith("_")]
    for name, member in vars(kind).items():
        getter = member.fget if isinstance(member, property) else member
        if not name.startswith("_") and inspect.isfunction(getter):
            given.append(str(inspect.signature(getter).return_annotation))
    return set(re.findall(r"\w+", " ".join(given)))


def given_classes(public: list[Any]) -> list[type]:
    """Return the classes that public names return or hold, and these in turn, by name."""
    known, waiting = all_classes(), list(public)
    found: dict[str, type] = {}
    while waiting:
        for name in sorted(words(waiting.pop())):
            if name in known and name not in found and known[name] not in public:
                found[name] = known[name]
                waiting.append(known[name])
    return [found[name] for name in sorted(found)]


def word_rows(shown: list[Any]) -> list[tuple[str, str]]:
    """Return the fixed words that signatures and fields name, such as Verdict, with what each may be."""
    named = set().union(*(words(one) | parameter_words(one) for one in shown))
    found: dict[str, str] = {}
    for module in [m for name, m in sorted(sys.modules.items()) if name.startswith("evalkit.")]:
        for name, value in vars(module).items():
            if get_origin(value) is Literal and name in named:
                found[name] = ", ".join(f"`{one}`" for one in get_args(value))
    return sorted(found.items())


def parameter_words(kind: Any) -> set[str]:
    own = [kind] if inspect.isfunction(kind) else [m for m in vars(kind).values() if inspect.isfunction(m)]
    return set(re.findall(r"\w+", " ".join(str(inspect.signature(one)) for one in own)))


# the study file ------------------------------------------------------------------------------------------------------


def type_text(node: dict[str, Any]) -> str:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        meant = json_schema()["$defs"][name]
        return f"[{name}](#{name.lower()})" if "properties" in meant else type_text(meant)
    if "properties" in node:
        return f"`{{{', '.join(node['properties'])}}}`"
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join(f"`{one}`" for one in node["enum"])
    if options := node.get("anyOf") or node.get("oneOf"):
        return " or ".join(type_text(one) for one in options)
    if node.get("type") == "array":
        return f"list of {type_text(node.get('items', {}))}"
    if node.get("type") == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"mapping of {type_text(node['additionalProperties'])}"
    kind = node.get("format") or node.get("type", "any")
    bounds = [
        f"{sign} {node[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in node
    ]
    return (" or ".join(kind) if isinstance(kind, list) else kind) + (f" {', '.join(bounds)}" if bounds else "")


def key_rows(node: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for key, value in node["properties"].items():
        default = value.get("default")
        if key in node.get("required", ()):
            told = "**required**"
        elif default is None or isinstance(default, dict | list):
            told = ""
        else:
            told = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append((f"`{key}`", type_text(value), told, value.get("description", "")))
    return rows


def study_text() -> Iterator[str]:
    schema = json_schema()
    heads = ("key", "what stands there", "default", "meaning")
    yield "The keys of the file itself:\n\n" + table(heads, key_rows(schema)) + "\n"
    for name, node in sorted(schema["$defs"].items()):
        if "properties" not in node:
            continue
        yield f"### {name}\n\n{node.get('description', '')}\n\n{table(heads, key_rows(node))}\n"


# flags and reasons ---------------------------------------------------------------------------------------------------


def calls(name: str) -> Iterator[tuple[ast.Call, ast.Module]]:
    """Yield every call of a function in the package, with the module it stands in."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
                yield node, tree


def constants(node: ast.AST, call: ast.Call, tree: ast.Module) -> list[str]:
    """Return the texts an expression can be: a text, either side of a condition, what a loop around the call gives."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.IfExp):
        return [*constants(node.body, call, tree), *constants(node.orelse, call, tree)]
    if isinstance(node, ast.FormattedValue):
        return constants(node.value, call, tree)
    if isinstance(node, ast.JoinedStr):
        made = [""]
        for part in node.values:
            made = [text + end for text in made for end in constants(part, call, tree)]
        return made
    if isinstance(node, ast.Name):
        loops = [loop for loop in ast.walk(tree) if isinstance(loop, ast.For) and call in ast.walk(loop)]
        return [text for loop in loops for text in looped(loop, node.id)]
    return []


def looped(loop: ast.For, name: str) -> list[str]:
    """Return the texts that one name of a loop over a written-out tuple takes."""
    if not (isinstance(loop.target, ast.Tuple) and isinstance(loop.iter, ast.Tuple)):
        return []
    places = [i for i, one in enumerate(loop.target.elts) if isinstance(one, ast.Name) and one.id == name]
    turns = [turn.elts[i] for i in places for turn in loop.iter.elts if isinstance(turn, ast.Tuple)]
    return [str(one.value) for one in turns if isinstance(one, ast.Constant)]


def sentence(node: ast.AST) -> str:
    """Return a message with its figures as dots."""
    if isinstance(node, ast.Constant):
        return re.sub(r"\{[^}]*\}", "…", str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "…"


@cache
def raised_flags() -> dict[str, tuple[str, str]]:
    """Return how grave each flag can be and what it says, from the calls that raise it."""
    grave: dict[str, set[str]] = {}
    says: dict[str, str] = {}
    for name in ("flag", "Flag"):
        for call, _ in calls(name):
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            given = [*call.args, *(named[key] for key in ("code", "severity", "message") if key in named)]
            if len(given) < 3 or not isinstance(given[0], ast.Constant):
                continue
            texts = {c.value for c in ast.walk(given[1]) if isinstance(c, ast.Constant)}
            code = str(given[0].value)
            grave.setdefault(code, set()).update(texts & set(SEVERITIES))
            says.setdefault(code, sentence(given[2]))
    return {code: (", ".join(s for s in SEVERITIES if s in grave[code]), says[code]) for code in grave}


def reasons() -> dict[str, list[str]]:
    """Return every code of NotEvaluableError with what is said, from the places that raise it."""
    found: dict[str, list[str]] = {}
    for call, tree in calls("NotEvaluableError"):
        for code in constants(call.args[0], call, tree):
            told = sentence(call.args[1])
            if told not in found.setdefault(code, []):
                found[code].append(told)
    return dict(sorted(found.items()))


# what a monitor reads ------------------------------------------------------------------------------------------------


def ticked(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def column_rows() -> list[tuple[str, str]]:
    """Return the columns of results.csv in their order, those of one meaning together, with what each means."""
    means = {name: (names, told) for names, told in COLUMN_MEANS.items() for name in names.split(", ")}
    words = {"kind": results.Kind, "better": effect.Better, "direction": effect.Direction}
    for name, of in words.items():
        means[name] = (name, f"One of {', '.join(f'`{one}`' for one in get_args(of))}.")
    rows = dict.fromkeys(means[name] for name in all_results.COLUMNS)
    return [(ticked(names), told) for names, told in rows]


def monitoring_text() -> Iterator[str]:
    verdicts = ", ".join(f"`{one}`" for one in get_args(effect.Verdict))
    yield (
        "## For monitoring\n\nFour things are written for machines. Verdicts are one of "
        f"{verdicts}; an indicator has none.\n"
    )
    yield (
        f"### `{all_results.NAME}`\n\nIn the reports folder, written anew with each publication: a row a period, goal "
        "or indicator, and window, the issues that stand only. UTF-8 that begins with a byte order mark (`utf-8-sig` "
        "in Python), commas, decimal points, days as `2026-09-30`; what is absent is empty, as figures of what is not "
        "evaluable are.\n"
    )
    yield table(("column", "meaning"), column_rows()) + "\n"
    yield f"### `{ledger.LEDGER}`\n\nBeside it: a JSON object a line, one more with each publication, none changed.\n"
    yield table(("key", "meaning"), [(ticked(names), means) for names, means in LEDGER_MEANS.items()]) + "\n"
    yield (
        "### `run --log-json`\n\nA JSON object a line on stderr, each with `time` (UTC) and `event`. A run that is "
        "killed has no event `run`, and Python may then write lines of its own (`resource_tracker`) that are no JSON.\n"
    )
    yield table(("event", "keys", "meaning"), [(f"`{one}`", *told) for one, told in EVENTS_MEAN.items()]) + "\n"
    yield (
        "### `run --notify COMMAND`\n\nCOMMAND is split into words as a shell does, but given to none; it runs when "
        f"the run is over, for {watch.NOTIFY_SECONDS} seconds at most, with one JSON object on its stdin. That it "
        "fails is said and changes no exit code. A run that is killed notifies nobody.\n"
    )
    yield table(("key", "meaning"), [(ticked(names), means) for names, means in NOTICE_MEANS.items()]) + "\n"


# commands and exit codes -------------------------------------------------------------------------------------------


def option(parameter: Any) -> tuple[str, str, str]:
    metavar = parameter.metavar or ""
    default = parameter.default
    if isinstance(default, Enum):
        metavar, default = "|".join(one.value for one in type(default)), default.value
    flagged = getattr(parameter, "is_flag", False)
    name = f"`{' '.join(parameter.opts)}{f' {metavar}' if metavar and not flagged else ''}`"
    if not parameter.opts[0].startswith("-"):
        name = f"`{metavar or parameter.name}`"
    if parameter.required:
        return name, "**required**", parameter.help or ""
    return name, "" if flagged or default is None else f"`{default}`", parameter.help or ""


def commands_text() -> Iterator[str]:
    command = typer.main.get_command(cli.app)
    heads = ("option", "default", "meaning")
    for name, one in command.commands.items():
        rows = [option(parameter) for parameter in one.params]
        yield f"### `evalkit {name}`\n\n{first_paragraph(one.help)}\n\n{table(heads, rows)}\n"
    rows = [option(parameter) for parameter in command.params]
    rows.append(("`--debug`", "", "Anywhere: show the traceback of an error."))
    yield f"### Before any command\n\n{table(heads, rows)}\n"


def exit_rows() -> list[tuple[str, str]]:
    codes = {code: [text] for code, text in OWN_EXITS.items()}
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.EvalkitError) and kind is not errors.EvalkitError:
            codes.setdefault(kind.exit_code, []).append(f"`{kind.__name__}`: {first_paragraph(inspect.getdoc(kind))}")
    return [(str(code), "<br>".join(codes[code])) for code in sorted(codes)]


def reference() -> Iterator[str]:
    public = [getattr(evalkit, name) for name in evalkit.__all__]
    functions = [f for f in public if inspect.isfunction(f)]
    classes = [c for c in public if inspect.isclass(c)]
    yield f"# Reference of evalkit {evalkit.__version__}\n"
    yield (
        "Written from the code by `docs/reference.py`; do not edit it. In Python `help(evalkit.rate_ratio)` says the "
        "same, with examples.\n"
    )
    parts = ("Functions", "Classes", "What they give", "The study file", "Flags", "Reasons", "Commands")
    parts += ("For monitoring", "Exit codes")
    yield "\n".join(f"- [{part}](#{part.lower().replace(' ', '-')})" for part in parts) + "\n"
    yield "## Functions\n\nEach is `evalkit.NAME`.\n"
    yield from (function_text(f.__name__, f) for f in functions)
    yield "## Classes\n\nEach is `evalkit.NAME`.\n"
    yield from (class_text(c) for c in classes)
    yield "## What they give\n\nObjects that functions and methods return; they are not made by hand.\n"
    yield from (class_text(c) for c in given_classes(public))
    told = word_rows([*public, *given_classes(public)])
    yield "### Words\n\n" + table(("word", "one of"), [(f"`{name}`", what) for name, what in told]) + "\n"
    yield "## The study file\n"
    yield from study_text()
    yield "## Flags\n\nWhat a goal's `flags` may hold, and how grave each can be.\n"
    raised = raised_flags()
    flags = [(f"`{code}`", raised.get(code, ("", ""))[0], text) for code, text in CODES.items()]
    yield table(("code", "severity", "when"), flags) + "\n"
    yield (
        "## Reasons\n\nWhy there is no answer: the `code` of a `NotEvaluableError` and, in a study, of a serious flag "
        "of a goal that is not evaluable. Figures stand where the dots are.\n"
    )
    said = reasons()
    others = {code: [text] for code, (_, text) in raised.items() if code not in CODES and code not in said}
    rows = [(f"`{code}`", "<br>".join(texts)) for code, texts in sorted({**others, **said}.items())]
    yield table(("code", "what is said"), rows) + "\n"
    yield "## Commands\n"
    yield from commands_text()
    yield from monitoring_text()
    yield "## Exit codes\n\n" + table(("code", "meaning"), exit_rows())


def text() -> str:
    """Return the whole reference."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(reference())) + "\n"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
    sys.stdout.write(text())
