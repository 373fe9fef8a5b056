"""The proposed study file as commented YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from evalkit.starter.profile import Column
from evalkit.starter.propose import TIME, Metric, Promise, Proposal
from evalkit.starter.tables import MARK

_FEW_NEGATIVE = 0.05


def study_text(
    id: str,
    proposals: Sequence[Proposal],
    *,
    baseline: tuple[date, date],
    programme_start: date,
    frequency: str,
    timezone: str,
    chosen: dict[str, Promise],
    assumed: bool,
) -> str:
    """Return the study file. `assumed` says that nobody named the baseline."""
    guess = "   # ASSUMED: write the days before your programme began" if assumed else ""
    lines = [
        "# yaml-language-server: $schema=.evalkit/study.schema.json",
        "# The whole evaluation plan, proposed by `evalkit init` from the records. Read every line: what is wrong here",
        "# is wrong in every report. `evalkit check` says what does not fit.",
        "schema: 1",
        f"id: {id}",
        f"title: {_flow(id)}",
        f"timezone: {timezone}                 # of times without an offset, such as Asia/Shanghai",
        "calendar:",
        f"  baseline: {{start: {baseline[0]}, end: {baseline[1]}}}{guess}",
        f"  programme_start: {programme_start}",
        f"  frequency: {frequency}                 # a report a month, quarter, half-year or year",
        "sources:",
    ]
    for proposal in proposals:
        lines += [f"  {line}" for line in _source(proposal)]
    metrics = [metric for proposal in proposals for metric in proposal.metrics]
    lines += ["goals:"] if chosen else ["goals: []                          # nothing is promised yet: see below"]
    for promise in chosen.values():
        lines += [f"  {line}" for line in _goal(*promise)]
    others = [metric for metric in metrics if metric.id not in chosen]
    if others:
        lines += [
            "",
            "# What these records could measure. To promise something, move a block under `goals:`, remove its '# ',",
            "# and write what was promised: nobody but you knows the target, and which way is good.",
        ]
    for metric in others:
        lines += [f"#   {line}" for line in _goal(metric, None, None)]
    return "\n".join(lines) + "\n"


def _source(proposal: Proposal) -> Iterator[str]:
    table = proposal.table
    yield f"{table.name}:"
    for note in table.notes:
        yield f"  # {note}"
    if proposal.totals:
        yield "  # rows look like totals of many records: judge them by a rate of events, not by a mean of rows"
    connection, marked, name = table.path.partition(MARK)
    if marked:
        yield f"  connection: {connection}"
        yield f"  table: {_flow(name)}"
    else:
        yield f"  path: {_flow(table.path)}"
    if table.encoding != "utf-8":
        yield f"  encoding: {table.encoding}"
    if table.delimiter != ",":
        yield f"  delimiter: {_flow(table.delimiter)}"
    extra = sorted({text for column in proposal.columns for text in column.missing_texts} - {"NA"})
    if extra:
        yield f"  missing_values: {_flow(['', 'NA', *extra])}"
    if proposal.key:
        yield f"  key: {_flow(proposal.key)}                 # every value is there and stands once"
    elif proposal.nearly:
        yield f"  # key: {_flow(proposal.nearly[0])}                 # {_comment(repeated(*proposal.nearly))}"
    moments = [column.name for column in proposal.columns if column.moment and column.name != proposal.time]
    other = f"   # or {', '.join(moments)}" if moments else ""
    yield f"  time: {_flow(proposal.time)}                 # places a record in a period{other}"
    yield "  fields:"
    for column in proposal.columns:
        yield from (f"    {line}" for line in _field(column, proposal))


def repeated(name: str, values: int) -> str:
    """Say of a column that it would be a key but for some values, and what naming it one does."""
    told = "1 value that stands" if values == 1 else f"{values} values that stand"
    count = f"with `key: {_flow(name)}` one of equal rows counts, and none of unlike ones"
    return f"would be a key but for {told} more than once: {count}"


def doubtful(column: Column) -> str:
    """Say how else every value of a column could be read."""
    return f"every value could be {column.ambiguous} as well: make sure"


def _field(column: Column, proposal: Proposal) -> Iterator[str]:
    given: dict[str, Any] = {"name": column.name, "type": column.kind}
    if column.format != "default":
        given["format"] = column.format
    if column.decimal != ".":
        given["decimalChar"] = column.decimal
    if column.group:
        given["groupChar"] = column.group
    timed = proposal.time if isinstance(proposal.time, list) else [proposal.time]
    if column.name == proposal.key:
        given["constraints"] = {"required": True, "unique": True}
    elif column.name in timed and not column.missing:
        given["constraints"] = {"required": True}
    told = []
    if column.odd:
        told.append(f"{column.odd} of {column.rows} values are not of this type and will be rejected")
    if column.missing:
        told.append(f"{column.missing} of {column.rows} missing")
    if column.ambiguous:
        told.append(doubtful(column))
    if column.values and column.kind == "string":
        told.append("values: " + ", ".join(column.values))
    elif column.kind in ("integer", "number") and column.low:
        told.append(f"{column.low} to {column.high}")
        if 0 < column.negative <= _FEW_NEGATIVE * column.rows:
            told.append(f"{column.negative} below zero; add constraints: {{minimum: 0}}?")
    comment = "   # " + _comment("; ".join(told)) if told else ""
    yield f"- {_flow(given)}{comment}"


def _goal(metric: Metric, target: dict[str, float] | None, better: str | None) -> Iterator[str]:
    yield f"- id: {metric.id}                 # {_comment(metric.told)}"
    yield f"  source: {metric.source}"
    yield f"  metric: {_flow({'kind': metric.metric['kind'], **metric.metric})}"
    if "from" in str(metric.metric.get("value", "")):
        yield "  # records still open make the latest window look quick: add `within: 30d` (or so) to the value"
    if TIME in metric.id:
        yield f"  # {TIME}: what was promised, whole hours or days such as 8h or 30d; no end by then is a failure"
    yield f"  better: {better or '…                         # higher or lower'}"
    empty = "…                         # {relative_change: -0.20}, {difference: 0.2}, {level: 0.90}"
    yield f"  target: {_flow(target) if target else empty}"
    if metric.cluster:
        yield f"  cluster: {_flow(metric.cluster)}                 # the unit whose records move together"
    elif metric.units:
        told = f"where records of one {metric.units[0]} are alike: without it intervals are too narrow"
        yield f"  # cluster: {_flow(metric.units[0])}   # {_comment(told + _or(metric.units))}"
    if metric.mixes:
        told = f"compares like with like: without it a shift between kinds of {metric.mixes[0]} passes for a change"
        yield f"  # standardise_by: [{_flow(metric.mixes[0])}]   # {_comment(told + _or(metric.mixes))}"


def _or(columns: tuple[str, ...]) -> str:
    return f"; or {', '.join(columns[1:4])}" if columns[1:] else ""


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        import re

        # JSON strings are YAML strings; plain ones where nothing could be taken for anything else
        return (
            value
            if re.fullmatch(r"[A-Za-z_][\w./-]*|\d+[hd]", value) and value.casefold() not in _WORDS
            else json.dumps(value, ensure_ascii=False)
        )
    return json.dumps(value)


_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def _comment(text: str) -> str:
    """Return a comment that stays on its line, whatever the records hold."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= 160 else plain[:157] + "..."
