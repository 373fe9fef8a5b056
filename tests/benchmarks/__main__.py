"""Speed, measured: whole processes side by side in one run, one after the other in turn.

    python tests/benchmarks [RECORDS …] [--most 1e8] [--repeats 3] [--folder build/bench] [--readme README.md]

Compares `evalkit evaluate --goal` (validation, clusters, standardised mix, alternatives) with the least there is (one GROUP
BY of DuckDB on the same file), tea-tasting's plain test through Ibis, pandas with statsmodels' clustered errors, without and with the mix held; and
a period's pages made by `evalkit run` with the same notebooks run by papermill and nbconvert, one after another.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from generate import generate
from process import ROOT, Run, measured
from scheduled import report_table, reports

SPEED = "<!-- speed: written by `make bench` -->", "<!-- speed ends -->"
REPORT = "<!-- report: written by `make bench` -->", "<!-- report ends -->"
USUAL = (100_000, 1_000_000, 10_000_000)
PANDAS_MOST = 10_000_000  # beyond, a data frame of the records leaves no room for anything else
MIX_MOST = 1_000_000  # ten times as many would need 60 GB
SCOPES_AT = 1_000_000  # 9,600 evaluations take the same at any size
PEERS = ("tea-tasting>=1.14,<2", "ibis-framework[duckdb]>=12.0,<13", "duckdb>=1.4,<2", "sqlglot>=27,<30")

FLOOR = """
import duckdb, sys
print(len(duckdb.connect().sql(f'''SELECT started_at >= '2025-01-01' p, branch, business_type, channel, count(*),
sum(duration_s), sum(duration_s * duration_s) FROM '{sys.argv[1]}' GROUP BY ALL''').fetchall()))
"""
TEA = """
import sys, ibis, tea_tasting as tt
table = ibis.duckdb.connect().read_parquet(sys.argv[1])
table = table.mutate(variant=(table.started_at >= ibis.timestamp("2025-01-01 00:00:00")).cast("int64"))
print(tt.Experiment(duration=tt.Mean("duration_s")).analyze(table).to_string())
"""
PANDAS = """
import sys, numpy as np, pandas as pd, statsmodels.api as sm
frame = pd.read_parquet(sys.argv[1], columns=["started_at", "branch", "duration_s"])
design = np.column_stack([np.ones(len(frame)), (frame.started_at >= "2025-01-01").to_numpy(float)])
groups = pd.factorize(frame.branch)[0]
fit = sm.OLS(frame.duration_s.to_numpy(), design).fit(cov_type="cluster", cov_kwds={"groups": groups})
print(fit.params, fit.bse)
"""
MIX = """
import sys, numpy as np, pandas as pd, statsmodels.api as sm
frame = pd.read_parquet(sys.argv[1], columns=["started_at", "branch", "business_type", "channel", "duration_s"])
cells = pd.factorize(frame.business_type + "|" + frame.channel)[0]
design = np.column_stack([pd.get_dummies(cells).to_numpy(float), (frame.started_at >= "2025-01-01").to_numpy(float)])
groups = pd.factorize(frame.branch)[0]
model = sm.GLM(frame.duration_s.to_numpy(), design, family=sm.families.Gamma(sm.families.links.Log()))
fit = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
print(np.exp(fit.params[-1]), fit.bse[-1])
"""


def peers(folder: Path) -> str | None:
    """Return a Python with tea-tasting, in an environment of its own, or None where that cannot be made."""
    python = folder / "peers" / ("Scripts" if os.name == "nt" else "bin") / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "peers")], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
        subprocess.run(install, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1:]
        print(f"tea-tasting is left out, because it cannot be installed: {' '.join(map(str, reason))}")
        return None
    return str(python)


def commands(folder: Path, records: int, tea: str | None) -> dict[str, list[str]]:
    """Return what is compared at a size."""
    study, file = folder / "study.yaml", str(folder / "process.parquet")
    own = [sys.executable, "-m", "evalkit", "evaluate", "--study", str(study)]
    found = {
        "evalkit, one goal": [*own, "--period", "2025", "--goal", "handling_time"],
        "evalkit, 12 periods": [*own, "--all-periods", "--goal", "handling_time"],
        "least: DuckDB `GROUP BY`": [sys.executable, "-c", FLOOR, file],
    }
    if tea:
        found["tea-tasting, plain test"] = [tea, "-c", TEA, file]
    if records == SCOPES_AT:
        scopes = [*own[:-1], str(folder / "scopes.yaml"), "--all-periods", "--by", "branch", "--json"]
        found["evalkit, 4 goals × 200 branches × 12 periods"] = scopes
    if records <= PANDAS_MOST:
        found["pandas + statsmodels, clustered"] = [sys.executable, "-c", PANDAS, file]
    if records <= MIX_MOST:
        found["pandas + statsmodels, clustered, mix held"] = [sys.executable, "-c", MIX, file]
    return found


def compared(folder: Path, records: int, tea: str | None, repeats: int) -> dict[str, Run]:
    """Return each contender's medians, all run in turn as often as asked."""
    # in a process of its own: what this one has had at its peak would be counted to every process it starts
    multiprocessing.get_context("spawn").Pool(1).apply(generate, (folder, records))
    contenders = commands(folder, records, tea)
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, command in contenders.items():
            runs[name].append(measured(command))
    return {
        name: Run(*(median(getattr(run, part) for run in done) for part in ("wall", "cpu", "peak")))
        for name, done in runs.items()
    }


