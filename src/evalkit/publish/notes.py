"""What a page says of its history: changes since the issue before and the lodged plan, and earlier looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit import formats, markup, wording
from evalkit.errors import ParameterError
from evalkit.formats import Language
from evalkit.markup import Html
from evalkit.periods import Period, parse_date, previous_period
from evalkit.publish import issues, ledger, study_notes
from evalkit.publish.compare import ABSENT, shown
from evalkit.publish.issues import study_changes

if TYPE_CHECKING:
    from evalkit.study import Study


def plan_facts(out: Path, study: str, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how the study file differs from the one first published here, and since when; None where it does not."""
    lodged = ledger.card(out).get("plan") or {"study": study, "content": plan}
    changes = study_changes(lodged["content"], plan) if plan else []
    if not changes:
        return None
    known: dict[str, dict[str, Any]] = {}
    for entry in ledger.entries(out):
        told = {"period": entry["period"], "issue": entry["issue"], "day": entry["time"][:10]}
        known.setdefault((entry.get("made_from") or {}).get("study", ""), told)
    later = [told for used, told in known.items() if used not in ("", lodged["study"])]
    return {"changed": later, "now": study not in known, "changes": changes}


def lodged_facts(out: Path, study: Study, period: Period, issue: int) -> dict[str, Any] | None:
    """Return with which issue the plan was lodged, and how many of the programme's periods were over by then.

    That is this issue, today, where nothing is published yet. None where the ledger does not tell.
    """
    plan = ledger.card(out).get("plan")
    found: dict[str, Any] = {"period": period.label, "issue": issue, "day": ledger.now().date().isoformat()}
    if plan is not None:
        made = (e for e in ledger.entries(out) if (e.get("made_from") or {}).get("study") == plan["study"])
        first = next(made, None)
        if first is None:
            return None
        found = {"period": first["period"], "issue": first["issue"], "day": first["time"][:10]}
    day = date.fromisoformat(found["day"])
    return {
        **found,
        "this": (found["period"], found["issue"]) == (period.label, issue),
        "ended": len(study.periods(day - timedelta(days=1))),
        "over": period.end < day,
    }


