"""Markup, scripts, formulas and control characters in data, titles and names: inert in whatever comes out."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from child import Cli, everything

SCRIPT = "<script>alert('zq')</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
LINK = "[click](javascript:alert(1)) ![x](http://192.0.2.1/t.png)"
FORMULA = '=HYPERLINK("http://192.0.2.1","zq")'
CONTROL = "a\x1b[31mb\x07c\u202ed\u2066e"
HOSTILE = [SCRIPT, IMAGE, LINK, FORMULA, CONTROL, "{{ 7*7 }}", "</title><svg onload=alert(1)>", "@SUM(A1)"]
STEER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
TAGS = {"script", "iframe", "object", "embed", "form", "base", "link"}


class Seen(HTMLParser):
    """What a browser would run or fetch: handlers, scripts that are not evalkit's own, addresses outside."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith("on") or text.startswith(("javascript:", "vbscript:", "http:", "//")):
                self.active.append(f"{tag} {name}={text[:60]}")
        search = tag == "form" and dict(attrs).get("role") == "search" and "action" not in dict(attrs)
        if (tag in TAGS - {"script"} and not search) or (
            tag == "img" and not (dict(attrs).get("src") or "").startswith("data:")
        ):
            self.active.append(tag)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose titles, ids' titles, owners, column names, branches and channels are all hostile."""
    folder = tmp_path_factory.mktemp("inert")
    rows = [["day", "x", "branch\x1b<b>", "kind"]]
    for i in range(480):
        day = f"{2024 + (i >= 320)}-{i % 3 + 1:02d}-{i % 27 + 1:02d}"
        rows.append([day, 10 + i % 7, HOSTILE[i % len(HOSTILE)], HOSTILE[i % 3]])
    text = "\n".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in rows)
    (folder / "r.csv").write_text(text + "\n", encoding="utf-8")
    fields: list[dict[str, Any]] = [
        {"name": "day", "type": "date"},
        {"name": "x", "type": "number", "constraints": {"maximum": 15}},
        {"name": "<i>branch</i>", "type": "string", "rename_from": "branch\x1b<b>"},
        {"name": "kind", "type": "string"},
    ]
    goal = {
        "title": {"en": f"{SCRIPT} {LINK} {CONTROL}", "zh": IMAGE},
        "commitment": "c",
        "source": "s",
        "metric": {"kind": "mean", "value": "x"},
        "better": "higher",
        "cluster": "<i>branch</i>",
        "standardise_by": ["kind"],
    }
    study = {
        "schema": 1,
        "id": "inert",
        "title": f"{IMAGE} {FORMULA} {CONTROL}",
        "calendar": {"baseline": {"start": "2024-01-01", "end": "2024-12-31"}},
        "weaknesses": [{"id": "w", "title": SCRIPT, "commitment": "c"}],
        "commitments": [{"id": "c", "title": IMAGE}],
        "measures": [{"id": "m", "title": LINK, "commitment": "c", "owners": [SCRIPT, FORMULA]}],
        "sources": {"s": {"path": "r.csv", "time": "day", "max_rejected": 0.5, "fields": fields}},
        "goals": [{**goal, "id": "g", "target": {"relative_change": 0.1}}],
    }
    (folder / "study.yaml").write_text(json.dumps(study), encoding="utf-8")
    return folder


def test_the_terminal_is_not_steered(bank: Path, cli: Cli) -> None:
    for command in (
        ["check"],
        ["evaluate", "--period", "2025-Q1"],
        ["evaluate", "--period", "2025-Q1", "--by", "kind"],
    ):
        done = cli(*command, "--study", bank)
        assert done.returncode == 0, done.stderr
        assert not STEER.search(done.stdout + done.stderr), command
    raw = cli("evaluate", "--period", "2025-Q1", "--json", "--study", bank).stdout
    assert json.loads(raw)["goals"][0]["title"].startswith(SCRIPT), "JSON holds the text as it is, escaped"
    assert "\x1b" not in raw


def test_pages_tables_and_notebooks_are_inert(bank: Path, cli: Cli) -> None:
    out = bank / "out"
    done = cli("run", "--period", "2025-Q1", "--study", bank, "--out", out)
    assert done.returncode == 0, done.stderr
    pages = [*out.rglob("*.html")]
    assert len(pages) >= 3
    for page in pages:
        text, seen = page.read_text(encoding="utf-8"), Seen()
        seen.feed(text)
        assert seen.active == [], page
        assert "<script>alert" not in text
        assert not STEER.search(text), page
    for notebook in out.rglob("*.ipynb"):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                for kind in ("text/html", "text/markdown", "image/svg+xml"):
                    shown, seen = "".join(output.get("data", {}).get(kind, "")), Seen()
                    seen.feed(shown)
                    assert seen.active == [], (notebook, kind)
                    assert "<script>alert" not in shown
    for name, raw in everything(out):
        if name.endswith((".csv", "sharedStrings.xml")) or "worksheets" in name:
            assert "worksheets" in name or not re.search(rb'(^|[",;\t>])[=@]', raw, re.M), name
            assert b"<f>" not in raw, name
            assert not re.search(rb'<c [^>]*t="(?!inlineStr|n")', raw), f"{name}: all that is no number is text"
