"""The project's own promises: files in step, layers kept, imports deferred."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "evalkit"
CONDA_NAMES = {
    "ibis-framework": "ibis-duckdb",
    "duckdb": "python-duckdb",
    "tzdata": "python-tzdata",
    "matplotlib": "matplotlib-base",
}

# ground floor first; a room imports only from its own floor or below (CONTRIBUTING.md, Architecture)
FLOORS = (
    {"errors", "periods", "effect", "results", "spreadsheet"},
    {"inference"},
    {"estimands"},
    {"study"},
    {"simulate"},
    {"records"},
    {"moments", "starter"},
    {"evaluation"},
    {"session"},
    {
        "formats",
        "markup",
        "svg",
        "wording",
        "wording_flags",
        "wording_methods",
        "wording_plain",
        "figures",
        "tables",
        "trace",
        "report",
    },
    {"publish"},
    {"terminal", "checked", "started", "asked", "unheld_mix", "told", "cli", "__main__", "__init__"},
)


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirement(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"([A-Za-z0-9-]+)(?:\[[a-z]+\])?(.*)", text)
    assert match
    return match[1].lower(), match[2]


def test_environment_and_pyproject_ask_for_the_same() -> None:
    wanted = {CONDA_NAMES.get(name, name): bound for name, bound in map(requirement, project()["dependencies"])}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    found = dict(requirement(item) for item in listed if isinstance(item, str) and item != "pip")
    assert found.pop("python") == project()["requires-python"]
    assert found == wanted


def test_the_lock_names_no_host_and_holds_every_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert "index-url" not in lock
    locked = {
        re.split(r"==|\[", line)[0].lower()
        for line in lock.splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    optional = project()["optional-dependencies"]["dev"]
    missing = {requirement(item)[0] for item in (*project()["dependencies"], *optional)} - locked
    assert missing == set()


def test_versions_agree() -> None:
    import evalkit

    assert evalkit.__version__ == project()["version"]
    assert f"## {evalkit.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def rooms_imported(path: Path) -> set[str]:
    """Return the rooms a module imports when it is imported (not inside functions, not for types only)."""
    found: set[str] = set()
    stack: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evalkit"):
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        stack.extend(ast.iter_child_nodes(node))
    return found


def test_every_room_imports_only_from_below() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    known = {
        path.stem if path.suffix == ".py" else path.name
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert known == set(floor)
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        wrong += [
            f"{path.relative_to(PACKAGE)} imports {other}"
            for other in rooms_imported(path)
            if floor[other] > floor[room]
        ]
    assert wrong == []


def test_contributing_names_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("## Architecture") : text.index("## Adding a method")]
    for room in set().union(*FLOORS) - {"__main__", "__init__"}:
        assert f"`{room}`" in table, room


def modules_after(code: str) -> set[str]:
    command = f"{code}\nimport sys, json\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT)
    import json

    return set(json.loads(done.stderr))


def test_importing_evalkit_imports_nothing_heavy() -> None:
    loaded = modules_after("import evalkit")
    assert not loaded & {
        "numpy",
        "pandas",
        "scipy",
        "ibis",
        "duckdb",
        "pydantic",
        "matplotlib",
        "statsmodels",
        "papermill",
    }


def test_evaluating_imports_only_what_the_answer_needs() -> None:
    code = "import evalkit as ek\nek.open_study('data').evaluate('response_rate', period='2026-Q3')"
    loaded = modules_after(code)
    assert not loaded & {"pandas", "scipy.stats", "scipy.optimize", "statsmodels", "matplotlib", "papermill", "babel"}


def test_no_file_names_a_package_index() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False).stdout.split()
    word = re.compile(r"--(extra-)?index" + r"-url|https?://[^ ]*/simple")
    for name in tracked:
        path = ROOT / name
        if (
            path.is_file()
            and path.suffix in {".py", ".toml", ".md", ".yml", ".lock", ".txt", ""}
            and path != Path(__file__)
        ):
            assert not word.search(path.read_text(encoding="utf-8", errors="ignore")), name
