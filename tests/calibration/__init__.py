"""The proof: evalkit's own evaluation on simulated banks with known truth, beside the usual shortcuts.

>>> from calibration import run
>>> run(2000, 1)  # doctest: +SKIP
"""

from calibration.calibrate import Figure, Study, run, tell
from calibration.scenarios import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Figure", "Scenario", "Study", "run", "tell"]
