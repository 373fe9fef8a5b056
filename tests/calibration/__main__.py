"""`python -m calibration`: run the calibration study and publish its page.

The notebook is executed by papermill; what it prints, its progress, comes through. Beside the page stand the executed
notebook and the figures as JSON.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from evalkit import wording
from evalkit.publish import html, notebooks
from evalkit.publish.index import page_name
from evalkit.publish.serialise import to_json

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "method_validation.ipynb"


def publish(out: Path, *, replicates: int, seed: int, language: str) -> Path:
    """Execute the notebook and write its page, its executed copy and the figures; return the page's path.

    Raises NotebookError where the notebook did not run to its end.
    """
    import nbformat
    import papermill

    chosen = wording.check_language(language)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers themselves are the threads
    out.mkdir(parents=True, exist_ok=True)
    stem = page_name("index", chosen)
    executed = papermill.execute_notebook(
        notebooks.read(NOTEBOOK),
        None,
        parameters={"replicates": replicates, "seed": seed, "language": chosen},
        kernel_name="python3",
        progress_bar=False,
        cwd=NOTEBOOK.parent,
        stdout_file=sys.stdout,
    )
    record = notebooks.finished(executed)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream"]
    clean = notebooks.normalise(executed, {})
    back = (wording.translator(chosen)("All periods"), f"../{stem}.html")
    links = [back] if (out.parent / f"{stem}.html").exists() else []
    (out / f"{stem}.ipynb").write_text(nbformat.writes(clean), encoding="utf-8")  # type: ignore[no-untyped-call]
    (out / "results.json").write_text(to_json(record), encoding="utf-8")
    page = out / f"{stem}.html"
    page.write_text(html.to_html(clean, language=chosen, links=links, fallback=stem), encoding="utf-8")
    return page


def main() -> None:
    """Read the command line, publish, and say where."""
    parser = argparse.ArgumentParser(prog="python -m calibration", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--replicates", type=int, default=2000, help="simulated banks of each kind (2000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    parser.add_argument("--language", choices=wording.LANGUAGES, default="en", help="of the page (en)")
    parser.add_argument("--out", type=Path, default=Path("reports/method-validation"), help="folder to write")
    given = parser.parse_args()
    page = publish(given.out, replicates=given.replicates, seed=given.seed, language=given.language)
    print(f"The calibration study is published: {page}")


if __name__ == "__main__":
    main()
