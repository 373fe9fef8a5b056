"""The record of publications: one line each, each holding the hash of the line before; and whose folder this is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
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


def entries(out: Path) -> tuple[dict[str, Any], ...]:
    """Return the ledger's entries, oldest first. Raises VerificationError where a line cannot be read."""
    path = out / LEDGER
    if not path.exists():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(json.loads(line))
        except ValueError:
            message = f"{path}, line {number}: this is not a ledger entry; the ledger was altered."
            raise VerificationError(message) from None
    return tuple(found)


def breaks(out: Path) -> Iterator[str]:
    """Yield a sentence for each place at which the chain of hashes does not hold."""
    previous = None
    for number, entry in enumerate(entries(out), start=1):
        if entry.get("previous") != previous:
            yield f"{LEDGER}, line {number}: it does not follow the line before it; a line was removed or altered."
        if entry.get("hash") != entry_hash(entry):
            yield f"{LEDGER}, line {number}: its content does not match its hash; it was altered."
        previous = entry.get("hash")


def append(out: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Add one entry, chained to the last, and return it as written."""
    known = entries(out)
    full = {
        "number": len(known) + 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **entry,
        "previous": known[-1]["hash"] if known else None,
    }
    full["hash"] = entry_hash(full)
    with (out / LEDGER).open("a", encoding="utf-8") as file:
        file.write(json.dumps(full, ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return full


def claim(out: Path, study: Mapping[str, Any]) -> None:
    """Make the folder this study's. Raises ParameterError when it is another's."""
    path = out / STUDY
    if path.exists():
        try:
            owner = json.loads(path.read_text(encoding="utf-8")).get("id")
        except ValueError:
            raise ParameterError(f"{path} cannot be read; it should name the study this folder belongs to.") from None
        if owner != study["id"]:
            raise ParameterError(
                f"The folder {out} holds the reports of the study '{owner}', not of '{study['id']}';"
                " give another --out."
            )
    if not path.exists() or path.read_text(encoding="utf-8") != to_json(study):
        replace_text(path, to_json(study))


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
