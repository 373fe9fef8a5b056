"""Notebooks run by papermill, each in a worker process of its own, and turned into pages there.

Threads would share papermill's working directory and its output; processes share nothing. What the kernels
and libraries print goes to a log beside the pages, which is kept only when a notebook fails.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from evalkit.errors import NotebookError
from evalkit.formats import Language

LOG = "worker.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One page to make: which notebook, with which parameters, into which files of which folder; `note` is HTML."""

    page: str
    notebook: Path
    parameters: dict[str, Any]
    language: Language
    folder: Path
    timeout: float
    kernel: str
    replaced: dict[str, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    note: str = ""
    study_from_reports: str = ""

    @property
    def executed(self) -> Path:
        """The executed notebook."""
        return self.folder / f"{self.page}.ipynb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a task: the result record, or the reason of the failure."""

    page: str
    seconds: float
    record: dict[str, Any] | None = None
    failure: str | None = None


Progress = Callable[[Outcome, int, int], None]


class Workers:
    """A pool of worker processes, each importing papermill and nbconvert once; `warm` lets them begin with that.

    >>> with Workers(2, folder) as workers:  # doctest: +SKIP
    ...     outcomes = workers.run(tasks)
    """

    def __init__(self, number: int, folder: Path) -> None:
        # Spawned, not forked: a fork would copy the query engine's threads in whatever state they are.
        self._pool = ProcessPoolExecutor(
            number, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(folder / LOG,)
        )
        self._number = number

    def warm(self) -> list[Future[None]]:
        """Let the workers do their imports while the caller does other work."""
        return [self._pool.submit(_import_all) for _ in range(self._number)]

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, tasks: Sequence[Task], progress: Progress | None = None) -> list[Outcome]:
        """Run all tasks and return their outcomes in the tasks' order; after a failure no further one begins.

        Raises NotebookError when a worker process itself was ended.
        """
        waiting, running, outcomes = deque(tasks), set[Future[Outcome]](), dict[str, Outcome]()
        try:
            while waiting or running:
                # No more than there are workers: what waits here can still be held back.
                while waiting and len(running) < self._number:
                    running.add(self._pool.submit(make_page, waiting.popleft()))
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for outcome in (future.result() for future in ended):
                    outcomes[outcome.page] = outcome
                    if outcome.failure is not None:
                        waiting.clear()
                    if progress:
                        progress(outcome, len(outcomes), len(tasks))
        except BrokenProcessPool:
            raise NotebookError("A process that ran a notebook was ended from outside; run the report again.") from None
        return [outcomes[task.page] for task in tasks if task.page in outcomes]


def make_page(task: Task) -> Outcome:
    """Execute one notebook and write its normalised copy and its page. Never raises."""
    from evalkit.publish import html, notebooks, notes

    began = time.monotonic()
    try:
        executed = _execute(task)
        record = notebooks.finished(executed)
        import nbformat

        clean = notebooks.normalise(executed, task.replaced)
        if task.note:
            notes.put_into(clean, task.note)
        task.executed.write_text(nbformat.writes(clean), encoding="utf-8")  # type: ignore[no-untyped-call]
        page = html.to_html(clean, language=task.language, links=task.links, fallback=task.page)
        task.executed.with_suffix(".html").write_text(page, encoding="utf-8")
    except Exception as error:
        try:
            notebooks.keep_back(task.executed)
        except Exception:  # half written, on a full disk: what cannot be looked through is not kept
            task.executed.unlink(missing_ok=True)
        return Outcome(page=task.page, seconds=time.monotonic() - began, failure=_reason(error, task))
    return Outcome(page=task.page, seconds=time.monotonic() - began, record=record)


def _execute(task: Task) -> Any:
    import papermill

    from evalkit.publish import kernels, notebooks

    deadline = time.monotonic() + task.timeout
    with kernels.manager() as manager, kernels.study_from_reports(task.study_from_reports):
        return papermill.execute_notebook(
            notebooks.read(task.notebook),
            str(task.executed).replace("{", "{{").replace("}", "}}"),  # papermill takes paths for format templates
            parameters=task.parameters,
            kernel_name=task.kernel,
            kernel_manager_class=manager,
            progress_bar=False,
            start_timeout=max(1, round(min(60.0, task.timeout))),
            # A limit for the whole notebook: each cell gets what is left of it.
            timeout_func=lambda _cell: max(1, round(deadline - time.monotonic())),
            shutdown_kernel="immediate",
            coalesce_streams=True,
        )


def _reason(error: Exception, task: Task) -> str:
    """Return what went wrong as one sentence for the command line; tracebacks stay in the executed copy."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from evalkit.publish import notebooks

    if isinstance(error, PapermillExecutionError):
        return f"cell {error.cell_index + 1} ended with {notebooks.error_told(error)}"
    if isinstance(error, CellTimeoutError):
        return f"it took longer than {task.timeout:g} seconds (--timeout allows more)"
    if isinstance(error, DeadKernelError):
        return "its kernel died (memory, or ended from outside)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}" if not isinstance(error, NotebookError) else str(error)


def _prepare(log: Path) -> None:
    """Make this worker silent, and end it when its parent is gone."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _import_all() -> None:
    import nbconvert.exporters
    import papermill

    _ = (nbconvert.exporters, papermill)
