"""One run at a time in one reports folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalkit.errors import LockedError


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of a reports folder. Raises LockedError at once when another run holds it.

    The operating system keeps the lock, so it goes with its holder, however that ends.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(f"Another run is writing to {out}; wait until it has ended, then run this again.") from None
    try:
        yield
    finally:
        lock.release()
