"""What the report notebooks show, each part one call: sentences, tables and pictures of one result.

>>> import evalkit as ek  # doctest: +SKIP
>>> study = ek.open_study()  # doctest: +SKIP
>>> page = PeriodReport(study, study.evaluate_period("2026-Q3"))  # doctest: +SKIP
>>> page.first_screen()  # doctest: +SKIP
"""

from evalkit.report.base import Record, Report
from evalkit.report.goal import GoalReport
from evalkit.report.period import PeriodReport

__all__ = ["GoalReport", "PeriodReport", "Record", "Report"]
