"""One run at a time on one period, and one writer at a time of what a reports folder's periods share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalkit.errors import LockedError

WAIT = 120.0  # seconds; what is written under the folder's own lock takes a moment


@contextmanager
def locked(out: Path, period: str = "", *, wait: float | None = None) -> Iterator[None]:
    """Hold the lock of a period (its file name) in a reports folder, or of the folder itself.

    A period's lock is had at once or not at all, the folder's is waited for. Raises LockedError when another run
    holds it. The operating system keeps the lock, so it goes with its holder, however that ends.
    """
    from filelock import FileLock, Timeout

    path = out / ".locks" / period if period else out / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    seconds = (0.0 if period else WAIT) if wait is None else wait
    lock = FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except Timeout:
        what = f"publishing {period} in" if period else "writing to"
        raise LockedError(f"Another run is {what} {out}; wait until it has ended, then run this again.") from None
    try:
        yield
    finally:
        lock.release()
