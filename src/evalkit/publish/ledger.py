"""The record of publications: one line each, each holding the hash of the line before; and whose folder this is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalkit.errors import ParameterError, VerificationError
from evalkit.publish.serialise import to_json

LEDGER, STUDY = "ledger.jsonl", "study.json"


def entry_hash(entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry without its own `hash`."""
    bare = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(
        json.dumps(bare, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


def lines(out: Path) -> tuple[dict[str, Any] | None, ...]:
    """Return the ledger's entries, oldest first; None for a line that is none."""
    path = out / LEDGER
    return tuple(_entry(line) for line in path.read_bytes().splitlines()) if path.exists() else ()


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("period"), str) else None


def entries(out: Path) -> tuple[dict[str, Any], ...]:
    """Return the ledger's entries, oldest first. Raises VerificationError where a line cannot be read."""
    found = lines(out)
    if None in found:
        raise VerificationError(_unreadable(out, found.index(None) + 1))
    return tuple(entry for entry in found if entry is not None)


def _unreadable(out: Path, number: int) -> str:
    return f"{out / LEDGER}, line {number}: this is not a ledger entry; the ledger was altered."


def breaks(out: Path) -> Iterator[str]:
    """Yield a sentence for each place at which the chain of hashes does not hold."""
    previous = None
    for number, entry in enumerate(lines(out), start=1):
        if entry is None:
            yield _unreadable(out, number)
            previous = None
            continue
        if entry.get("previous") != previous:
            yield f"{LEDGER}, line {number}: it does not follow the line before it; a line was removed or altered."
        if entry.get("hash") != entry_hash(entry):
            yield f"{LEDGER}, line {number}: its content does not match its hash; it was altered."
        previous = entry.get("hash")


def last_of(known: Iterable[Mapping[str, Any] | None], period: str, issue: int | None = None) -> dict[str, Any] | None:
    """Return the last entry of a period, or of one of its issues."""
    found = [e for e in known if e and e["period"] == period and issue in (None, e.get("issue"))]
    return dict(found[-1]) if found else None


def now() -> datetime:
    """Return the time that entries carry; the order of entries is theirs in the file, whatever the clock says."""
    return datetime.now(UTC)


def append(out: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Add one entry, chained to the last, and return it as written."""
    known = entries(out)
    full = {
        "number": len(known) + 1,
        "time": now().isoformat(timespec="seconds"),
        **entry,
        "previous": known[-1]["hash"] if known else None,
    }
    full["hash"] = entry_hash(full)
    path = out / LEDGER
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write((json.dumps(full, ensure_ascii=False, allow_nan=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.truncate(path, size)
        raise
    return full


def mend(out: Path) -> None:
    """Cut off the last line where it was only half written; called when a run is known to have been ended there."""
    path = out / LEDGER
    text = path.read_bytes() if path.exists() else b""
    if text and not text.endswith(b"\n"):
        os.truncate(path, text.rfind(b"\n") + 1)


def card(out: Path) -> dict[str, Any]:
    """Return `study.json`: whose folder this is, and the plan that was lodged with the first publication."""
    path = out / STUDY
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ParameterError(f"{path} cannot be read; it should name the study this folder belongs to.")
    return found


def claim(out: Path, study: Mapping[str, Any]) -> None:
    """Make the folder this study's. Raises ParameterError when it is another's."""
    known = card(out)
    if known and known.get("id") != study["id"]:
        raise ParameterError(
            f"The folder {out} holds the reports of the study '{known.get('id')}', not of '{study['id']}';"
            " give another --out."
        )
    _write_card(out, known, {**study, **({"plan": known["plan"]} if "plan" in known else {})})


def lodge(out: Path, plan: Mapping[str, Any]) -> None:
    """Keep the plan, the study file's content, when it is the first that is published in this folder."""
    known = card(out)
    if "plan" not in known:
        _write_card(out, known, {**known, "plan": plan})


def _write_card(out: Path, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if known != wanted:
        replace_text(out / STUDY, to_json(wanted))


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
