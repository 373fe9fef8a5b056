"""The researchers' notebooks hold for other goals too, and what they use of a study; what they show of the shipped bank nbval compares."""

from __future__ import annotations

import shutil
from pathlib import Path

import papermill
import pytest

import evalkit as ek
from evalkit.publish.provenance import code_hash

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BOTH = ["explore_goal", "compare_periods"]


@pytest.mark.parametrize("name", BOTH)
def test_their_parameters_are_told(name: str) -> None:
    told = papermill.inspect_notebook(str(NOTEBOOKS / f"{name}.ipynb"))
    assert {"study", "goal", "field", "as_of"} <= set(told)
    assert all(one["help"] for one in told.values())


def test_an_opened_study_shows_its_promises_and_reads_no_record() -> None:
    study = ek.open_study(ROOT / "data")
    shown = study._repr_html_()
    assert "−20&nbsp;% against the baseline (lower is better)" in shown
    assert "90&nbsp;% as a level (higher is better)" in shown
    assert study._records == {}


def test_rejected_records_of_a_period() -> None:
    study = ek.open_study(ROOT / "data")
    years = [study.rejected("survey", year) for year in (2023, 2024, 2025, 2026)]
    assert years[2] == {"channel: not one of the allowed values": 1}
    everything = study.rejected("survey")
    assert {reason: sum(year.get(reason, 0) for year in years) for reason in everything} == everything
    assert list(everything.values()) == sorted(everything.values(), reverse=True)


def test_rejected_records_as_one_table() -> None:
    frame = ek.open_study(ROOT / "data").rejections(2024, "2025")
    assert frame.columns.tolist() == ["source", "reason", "all", "2024", "2025"]
    channel = frame[(frame["source"] == "survey") & frame["reason"].str.startswith("channel")]
    assert channel[["all", "2024", "2025"]].to_numpy().tolist() == [[1, 0, 1]]
    assert (frame["all"] >= frame["2024"] + frame["2025"]).all(), "records without a date are in all"


def test_what_is_tried_out_in_them_is_no_other_code_of_a_report(tmp_path: Path) -> None:
    for name in ("period_report", "goal_report", "context"):
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", tmp_path)
    assert code_hash(tmp_path) == code_hash(NOTEBOOKS)
    (tmp_path / "context.ipynb").unlink()
    assert code_hash(tmp_path) != code_hash(NOTEBOOKS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("explore_goal", {"goal": "response_rate", "field": "channel"}),  # a proportion, with time to an answer
        ("explore_goal", {"goal": "incidents", "period": "2025-H2", "as_of": "2025-11-30"}),  # a rate, cut off
        ("explore_goal", {"goal": "handling_time", "period": "2025-10", "field": "business_type"}),  # a stratum
        ("compare_periods", {"goal": "incidents", "first": "2025-Q4", "last": "2026-Q2"}),
    ],
)
def test_they_run_with_other_parameters(name: str, parameters: dict[str, str], tmp_path: Path) -> None:
    source, out = NOTEBOOKS / f"{name}.ipynb", tmp_path / "out.ipynb"
    done = papermill.execute_notebook(str(source), str(out), parameters, cwd=str(ROOT), progress_bar=False)
    assert done.metadata.papermill.exception is None