def last_facts(out: Path, study: Study, period: Period, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how the period before stands published, where that is with another cut-off than its own end or plan.

    A period's page compares with the one before as it was at its own end and as its own plan judges it, so that the
    page can be made again from study and records alone; what stands published may then be another figure.
    """
    before = previous_period(period)
    standing = issues.read(out, before) if before.end >= study.programme_start else None
    if standing is None or not standing.results:
        return None
    try:
        cutoff = parse_date(standing.results.get("as_of"))
    except ParameterError:
        return None  # altered, which `verify` tells
    changes = study_changes(standing.plan, plan) if standing.plan and plan else []
    replanned = not all(map(study_notes.is_beside, changes))
    if cutoff == before.end and not replanned:
        return None
    goals = [
        {"id": goal["id"], "kind": goal["kind"], "verdict": goal["verdict"], **_estimate_of(goal)}
        for goal in standing.results.get("goals", ())
    ]
    return {
        "period": before.label,
        "issue": standing.number,
        "as_of": [cutoff.isoformat(), before.end.isoformat()],
        "replanned": replanned,
        "goals": goals,
    }


def _estimate_of(goal: Mapping[str, Any]) -> dict[str, Any]:
    found = goal["evaluations"]["period"]
    return {key: found[key] for key in ("scale", "estimate", "ci", "target_value")}


def history(
    facts: Mapping[str, Any],
    language: Language,
    titles: Mapping[str, str],
    goal: str | None = None,
    *,
    last: bool = False,
) -> Html:
    """Return what a page says of its history; nothing where there is nothing to say.

    `last` is for the page that compares with the period before.
    """
    told, lodged = [], facts.get("lodged")
    if lodged and lodged["over"] and not facts["study_changed"]:
        # without the day: what a page says must not depend on the day of the run more than it has to
        told.append(markup.tag("p", _lodged(lodged, language, dated=False), class_="ek-soft", id="lodged"))
    if facts["revision"]:
        told.append(revision_note(facts["revision"], language, titles, goal))
    if facts["study_changed"]:
        told.append(plan_note(facts["study_changed"], lodged, language, titles, _kinds(facts["revision"])))
    told.append(looks_note(facts["looks"], language, titles, goal))
    if last and facts.get("last"):
        told.append(last_note(facts["last"], language, titles))
    return markup.join(told)


def _lodged(facts: Mapping[str, Any], language: Language, *, dated: bool) -> str:
    """Say when the plan was lodged, and which periods were over by then: what they show was no secret to it."""
    _ = wording.translator(language)
    if facts["this"]:
        first = _("The plan was lodged with this issue, the first publication.")
    else:
        issue = _issue(facts, language) if dated else _look(facts, language)
        first = _("The plan was lodged with the first publication: {issue}.").format(issue=issue)
    if facts["over"]:
        then = (
            _("By then {number} of the programme's periods had ended, this one among them: nothing was pre-registered.")
            if facts["ended"] > 1
            else _("By then this period had ended: nothing was pre-registered.")
        )
    elif facts["ended"]:
        then = _("By then {number} of the programme's periods had ended, this one not.")
    else:
        return first
    return ("" if language == "zh" else " ").join((first, then.format(number=facts["ended"])))


def last_note(facts: Mapping[str, Any], language: Language, titles: Mapping[str, str]) -> Html:
    """Return the part that says how the period before stands published, where its cut-off or plan is another one."""
    _ = wording.translator(language)
    then, own = (formats.day(date.fromisoformat(day), language) for day in facts["as_of"])
    told = [
        _("“Since {period}” on this page compares with {period} cut off on {own}, its own end, by this page's plan.")
    ]
    if then != own:
        told.append(_("Its published report (issue {number}) was cut off on {then}."))
    if facts["replanned"]:
        told.append(_("Its published report (issue {number}) was made under another plan."))
    words = {"period": facts["period"], "own": own, "number": facts["issue"], "then": then}
    told = [text.format(**words) for text in (*told, _("That report says:"))]
    intro = markup.tag("p", ("" if language == "zh" else " ").join(told))
    heading = markup.tag("h2", _("How the period before stands published"), id="last")
    lines = [
        _("{title}: {verdict}, {estimate}").format(
            title=titles.get(goal["id"], goal["id"]),
            verdict=wording.verdict(goal["verdict"], language),
            estimate=_estimates(goal["kind"], goal, None, language)[0],
        )
        for goal in facts["goals"]
    ]
    return markup.join((heading, intro, markup.items(map(markup.prose, lines))))


def plan_note(
    facts: Mapping[str, Any],
    lodged: Mapping[str, Any] | None,
    language: Language,
    titles: Mapping[str, str],
    kinds: Mapping[str, str | None],
) -> Html:
    """Return the part that reports a study file changed after the plan was lodged (`study_changed`)."""
    _ = wording.translator(language)
    parts = [markup.tag("h2", _("The study file has changed since the plan was lodged"), id="study_changed")]
    if lodged is not None:
        parts.append(markup.tag("p", _lodged(lodged, language, dated=True)))
    since = [_issue(told, language) for told in facts["changed"]] + ([_("this issue")] if facts["now"] else [])
    told = _("Issues that were the first made with a changed study file: {issues}.")
    parts.append(markup.tag("p", told.format(issues=_listed(since, language))))
    if all(map(study_notes.is_beside, facts["changes"])):
        parts.append(markup.tag("p", _("None of the changed keys enters how a goal is judged.")))
    parts.append(markup.items(map(markup.prose, study_notes.told(facts["changes"], language, titles, kinds))))
    return markup.join(
        (*parts, study_notes.table(facts["changes"], language, (_("Planned"), _("Now")), _("Planned and now")))
    )


def revision_note(
    facts: Mapping[str, Any], language: Language, titles: Mapping[str, str], goal: str | None = None
) -> Html:
    """Return the part that says what is not as in the issue before, and why; of one goal's results or of all."""
    _ = wording.translator(language)
    number = facts["old"]["issue"]
    rows = [row for one in facts["goals"] if goal in (None, one["id"]) for row in _rows(one, language, titles)]
    columns = (_("Goal"), _("Verdict then"), _("Verdict now"), _("Estimate then"), _("Estimate now"))
    caption = _("Results that differ from issue {number}").format(number=number)
    results = (
        markup.table(caption, columns, rows)
        if rows
        else markup.tag("p", _("Verdicts and estimates are the same as then."))
    )
    heading = markup.tag("h2", _("What changed since issue {number}").format(number=number), id="revision")
    changes = facts["study"]["changes"] or ()
    heads = _("Then"), _("Now")
    raw = study_notes.table(changes, language, heads, _("The study file then and now")) if changes else Html("")
    return markup.join((heading, markup.items(_causes(facts, language, titles)), raw, results))


def _kinds(facts: Mapping[str, Any] | None) -> dict[str, str | None]:
    return {goal["id"]: goal["kind"] for goal in facts["goals"]} if facts else {}


def _causes(facts: Mapping[str, Any], language: Language, titles: Mapping[str, str]) -> Iterator[str]:
    _ = wording.translator(language)
    if facts["data"]:
        files = _listed((f"{one['source']} ({one['file']})" for one in facts["data"]), language)
        yield _("Other records: {files}.").format(files=files)
    if facts["sources"]["gone"]:
        told = _("Record files no longer read: {sources}.")
        yield told.format(sources=_listed(facts["sources"]["gone"], language))
    if facts["sources"]["new"]:
        yield _("Record files now read too: {sources}.").format(sources=_listed(facts["sources"]["new"], language))
    changes = facts["study"]["changes"] or ()
    if changes:
        yield _("Another study file: {keys}.").format(
            keys=_listed(study_notes.told(changes, language, titles, _kinds(facts)), language)
        )
    elif not facts["study"]["same"]:
        yield _("Another study file.")
    if not facts["code"]["same"]:
        yield _("Other code of evalkit or of the notebooks.")
    if facts["versions"]:
        named = (f"{one['key']} {shown(one['old'])} → {shown(one['new'])}" for one in facts["versions"])
        yield _("Other versions: {versions}.").format(versions=_listed(named, language))
    before, after = (date.fromisoformat(facts[side]["as_of"]) for side in ("old", "new"))
    if before != after:
        told = _("Another data cut-off: {old} then, {new} now.")
        yield told.format(old=formats.day(before, language), new=formats.day(after, language))


def _rows(goal: Mapping[str, Any], language: Language, titles: Mapping[str, str]) -> Iterator[Sequence[object]]:
    _ = wording.translator(language)
    name = titles.get(goal["id"]) or goal["title"] or goal["id"]
    for window, (one, other) in goal["windows"].items():
        verdicts = goal["verdict"] if window == "period" else [side and side["verdict"] for side in (one, other)]
        if one == other and verdicts[0] == verdicts[1]:
            continue
        text = name if window == "period" else f"{name}: {_('Since implementation')}"
        told = [wording.verdict(v, language) if v or goal["verdict"] == [None, None] else ABSENT for v in verdicts]
        yield (text, *told, *_estimates(goal["kind"], one, other, language))


def _estimates(kind: str, one: Any, other: Any, language: Language) -> tuple[str, str]:
    sides = [side if side and side["estimate"] is not None else None for side in (one, other)]
    figures = [value for side in sides if side for value in (side["estimate"], *side["ci"])]
    scale = next((side["scale"] for side in sides if side), "level")
    points = wording.translator(language)("percentage points")
    form = formats.quantity(kind, scale, figures, points=points, language=language)
    before, after = (
        "{} ({})".format(form.text(s["estimate"]), form.interval(*s["ci"])) if s else ABSENT for s in sides
    )
    return before, after


def looks_note(
    looks: Sequence[Mapping[str, Any]], language: Language, titles: Mapping[str, str], goal: str | None = None
) -> Html:
    """Return the part that names the earlier looks published from other records (`publish.looks.other_looks`).

    A goal's page tells its own figures only, and nothing where they are the same.
    """
    _ = wording.translator(language)
    looks = [look for look in looks if goal is None or any(one["id"] == goal for one in look["goals"])]
    if not looks:
        return Html("")
    told = _(
        "“Since implementation” is the answer over all looks, one at each period's end, and every look is taken from"
        " the records as they are now. What was published at the looks below came from other records, or by another"
        " study file."
    )
    heading = markup.tag("h2", _("An earlier look used other records"), id="looks")
    rows = [
        (titles.get(one["id"]) or one["id"], _look(look, language), *_then_and_now(one, language))
        for look in looks
        for one in look["goals"]
        if goal in (None, one["id"])
    ]
    columns = (_("Goal"), _("Look"), _("Records then"), _("Records now"), _("Estimate then"), _("Estimate now"))
    caption = _("Earlier looks then and now (records: baseline / since implementation)")
    table = markup.table(caption, columns, rows) if rows else Html("")
    return markup.join((heading, markup.tag("p", told), markup.items(_cutoffs(looks, language)), table))


def _cutoffs(looks: Iterable[Mapping[str, Any]], language: Language) -> Iterator[str]:
    told = wording.translator(language)("{look}: published with the data cut-off {then}; the look's own is {now}.")
    for look in looks:
        then, now = (formats.day(date.fromisoformat(day), language) for day in look["as_of"])
        if then != now:
            yield told.format(look=_look(look, language), then=then, now=now)


def _look(look: Mapping[str, Any], language: Language) -> str:
    told = wording.translator(language)("{period}, issue {number}")
    return told.format(period=look["period"], number=look["issue"])


def _then_and_now(goal: Mapping[str, Any], language: Language) -> tuple[str, ...]:
    """Return records then and now and estimates then and now, those with decimals enough to tell them apart."""
    sides, points = goal["to_date"], wording.translator(language)("percentage points")
    counts = [
        " / ".join(formats.count(side[f"records_{arm}"]) for arm in ("before", "after")) if side else ABSENT
        for side in sides
    ]
    estimates = []
    for side in sides:
        scale = side["scale"] if side else None
        values = [one["estimate"] for one in sides if one and one["scale"] == scale]
        form = formats.quantity(
            goal["kind"], scale or "level", values, target=next(iter(values), None), points=points, language=language
        )
        estimates.append(form.text(side["estimate"]) if side else ABSENT)
    return (*counts, *estimates)


def _issue(told: Mapping[str, Any], language: Language) -> str:
    _ = wording.translator(language)
    day = formats.day(date.fromisoformat(told["day"]), language)
    return _("{period}, issue {number}, published on {day}").format(
        period=told["period"], number=told["issue"], day=day
    )


def _listed(texts: Iterable[str], language: Language) -> str:
    return ("；" if language == "zh" else "; ").join(texts)


def put_into(notebook: Any, note: str) -> None:
    """Insert a note before the first part that has a heading of the second order, else at the end."""
    import nbformat

    note = "\n".join(line for line in note.splitlines() if line.strip())  # Markdown begins anew after an empty line
    cell = nbformat.v4.new_markdown_cell(  # type: ignore[no-untyped-call]
        note, id="history", metadata={"tags": ["history"]}
    )
    notebook.cells.insert(
        next((i for i, c in enumerate(notebook.cells) if "<h2" in _shown(c)), len(notebook.cells)), cell
    )


def _shown(cell: Any) -> str:
    return "".join("".join(out.get("data", {}).get("text/html", "")) for out in cell.get("outputs", ()))
