"""Everything that README.md shows is run: its commands, its Python, its study file; nothing may fail or warn."""

from __future__ import annotations

import doctest
import gc
import json
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import nbformat
import pytest
from quick_notebooks import write_notebooks

import evalkit as ek

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
INLINE = [
    " ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", README, flags=re.S | re.M))
]

STUDY = """\
schema: 1
id: readme
calendar: {baseline: {start: 2024-01-01, end: 2024-12-31}, programme_start: 2026-04-01}
sources:
  incidents:
    path: incidents.csv
    time: day
    fields: [{name: day, type: date}, {name: region, type: string}]
goals:
  - id: incidents
    source: incidents
    metric: {kind: rate, exposure: calendar-days}
    better: lower
    target: {relative_change: -0.3}
"""
# instead of evaluating, for which a kernel would need three seconds
READ = """\
import json
from pathlib import Path

from IPython.display import display

found = json.loads((Path({folder!r}) / f"{{period}}.json").read_text()){chosen}"""
# what a test must choose and a reader need not: quick notebooks, and a day on which only one period is finished
OURS = {
    "run": ["--notebooks", "quick", "--jobs", "1"],
    "verify": ["--notebooks", "quick"],
    "--due": ["--as-of", "2026-09-15"],
}


def lines_of(kind: str) -> list[str]:
    return [line for language, text in BLOCKS if language == kind for line in text.splitlines() if line.strip()]


COMMANDS = [shlex.join(shlex.split(line, comments=True)) for line in lines_of("console")]
CLAIMS = [code for code in INLINE if code.startswith("evalkit ") and "--study claims.yaml" in code]
SCHEDULED = sorted(
    {shlex.join(shlex.split(line)) for line in re.findall(r"bin/(evalkit [-\w ]*\w)(?: 2>>|\"|$)", README, re.M)}
)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the README's commands name; the tests below use it in order."""
    folder = tmp_path_factory.mktemp("bank")
    incidents = ["day,region"]
    draw = random.Random(1)
    for day in (date(2024, 1, 1) + timedelta(days=i) for i in range(1000)):
        often = 0.6 if day < date(2026, 4, 1) else 0.3
        incidents += [f"{day},{region}" for region in ("north", "south") if draw.random() < often]
    (folder / "data").mkdir()
    (folder / "data" / "study.yaml").write_text(STUDY, encoding="utf-8")
    (folder / "data" / "incidents.csv").write_text("\n".join(incidents) + "\n", encoding="utf-8")
    draw = random.Random(4)
    claims = ["Eingang;Erledigt am;Betrag;Region"]
    for number in range(3000):
        received = date(2023, 1, 1) + timedelta(days=number % 1095)
        settled = received + timedelta(days=int(draw.expovariate(1 / (14 if received < date(2025, 1, 1) else 9))))
        end = f"{settled:%d.%m.%Y}" if settled <= date(2025, 12, 31) else ""
        claims.append(f"{received:%d.%m.%Y};{end};1.234,50;Süd{number % 9}")
    (folder / "claims.csv").write_text("\n".join(claims) + "\n", encoding="cp1252")
    (folder / "claims.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"), encoding="utf-8")
    study = ek.open_study(folder / "data")
    for period in ("2026-Q2", "2026-Q3"):
        found = study.evaluate_period(period).to_dict()
        found.pop("provenance", None)
        (folder / f"{period}.json").write_text(json.dumps(found), encoding="utf-8")
    for path in write_notebooks(folder / "quick").iterdir():
        notebook = nbformat.read(path, as_version=4)
        (cell,) = (cell for cell in notebook.cells if cell.id == "run")
        cell.source = READ.format(folder=str(folder), chosen='["goals"][0]' if path.stem == "goal_report" else "")
        nbformat.write(notebook, path)
    return folder


