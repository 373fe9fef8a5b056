"""`reports/index.html`: every published period, what changed between them, all results as one table.

Everything on it comes from the ledger and the published results files.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from evalkit import formats, markup, tables, wording
from evalkit.errors import ParameterError
from evalkit.formats import Language
from evalkit.markup import Html, tag
from evalkit.periods import Period, parse_date, parse_period, previous_period
from evalkit.publish import all_results, html, ledger, study_notes
from evalkit.publish import issues as published
from evalkit.publish.provenance import file_hash
from evalkit.publish.swap import REVISIONS

_DAY = timedelta(days=1)
_NAMES: dict[Language, tuple[Html, str]] = {
    "en": (tag("span", "English", lang="en"), "index.html"),
    "zh": (tag("span", "中文", lang="zh-Hans"), "index.zh.html"),
}


def page_name(stem: str, language: Language) -> str:
    """Return a page's file name without its ending: `index`, or `index.zh` beside it."""
    return stem if language == "en" else f"{stem}.{language}"


def refresh(out: Path) -> None:
    """Write index and table of all results anew."""
    for name, text in texts(out).items():
        ledger.replace_text(out / name, text)


def texts(out: Path, also: Period | None = None) -> dict[str, str]:
    """Return index and table of all results by file name, `also` with a period that is not in the ledger yet.

    The index is in every language in which a period is published. index.html is what a folder opens with: the English
    one, or where no period is published in English, a copy of the other. The table's titles are in its language.
    """
    study = json.loads((out / ledger.STUDY).read_text(encoding="utf-8"))
    found = _issues(out, also)
    pages = {key: f"{page_name('index', key)}.html" for key in wording.LANGUAGES}
    languages = [key for key in pages if any((i.folder / pages[key]).exists() for i in found)] or ["en"]
    made = {}
    for language in languages:
        other = [_NAMES[key] for key in languages if key != language]
        made[pages[language]] = _Page(study, found, language).text(other)
    made.setdefault(pages["en"], made[pages[languages[0]]])
    titles = {} if languages[0] == "en" else _titles(study, languages[0])
    table = all_results.as_csv(((issue.number, issue.result) for issue in found), titles)
    return {**made, all_results.NAME: table}


def _titles(study: Mapping[str, Any], language: Language) -> dict[str, str]:
    """Return the titles of goals and indicators in a language, as far as the folder's card has them."""
    known = {**study.get("indicators", {}), **study.get("goals", {})}
    return {key: titles[language] for key, titles in known.items() if language in titles}


def hashes(made: Mapping[str, str]) -> dict[str, str]:
    """Return the hash of each of these texts as a file, by name."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in made.items()}


def altered(out: Path, recorded: Mapping[str, str]) -> Iterator[str]:
    """Yield what is not as it was last written (`hashes`) of index and table of all results."""
    names = {*recorded, all_results.NAME, *(f"{page_name('index', language)}.html" for language in wording.LANGUAGES)}
    for name in sorted(names):
        path = out / name
        if not path.is_file():
            if name in recorded:
                yield f"{name}: the file is missing."
        elif name not in recorded:
            yield f"{name}: the file was added after publication."
        elif file_hash(path) != recorded[name]:
            yield f"{name}: the file was altered after publication (its hash is not the ledger's)."


def neighbours(out: Path, period: Period, stem: str, language: Language) -> list[tuple[str, str]]:
    """Return (text, href) of a page's links to the published periods that adjoin its own.

    A page is not written anew when another period is published, so it leads only where nothing can come between; to all
    others it leads by the index, at its own row.
    """
    others = [issue for issue in _issues(out) if issue.period != period]
    links = []
    for text, beside in (
        ("← {period}", [one for one in others if one.period.end + _DAY == period.start]),
        ("{period} →", [one for one in others if period.end + _DAY == one.period.start]),
    ):
        if beside:
            alike = min(beside, key=lambda one: abs(one.period.window.days - period.window.days))
            links.append((text.format(period=alike.period), f"../{alike.link(stem, language)}"))
    return links


def row_of(period: Period, language: Language) -> str:
    """Return the link from a period's page to its row in the index, where earlier and later periods stand beside it."""
    return f"../{page_name('index', language)}.html#p-{period.slug}"


@dataclass(frozen=True, slots=True)
class _Issue:
    """A published period: its days, folder, results, the number of its issue, its study file's hash and content."""

    period: Period
    folder: Path
    result: Mapping[str, Any]
    number: int
    study: str | None = None
    plan: Mapping[str, Any] | None = None

    @property
    def cutoff(self) -> date:
        """The data cut-off; the period's end where an altered one cannot be read."""
        try:
            return parse_date(self.result.get("as_of"))
        except ParameterError:
            return self.period.end

    def goal(self, identifier: str) -> Mapping[str, Any] | None:
        return next((goal for goal in self.result["goals"] if goal["id"] == identifier), None)

    def link(self, stem: str, language: Language, revision: int | None = None) -> str:
        """Return the link to a page from the index: in this language where there is one, else in the other."""
        place = f"{REVISIONS}/{revision}/" if revision else ""
        names = [f"{place}{page_name(one, choice)}.html" for one in (stem, "index") for choice in _first(language)]
        return f"{self.folder.name}/{next((name for name in names if (self.folder / name).exists()), names[0])}"


