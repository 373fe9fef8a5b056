"""The notebooks a report is made of: where they are, which parameters they take, what they must leave behind."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalkit import errors
from evalkit.errors import NotebookError, ParameterError, nearest

RESULT_MIME = "application/vnd.evalkit.result+json"
PERIOD_REPORT, GOAL_REPORT, CONTEXT = "period_report.ipynb", "goal_report.ipynb", "context.ipynb"
_KEPT_BACK = "(its message is kept back, for it may quote a record; run the notebook by hand to see it)"
_PLAIN = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "AttributeError", "SystemExit")
_TIMING = ("papermill", "execution")


def shipped() -> Path:
    """Return the folder of the notebooks that come with evalkit: in the package, else beside its source."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "notebooks", package.parent.parent / "notebooks"):
        if (folder / PERIOD_REPORT).is_file():
            return folder
    raise NotebookError(f"The notebooks that come with evalkit are missing from {package / 'notebooks'}; reinstall it.")


def locate(folder: str | Path | None) -> Path:
    """Return the folder of the notebooks to run. Raises ParameterError when one that is needed is not in it."""
    if folder is None:
        return shipped()
    found = Path(folder).expanduser().resolve()
    missing = [name for name in (PERIOD_REPORT, GOAL_REPORT) if not (found / name).is_file()]
    if missing:
        raise ParameterError(
            f"The notebooks folder '{folder}' lacks {' and '.join(missing)}; copy the shipped one there and change it."
        )
    return found


def notebook_of(folder: Path, page: str) -> Path:
    """Return the notebook that makes a page; own notebooks need not include the context page's."""
    name = {"index": PERIOD_REPORT, "context": CONTEXT}.get(page, GOAL_REPORT)
    return folder / name if name != CONTEXT or (folder / name).is_file() else shipped() / name


def read(path: Path) -> Any:
    """Return the notebook without outputs, so that nothing shown before can pass for a fresh result."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise NotebookError(f"{path} is not a notebook that can be read: {error}") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def declared_parameters(notebook: Any, name: str) -> tuple[str, ...]:
    """Return the names assigned in the cell tagged `parameters`. Raises NotebookError where there is no such cell."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()) and c.cell_type == "code"]
    if len(cells) != 1:
        raise NotebookError(f"{name} has {len(cells)} cells tagged 'parameters'; it needs exactly one.")
    try:
        statements = ast.parse(cells[0].source).body
    except SyntaxError as error:
        raise NotebookError(f"{name}: the parameters cell is not Python (line {error.lineno}).") from None
    targets: list[ast.expr] = []
    for statement in statements:
        targets += statement.targets if isinstance(statement, ast.Assign) else []
        targets += [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def check_parameters(notebook: Any, name: str, given: Iterable[str]) -> None:
    """Raise ParameterError when a parameter is given that the notebook does not declare."""
    known = declared_parameters(notebook, name)
    wrong = [
        f"{name} has no parameter '{key}'; it has {', '.join(known)}.{nearest(key, known)}"
        for key in given
        if key not in known
    ]
    if wrong:
        raise ParameterError(wrong)


def error_told(error: Any) -> str:
    """Return the name of the error that ended a cell, with its message unless that may quote a record.

    A notebook's own `raise` and evalkit's errors say what they were made to say; engines and libraries quote values.
    """
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback or ()))
    raised = re.findall(r"^-+> ?\d+ (.*)$", trace, re.M)[-1:]
    own = "site-packages" not in trace and any(re.search(r"\b(raise|assert)\b", line) for line in raised)
    known = error.ename in vars(errors) or error.ename in _PLAIN
    return f"{error.ename}: {error.evalue if own or known else _KEPT_BACK}".strip()


def keep_back(path: Path) -> None:
    """Take the messages that may quote a record out of the executed copy of a notebook that failed."""
    import nbformat

    if not path.exists():
        return
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error" and (told := error_told(output)).endswith(_KEPT_BACK):
                output.evalue, output.traceback = _KEPT_BACK, [told]
    path.write_text(nbformat.writes(notebook), encoding="utf-8")  # type: ignore[no-untyped-call]


def finished(notebook: Any) -> dict[str, Any]:
    """Return the result record an executed notebook left behind.

    Notebook metadata says "completed" of cells that never ran, so nothing of it is believed: every code cell
    must have its execution count, none an error, and one must show the result record. Raises NotebookError.
    """
    for place, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        failed = [output for output in cell.outputs if output.output_type == "error"]
        if failed:
            raise NotebookError(f"cell {place} ended with {error_told(failed[0])}")
        if cell.execution_count is None:
            raise NotebookError(f"cell {place} was never run")
    records = [
        output.data[RESULT_MIME]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if RESULT_MIME in output.get("data", {})
    ]
    if len(records) != 1:
        raise NotebookError(f"it left {len(records)} result records; its last cell must show the one `report.record()`")
    record: dict[str, Any] = json.loads(json.dumps(records[0]))
    return record


def as_injected(text: str) -> str:
    """Return a text as papermill writes it into the injected parameters, between the quotes.

    >>> as_injected("候/a.yaml")
    '\\\\u5019/a.yaml'
    """
    return text.encode("unicode_escape").decode("ascii").replace('"', r"\"")


def normalise(notebook: Any, replaced: dict[str, str]) -> Any:
    """Strip what differs between two identical runs: times, random ids, where the study file lies.

    `replaced` maps a text in the injected parameters (a machine's path) to what is published instead.
    """
    for key in _TIMING:
        notebook.metadata.pop(key, None)
    notebook.metadata["language_info"] = {"name": "python"}
    for place, cell in enumerate(notebook.cells):
        for key in _TIMING:
            cell.metadata.pop(key, None)
        tags = cell.metadata.get("tags", [])
        cell.id = "injected-parameters" if "injected-parameters" in tags else cell.get("id") or f"cell-{place}"
        if "injected-parameters" in tags:
            for old, new in replaced.items():
                cell.source = cell.source.replace(old, new)
    return notebook


def source_hash(path: Path) -> str:
    """Return the hash of a notebook's cells without their outputs, which depend on the data."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cells = [[cell["cell_type"], "".join(cell["source"])] for cell in content["cells"]]
    return hashlib.sha256(json.dumps(cells, ensure_ascii=False).encode()).hexdigest()
