"""Control charts against published examples, and each rule where it fires and where it stays silent."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import NotEvaluableError, ParameterError
from evalkit.estimands.control_chart import control_chart

# Montgomery (2009), Introduction to Statistical Quality Control, 6th ed.: table 6.6 (loan processing costs), table
# 7.1 (orange juice cans, n = 50), table 7.4 (purchase orders), table 7.10 (shipments, n = 50), table 7.11 (dyed cloth)
LOANS = [310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306, 301, 304]
CANS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
ORDERS = [12, 8, 6, 9, 10, 12, 11, 16, 10, 6, 20, 15, 9, 8, 6, 8, 10, 7, 5, 8, 5, 8, 10, 6, 9]
ORDER_SIZES = [
    100,
    80,
    80,
    100,
    110,
    110,
    100,
    100,
    90,
    90,
    110,
    120,
    120,
    120,
    110,
    80,
    80,
    80,
    90,
    100,
    100,
    100,
    100,
    90,
    90,
]
SHIPMENTS = [2, 3, 8, 1, 1, 4, 1, 4, 5, 1, 8, 2, 4, 3, 4, 1, 8, 3, 7, 4]
CLOTH, CLOTH_UNITS = [14, 12, 20, 11, 7, 10, 21, 16, 19, 23], [10, 8, 13, 10, 9.5, 10, 12, 10.5, 12, 12.5]


def lines(chart, point=0):
    return chart.low[point], chart.centre[point], chart.high[point]


def test_individual_values_of_montgomery():
    chart = control_chart(LOANS)
    assert lines(chart) == pytest.approx((279.78, 300.5, 321.22), abs=0.02)
    assert (chart.variation == "common").all()


def test_proportions_of_montgomery():
    chart = control_chart(CANS, kind="p", denominators=[50] * 30)
    assert lines(chart) == pytest.approx((0.0524, 0.2313, 0.4102), abs=2e-4)
    assert (np.flatnonzero(chart.outside) + 1).tolist() == [15, 23]


def test_proportions_of_montgomery_with_sizes_that_vary():
    chart = control_chart(ORDERS, kind="p", denominators=ORDER_SIZES)
    assert chart.centre[0] == pytest.approx(0.096, abs=6e-4)
    assert lines(chart)[2] == pytest.approx(0.184, abs=1e-3)
    assert lines(chart, 1)[::2] == pytest.approx((0.0, 0.194), abs=1e-3)
    assert (np.flatnonzero(chart.outside) + 1).tolist() == [11]


def test_rates_of_montgomery():
    chart = control_chart(SHIPMENTS, kind="u", denominators=[50] * 20)
    assert lines(chart) == pytest.approx((0.0, 0.0740, 0.1894), abs=5e-5)
    assert not chart.outside.any()
    cloth = control_chart(CLOTH, kind="u", denominators=CLOTH_UNITS)
    assert lines(cloth) == pytest.approx((0.29, 1.42, 2.55), abs=0.01)
    assert cloth.high[1] == pytest.approx(2.68, abs=0.015)


def test_limits_of_the_health_services_package():
    # NHSRplotthedots 0.1, tests/testthat/_snaps/ptd_spc_standard.md: rnorm(20) with set.seed(123)
    values = [
        -0.560475646552,
        -0.230177489483,
        1.558708314149,
        0.070508391425,
        0.129287735161,
        1.715064986883,
        0.460916205989,
        -1.265061234607,
        -0.686852851894,
        -0.445661970100,
        1.224081797439,
        0.359813827057,
        0.400771450594,
        0.110682715945,
        -0.555841134754,
        1.786913136803,
        0.497850478229,
        -1.966617156630,
        0.701355901564,
        -0.472791407728,
    ]
    assert lines(control_chart(values)) == pytest.approx((-3.01, 0.142, 3.29), abs=5e-3)
    # its next case: a single outlier must not widen the limits
    values[14] = 10.0
    usual = np.abs(np.diff(values))
    kept = usual[usual < 3.267 * usual.mean()]
    assert kept.size == 17
    low, centre, high = lines(control_chart(values))
    assert (high - centre, centre - low) == pytest.approx((2.66 * kept.mean(),) * 2)


def flat(changes: dict[int, float], n: int = 24) -> list[float]:
    """Return a series that alternates around 10 with limits near 10 ± 5.3, but for the changes given."""
    values = [9.0 if i % 2 else 11.0 for i in range(n)]
    for place, value in changes.items():
        values[place] = value
    return values


def test_quiet_process_breaks_no_rule():
    chart = control_chart(flat({}))
    assert (chart.variation == "common").all()
    assert not chart.provisional


@pytest.mark.parametrize(("value", "side"), [(22.0, 1), (-2.0, -1), (14.5, 0)])
def test_point_outside_the_limits(value, side):
    assert control_chart(flat({12: value})).outside[12] == side


def test_point_on_its_limit_is_inside():
    chart = control_chart([1, 1, 1, 1], kind="p", denominators=[1, 1, 1, 1])
    assert lines(chart) == (1.0, 1.0, 1.0)
    assert (chart.variation == "common").all()


def test_constant_series_breaks_no_rule():
    assert (control_chart([0.1] * 30).variation == "common").all()


def test_shift_needs_seven_points():
    # the last of the quiet points lies above the centre too and belongs to the run
    six, seven = ([-1, 1] * 8 + [0.5] * n + [-1, 1] * 8 for n in (5, 6))
    assert not control_chart(six).shift.any()
    chart = control_chart(seven)
    assert np.flatnonzero(chart.shift).tolist() == list(range(15, 22))
    assert set(chart.shift.tolist()) == {0, 1}


def test_trend_needs_seven_points():
    six, seven = ([50, 90, 40, 95] * 4 + list(range(60, 60 + n)) + [45, 80] * 4 for n in (6, 7))
    assert not control_chart(six).trend.any()
    rising = control_chart(seven)
    assert np.flatnonzero(rising.trend).tolist() == list(range(16, 23))
    assert rising.trend.max() == 1
    falling = control_chart([100 - value for value in seven])
    assert np.flatnonzero(falling.trend).tolist() == list(range(16, 23))
    assert falling.trend.min() == -1


def test_two_of_three_on_one_side_only():
    # the series of NHSRplotthedots' issue 143
    opposite = [1.0, -1.0] * 7 + [5.5, -5.5]
    assert not control_chart(opposite).two_of_three.any()
    same = flat({10: 15.3, 12: 15.3})
    same[11] = 10.5
    chart = control_chart(same)
    assert not chart.outside.any()
    assert np.flatnonzero(chart.two_of_three).tolist() == [10, 12]
    apart = flat({10: 15.3, 13: 15.3})
    assert not control_chart(apart).two_of_three.any()


@pytest.mark.parametrize("seed", range(8))
def test_rules_by_their_definition(seed):
    """Every window of 7, or 3, points looked at on its own."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(10, 2, 40), 8 + np.arange(9), rng.normal(13, 2, 40)])
    chart = control_chart(values)
    side, near = np.sign(values - chart.centre), (chart.high - chart.centre) * 2 / 3
    close = (np.abs(values - chart.centre) > near) & (values <= chart.high) & (values >= chart.low)
    shift, trend, two = (np.zeros(values.size, dtype=bool) for _ in range(3))
    for last in range(6, values.size):
        seven = slice(last - 6, last + 1)
        shift[seven] |= abs(side[seven].sum()) == 7
        trend[seven] |= abs(np.sign(np.diff(values[seven])).sum()) == 6
    for last in range(2, values.size):
        three = slice(last - 2, last + 1)
        two[three] |= close[three] & (close[three].sum() >= 2) & (abs(side[three].sum()) == 3)
    assert ((chart.shift != 0) == shift).all()
    assert ((chart.trend != 0) == trend).all()
    assert ((chart.two_of_three != 0) == two).all()


