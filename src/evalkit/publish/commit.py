"""A staged report made the published one, so that a run ended at any moment leaves nothing half done.

What is meant to happen is written down first (`.pending-PERIOD.json`); whoever comes next finishes or forgets it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from evalkit.errors import LockedError
from evalkit.periods import parse_period
from evalkit.publish import index, ledger, swap
from evalkit.publish.lock import locked
from evalkit.publish.provenance import file_hash
from evalkit.publish.serialise import to_json

_PENDING, _STAGING = ".pending-", ".staging-"


@contextmanager
def staging(out: Path, period: str, card: Mapping[str, Any]) -> Iterator[Path]:
    """Hold a period's lock and yield a folder to stage it in; what ended runs left behind is cleared up first.

    `card` says whose reports these are. Raises ParameterError when the folder is another study's, LockedError.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        ledger.claim(out, card)
        _recover(out)
    _sweep(out)
    with locked(out, period):
        folder = Path(mkdtemp(prefix=f"{_STAGING}{period}-", dir=out))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def commit(out: Path, staged: Path, published: Path, entry: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Put a staged report in its place, with its ledger entry and the index; LockedError when the folder is held."""
    swap.flush(staged)
    with locked(out):
        _recover(out)
        ledger.entries(out)  # an altered ledger is told before anything is moved
        pending = out / f"{_PENDING}{published.name}.json"
        ledger.replace_text(pending, to_json({"entry": entry, "plan": plan, "folder": published.name}))
        swap.put_in_place(staged, published)
        try:
            ledger.append(out, _with_root(out, entry))
        except OSError:
            swap.take_back(staged, published)
            pending.unlink()
            raise
        _finish(out, pending, plan)


def files_of(folder: Path) -> dict[str, str]:
    """Return the hash of each of an issue's own files, by name."""
    return {path.name: file_hash(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _with_root(out: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with the hashes of the index and the table of all results as `_finish` will write them."""
    return {**entry, "root": index.hashes(index.texts(out, parse_period(entry["period"])))}


def _finish(out: Path, pending: Path, plan: Mapping[str, Any]) -> None:
    ledger.lodge(out, plan)
    index.refresh(out)
    pending.unlink()


def _recover(out: Path) -> None:
    """Finish, or forget, what a run that was ended from outside had begun; the folder's lock is held."""
    for half in out.glob(".*.new"):  # what `replace_text` had not put in place yet
        half.unlink()
    for pending in out.glob(f"{_PENDING}*.json"):
        meant = json.loads(pending.read_text(encoding="utf-8"))
        folder, entry = out / meant["folder"], meant["entry"]
        ledger.mend(out)
        if not folder.is_dir() or files_of(folder) != entry["files"]:
            pending.unlink()
            continue
        last = ledger.last_of(ledger.entries(out), entry["period"])
        if last is None or last["files"] != entry["files"]:
            ledger.append(out, _with_root(out, entry))
        _finish(out, pending, meant["plan"])


def _sweep(out: Path) -> None:
    """Remove the staging folders of runs that were ended from outside: those whose period nobody holds."""
    for leftover in out.glob(f"{_STAGING}*"):
        try:
            with locked(out, leftover.name.removeprefix(_STAGING).rpartition("-")[0]):
                swap.restore(leftover, out)
                shutil.rmtree(leftover, ignore_errors=True)
        except LockedError:
            continue
