"""The published reports in the repository are what the code gives from the shipped records."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

import evalkit as ek
from evalkit.publish import ledger

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "reports"
PERIODS = ("2026-Q2", "2026-Q3")


def differences(found: Any, expected: Any, place: str = "") -> list[str]:
    """Return where two results differ by more than 1e-9, relatively."""
    if isinstance(expected, dict) and isinstance(found, dict) and found.keys() == expected.keys():
        return [d for key in expected for d in differences(found[key], expected[key], f"{place}.{key}")]
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        return [
            d for i, pair in enumerate(zip(found, expected, strict=True)) for d in differences(*pair, f"{place}[{i}]")
        ]
    if isinstance(expected, float) and isinstance(found, float | int):
        return (
            [] if math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-300) else [f"{place}: {found} for {expected}"]
        )
    return [] if found == expected else [f"{place}: {found} for {expected}"]


@pytest.mark.parametrize("period", PERIODS)
def test_results_are_what_the_code_gives(period: str) -> None:
    published = json.loads((REPORTS / period / "results.json").read_text(encoding="utf-8"))
    now = json.loads(json.dumps(ek.open_study(ROOT / "data").evaluate_period(period).to_dict()))
    for shape in (published, now):
        shape.pop("provenance")
    told = differences(published, now)
    assert told == [], f"render the reports anew (make reports-anew): {told[:3]}"


@pytest.mark.parametrize("period", PERIODS)
def test_every_page_is_there_in_both_forms(period: str) -> None:
    for stem in ("index", *(goal.id for goal in ek.open_study(ROOT / "data").file.goals)):
        for ending in (".html", ".ipynb"):
            assert (REPORTS / period / f"{stem}{ending}").is_file()


def test_the_pages_say_what_the_results_say() -> None:
    """The verdict of every goal in results.json stands on its page."""
    for period in PERIODS:
        for goal in json.loads((REPORTS / period / "results.json").read_text(encoding="utf-8"))["goals"]:
            page = (REPORTS / period / f"{goal['id']}.html").read_text(encoding="utf-8")
            assert goal["verdict"].replace("_", " ") in page


def test_the_ledger_is_whole() -> None:
    assert list(ledger.breaks(REPORTS)) == []
    assert {entry["period"] for entry in ledger.entries(REPORTS)} == set(PERIODS)
