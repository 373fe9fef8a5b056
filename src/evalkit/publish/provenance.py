"""What a report was made from: hashes of study, data and code, versions, parameters. No times here."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalkit.study import Study

PACKAGES = (
    "babel",
    "duckdb",
    "evalkit",
    "ibis-framework",
    "matplotlib",
    "nbclient",
    "nbconvert",
    "numpy",
    "pandas",
    "papermill",
    "pyarrow",
    "scipy",
    "statsmodels",
)
_CODE = {".py", ".po", ".j2", ".css", ".js", ".json"}


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_hashes(files: Mapping[str, Iterable[Path]], folder: Path) -> dict[str, dict[str, str]]:
    """Return the hash of each record file, by source and by the name results give it; no folder of this machine."""
    from evalkit.records.opening import labelled

    return {
        source: {label: file_hash(path) for label, path in sorted(labelled(sorted(paths), folder).items())}
        for source, paths in sorted(files.items())
    }


def code_hash(notebooks: Path) -> str:
    """Return one hash over the package's own files and the cells (not the outputs) of the notebooks that make pages."""
    from evalkit.publish.notebooks import CONTEXT, GOAL_REPORT, PERIOD_REPORT, source_hash

    package = Path(__file__).resolve().parent.parent
    parts = {
        path.relative_to(package).as_posix(): file_hash(path)
        for path in package.rglob("*")
        if path.suffix in _CODE and "__pycache__" not in path.parts
    }
    pages = [path for name in (CONTEXT, GOAL_REPORT, PERIOD_REPORT) if (path := notebooks / name).is_file()]
    parts |= {f"notebooks/{path.name}": source_hash(path) for path in pages}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that numbers and pages depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def provenance(
    study: Study,
    *,
    period: str,
    as_of: date,
    notebooks: Path | None = None,
    data: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the provenance of a period's results, as `results.json` holds it.

    `data` are the hashes of the record files, which take reading them; without it they are empty.
    `seed` is None: nothing is drawn at random.
    """
    from evalkit.publish.notebooks import shipped

    return {
        "study": study.hash,
        "data": {source: dict(files) for source, files in (data or {}).items()},
        "code": code_hash(notebooks or shipped()),
        "versions": dict(versions()),
        "parameters": {"study": study.path.name, "period": period, "as_of": as_of.isoformat()},
        "seed": None,
    }


def data_files(study: Study) -> dict[str, tuple[Path, ...]]:
    """Return the record files that goals, indicators and the feedback page read, by source. Raises RecordsError."""
    from evalkit.session import needed_sources
    from evalkit.study import resolve

    names = needed_sources((*study.goals, *study.indicators))
    names += [study.feedback.source] if study.feedback and study.feedback.source not in names else []
    return {name: resolve(study, name) for name in names if study.source(name).path is not None}
