"""Numbers and dates are shown the same everywhere, and never rounded into a contradiction."""

from __future__ import annotations

import locale
from datetime import date

import pytest

from evalkit import formats


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "shown"),
    [
        (1234567.891, 2, False, "1,234,567.89"),
        (-0.004, 2, True, "0.00"),
        (-12.5, 1, True, "−12.5"),
        (0.25, 2, True, "+0.25"),
        (float("inf"), 1, False, "∞"),
        (float("-inf"), 1, False, "−∞"),
        (float("nan"), 1, False, "–"),
        (None, 1, False, "–"),
    ],
)
def test_numbers(value: float | None, decimals: int, signed: bool, shown: str) -> None:
    assert formats.number(value, decimals, signed=signed) == shown


def test_numbers_ignore_the_machines_locale() -> None:
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("de_DE.UTF-8", "C.UTF-8", "C"):
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
            assert formats.number(1234.5, 1) == "1,234.5"
            assert formats.day(date(2026, 9, 30)) == "30 September 2026"
    finally:
        locale.setlocale(locale.LC_ALL, before)


def test_a_bound_beside_the_target_is_not_rounded_onto_it() -> None:
    form = formats.quantity("proportion", "level", [0.92, 0.89996, 0.94], target=0.90)
    assert form.text(0.89996) != form.target(0.90)
    assert form.text(0.89996) == "89.996 %"
    assert form.target(0.90) == "90 %"


@pytest.mark.parametrize(
    ("kind", "scale", "value", "target", "shown", "aim"),
    [
        ("mean", "ratio", 1.113, 1.10, "+11.3 %", "+10 %"),
        ("rate", "ratio", 0.645, 0.70, "−35.5 %", "−30 %"),
        ("proportion", "level", 0.9132, 0.90, "91.3 %", "90 %"),
        ("proportion", "difference", 0.0213, 0.05, "+2.1 percentage points", "+5 percentage points"),
        ("mean", "difference", -0.5, -1.0, "−0.50 minutes", "−1 minutes"),
        ("mean", "level", 35.42, 30.0, "35.4 minutes", "30 minutes"),
    ],
)
def test_each_kind_and_scale_is_shown_as_people_say_it(
    kind: str, scale: str, value: float, target: float, shown: str, aim: str
) -> None:
    form = formats.quantity(kind, scale, [value], target=target, unit="minutes" if scale != "ratio" else "")
    assert (form.text(value), form.target(target)) == (shown, aim)


def test_spans_in_both_languages() -> None:
    days = date(2025, 12, 1), date(2026, 2, 28)
    assert formats.span(*days) == "1 December 2025 to 28 February 2026"
    assert formats.span(*days, "zh") == "2025年12月1日至2026年2月28日"
    assert formats.span(days[0], days[0]) == "1 December 2025"


def test_intervals_name_their_unit_once() -> None:
    form = formats.quantity("mean", "level", [12.34, 10.1], unit="days")
    assert form.interval(10.1, 12.34) == "10.1 to 12.3 days"
    assert formats.quantity("mean", "ratio", [1.1, 1.2], language="zh").interval(1.1, 1.2) == "+10.0%至+20.0%"


@pytest.mark.parametrize(
    ("value", "language", "told"),
    [
        (3.516e-05, "en", "35.2 per million"),
        (3.516e-05, "zh", "35.2/百万"),
        (0.00412, "en", "4.12 per 1,000"),
        (0.00412, "zh", "4.12/千"),
        (0.0352, "en", "0.0352"),
    ],
)
def test_small_rates_are_told_without_counting_zeros(value: float, language: formats.Language, told: str) -> None:
    assert formats.quantity("rate", "level", [value], language=language).text(value) == told
    assert formats.quantity("mean", "level", [value]).factor == 1
