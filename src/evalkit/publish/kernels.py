"""How a run's kernels are reached: by sockets in a folder of their own, not by ports of this machine.

A port is drawn free and bound later, by the kernel; two kernels that start at once can be given the same one, and then
one of them never answers. Nor can another user of the machine reach a socket in a folder that is not theirs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

STUDY_FROM_REPORTS = "EVALKIT_STUDY_FROM_REPORTS"  # says to a page's kernel where its commands find the study file
LONGEST_PATH = 100  # a socket's path; 103 on macOS, 107 on Linux


@contextmanager
def study_from_reports(way: str) -> Iterator[None]:
    """Let kernels that start meanwhile know where the study file lies, as seen from the reports folder."""
    os.environ[STUDY_FROM_REPORTS] = way
    try:
        yield
    finally:
        del os.environ[STUDY_FROM_REPORTS]


@contextmanager
def manager() -> Iterator[type[Any]]:
    """Yield the kernel manager for one notebook; ordinary ports where there are no such sockets."""
    from jupyter_client.manager import AsyncKernelManager

    with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
        place = os.path.join(folder, "k")  # noqa: PTH118
        if sys.platform == "win32" or len(place) > LONGEST_PATH:
            yield AsyncKernelManager
            return

        class SocketKernelManager(AsyncKernelManager):
            def __init__(self, **settings: Any) -> None:
                super().__init__(**settings, transport="ipc", ip=place)

        yield SocketKernelManager
