from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.reports.days import Calendar, Window, tile
from tap_targetads.state.bookmark import Bookmark

MOSCOW = Calendar(ZoneInfo("Europe/Moscow"))
DAYS = st.integers(0, 40).map(lambda n: date(2024, 1, 1) + timedelta(days=n))
WINDOWS = st.tuples(DAYS, st.integers(0, 6)).map(
    lambda pair: Window(pair[0], pair[0] + timedelta(days=pair[1]))
)


def days_of(*windows: Window) -> set[date]:
    return {w.start + timedelta(days=n) for w in windows for n in range(w.days)}


@given(st.lists(WINDOWS, min_size=1))
def test_whatever_is_written_in_whatever_order_the_state_never_covers_more(
    windows: list[Window],
) -> None:
    entry: dict[str, Any] = {"context": {"project_id": 1}}
    mark = Bookmark(entry, "InteractionTime", MOSCOW, date(2024, 1, 1), "Stream clicks")
    end = date.min

    for number, window in enumerate(windows, start=1):
        mark.cover(window)
        assert mark.covered
        assert days_of(mark.covered) <= days_of(*windows[:number])
        assert mark.covered.end >= end, "the bookmark went back"
        end = mark.covered.end
    assert entry["replication_key"] == "InteractionTime"


@given(DAYS, DAYS, st.integers(1, 7), st.randoms())
def test_windows_that_tile_a_period_are_covered_as_a_whole(
    start: date, middle: date, days: int, random: Any
) -> None:
    # A later part forwards, then what lies before it, each window cut anywhere.
    entry: dict[str, Any] = {}
    mark = Bookmark(entry, "InteractionTime", MOSCOW, start, "Stream clicks")
    start, middle = min(start, middle), max(start, middle)
    for window in tile(middle, date(2024, 3, 1), days):
        mark.cover(window)
    for window in reversed(list(tile(start, middle - timedelta(days=1), days))):
        for piece in tile(window.start, window.end, random.randint(1, days)):
            mark.cover(piece)

    assert mark.covered == Window(start, date(2024, 3, 1))
