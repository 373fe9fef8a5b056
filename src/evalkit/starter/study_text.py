"""The proposed study file as commented YAML."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from evalkit.starter.profile import Column
from evalkit.starter.propose import TIME, Metric, Nearly, Promise, Proposal, Sums
from evalkit.starter.tables import MARK

_FEW_NEGATIVE = 0.05
_PEOPLE = re.compile(
    r"agent|staff|employee|clerk|teller|advis|handler|operator|nurse|doctor|员工|柜员|坐席|经办",
    re.IGNORECASE,
)


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
    guess = "   # ASSUMED, nobody said it: write the days before your programme began" if assumed else ""
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
        yield f"  # {_comment(note)}"
    if proposal.totals:
        yield "  # rows look like totals of many records: judge them by a rate of events, not by a mean of rows"
    if proposal.sums:
        yield f"  # {_comment(summed(proposal.sums))}"
    if proposal.lost:
        yield from (f"  # {_comment(line)}" for line in textwrap.wrap(proposal.lost.told(), 110))
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
        some = " in the rows looked at" if (table.total or 0) > proposal.columns[0].rows else ""
        yield f"  key: {_flow(proposal.key)}                 # every value is there and stands once{some}"
    elif proposal.nearly:
        yield f"  # key: {_flow(proposal.nearly.name)}                 # {_comment(nearly_key(proposal.nearly))}"
    moments = [column.name for column in proposal.columns if column.moment and column.name != proposal.time]
    other = f"   # or {', '.join(moments)}" if moments else ""
    yield f"  time: {_flow(proposal.time)}                 # places a record in a period{other}"
    yield "  fields:"
    for column in proposal.columns:
        yield from (f"    {line}" for line in _field(column, proposal))


def nearly_key(column: Nearly) -> str:
    """Say why a column is no key but would be one, and where doubled rows alone stand in its way what a key does."""

    def rows(number: int, one: str, many: str, first: int | None) -> str:
        place = "" if first is None else f" (row {first})" if number == 1 else f" (first: row {first})"
        return f"1 row {one}{place}" if number == 1 else f"{number} rows {many}{place}"

    told = []
    if column.lacking:
        told.append(rows(column.lacking, "lacks it", "lack it", column.lacking_row))
    if column.repeating:
        told.append(rows(column.repeating, "repeats another's", "repeat another's", column.repeating_row))
    what = "" if column.lacking else "; as a `key` one of equal rows counts, none of unlike ones"
    return f"no key: {', '.join(told)}; mend that and it would be one{what}"


def summed(sums: Sums) -> str:
    """Say which rows look like totals of the others."""
    place = "" if sums.row is None else f"row {sums.row} " if sums.rows == 1 else f", the first in row {sums.row},"
    look = f"{place or '1 row '}looks like a total" if sums.rows == 1 else f"{sums.rows} rows{place} look like totals"
    return f"{look} of the others ({sums.told}): remove it in the file, or it may count as a record"


def dwarfing(column: Column) -> str:
    """Say how far a column's largest value lies beyond the others."""
    return f"99 % are at most {column.usual:.6g}, and the largest is {float(column.high):.12g}"


def doubtful(column: Column) -> str:
    """Say how else every value of a column could be read."""
    return f"every value could be {column.ambiguous} as well: make sure"


def no_values(column: Column) -> str:
    """Say which texts are taken for no value, so that a person who knows better can object."""
    some = ", ".join(f"'{word}' ({times} ×)" for word, times in column.words)
    return f"{some} taken for no value (`missing_values`): make sure"


def unread(column: Column) -> str:
    """Say that texts look like dates and how to have them read."""
    word = " (abc: a word)" * ("abc" in column.shape)
    return (
        f"looks like dates, {column.shape} with any digit for 9{word}, in no form that init knows, so it is read as "
        "text: declare `type: datetime` (or date) and the `format`"
    )


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
    if column.words:
        told.append(no_values(column))
    if column.odd:
        are = "is not of this type and" if column.odd == 1 else "are not of this type and"
        told.append(f"{column.odd} of {column.rows} values {are} will be rejected")
    if column.missing:
        told.append(f"{column.missing} of {column.rows} missing")
    if column.shape:
        told.append(unread(column))
    if column.ambiguous:
        told.append(doubtful(column))
    if column.values and column.kind == "string":
        told.append("values: " + ", ".join(map(_listed, column.values)))
    elif column.kind in ("integer", "number") and column.low:
        told.append(f"{column.low} to {column.high}")
        if 0 < column.negative <= _FEW_NEGATIVE * column.rows:
            told.append(f"{column.negative} below zero; add constraints: {{minimum: 0}}?")
        if column.dwarfs:
            told.append(f"{dwarfing(column)}: add constraints: {{maximum: …}}?")
    comment = "   # " + _comment("; ".join(told)) if told else ""
    yield f"- {_flow(given)}{comment}"


def _listed(value: str) -> str:
    """Return a value as one of a list: in quotes where it holds what would end it."""
    return json.dumps(value, ensure_ascii=False) if re.search(r"""[,;"]|^\s|\s$""", value) else value


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
        if _PEOPLE.search(metric.cluster):
            yield "  # careful: pages name every unit with its figures; where these are people, name their team instead"
    elif metric.units:
        told = f"where records of one {metric.units[0]} are alike: without it intervals are too narrow"
        yield f"  # cluster: {_flow(metric.units[0])}   # {_comment(told + _or(metric.units))}"
    if metric.mixes:
        told = f"compares like with like: without it a shift between kinds of {metric.mixes[0]} passes for a change"
        told += "; only what is fixed before service (`evalkit check` says what moved)"
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
