from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.reports.days import (
    GROUPS,
    Group,
    Window,
    group_of,
    tile_groups,
    whole_groups,
)

days = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))
groups = st.sampled_from(GROUPS)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("day", Window(date(2024, 2, 29), date(2024, 2, 29))),
        ("week", Window(date(2024, 2, 26), date(2024, 3, 3))),
        ("month", Window(date(2024, 2, 1), date(2024, 2, 29))),
        ("quarter", Window(date(2024, 1, 1), date(2024, 3, 31))),
        ("year", Window(date(2024, 1, 1), date(2024, 12, 31))),
    ],
)
def test_a_day_belongs_to_a_group_with_its_real_length(
    group: Group, expected: Window
) -> None:
    assert group_of(group, date(2024, 2, 29)) == expected


@given(groups, days)
def test_all_days_of_a_group_belong_to_it_and_no_others(
    group: Group, day: date
) -> None:
    window = group_of(group, day)

    assert window.start <= day <= window.end
    for inside in (window.start, window.end):
        assert group_of(group, inside) == window
    for outside in (
        window.start - timedelta(days=1),
        window.end + timedelta(days=1),
    ):
        assert group_of(group, outside) != window


@given(groups, days, st.integers(0, 1000))
def test_a_period_is_cut_into_whole_groups_without_gap_or_overlap(
    group: Group, start: date, length: int
) -> None:
    asked_end = start + timedelta(days=length)

    first, last = whole_groups(group, start, asked_end)
    windows = list(tile_groups(group, first, last))

    assert all(w == group_of(group, w.start) for w in windows)
    covered = [w.start + timedelta(days=i) for w in windows for i in range(w.days)]
    assert covered == [
        first + timedelta(days=i) for i in range((last - first).days + 1)
    ]
    assert first <= start
    assert last <= asked_end


def test_a_month_that_is_not_over_does_not_count() -> None:
    assert whole_groups("month", date(2024, 1, 15), date(2024, 3, 30)) == (
        date(2024, 1, 1),
        date(2024, 2, 29),
    )


def test_a_month_that_ends_with_the_period_counts() -> None:
    assert whole_groups("month", date(2024, 1, 1), date(2024, 1, 31)) == (
        date(2024, 1, 1),
        date(2024, 1, 31),
    )