def test_better_tells_improvement_from_concern():
    values = flat({5: 22.0, 15: -2.0})
    for better, names in (
        (None, ("high", "low")),
        ("higher", ("improvement", "concern")),
        ("lower", ("concern", "improvement")),
    ):
        chart = control_chart(values, better=better)
        assert (chart.variation[5], chart.variation[15]) == names


def test_rise_below_the_centre_speaks_both_ways():
    values = [60, 61] * 10 + [40, 41, 42, 43, 44, 45, 46] + [60, 61] * 3
    chart = control_chart(values, better="higher")
    assert (chart.trend[20:27] == 1).all()
    assert (chart.shift[20:27] == -1).all()
    assert (chart.variation[20:27] == "mixed").all()


def test_step_gives_each_segment_its_own_limits_and_runs():
    values = flat({}) + [value - 5 for value in flat({})]
    whole, stepped = control_chart(values), control_chart(values, step_at=24)
    assert whole.shift.any()
    assert (stepped.variation == "common").all()
    assert (stepped.centre[0], stepped.centre[-1]) == (10.0, 5.0)
    assert stepped.segment.tolist() == [0] * 24 + [1] * 24
    assert lines(stepped) == lines(control_chart(values[:24]))
    short = control_chart(values[:30], step_at=24)
    assert short.provisional


