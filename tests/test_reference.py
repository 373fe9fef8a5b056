"""The reference says what the code says, and all of it."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import evalkit
from evalkit import cli, errors
from evalkit.evaluation.flags import CODES
from evalkit.publish.all_results import COLUMNS
from evalkit.publish.watch import Watch
from evalkit.study.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def part(name: str) -> str:
    """Return the reference between one heading and the next of its rank."""
    match = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert match, name
    return match[1]


def test_the_committed_page_is_what_the_code_says() -> None:
    done = subprocess.run([sys.executable, "docs/reference.py"], capture_output=True, cwd=ROOT, check=True)
    made = done.stdout.decode("utf-8")
    assert made == PAGE, "write it anew: .venv/bin/python docs/reference.py > docs/reference.md"


def test_every_public_name_is_there_with_its_docstring() -> None:
    for name in evalkit.__all__:
        found = getattr(evalkit, name)
        assert f"### `{name}`\n" in (part("Functions") if inspect.isfunction(found) else part("Classes")), name
        assert " ".join(inspect.getdoc(found).split("\n\n")[0].split()) in PAGE, name


def test_every_public_method_is_there() -> None:
    for kind in (evalkit.OpenStudy, evalkit.StudyResult, evalkit.GoalResult, evalkit.Effect):
        for member in list(vars(kind)):
            if not member.startswith("_") and member not in kind.__annotations__:
                assert f"`{member}" in part("Classes"), f"{kind.__name__}.{member}"


def test_every_study_key_is_there() -> None:
    schema = json_schema()
    for node in (schema, *(node for node in schema["$defs"].values() if "properties" in node)):
        for key in node["properties"]:
            assert f"| `{key}` |" in part("The study file"), key


def test_every_flag_and_reason_is_there() -> None:
    for code, when in CODES.items():
        assert re.search(rf"^\| `{code}` \| [a-z, ]+ \| {re.escape(when)} \|$", part("Flags"), re.MULTILINE), code
    raised = re.compile(r'NotEvaluableError\(\s*"([a-z_]+)"')
    codes = {code for path in (ROOT / "src").rglob("*.py") for code in raised.findall(path.read_text(encoding="utf-8"))}
    assert {"zero_events_before", "single_cluster"} < codes
    for code in codes | {"no_records_before", "no_records_after", "zero_events_after", "suppressed"}:
        assert f"| `{code}` |" in part("Reasons"), code


def test_every_command_and_option_is_there() -> None:
    command = typer.main.get_command(cli.app)
    for name, one in command.commands.items():
        assert f"### `evalkit {name}`\n" in part("Commands")
        for option in (text for parameter in one.params for text in parameter.opts if text.startswith("-")):
            assert f"`{option}" in part("Commands"), option


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 130, 141, 143])
def test_every_exit_code_is_there(code: int) -> None:
    assert f"\n| {code} | " in part("Exit codes")


def test_no_error_has_an_exit_code_that_is_not_there() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.EvalkitError)]
    assert {kind.exit_code for kind in kinds} <= {1, 2, 3, 4, 5, 6}


def test_all_that_a_monitor_reads_is_there() -> None:
    told = part("For monitoring")
    last = json.loads((ROOT / "reports" / "ledger.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    outcome = Watch().close(0)
    events = re.findall(r'self\.event\("(\w+)"', inspect.getsource(Watch))
    assert len(events) == 6
    for name in (*COLUMNS, *last, *outcome, *events):
        assert f"`{name}`" in told, name


def test_the_glossary_says_it_as_the_chinese_reports_do() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+ \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    words = {english: chinese for english, chinese in rows if not chinese.startswith(("中文", "---"))}
    catalogue = (ROOT / "src/evalkit/locale/zh/LC_MESSAGES/evalkit.po").read_text(encoding="utf-8")
    assert len(words) > 60
    absent = {english: chinese for english, chinese in words.items() if chinese.rstrip("*") not in catalogue}
    assert set(absent.values()) <= {chinese for chinese in words.values() if chinese.endswith("*")}, absent
