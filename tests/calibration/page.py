"""The calibration study as the notebook shows it."""

from __future__ import annotations

import math
from typing import Any

from calibration.calibrate import Figure, Measure, Study
from evalkit import markup, wording
from evalkit.markup import Html
from evalkit.report import Record


class Page:
    """The parts of the page, in one language (`en` or `zh`; ParameterError for another).

    >>> page = Page(Study(replicates=1, seed=1, scenarios=(), figures=()), "en")
    >>> page.misses().text
    '<p class="ek-lead">No figure misses its bound.</p>'
    """

    def __init__(self, study: Study, language: str = "en") -> None:
        self.study, self.language = study, wording.check_language(language)
        self._ = _ = wording.translator(self.language)
        self.found = {(f.scenario, f.measure, f.method): f for f in study.figures}
        self.titles = {s.id: wording.looked_up("bank", s.id, s.title, self.language) for s in study.scenarios}
        self.titles["family"] = _("the four goals together, Holm")
        self.measures: dict[Measure, str] = {
            "coverage": _("Coverage"),
            "false_achieved": _("False “achieved”"),
            "false_not_achieved": _("False “not achieved”"),
            "power": _("Power"),
            "placebo": _("Placebo fires"),
        }
        self.groups = {
            "shipped": _("The shipped study's own sizes"),
            "clusters": _("Few and unequal branches"),
            "records": _("Skewed durations without branches"),
            "rates": _("Incidents: small and overdispersed counts"),
            "business": _("Weighted surveys, changed mix, season"),
            "months": _("Months that move together"),
            "looks": _("Everything to date, over all looks"),
        }
        self.methods = {
            "evalkit": "evalkit",
            "point": _("estimate against target"),
            "divided": _("absolute interval ÷ baseline mean"),
            "clusters": _("branches ignored"),
            "dispersion": _("overdispersion ignored"),
            "ols": _("least squares on months, independent errors"),
        }

    def heading(self) -> Html:
        """Return title and lead."""
        _ = self._
        lead = _(
            "Banks with known truth are simulated and evaluated by the very code that evaluates real ones: "
            "{replicates} of each kind with the truth exactly on the target and, for power, as many with it beyond."
        ).format(replicates=f"{self.study.replicates:,}")
        return markup.tag("h1", _("Do the methods keep their promises?")) + markup.tag("p", markup.prose(lead))

    def misses(self) -> Html:
        """Return every figure of evalkit's own methods that misses its bound, none hidden."""
        _, missed = self._, self.study.misses
        if not missed:
            return markup.tag("p", _("No figure misses its bound."), class_="ek-lead")
        bounded = sum(f.method == "evalkit" and f.bounded for f in self.study.figures)
        told = _("{count} of {all} bounded figures miss their bound:").format(count=len(missed), all=bounded)
        lines = (f"{self.titles[f.scenario]}: {self.measures[f.measure]} {percent(f)} % ({bound(f)})" for f in missed)
        return markup.tag("p", told, class_="ek-lead") + markup.items(map(markup.prose, lines))

    def tables(self) -> Html:
        """Return one table a group of scenarios: figures with error and bound, and the verdict on each row."""
        _, parts = self._, []
        for name, title in self.groups.items():
            banks = [s.id for s in self.study.scenarios if s.group == name]
            if name == "shipped" and ("family", "false_achieved", "evalkit") in self.found:
                banks.append("family")
            shown = [m for m in self.measures if any((s, m, "evalkit") in self.found for s in banks)]
            rows = []
            for bank in banks:
                figures = [self.found.get((bank, measure, "evalkit")) for measure in shown]
                rows.append((self.titles[bank], *map(self._cell, figures), self._verdict(figures)))
            columns = (_("Bank"), *(f"{self.measures[m]}, %" for m in shown), _("Verdict"))
            if rows:
                numeric = range(1, len(shown) + 1)
                parts += [markup.tag("h2", title), markup.table(title, columns, rows, numeric=numeric)]
        return markup.join(parts)

    def _cell(self, figure: Figure | None) -> Html | str:
        if figure is None or not figure.bounded:
            return "–" if figure is None else percent(figure)
        given = bound(figure)
        if figure.measure == "power":
            promise = self.study.details[figure.scenario]["promised_power"]
            given = self._("promised {promise}").format(promise=f"{100 * promise:.1f}")
        text = markup.tag("strong", f"{percent(figure)} ✗") if figure.missed else Html(markup.escape(percent(figure)))
        return Html(f"{text.text}<br>{markup.tag('span', given, class_='ek-soft').text}")

    def _verdict(self, figures: list[Figure | None]) -> Html | str:
        _ = self._
        given = [f for f in figures if f is not None and f.bounded]
        if any(f.missed for f in given):
            return markup.tag("strong", _("✗ missed"))
        return _("✓ kept") if any(f.measure != "power" for f in given) else _("measured")

    def shortcuts(self) -> Html:
        """Return false claims and coverage of each usual shortcut, beside evalkit's on the same banks."""
        _ = self._
        parts = [markup.tag("h2", _("The usual shortcuts on the same banks"))]
        for measure in ("false_achieved", "coverage"):
            rows = []
            for bank in (s.id for s in self.study.scenarios if not s.looks):
                told = [self.found.get((bank, measure, method)) for method in self.methods]
                rows.append((self.titles[bank], *("–" if figure is None else percent(figure) for figure in told)))
            parts.append(markup.table(f"{self.measures[measure]}, %", (_("Bank"), *self.methods.values()), rows))
        alone = self.found.get(("family", "false_achieved", "unadjusted"))
        if alone:
            text = _("Without adjustment any of the four goals is falsely “achieved” in {rate} % of banks.")
            parts.append(markup.tag("p", markup.prose(text.format(rate=percent(alone)))))
        return markup.join(parts)

    def notes(self) -> Html:
        """Return how the figures are to be read."""
        _ = self._
        notes = (
            _(
                "All figures are percentages of replicates, ± their Monte-Carlo standard error. A figure misses when "
                "its 99 % Wilson interval lies wholly outside the bound under it."
            ),
            _(
                "Every bank draws its branches, its effects and its months anew; the truth is the expected contrast "
                "over all such banks. Coverage is of the replicates that could be evaluated, false claims of all."
            ),
            _(
                "Coverage is that of the 95 % interval. Above 97 % it misses too, but for repeated intervals, under 10 "
                "expected events and under 4 effective branches. Under 500 skewed records an arm, rates are only told."
            ),
            _(
                "The power promised is what evalkit itself promises when given the true variance, at an effect that "
                "four of five banks should show; where months' shocks are estimated, what that costs is part of it. It must be "
                "kept within 3 points and the true variance's own error."
            ),
            _("Seed {seed}; the same seed gives the same figures.").format(seed=self.study.seed),
        )
        return markup.tag("h2", _("How to read this")) + markup.items(map(markup.prose, notes))

    def record(self) -> Record:
        """Return the study as data, which `python -m calibration` collects."""
        data: dict[str, Any] = {"id": "method-validation", **self.study.to_dict()}
        return Record(data)


def percent(figure: Figure) -> str:
    """Return a rate in per cent with its Monte-Carlo standard error.

    >>> percent(Figure(scenario="", measure="coverage", method="", count=1900, of=2000))
    '95.0 ± 0.5'
    """
    if not figure.of:
        return "–"
    p = (figure.count + 2) / (figure.of + 4)  # else none of 2000 would be without error (Agresti and Coull 1998)
    error = math.sqrt(p * (1 - p) / figure.of)
    return f"{100 * figure.rate:.1f} ± {100 * error:.1f}"


def bound(figure: Figure) -> str:
    """Return a figure's bounds in per cent."""
    if figure.least is None:
        return f"≤ {100 * (figure.most or 0):g}"
    low = f"{100 * figure.least:.3g}"
    return f"≥ {low}" if figure.most is None else f"{low}–{100 * figure.most:.3g}"
