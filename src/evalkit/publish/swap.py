"""A staged period folder put in the place of the published one: readers see the old or the new, never a mixture."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

REVISIONS = "revisions"
_AT_FDCWD, _RENAME_EXCHANGE, _ASIDE = -100, 2, ".old"


def next_revision(published: Path) -> int:
    """Return the number the published issue gets when a newer one replaces it: 1, 2, …"""
    kept = published / REVISIONS
    numbers = [int(path.name) for path in kept.iterdir() if path.name.isdigit()] if kept.is_dir() else []
    return max(numbers, default=0) + 1


def keep_revisions(published: Path, staged: Path, *, as_revision: bool) -> int:
    """Copy earlier issues into the staged folder; `as_revision` adds the published one to them.

    Return how many earlier issues the staged folder then holds.
    """
    if not published.is_dir():
        return 0
    number = next_revision(published)
    if (published / REVISIONS).is_dir():
        _copy(published / REVISIONS, staged / REVISIONS)
    if not as_revision:
        return number - 1
    _copy(published, staged / REVISIONS / str(number), but=REVISIONS)
    return number


def _copy(source: Path, target: Path, *, but: str = "") -> None:
    """Copy a folder; unlike `shutil.copytree` the first failure is the error, with its number."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_dir():
            if path.name != but:
                _copy(path, target / path.name)
        else:
            shutil.copy2(path, target)


def flush(folder: Path) -> None:
    """Make sure that what is in a folder is on the disk, not on its way there."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def put_in_place(staged: Path, published: Path) -> None:
    """Make the staged folder the published one, in one step where the system can; the old one ends where staged was."""
    if not published.exists():
        staged.rename(published)
    elif not _exchange(staged, published):
        aside = staged.with_name(staged.name + _ASIDE)
        published.rename(aside)
        staged.rename(published)
        aside.rename(staged)


def take_back(staged: Path, published: Path) -> None:
    """Undo `put_in_place`."""
    if staged.exists():
        put_in_place(staged, published)
    else:
        published.rename(staged)


def restore(staging: Path, out: Path) -> None:
    """Put back what a run that was ended in the middle of `put_in_place` had set aside."""
    for aside in staging.glob(f"*{_ASIDE}"):
        published = out / aside.name.removesuffix(_ASIDE)
        if not published.exists():
            aside.rename(published)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
