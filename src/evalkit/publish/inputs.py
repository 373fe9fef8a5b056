"""What a run is given: its settings, and the study with the hashes its records had before anything was read."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit import wording
from evalkit.formats import Language
from evalkit.periods import Period
from evalkit.publish import checks, pdf
from evalkit.publish import notebooks as books
from evalkit.publish.provenance import data_files, data_hashes, provenance
from evalkit.publish.runner import Progress
from evalkit.session import OpenStudy, needed_sources, open_study

KERNEL = "python3"

if TYPE_CHECKING:
    from evalkit.results import StudyResult


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to publish; `timeout` is in seconds, per notebook, `notebooks` a folder of own ones.

    Raises ParameterError for a language, folder or tool that is not there.
    """

    out: Path = Path("reports")
    language: Language = "en"
    jobs: int | None = None
    force: bool = False
    notebooks: Path | None = None
    timeout: float = 600
    kernel: str = KERNEL
    progress: Progress | None = None
    as_pdf: bool = False

    def __post_init__(self) -> None:
        wording.check_language(self.language)
        object.__setattr__(self, "notebooks", books.locate(self.notebooks))
        object.__setattr__(self, "out", self.out.expanduser().resolve())
        if self.as_pdf:
            pdf.browser()

    @property
    def source(self) -> Path:
        """The folder of the notebooks."""
        return books.locate(self.notebooks)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """An opened study, and what its records and notebooks were when it was opened."""

    study: OpenStudy
    source: Path
    data: Mapping[str, Mapping[str, str]]

    @property
    def all_hashed(self) -> bool:
        """Whether every source that counts has files, whose hashes tell that it has not changed."""
        file = self.study.file
        return set(needed_sources((*file.goals, *file.indicators))) <= set(self.data)

    def made_from(self, period: Period, cutoff: date | None) -> dict[str, Any]:
        """Return the provenance of a period's results."""
        file, until = self.study.file, cutoff or period.end
        return provenance(file, period=period.label, as_of=until, notebooks=self.source, data=self.data)

    def evaluate(self, period: Period, cutoff: date | None) -> StudyResult:
        """Return a period's results with their provenance."""
        result = self.study.evaluate_period(period, as_of=cutoff)
        return dataclasses.replace(result, provenance=self.made_from(period, cutoff))

    def changed(self) -> list[str]:
        """Return the files that are no longer what they were when the study was opened."""
        file = self.study.file
        now = data_hashes(data_files(file), file.folder)
        found = [
            f"{name} of source '{source}'"
            for source in sorted({*self.data, *now})
            for name in sorted({*self.data.get(source, {}), *now.get(source, {})})
            if self.data.get(source, {}).get(name) != now.get(source, {}).get(name)
        ]
        same = hashlib.sha256(file.path.read_bytes()).hexdigest() == file.hash
        return found if same else [file.path.name, *found]


def open_inputs(study_path: str | Path | None, source: Path) -> Inputs:
    """Open a study and hash its records before they are read. Raises StudyError, RecordsError, ParameterError."""
    study = open_study(study_path)
    checks.check_names(study.file)
    return Inputs(study=study, source=source, data=data_hashes(data_files(study.file), study.file.folder))