def _first(language: Language) -> tuple[Language, ...]:
    return (language, *(other for other in wording.LANGUAGES if other != language))


def _issues(out: Path, also: Period | None = None) -> list[_Issue]:
    """Return the periods in the ledger, and one more, that stand in the folder and can be read, the latest first.

    A year stands before its last quarter: it is the later of the two, having the quarter in it.
    """
    found, named = [], {entry["period"] for entry in ledger.entries(out)} | ({also.label} if also else set())
    for period in map(parse_period, named):
        standing = published.read(out, period)
        if standing is not None and standing.results:
            study, plan = standing.made_from.get("study"), standing.plan if isinstance(standing.plan, Mapping) else None
            found.append(_Issue(period, out / period.slug, standing.results, standing.number, study, plan))
    return sorted(found, key=lambda issue: (issue.period.end, issue.period.window.days), reverse=True)


def _before(period: Period, issues: Sequence[_Issue]) -> _Issue | None:
    """Return the published period that ends last before this one starts; of several, the one most like it in length."""
    return max(
        (issue for issue in issues if issue.period.end < period.start),
        key=lambda issue: (issue.period.end, -abs(issue.period.window.days - period.window.days)),
        default=None,
    )


class _Page:
    """The index in one language."""

    def __init__(self, study: Mapping[str, Any], issues: Sequence[_Issue], language: Language) -> None:
        self.study, self.issues, self.language = study, issues, language
        self._ = wording.translator(language)
        self.titles = {goal["id"]: goal["title"] for issue in reversed(issues) for goal in issue.result["goals"]}
        self.titles |= {key: title for key, title in _titles(study, language).items() if key in self.titles}
        often = Counter(self.titles.values())
        self.titles = {key: f"{title} ({key})" if often[title] > 1 else title for key, title in self.titles.items()}
        self.kinds = {goal["id"]: goal.get("kind") for issue in reversed(issues) for goal in issue.result["goals"]}
        self.replanned = {issue.period: told for issue in issues if (told := self._replanned(issue))}

    def text(self, links: Sequence[tuple[Html, str]]) -> str:
        _ = self._
        title = self.study["title"].get(self.language, self.study["id"])
        lead = tag("p", _("Every published period, the latest first, with the verdict on each goal."))
        parts = (
            tag("h1", title),
            lead,
            self._search(),
            self._periods(),
            self._notes(),
            self._history(),
            self._changes(),
        )
        return html.document(title, markup.join((*parts, self._earlier(), self._files())), self.language, links)

    def _replanned(self, issue: _Issue) -> str:
        """Say what is not as in the plan of the period before; nothing where no goal is judged otherwise for it."""
        _, earlier = self._, _before(issue.period, self.issues)
        if earlier is None or None in (issue.study, earlier.study) or issue.study == earlier.study:
            return ""
        words = {"period": issue.period, "earlier": earlier.period}
        if not (issue.plan and earlier.plan):
            told = _("{period} was evaluated under another study file than {earlier}; what differs is not on record.")
            return told.format(**words)
        changes = [c for c in published.study_changes(earlier.plan, issue.plan) if not study_notes.is_beside(c)]
        if not changes:
            return ""
        listed = study_notes.told(changes, self.language, self.titles, self.kinds)
        told = _("{period} was evaluated under a changed plan, not that of {earlier}: {changes}.")
        return told.format(changes=("；" if self.language == "zh" else "; ").join(listed), **words)

    def _mark(self, issue: _Issue) -> str:
        """The mark of a period under another plan than the one before, leading to what changed; else nothing."""
        if issue.period not in self.replanned:
            return ""
        link = tag("a", self._("changed plan"), href=f"#plan-{issue.period.slug}")
        return f"<br>{tag('strong', link).text}"

    def _notes(self) -> Html:
        """What keeps periods from being compared as they stand: another plan, or another cut-off than its own end."""
        told = [tag("span", markup.prose(text), id=f"plan-{period.slug}") for period, text in self.replanned.items()]
        later = self._(
            "{period} stands with the data cut-off {then}; the page of {later} compares with it as it was at its own"
            " end, {own}."
        )
        following = {previous_period(issue.period): issue.period for issue in self.issues}
        for issue in self.issues:
            if issue.cutoff != issue.period.end and issue.period in following:
                then, own = (formats.day(day, self.language) for day in (issue.cutoff, issue.period.end))
                words = {"period": issue.period, "later": following[issue.period], "then": then, "own": own}
                told.append(markup.prose(later.format(**words)))
        return markup.items(told)

    def _search(self) -> Html:
        label = tag("label", self._("Search periods and verdicts"), for_="ek-search")
        return Html(
            f'<form class="ek-filter" role="search" data-rows="#periods tbody tr" hidden>{label.text}'
            '<input type="search" id="ek-search" autocomplete="off"><output for="ek-search"></output></form>'
        )

    def _periods(self) -> Html:
        columns = (self._("Period"), *self.titles.values())
        rows = [(self._name(issue), *(self._verdict(issue, goal) for goal in self.titles)) for issue in self.issues]
        return Html(f'<div id="periods">{markup.table(self._("Verdicts by period"), columns, rows).text}</div>')

    def _name(self, issue: _Issue) -> Html:
        days = tag("span", formats.span(issue.period.start, issue.period.end, self.language), class_="ek-soft")
        link = tag("a", issue.period, href=issue.link("index", self.language), id=f"p-{issue.period.slug}")
        return Html(f"{link.text}<br>{days.text}{self._mark(issue)}")

    def _verdict(self, issue: _Issue, identifier: str) -> Html | str:
        goal = issue.goal(identifier)
        if goal is None:
            return "–"
        badge = tables.badge(goal["verdict"], self.language)
        return tag("a", badge, href=issue.link(identifier, self.language))

    def _estimate(self, issue: _Issue, identifier: str) -> str:
        goal = issue.goal(identifier) or {}
        found = (goal.get("evaluations") or {}).get("period") or {}
        if found.get("estimate") is None:
            return "–"
        shown = [found["estimate"], *found["ci"]]
        points = self._("percentage points")
        form = formats.quantity(
            goal["kind"], found["scale"], shown, target=found["target_value"], points=points, language=self.language
        )
        return form.text(found["estimate"])

    def _history(self) -> Html:
        """One strip a goal, the oldest period first: verdict as colour, shape and word, and the estimate."""
        parts = [tag("h2", self._("Verdict history"))]
        for identifier, title in self.titles.items():
            cells = [
                markup.join(
                    (
                        Html(f"<span>{markup.escape(issue.period)}{self._mark(issue)}</span>"),
                        Html(markup.escape(self._verdict(issue, identifier))),
                        tag("span", self._estimate(issue, identifier), class_="ek-soft"),
                    )
                )
                for issue in reversed(self.issues)
            ]
            parts += [tag("h3", title), markup.items(cells, class_="ek-strip")]
        return markup.join(parts)

    def _changes(self) -> Html:
        """The verdicts that differ from those of the period before."""
        _, rows, compared = self._, [], 0
        for issue in self.issues:
            earlier = _before(issue.period, self.issues)
            if earlier is None:
                continue
            compared += 1
            names = published.renamed(earlier.plan, issue.plan)
            between = Html(f"{markup.escape(f'{earlier.period} → {issue.period}')}{self._between(issue)}")
            for identifier, title in self.titles.items():
                if identifier in names.values():
                    continue
                sides = (earlier, names.get(identifier, identifier)), (issue, identifier)
                one, other = (side.goal(name) for side, name in sides)
                if (one and one["verdict"]) != (other and other["verdict"]):
                    cells = [f(*side) for f in (self._verdict, self._estimate) for side in sides]
                    rows.append((between, title, *cells))
        if not compared:
            return Html("")
        heading = tag("h2", _("What changed from period to period"))
        if not rows:
            return heading + tag("p", _("No verdict differs from that of the period before."))
        told = (_("Verdict before"), _("Verdict after"), _("Estimate before"), _("Estimate after"))
        return heading + markup.table(
            _("Verdicts that changed"), (_("Periods"), _("Goal"), *told), rows, numeric=(4, 5)
        )

    def _between(self, issue: _Issue) -> str:
        """What stands beside a verdict that changed together with the plan; else nothing."""
        if issue.period not in self.replanned:
            return ""
        link = tag("a", self._("the plan changed between the two"), href=f"#plan-{issue.period.slug}")
        return f"<br>{tag('strong', link).text}"

    def _earlier(self) -> Html:
        parts = []
        for issue in self.issues:
            if issue.number > 1:
                told = self._("Earlier issues of {period}").format(period=issue.period)
                links = [
                    tag(
                        "a",
                        self._("Issue {number}").format(number=number),
                        href=issue.link("index", self.language, number),
                    )
                    for number in range(1, issue.number)
                ]
                parts += [tag("h2", told), markup.items(links)]
        return markup.join(parts)

    def _files(self) -> Html:
        _ = self._
        told = _(
            "One row per period, goal and window, the columns named as in results.json: before_ and after_ are the"
            " two arms, change_ a level against its baseline, flags the codes of the cautions. verdict is the one that"
            " counts, beside the study's other goals; verdict_alone is the window's own."
        )
        links = [tag("a", name, href=name) for name in (all_results.NAME, ledger.LEDGER)]
        return markup.join((tag("h2", _("All results as one table")), tag("p", told), markup.items(links)))