def table(found: dict[int, dict[str, Run]], repeats: int) -> str:
    """Return the results as a Markdown table; in brackets how many times the wall time of evalkit's one goal."""
    names = list(dict.fromkeys(name for runs in found.values() for name in runs))
    heads = [f"{records:,} records" for records in found]
    lines = ["| whole process: s / CPU s / peak MiB | " + " | ".join(heads) + " |", "| --- " * (len(heads) + 1) + "|"]
    for name in names:
        cells = []
        for runs in found.values():
            run, own = runs.get(name), runs["evalkit, one goal"]
            times = "" if run is own or run is None else f" ({run.wall / own.wall:.1f} ×)"
            cells.append("–" if run is None else f"{run.wall:.2f} / {run.cpu:.2f} / {run.peak:.0f}{times}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines += [
        "",
        f"Medians of {repeats}, {cores} cores, run in turn; in brackets times evalkit's one goal on the clock.",
    ]
    return "\n".join(lines)


def written(readme: Path, text: str, marks: tuple[str, str] = SPEED) -> None:
    """Put a table between two marks of the README."""
    whole = readme.read_text(encoding="utf-8")
    start, end = marks
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(whole):
        raise SystemExit(f"{readme} lacks the marks {start} and {end}; put them where the table belongs.")
    readme.write_text(pattern.sub(lambda _: f"{start}\n{text}\n{end}", whole), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", nargs="*", type=lambda text: int(float(text)), help="sizes; default 1e5 1e6 1e7")
    parser.add_argument("--most", type=lambda text: int(float(text)), default=USUAL[-1], help="largest usual size, 1e8")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench")
    parser.add_argument("--readme", type=Path, help="where the table is written, between two marks")
    asked = parser.parse_args()
    sizes = asked.records or [size for size in (*USUAL, 10 * USUAL[-1]) if size <= asked.most]
    asked.folder.mkdir(parents=True, exist_ok=True)
    tea, found = peers(asked.folder), {}
    for size in sizes:
        place = asked.folder / f"{size:.0e}".replace("+", "")
        needed = 20 * size  # bytes
        if not (place / "process.parquet").exists() and shutil.disk_usage(asked.folder).free < 2 * needed:
            print(f"{size:,} records are left out: the disk has no room for {needed >> 20} MiB.")
            continue
        found[size] = compared(place, size, tea, asked.repeats)
        print(table({size: found[size]}, asked.repeats), flush=True)
    turns = min(asked.repeats, 2)  # two minutes each
    pages = report_table(reports(asked.folder / "report", turns), turns)
    print(pages)
    if asked.readme and found:
        written(asked.readme, table(found, asked.repeats))
        written(asked.readme, pages, REPORT)


if __name__ == "__main__":
    main()
