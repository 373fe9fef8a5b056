"""The proof: evalkit's own evaluation on simulated banks with known truth, beside the usual shortcuts.

>>> from evalkit.validation import run
>>> run(2000, 1)  # doctest: +SKIP
"""

from evalkit.validation.calibrate import Figure, Study, run, tell
from evalkit.validation.page import Page
from evalkit.validation.scenarios import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Figure", "Page", "Scenario", "Study", "run", "tell"]
