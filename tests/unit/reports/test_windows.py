from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.reports.days import ONE_SECOND, Calendar, Window, tile

days = st.dates(min_value=date(1980, 1, 1), max_value=date(2099, 12, 31))
ZONES = [
    "Europe/Moscow",
    "UTC",
    "America/New_York",
    "America/Havana",  # daylight saving begins and ends at midnight
    "America/Sao_Paulo",  # midnight used to be skipped
    "Asia/Kathmandu",  # UTC+5:45
    "Pacific/Apia",  # skipped 30 December 2011 altogether
]
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(days, st.integers(0, 800), st.integers(1, 400))
def test_windows_hold_every_day_of_the_period_exactly_once(
    start: date, length: int, window_days: int
) -> None:
    end = start + timedelta(days=length)

    windows = list(tile(start, end, window_days))

    covered = [w.start + timedelta(days=i) for w in windows for i in range(w.days)]
    assert covered == [start + timedelta(days=i) for i in range(length + 1)]


@given(days, st.integers(0, 800), st.integers(1, 400))
def test_only_the_last_window_may_be_shorter(
    start: date, length: int, window_days: int
) -> None:
    windows = list(tile(start, start + timedelta(days=length), window_days))

    assert all(w.days == window_days for w in windows[:-1])
    assert 1 <= windows[-1].days <= window_days


def test_a_single_day_is_one_window() -> None:
    day = date(2024, 2, 29)

    assert list(tile(day, day, 7)) == [Window(day, day)]


def test_a_leap_day_is_in_a_window() -> None:
    windows = list(tile(date(2024, 2, 26), date(2024, 3, 3), 7))

    assert windows == [Window(date(2024, 2, 26), date(2024, 3, 3))]
    assert windows[0].days == 7


def test_a_period_that_ends_before_it_begins_has_no_window() -> None:
    assert list(tile(date(2024, 1, 2), date(2024, 1, 1), 7)) == []


def test_a_month_in_weeks_does_not_repeat_boundary_days() -> None:
    windows = list(tile(date(2024, 1, 1), date(2024, 1, 31), 7))

    assert [str(w) for w in windows] == [
        "2024-01-01..2024-01-07",
        "2024-01-08..2024-01-14",
        "2024-01-15..2024-01-21",
        "2024-01-22..2024-01-28",
        "2024-01-29..2024-01-31",
    ]


def test_the_bookmark_of_a_day_is_its_last_second_in_utc() -> None:
    moscow = Calendar(ZoneInfo("Europe/Moscow"))

    bookmark = moscow.bookmark(date(2024, 1, 31))

    assert bookmark.isoformat() == "2024-01-31T20:59:59+00:00"


@given(zones, days)
def test_after_the_bookmark_of_a_day_comes_the_next_day(
    zone: ZoneInfo, day: date
) -> None:
    calendar = Calendar(zone)

    following = calendar.first_day_after(calendar.bookmark(day))

    # Apia has no 30 December 2011: the day after the 29th is the 31st.
    expected = day + timedelta(days=1)
    while calendar.begin(expected) == calendar.begin(expected + timedelta(days=1)):
        expected += timedelta(days=1)
    assert following == expected


@given(zones, days)
def test_days_follow_each_other_without_gap_or_overlap(
    zone: ZoneInfo, day: date
) -> None:
    calendar = Calendar(zone)

    end, next_begin = calendar.bookmark(day), calendar.begin(day + timedelta(days=1))

    assert end + ONE_SECOND == next_begin
    assert calendar.begin(day) <= next_begin


@given(zones, days, st.integers(0, 86_398))
def test_a_bookmark_inside_a_day_leaves_the_whole_day_to_be_read(
    zone: ZoneInfo, day: date, second: int
) -> None:
    calendar = Calendar(zone)
    inside = calendar.begin(day) + timedelta(seconds=second)
    if inside >= calendar.bookmark(day):  # a day may be shorter than 24 hours
        return

    assert calendar.first_day_after(inside) == day


@pytest.mark.parametrize("zone", ZONES)
def test_a_bookmark_may_come_in_any_zone(zone: str) -> None:
    moscow = Calendar(ZoneInfo("Europe/Moscow"))
    bookmark = datetime(2024, 1, 31, 20, 59, 59, tzinfo=UTC)

    elsewhere = bookmark.astimezone(ZoneInfo(zone))

    assert moscow.first_day_after(elsewhere) == date(2024, 2, 1)