@pytest.fixture
def run(bank: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that runs a command line in the bank's folder and returns exit code, stdout and stderr.

    What starts quickly is run by the installed script, the rest by what that script calls, in this process: starting
    would take three seconds each time, and here a warning is an error.
    """
    monkeypatch.chdir(bank)
    monkeypatch.delenv("EVALKIT_STUDY", raising=False)

    def run(command: str) -> tuple[int, str, str]:
        words = shlex.split(command)
        words += [word for name, more in OURS.items() if name in words for word in more]
        (script,) = entry_points(group="console_scripts", name="evalkit")
        if words[1] in {"diff", "simulate"}:
            command = [Path(sys.executable).with_name(script.name), *words[1:]]
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=250, check=False)
            return done.returncode, done.stdout, done.stderr
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            script.load()()
        gc.enable()  # a process of its own would have ended
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, re.sub(r"^\d+/\d+ [\w.]+\n", "", err, flags=re.MULTILINE)  # progress

    return run


def test_every_block_is_of_a_kind_that_is_tested_here() -> None:
    assert {kind for kind, _ in BLOCKS} == {"console", "python", "yaml", "cron", "ini"}
    assert len(COMMANDS) > 10
    assert len(CLAIMS) == 2
    assert SCHEDULED == ["evalkit run --due --out reports", "evalkit run --due --out reports --log-json"]


@pytest.mark.parametrize("command", [*COMMANDS, *CLAIMS, *SCHEDULED])
def test_a_command_of_the_readme_runs(command: str, run: Any) -> None:
    tool = command.split()[0]
    if tool == "make":
        known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(command.split()[1:]) <= set(known), f"`{command}`: the Makefile has no such target"
        return
    assert tool == "evalkit", f"`{command}`: this test does not know how to run {tool}; teach it, or take it out"
    code, out, err = run(command)
    if "--log-json" in command:
        assert all(line.startswith("{") for line in err.splitlines()), (
            f"`{command}` writes other things than JSON:\n{err}"
        )
        err = ""
    assert (code, err) == (0, ""), f"`{command}` ends with {code} and says:\n{err}"
    assert out or "--due" in command, f"`{command}` says nothing"


def test_what_the_commands_leave_is_what_the_readme_says(bank: Path) -> None:
    assert (bank / "my-study" / "study.yaml").read_text(encoding="utf-8").count("#") > 5
    assert (bank / "reports" / "2026-Q3" / "index.zh.html").exists()
    assert (bank / "reports" / "2026-Q2" / "index.html").exists()
    assert not (bank / "reports" / "2026-Q2" / "revisions").exists(), "run --due does nothing the second time"
    assert (bank / "bank" / "truth.json").exists()


@pytest.mark.parametrize(
    "code", sorted({code for code in INLINE if code.startswith(("evalkit ", "make "))} - {*CLAIMS})
)
def test_a_command_in_the_text_exists(code: str) -> None:
    known = [*COMMANDS, *lines_of("cron"), *re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)]
    asked = code.removeprefix("make ") if code.startswith("make ") else code
    assert any(asked in line for line in known), f"`{code}` stands in the README and among no commands"


def test_the_least_study_is_evaluated(bank: Path) -> None:
    study = ek.open_study(bank / "claims.yaml")
    result = study.evaluate_period("2025-Q3", as_of="2025-12-31")
    assert [goal.verdict for goal in result] == ["achieved", "achieved"]
    assert study.rejected("claims") == {}
    assert study.records("claims").amount.max().to_pyarrow().as_py() == 1234.5


def test_examples_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("EVALKIT_STUDY", raising=False)
    result = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert result.attempted == README.count("\n>>> ")
    assert result.failed == 0, capsys.readouterr().out


@pytest.mark.parametrize("text", [text for kind, text in BLOCKS if kind == "python" and ">>>" not in text])
def test_airflow_is_given_what_there_is(text: str) -> None:
    """Airflow itself is not installed: its operators' arguments are looked at; the command is among SCHEDULED."""
    tasks: dict[str, dict[str, Any]] = {}
    operators = {
        name: lambda name=name, **given: tasks.update({name: given}) for name in ("BashOperator", "PapermillOperator")
    }
    exec(compile(text, "README.md", "exec"), operators)
    assert tasks["BashOperator"]["bash_command"].endswith(SCHEDULED[0])
    notebook = nbformat.read(ROOT / tasks["PapermillOperator"]["input_nb"], as_version=4)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert set(tasks["PapermillOperator"]["parameters"]) <= set(re.findall(r"^(\w+) =", cell.source, re.MULTILINE))
