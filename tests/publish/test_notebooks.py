"""What is asked of a notebook before it runs and after, and what of it is published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from evalkit.errors import NotebookError, ParameterError
from evalkit.publish import notebooks, pages

FIXTURES = Path(__file__).parents[1] / "notebooks"


def executed(*outputs: nbformat.NotebookNode, count: int | None = 1) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=count, outputs=list(outputs))
    return nbformat.v4.new_notebook(
        cells=[cell, nbformat.v4.new_code_cell("  ")], metadata={"papermill": {"duration": 1}}
    )


def record(data: object) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("display_data", data={notebooks.RESULT_MIME: data})


def test_the_shipped_notebooks_declare_the_contracts_parameters_with_comments() -> None:
    folder = notebooks.shipped()
    for name, extra in ((notebooks.PERIOD_REPORT, ()), (notebooks.GOAL_REPORT, ("goal",))):
        notebook = notebooks.read(folder / name)
        declared = notebooks.declared_parameters(notebook, name)
        assert declared == ("study", "period", "as_of", "language", *extra)
        (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
        assert all("  # " in line for line in cell.source.splitlines())


def test_papermill_shows_the_parameters_comments() -> None:
    from papermill import inspect_notebook

    found = inspect_notebook(str(notebooks.shipped() / notebooks.GOAL_REPORT))
    assert all(parameter["help"] for parameter in found.values())
    assert list(found) == ["study", "period", "as_of", "language", "goal"]


def test_shipped_notebooks_are_thin_and_portable() -> None:
    for path in notebooks.shipped().glob("*.ipynb"):
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content["metadata"]["kernelspec"]["name"] == "python3"
        for cell in content["cells"]:
            source = "".join(cell["source"])
            assert len(source.splitlines()) <= 10
            assert not any(word in source for word in ("import numpy", "import pandas", "import scipy", "matplotlib"))
        assert "/home/" not in path.read_text()
        assert "/work/" not in path.read_text()


def test_unknown_parameters_are_refused_with_the_nearest_known() -> None:
    notebook = notebooks.read(FIXTURES / "good.ipynb")
    notebooks.check_parameters(notebook, "good.ipynb", ["period"])
    with pytest.raises(
        ParameterError, match=r"no parameter 'perid'; it has period, language\. Did you mean 'period'\?"
    ):
        notebooks.check_parameters(notebook, "good.ipynb", ["perid"])
    with pytest.raises(NotebookError, match="0 cells tagged 'parameters'"):
        notebooks.check_parameters(notebooks.read(FIXTURES / "no_parameters_cell.ipynb"), "x.ipynb", [])


def test_own_notebooks_must_be_complete_and_readable(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "good.ipynb", tmp_path / notebooks.PERIOD_REPORT)
    with pytest.raises(ParameterError, match=r"lacks goal_report\.ipynb; copy the shipped one"):
        notebooks.locate(tmp_path)
    shutil.copy(FIXTURES / "good.ipynb", tmp_path / notebooks.GOAL_REPORT)
    assert notebooks.locate(tmp_path) == tmp_path.resolve()
    assert notebooks.locate(None) == notebooks.shipped()
    (tmp_path / notebooks.GOAL_REPORT).write_text("not json")
    with pytest.raises(NotebookError, match="is not a notebook that can be read"):
        notebooks.read(tmp_path / notebooks.GOAL_REPORT)


def test_outputs_from_before_cannot_pass_for_results(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    nbformat.write(executed(record({"a": 1})), path)
    assert notebooks.read(path).cells[0].outputs == []
    with pytest.raises(NotebookError, match="cell 1 was never run"):
        notebooks.finished(notebooks.read(path))


def test_only_a_notebook_run_whole_with_one_record_has_finished() -> None:
    assert notebooks.finished(executed(record({"a": 1}))) == {"a": 1}
    with pytest.raises(NotebookError, match="never run"):
        notebooks.finished(executed(record({}), count=None))
    with pytest.raises(NotebookError, match="0 result records"):
        notebooks.finished(executed())
    with pytest.raises(NotebookError, match="2 result records"):
        notebooks.finished(executed(record({}), record({})))
    error = nbformat.v4.new_output("error", ename="SystemExit", evalue="0", traceback=[])
    with pytest.raises(NotebookError, match="cell 1 ended with SystemExit: 0"):
        notebooks.finished(executed(record({}), error))


def test_a_path_that_papermill_escapes_is_not_published() -> None:
    from papermill.translators import PythonTranslator

    path = '/srv/候"诊/study.yaml'
    notebook = executed(record({}))
    notebook.cells[0].metadata.update(tags=["injected-parameters"])
    notebook.cells[0].source = f"study = {PythonTranslator.translate(path)}"
    clean = notebooks.normalise(notebook, {notebooks.as_injected(path): notebooks.as_injected("study.yaml")})
    assert clean.cells[0].source == 'study = "study.yaml"'


@pytest.mark.parametrize(
    ("out", "study", "way"),
    [
        ("/srv/bank/reports", "/srv/bank/data/study.yaml", "../data/study.yaml"),
        ("/study/pages/reports", "/study/study.yaml", "../../study.yaml"),
        ("/srv/bank", "/srv/bank/plans/study.yaml", "plans/study.yaml"),
        ("/reports", "/secret/study.yaml", ""),
        ("/home/ann/reports", "/home/bob/study.yaml", ""),
        ("/home/ann/a/b/reports", "/home/ann/c/study.yaml", ""),
    ],
)
def test_commands_name_the_study_file_from_the_reports_where_both_lie_together(out: str, study: str, way: str) -> None:
    assert pages.study_from(Path(out), Path(study)) == way


def test_times_random_ids_and_paths_are_not_published() -> None:
    notebook = executed(record({}))
    notebook.cells[0].metadata.update(papermill={"start_time": "now"}, execution={"x": 1}, tags=["injected-parameters"])
    notebook.cells[0].source = 'study = "/home/me/bank/study.yaml"'
    clean = notebooks.normalise(notebook, {"/home/me/bank/study.yaml": "study.yaml"})
    text = nbformat.writes(clean)
    assert "papermill" not in text
    assert 'execution"' not in text
    assert "/home/me" not in text
    assert clean.cells[0].id == "injected-parameters"
    assert clean.cells[0].source == 'study = "study.yaml"'


def test_the_code_hash_minds_cells_not_outputs(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    nbformat.write(executed(record({"a": 1})), path)
    one = notebooks.source_hash(path)
    nbformat.write(executed(record({"a": 2}), count=7), path)
    assert notebooks.source_hash(path) == one
    changed = executed()
    changed.cells[0].source = "1 + 2"
    nbformat.write(changed, path)
    assert notebooks.source_hash(path) != one
