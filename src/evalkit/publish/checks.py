"""What must be right before a kernel starts: page names, the notebooks' parameters, and whose folder it is."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit import wording
from evalkit.errors import StudyError
from evalkit.publish import notebooks as books

if TYPE_CHECKING:
    from evalkit.study import Study
    from evalkit.study.model_values import Titled

RESERVED = ("index", "context")


def check_names(study: Study) -> None:
    """Raise StudyError when a goal would take the place of one of a report's own pages."""
    taken = [goal.id for goal in study.goals if goal.id in RESERVED]
    if taken:
        raise StudyError(
            f"{study.path}: a goal has the id '{name}', which is the name of a page of every report; choose another id."
            for name in taken
        )


def check_notebooks(source: Path, cutoff: date | None) -> None:
    """Raise ParameterError when a notebook does not declare a parameter that it will be given."""
    given = ["study", "period", "language", *(["as_of"] if cutoff else [])]
    for page, names in (("index", given), ("context", given), ("", [*given, "goal"])):
        path = books.notebook_of(source, page)
        books.check_parameters(books.read(path), path.name, names)


def study_card(study: Study) -> dict[str, Any]:
    """Return what `study.json` says: which study the folder belongs to, and its titles in both languages.

    Indicators stand in it where there are some.
    """

    def both(named: Titled) -> dict[str, str]:
        return {language: wording.title(named, language) for language in wording.LANGUAGES}

    goals, others = ({one.id: both(one) for one in part} for part in (study.goals, study.indicators))
    card = {"schema": 1, "id": study.id, "title": both(study), "goals": goals}
    return {**card, "indicators": others} if others else card
