"""Grouping columns kept as found until records are grouped: typed, and asked for their rules, once a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from evalkit.records import fields

RULE, NO_RULE, PLACE = "rule", 1 << 30, "place"
_PLACES = 1 << 32  # more than there are places; the last one stands for none


class Late:
    """A source's uncounted records, split into what is asked of each record and what can wait for its group.

    A record is rejected by the first rule it breaks. Rules that look at grouping columns alone wait; the first broken
    rule is then the first of those of the record and those of its group.
    """

    def __init__(self, table: Any, keys: Sequence[str]) -> None:
        import ibis.expr.operations as ops

        self._base, self._values = _flattened(table)
        self._keys = [self._on_base(table[key].cast("string")) for key in keys]
        self._found = {name: f"found{place}" for place, name in enumerate(self._names(self._keys))}
        reason = self._values[ops.Field(table.op(), fields.REASON)]
        # a reason that was worked out before and stored is not known rule by rule
        self.apart = isinstance(reason, ops.SearchedCase | ops.Literal)
        cases = zip(reason.cases, reason.results, strict=True) if isinstance(reason, ops.SearchedCase) else ()
        self._rules = [(case, result.value) for case, result in cases]
        self._waiting = {
            place for place, (case, _) in enumerate(self._rules) if self._names([case]) and self._known(case)
        }
        sound = [self._values[ops.Field(table.op(), name)] for name in table.columns if name.endswith(fields.SOUND)]
        self._sound = {tuple(self._names([operation])): operation for operation in sound}

    def _on_base(self, expression: Any) -> Any:
        """Return an expression on the source's columns as an operation on those of its base."""
        return expression.op().replace(self._values)

    def _names(self, operations: Iterable[Any]) -> list[str]:
        """Return the columns of the base that operations look at."""
        import ibis.expr.operations as ops

        found = (each for operation in operations for each in operation.find(ops.Field) if each.rel == self._base)
        return list(dict.fromkeys(each.name for each in found))

    def _known(self, operation: Any) -> bool:
        return set(self._names([operation])) <= set(self._found)

    def grouped(self, keys: dict[str, Any], sums: dict[str, Any], where: Any) -> Any:
        """Return the first step: the sums by the keys and the grouping columns as found.

        Where a record breaks a rule by itself, the key `place` holds the first such rule too, as a negative number: one
        key is less work than two.
        """
        import ibis

        base = self._base.to_expr()
        own = [(case.to_expr(), rule) for rule, (case, _) in enumerate(self._rules) if rule not in self._waiting]
        groups = {name: self._on_base(expression).to_expr() for name, expression in keys.items()}
        if own:
            unbroken, place = self._unbroken(case for case, _ in own), groups[PLACE]
            kept = place.fill_null(_PLACES - 1)
            broken = [(case, -1 - rule * _PLACES - kept) for case, rule in own]
            groups[PLACE] = ibis.cases((unbroken, place), *broken, else_=place)
        groups |= {alias: base[name] for name, alias in self._found.items()}
        totals = {name: self._on_base(expression).to_expr() for name, expression in sums.items()}
        return aggregated(base, groups, totals, None if where is None else self._on_base(where).to_expr())

    def _unbroken(self, cases: Iterable[Any]) -> Any:
        """Return what is true only of records that break none of these rules, asked as cheaply as is known."""
        told = (self._sound.get(tuple(self._names([case.op()])), (~case).op()) for case in cases)
        first, *rest = dict.fromkeys(told)
        return reduce(lambda all_, one: all_ & one.to_expr(), rest, first.to_expr())

    def typed(self, groups: Any, keys: Iterable[str], sums: Iterable[str]) -> Any:
        """Return the second step: the same by the typed grouping columns and the rule.

        Rejected ones are told apart by their place and rule alone.
        """
        import ibis
        import ibis.expr.operations as ops

        swaps = {ops.Field(self._base, name): ops.Field(groups.op(), alias) for name, alias in self._found.items()}
        of_group = [(self._rules[p][0].replace(swaps).to_expr(), p) for p in sorted(self._waiting)]
        broken, code = groups[PLACE] < 0, -1 - groups[PLACE]
        rule = ibis.cases((broken, (code / _PLACES).floor().cast("int64")), else_=NO_RULE)
        place = ibis.cases((broken, (code % _PLACES).nullif(_PLACES - 1)), else_=groups[PLACE])
        if of_group:
            rule = ibis.least(rule, ibis.cases(*of_group, else_=NO_RULE))
        told = groups.mutate(**{RULE: rule, PLACE: place})
        accepted = told[RULE] == NO_RULE
        columns = {RULE: told[RULE], PLACE: told[PLACE]}
        columns |= {name: accepted.ifelse(told[name], 0) for name in keys if name != PLACE}
        swaps = {ops.Field(self._base, name): ops.Field(told.op(), alias) for name, alias in self._found.items()}
        for place, operation in enumerate(self._keys):
            columns[f"key{place}"] = accepted.ifelse(operation.replace(swaps).to_expr(), None)
        chosen = told.select(**columns, **{name: told[name] for name in sums})
        return chosen.group_by(*columns).agg(**{name: chosen[name].sum() for name in sums})

    def reason(self, rule: int) -> str | None:
        """Return the words of a rule that `typed` gives."""
        return None if rule == NO_RULE else str(self._rules[rule][1])


def aggregated(table: Any, keys: dict[str, Any], sums: dict[str, Any], where: Any) -> Any:
    """Return sums by keys over the records of a table that fulfil a condition, or over all."""
    if where is None:
        return table.group_by(**keys).agg(**sums)
    chosen = table.filter(where)
    moved = {table.op(): chosen.op()}  # a count of rows names the relation itself
    keys, sums = ({n: e.op().replace(moved).to_expr() for n, e in part.items()} for part in (keys, sums))
    return chosen.group_by(**keys).agg(**sums)


def _flattened(table: Any) -> tuple[Any, dict[Any, Any]]:
    """Return the relation below a table's projections, and its columns as operations on that relation's."""
    import ibis.expr.operations as ops

    top = base = table.op()
    values = {name: ops.Field(top, name) for name in table.columns}
    while isinstance(base, ops.Project):
        swaps = {ops.Field(base, name): value for name, value in base.values.items()}
        values = {name: value.replace(swaps) for name, value in values.items()}
        base = base.parent
    return base, {top: base} | {ops.Field(top, name): value for name, value in values.items()}
