"""The bank's truth: every number the simulated records are drawn from, in one place.

Change the truth here and nowhere else. The timetable of the measures, the targets and the phase-in
are not repeated here: they are read from the study template, `study.yaml` beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one measure adds to a goal: its share of the full effect, and how long people take to feel it.

    `lag_months` are the months after the measure's completion until its share is fully there.
    """

    measure: str
    share: float
    lag_months: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessType:
    """A kind of business: mean minutes, log-normal sigma, its share before and after, its full log effect."""

    name: str
    minutes: float
    sigma: float
    share_before: float
    share_after: float
    log_effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """One part of a mix that moves after the programme's start: its share before and after."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyChannel:
    """Where a survey is answered: share of answers, offset of the mean score, mean survey weight."""

    name: str
    share: float
    offset: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """All truth parameters of the simulated bank.

    Shares are of one, durations minutes, scores points of the scale 1 to 10, rates incidents per million
    transactions. A `…_sd` is a standard deviation between branches or between months, on the scale named.
    """

    first_month: date = date(2023, 1, 1)
    last_day: date = date(2026, 9, 30)
    festivals: tuple[date, ...] = (date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17))

    # Sizes. `records` are process records; the other sources keep these ratios to them.
    records: int = 30_000
    survey_per_record: float = 0.6
    feedback_per_record: float = 0.22
    branch_size_sigma: float = 0.6
    regions: tuple[tuple[str, int], ...] = (("east", 12), ("south", 9), ("north", 8), ("west", 6), ("central", 5))

    # Satisfaction: points; score = 1 + beta-binomial(9, mean, correlation).
    score_mean: float = 7.0
    score_correlation: float = 0.08
    score_branch_sd: float = 0.25
    score_effect: float = 0.98
    score_effect_branch_cv: float = 0.15
    score_month_sd: float = 0.02
    score_season: float = 0.05
    score_festival: float = -0.25
    weight_sigma: float = 0.35
    weight_branch_sigma: float = 0.15
    channels: tuple[SurveyChannel, ...] = (
        SurveyChannel(name="counter", share=0.38, offset=0.10, weight=1.15),
        SurveyChannel(name="mobile", share=0.47, offset=0.02, weight=0.80),
        SurveyChannel(name="hotline", share=0.15, offset=-0.30, weight=1.35),
    )
    score_contributions: tuple[Contribution, ...] = (
        Contribution(measure="streamline-process", share=0.35, lag_months=5),
        Contribution(measure="intelligent-service", share=0.30, lag_months=5),
        Contribution(measure="multichannel-feedback", share=0.15, lag_months=4),
        Contribution(measure="feedback-analysis", share=0.20, lag_months=6),
    )

    # Handling time: minutes, effects on the log scale. The mix moves to quick business from the start on.
    types: tuple[BusinessType, ...] = (
        BusinessType(name="transfer", minutes=12, sigma=0.70, share_before=0.240, share_after=0.295, log_effect=-0.17),
        BusinessType(name="cash", minutes=8, sigma=0.60, share_before=0.220, share_after=0.235, log_effect=-0.12),
        BusinessType(name="card", minutes=20, sigma=0.70, share_before=0.200, share_after=0.200, log_effect=-0.16),
        BusinessType(name="account", minutes=36, sigma=0.75, share_before=0.170, share_after=0.145, log_effect=-0.15),
        BusinessType(name="wealth", minutes=45, sigma=0.75, share_before=0.090, share_after=0.065, log_effect=-0.12),
        BusinessType(name="loan", minutes=120, sigma=0.85, share_before=0.080, share_after=0.060, log_effect=-0.12),
    )
    mix_months: float = 6.0
    process_growth: float = 0.004
    process_branch_sd: float = 0.15
    process_effect_branch_sd: float = 0.03
    process_month_sd: float = 0.01
    process_season: float = 0.02
    process_festival: float = 0.18
    abandoned_share: float = 0.004
    steps_before: float = 9.2
    steps_log_effect: float = -0.30
    process_contributions: tuple[Contribution, ...] = (
        Contribution(measure="streamline-process", share=0.50),
        Contribution(measure="intelligent-service", share=0.30),
        Contribution(measure="upgrade-systems", share=0.20),
    )

    # Feedback: share answered within seven days; effects on the logit scale.
    answered_before: float = 0.80
    answered_after: float = 0.952
    answered_branch_sd: float = 0.30
    answered_month_sd: float = 0.05
    answered_festival: float = -0.30
    late_share: float = 0.65
    late_days: float = 6.0
    feedback_growth: float = 0.35
    topics: tuple[Mix, ...] = (
        Mix(name="waiting-time", before=0.30, after=0.19),
        Mix(name="fees", before=0.15, after=0.15),
        Mix(name="mobile-app", before=0.11, after=0.22),
        Mix(name="staff-attitude", before=0.13, after=0.10),
        Mix(name="account-and-card", before=0.16, after=0.17),
        Mix(name="account-security", before=0.07, after=0.08),
        Mix(name="suggestion", before=0.08, after=0.09),
    )
    feedback_channels: tuple[Mix, ...] = (
        Mix(name="counter", before=0.36, after=0.19),
        Mix(name="hotline", before=0.45, after=0.33),
        Mix(name="app", before=0.10, after=0.26),
        Mix(name="website", before=0.06, after=0.08),
        Mix(name="wechat", before=0.03, after=0.14),
    )
    answered_contributions: tuple[Contribution, ...] = (
        Contribution(measure="multichannel-feedback", share=0.55, lag_months=6),
        Contribution(measure="feedback-analysis", share=0.45, lag_months=8),
    )

    # Incidents: per million transactions; counts of a branch and month have variance dispersion × mean.
    incident_rate: float = 0.90
    incident_log_effect: float = -0.66
    incident_branch_sd: float = 0.35
    incident_month_sd: float = 0.08
    incident_dispersion: float = 1.6
    incident_season: float = 0.08
    transactions: float = 14.5
    transactions_growth: float = 0.008
    transactions_season: float = 0.05
    incident_kinds: tuple[tuple[str, float], ...] = (
        ("phishing", 0.38),
        ("card-fraud", 0.27),
        ("account-takeover", 0.17),
        ("system-outage", 0.12),
        ("data-exposure", 0.06),
    )
    incident_contributions: tuple[Contribution, ...] = (
        Contribution(measure="security-tests", share=0.35, lag_months=2),
        Contribution(measure="upgrade-systems", share=0.35),
        Contribution(measure="risk-training", share=0.20),
        Contribution(measure="contingency-plans", share=0.10),
    )

    ongoing_months: float = 9.0  # an ongoing measure works fully this long after its start

    @property
    def branches(self) -> int:
        return sum(count for _, count in self.regions)


BANK = Bank()