def test_dates_place_the_step():
    months = np.array("2024-01", dtype="datetime64[M]") + np.arange(24)
    chart = control_chart(flat({}), times=months, step_at="2025-01-15")
    assert chart.segment.tolist() == [0] * 13 + [1] * 11
    order = np.random.default_rng(1).permutation(24)
    shuffled = control_chart(np.array(flat({}))[order], times=months[order], step_at="2025-01-15")
    assert shuffled.to_frame().equals(chart.to_frame())


@pytest.mark.parametrize(
    ("target", "better", "assurance"),
    [
        (4.0, "higher", "met"),
        (10.0, "higher", "hit-or-miss"),
        (16.0, "higher", "missed"),
        (16.0, "lower", "met"),
        (10.0, "lower", "hit-or-miss"),
        (4.0, "lower", "missed"),
    ],
)
def test_assurance_holds_the_target_against_the_limits(target, better, assurance):
    chart = control_chart(flat({}), target=target, better=better)
    assert chart.assurance == assurance
    word = {"met": "reliably meets", "missed": "will miss", "hit-or-miss": "a matter of chance"}[assurance]
    assert word in chart.summary()


def test_assurance_is_that_of_the_last_segment():
    values = flat({}) + [value + 20 for value in flat({})]
    assert control_chart(values, step_at=24, target=20, better="higher").assurance == "met"
    assert control_chart(values, step_at=24).assurance is None


def test_target_on_the_limit_is_met():
    assert control_chart([5] * 4, kind="p", denominators=[5] * 4, target=1.0, better="higher").assurance == "met"


def test_chart_reads_as_table_and_sentence():
    chart = control_chart(flat({12: 22.0}), step_at=6, target=10, better="lower")
    frame = chart.to_frame()
    assert frame.shape == (24, 11)
    assert frame["variation"][12] == "concern"
    assert "1 of 24 points breaks a rule" in chart.summary()
    assert chart._repr_html_().count('scope="row"') == 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2, 3],), {"kind": "np"}, "kind is 'np'; expected 'xmr', 'p' or 'u'"),
        (([1, 2, 3],), {"kind": "p"}, "A p chart needs denominators: the trials"),
        (([1, 2, 3],), {"kind": "u"}, "A u chart needs denominators: the exposure"),
        (([1, 2, 3],), {"denominators": [5, 5, 5]}, "An xmr chart has no denominators"),
        (([1, 2, 3],), {"kind": "p", "denominators": [5, 5]}, r"denominators has the shape \(2,\)"),
        (
            ([1, 2, 3],),
            {"kind": "p", "denominators": [5, 5, 2]},
            r"values\[2\] is 3; expected a whole number between 0 and",
        ),
        (
            ([1, -2, 3],),
            {"kind": "u", "denominators": [5, 5, 2]},
            r"values\[1\] is -2; expected a whole number of at least 0",
        ),
        (([1, 2, 3],), {"kind": "u", "denominators": [5, 0, 2]}, r"denominators\[1\] is 0; leave out"),
        (([1, 2, 3],), {"target": 2}, "A target needs better"),
        (([1, 2, 3],), {"step_at": 3}, r"step_at is 3, outside the series \(0 to 2\)"),
        (([1, 2, 3],), {"times": [1, 2]}, r"times has the shape \(2,\)"),
        (([1, np.nan, 3],), {}, r"values\[1\] is missing"),
        (([1],), {}, "at least 2 numbers"),
        ((["a", "b"],), {}, "values: expected numbers"),
    ],
)
def test_parameters_that_cannot_be_are_named(arguments, options, message):
    with pytest.raises(ParameterError, match=message):
        control_chart(*arguments, **options)


def test_segment_of_one_point_has_no_limits():
    with pytest.raises(NotEvaluableError) as caught:
        control_chart([1, 2, 3], step_at=2)
    assert caught.value.code == "too_few_points"


@pytest.mark.parametrize(("target", "assurance"), [(0.90, "met"), (0.93, "hit-or-miss")])
def test_a_part_of_a_month_at_the_end_decides_nothing(target, assurance):
    """Four records of a month that has begun have wide limits, four thousand of a busy one narrow ones."""
    for last in (4, 4000):
        sizes = [200] * 12 + [last]
        passed = [193 + (-1) ** month for month in range(12)] + [round(0.965 * last)]
        chart = control_chart(passed, kind="p", denominators=sizes, target=target, better="higher")
        assert chart.assurance == assurance
        assert chart.usual == (chart.low[0], chart.high[0])
        assert f"between {chart.low[0]:.4g} and {chart.high[0]:.4g}" in chart.summary()


