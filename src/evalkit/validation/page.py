"""The calibration study as the notebook shows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from evalkit import markup, wording
from evalkit.markup import Html
from evalkit.report import Record
from evalkit.validation.calibrate import Figure, Study
from evalkit.validation.scenarios import Scenario
from evalkit.validation.shortcuts import SHORTCUTS
from evalkit.validation.words import say

_MEASURES = ("coverage", "false_achieved", "false_not_achieved", "power", "placebo")
_NOTES = ("note_error", "note_truth", "note_above", "note_power", "note_seed")


class Page:
    """The parts of the page, in one language (`en` or `zh`; ParameterError for another).

    >>> page = Page(Study(replicates=1, seed=1, scenarios=(), figures=()), "en")
    >>> page.misses().text
    '<p class="ek-lead">No figure misses its bound.</p>'
    """

    def __init__(self, study: Study, language: str = "en") -> None:
        self.study, self.language = study, wording.check_language(language)
        self.found = {(f.scenario, f.measure, f.method): f for f in study.figures}
        self.titles = {s.id: s.title_zh if language == "zh" else s.title for s in study.scenarios}
        self.titles["family"] = self._("family")

    def _(self, key: str, **values: object) -> str:
        return say(key, self.language, **values)

    def heading(self) -> Html:
        """Return title and lead."""
        replicates = f"{self.study.replicates:,}"
        return markup.tag("h1", self._("title")) + markup.tag("p", markup.prose(self._("lead", replicates=replicates)))

    def misses(self) -> Html:
        """Return every figure of evalkit's own methods that misses its bound, none hidden."""
        if not self.study.misses:
            return markup.tag("p", self._("none"), class_="ek-lead")
        own = [f for f in self.study.figures if f.method == "evalkit" and (f.least, f.most) != (None, None)]
        lines = [
            f"{self.titles[f.scenario]}: {self._(f.measure)} {_percent(f)} %, {self._('bound', bound=_bound(f))}"
            for f in self.study.misses
        ]
        told = self._("some", count=len(lines), all=len(own))
        return markup.tag("p", told, class_="ek-lead") + markup.items(map(markup.prose, lines))

    def tables(self) -> Html:
        """Return one table a group of scenarios: figures with error and bound, and the verdict on each row."""
        groups: dict[str, list[str]] = {}
        for scenario in self.study.scenarios:
            groups.setdefault(scenario.group, []).append(scenario.id)
        if ("family", "false_achieved", "evalkit") in self.found:
            groups["shipped"].append("family")
        return markup.join(self._group(name, ids) for name, ids in groups.items())

    def _group(self, name: str, ids: list[str]) -> Html:
        shown = [m for m in _MEASURES if any((s, m, "evalkit") in self.found for s in ids)]
        rows = []
        for scenario in ids:
            figures = [self.found.get((scenario, measure, "evalkit")) for measure in shown]
            rows.append((self.titles[scenario], *map(self._cell, figures), self._verdict(figures)))
        columns = (self._("scenario"), *(f"{self._(m)}, %" for m in shown), self._("verdict"))
        return markup.tag("h2", self._(name)) + markup.table(
            self._(name), columns, rows, numeric=range(1, len(shown) + 1)
        )

    def _cell(self, figure: Figure | None) -> Html | str:
        if figure is None:
            return "–"
        text = _percent(figure)
        if figure.measure == "power":
            promise = self.study.details[figure.scenario]["promised_power"]
            bound = self._("promised", promise=f"{100 * promise:.1f}")
        elif (figure.least, figure.most) == (None, None):
            return text
        else:
            bound = _bound(figure)
        head = markup.tag("strong", f"{text} {self._('miss')}") if figure.missed else Html(markup.escape(text))
        return Html(f"{head.text}<br>{markup.tag('span', bound, class_='ek-soft').text}")

    def _verdict(self, figures: list[Figure | None]) -> Html | str:
        given = [f for f in figures if f is not None]
        if any(f.missed for f in given):
            return markup.tag("strong", self._("miss"))
        bounded = any((f.least, f.most) != (None, None) for f in given if f.measure != "power")
        return self._("ok" if bounded else "unbounded")

    def shortcuts(self) -> Html:
        """Return how often each usual shortcut falsely claims `achieved`, beside evalkit on the same banks."""
        methods = ("evalkit", *SHORTCUTS)
        told: Callable[[Scenario, str], Figure | None] = lambda s, m: self.found.get((s.id, "false_achieved", m))  # noqa: E731
        rows = [
            (self.titles[s.id], *("–" if (f := told(s, m)) is None else _percent(f) for m in methods))
            for s in self.study.scenarios
            if not s.looks
        ]
        words = [self._("ignored" if name == "clusters" else name) for name in methods]
        columns = (self._("scenario"), *(f"{word}, %" for word in words))
        table = markup.table(self._("shortcuts"), columns, rows, numeric=range(1, len(columns)))
        alone = self.found.get(("family", "false_achieved", "unadjusted"))
        parts = [markup.tag("h2", self._("shortcuts")), table]
        if alone:
            parts.append(markup.tag("p", markup.prose(self._("unadjusted", rate=f"{_percent(alone)} %"))))
        return markup.join(parts)

    def notes(self) -> Html:
        """Return how the figures are to be read."""
        notes = (markup.prose(self._(note, seed=self.study.seed)) for note in _NOTES)
        return markup.tag("h2", self._("notes")) + markup.items(notes)

    def record(self) -> Record:
        """Return the study as data, which `python -m evalkit.validation` collects."""
        data: dict[str, Any] = {"id": "method-validation", **self.study.to_dict()}
        return Record(data)


def _percent(figure: Figure) -> str:
    """Return a rate in per cent with its Monte-Carlo standard error."""
    if not figure.of:
        return "–"
    error = math.sqrt(figure.rate * (1 - figure.rate) / figure.of)
    return f"{100 * figure.rate:.1f} ± {100 * error:.1f}"


def _bound(figure: Figure) -> str:
    if figure.least is None:
        return f"≤ {100 * (figure.most or 0):g}"
    low = f"{100 * figure.least:.3g}"
    return f"≥ {low}" if figure.most is None else f"{low}–{100 * figure.most:.3g}"