@pytest.mark.parametrize(
    ("kind", "size", "chance", "most"),
    [
        *(("u", 1.0, rate, 0.15) for rate in (0.1, 0.25, 0.5, 1, 2.2, 5)),
        *(("p", size, share, 0.2) for size in (8.0, 30.0) for share in (0.05, 0.5, 0.95)),
    ],
)
def test_rare_events_show_no_improvement_where_nothing_changes(kind, size, chance, most):
    """36 points of a constant process: with 7 points for every shift up to 97 of 100 charts showed an improvement."""
    rng, found = np.random.default_rng(5), 0
    for _ in range(100):
        counts = rng.poisson(chance, 36) if kind == "u" else rng.binomial(int(size), chance, 36)
        chart = control_chart(counts, kind=kind, denominators=[size] * 36, better="lower" if kind == "u" else "higher")
        found += bool(np.isin(chart.variation, ["improvement", "mixed"]).any())
    assert found / 100 <= most


def test_a_shift_of_rare_events_takes_as_many_points_as_are_as_improbable():
    # a centre of 0.25: below it lies a month without events, chance exp(-0.25), and 7 ln 2 / 0.25 = 19.4
    for empty, found in ((18, 0), (19, 19)):
        counts = [*([0] * empty), *([1, 0] * 10), *([0] * (20 - empty))]
        chart = control_chart(counts, kind="u", denominators=[1] * 40)
        assert (chart.centre[0], chart.run_below[0], chart.run_above[0]) == (0.25, 19, 7)
        assert np.flatnonzero(chart.shift).tolist() == list(range(found))
    assert "A shift takes 19 points in a row below the centre, where chance alone puts most of them." in chart.summary()
    even = control_chart([0, 1, 1, 0] * 6, kind="p", denominators=[1] * 24)
    assert (even.run_above[0], even.run_below[0]) == (7, 7)
    assert "A shift takes" not in even.summary()


def test_a_shift_of_rare_failures_is_longer_above():
    """The same chart upside down."""
    failed = np.array([1, 0, 0, 0, 2, 0] * 6)
    down, up = (control_chart(counts, kind="p", denominators=[8] * 36) for counts in (failed, 8 - failed))
    assert (up.run_above == down.run_below).all()
    assert up.run_above[0] > 7
    assert 1 - up.low == pytest.approx(down.high)
    assert (up.shift == -down.shift).all()


def test_limits_of_rare_events_lie_where_chance_hardly_gives_a_count():
    # a mean of 0.25: three standard deviations end at 1.75, though chance gives 2 or more with 0.0265, 3 with 0.0022
    counts = [0, 0, 0, 1] * 10
    counts[3], counts[7] = 2, 0
    chart = control_chart(counts, kind="u", denominators=[1] * 40)
    assert lines(chart) == (0.0, 0.25, 2.0)
    assert not chart.outside.any()
    counts[3], counts[11] = 3, 0
    assert control_chart(counts, kind="u", denominators=[1] * 40).outside[3] == 1
    # by hand for 8 trials of 0.05: 2 or more 0.0572, 3 or more 0.0058, 4 or more 0.0004
    found = control_chart([0, 1, 0, 0, 1] * 4, kind="p", denominators=[8] * 20)
    assert lines(found) == (0.0, 0.05, 3 / 8)


@pytest.mark.parametrize(("kind", "counts"), [("u", [0] * 30), ("p", [0] * 30), ("p", [5] * 30)])
def test_none_or_all_break_no_rule(kind, counts):
    chart = control_chart(counts, kind=kind, denominators=[5] * 30)
    assert (chart.variation == "common").all()
    assert lines(chart) == (chart.centre[0],) * 3


def test_denominators_of_any_size_have_a_chart():
    for kind, counts, sizes in (
        ("u", [1, 0, 0], [1e13, 1.0, 1.0]),
        ("p", [1, 0, 0], [1e13, 1.0, 1.0]),
        ("u", [0, 0, 3], [1e-9, 2e-9, 1e-9]),
        ("p", [9e12, 0, 1], [9e12, 1, 1]),
    ):
        chart = control_chart(counts, kind=kind, denominators=sizes)
        assert np.isfinite([chart.low, chart.high]).all()
        assert min(chart.run_above[0], chart.run_below[0]) >= 7


def test_nothing_is_said_about_the_target_where_the_last_segment_breaks_a_rule():
    chart = control_chart(flat({12: 22.0}), target=30, better="lower")
    assert not chart.stable
    assert chart.assurance is None
    assert chart.summary().endswith(
        "1 of 24 points breaks a rule. It has not been stable, so nothing is said about single sub-periods and the"
        " target 30."
    )
    later = control_chart(flat({2: 22.0}), step_at=12, target=30, better="lower")
    assert later.stable, "a rule broken before the last segment says nothing about it"
    assert later.assurance == "met"
