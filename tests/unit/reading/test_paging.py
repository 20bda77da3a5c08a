from __future__ import annotations

import itertools
import logging
from collections import Counter
from datetime import date
from operator import itemgetter
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.reading.paginator import PageRequest, PagingError
from tap_targetads.reading.paging import Paging, RowsMovedError
from tap_targetads.reading.splitter import Splitter
from tap_targetads.reports.days import Window
from tap_targetads.reports.kinds import RawReport
from tap_targetads.rows.json_pages import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

LOGGER = logging.getLogger("tap-targetads.clicks")
DAY = Window(date(2024, 1, 15), date(2024, 1, 15))
REPORT = RawReport(name="clicks", fields={}, window_days=7, lookback_days=0)


class Server:
    """Rows that change once; each page is answered from before or after that."""

    def __init__(self, before: list[Any], after: list[Any], new: list[bool]) -> None:
        self.before = before
        self.after = after
        self.new = iter(new)

    def fetch(self, place: PageRequest, splittable: Any) -> Page:
        del splittable
        rows = self.after if next(self.new, True) else self.before
        end = place.offset + place.limit
        return Page(rows[place.offset : end], has_more=end < len(rows))


def read(
    server: Any, size: int, *, has_keys: bool = True, time_of: Any = None
) -> list[Any]:
    paging = Paging(
        window=DAY,
        report=REPORT,
        begun=False,
        fetch=server.fetch,
        expect=lambda *_: None,
        splitter=Splitter(REPORT, LOGGER, page_size=size),
        has_keys=has_keys,
        logger=LOGGER,
        subject="Stream clicks",
        time_of=time_of,
    )
    return [row for page in paging.pages() for row in page.rows]


@given(
    st.integers(0, 60),
    st.lists(st.integers(0, 60), max_size=20),
    st.integers(2, 30),
    st.lists(st.booleans(), max_size=30),
)
def test_rows_that_come_in_at_any_moment_are_noticed_or_do_no_harm(
    count: int, places: list[int], size: int, new: list[bool]
) -> None:
    # Pages may be answered in any order: some of them are asked for ahead.
    before = list(range(count))
    after = list(before)
    for number, place in enumerate(places):
        after.insert(place, 1000 + number)

    try:
        found = Counter(read(Server(before, after, new), size))
    except RowsMovedError:
        return

    assert max(found.values(), default=1) == 1, "doubled"
    assert found.keys() >= set(before), "lost"


@given(st.integers(0, 60), st.integers(1, 30))
def test_rows_that_stay_arrive_once_and_in_order(count: int, size: int) -> None:
    rows = list(range(count))

    assert read(Server(rows, rows, []), size) == rows


@given(st.integers(2, 60), st.integers(2, 30))
def test_equal_rows_are_no_movement(count: int, size: int) -> None:
    rows = [7] * count

    assert read(Server(rows, rows, []), size) == rows


def test_without_keys_moved_rows_are_told_and_not_read_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = list(range(20))
    after = [99, *before]

    rows = read(Server(before, after, [False, True]), 10, has_keys=False)

    assert set(rows) == set(range(20))
    assert "Without a row key they cannot be read again" in caplog.text


@pytest.mark.parametrize("cap", [3, 7, 10])
def test_a_server_that_sends_fewer_rows_than_asked_for_loses_none(cap: int) -> None:
    rows = list(range(50))

    def fetch(place: PageRequest, splittable: Any) -> Page:
        del splittable
        end = min(place.offset + min(place.limit, cap), len(rows))
        return Page(rows[place.offset : end], has_more=end < len(rows))

    assert read(SimpleNamespace(fetch=fetch), 10) == rows


@pytest.mark.parametrize("has_keys", [True, False])
@pytest.mark.parametrize("size", [2, 10, 100])
def test_a_server_that_sends_fewer_rows_from_page_to_page_loses_none(
    size: int, has_keys: Any
) -> None:
    rows = list(range(900))
    caps = iter([size, size // 2, 1, size // 4 or 1, size])

    def fetch(place: PageRequest, splittable: Any) -> Page:
        del splittable
        end = min(place.offset + min(place.limit, next(caps, 7)), len(rows))
        return Page(rows[place.offset : end], has_more=end < len(rows))

    assert read(SimpleNamespace(fetch=fetch), size, has_keys=has_keys) == rows


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_server_that_sends_the_same_equal_rows_for_ever_is_noticed(size: int) -> None:
    def fetch(place: PageRequest, splittable: Any) -> Page:
        del splittable
        return Page([7] * place.limit, has_more=True)

    with pytest.raises(PagingError, match="ignores `Offset`"):
        read(SimpleNamespace(fetch=fetch), size)


def test_a_server_that_sends_one_row_for_ever_is_noticed_though_it_changes() -> None:
    numbers = itertools.count()

    def fetch(place: PageRequest, splittable: Any) -> Page:
        del splittable, place
        return Page([next(numbers)], has_more=True)

    with pytest.raises(PagingError, match="ignores `Offset`"):
        read(SimpleNamespace(fetch=fetch), 1)


TIME = itemgetter(0)
SHUFFLES = st.integers(0, 2**32).map(Random)
"""Chance, and nobody who looks for the one order in millions that deceives."""


class TiedServer:
    """Sorts by time only, and rows of one time otherwise at each request.

    Attributes:
        rows: Times and numbers.
        late: Rows that come in, one after each request.
        total: Whether it counts all rows, or those of the page.
    """

    def __init__(
        self,
        rows: list[tuple[int, int]],
        random: Random,
        *,
        late: Sequence[tuple[int, int]] = (),
        total: bool = False,
        falling: bool = False,
    ) -> None:
        self.rows = list(rows)
        self.late = iter(late)
        self.total = total
        self.falling = falling
        self.random = random

    def fetch(self, place: PageRequest, splittable: Any) -> Page:
        del splittable
        self.random.shuffle(self.rows)
        self.rows.sort(key=TIME, reverse=self.falling)
        page = self.rows[place.offset : place.offset + place.limit]
        more = place.offset + place.limit < len(self.rows)
        count = len(self.rows) if self.total else len(page)
        if row := next(self.late, None):
            self.rows.append(row)
        return Page(page, more, count)


def tied(sizes: list[int]) -> list[tuple[int, int]]:
    """Groups of rows of one time."""
    times = [time for time, size in enumerate(sizes) for _ in range(size)]
    return [(time, number) for number, time in enumerate(times)]


def assert_none_lost_or_doubled(before: list[Any], found: list[Any]) -> None:
    counts = Counter(found)
    assert max(counts.values(), default=1) == 1, "doubled"
    assert counts.keys() >= set(before), "lost"


@given(
    sizes=st.lists(st.integers(1, 5), max_size=40),
    size=st.integers(20, 50),
    random=SHUFFLES,
    falling=st.booleans(),
)
def test_ties_in_another_order_each_time_are_read_completely(
    *, sizes: list[int], size: int, random: Random, falling: bool
) -> None:
    rows = tied(sizes)

    found = read(TiedServer(rows, random, falling=falling), size, time_of=TIME)

    assert sorted(found) == rows


@given(st.lists(st.integers(1, 5), max_size=40), st.integers(20, 50), SHUFFLES)
def test_rows_that_come_in_at_the_end_are_no_movement(
    sizes: list[int], size: int, random: Random
) -> None:
    rows = tied(sizes)
    late = [(len(sizes), -number) for number in range(1, 30)]
    server = TiedServer(rows, random, late=late, total=True)

    assert_none_lost_or_doubled(rows, read(server, size, time_of=TIME))


@given(
    sizes=st.lists(st.integers(1, 12), max_size=15),
    size=st.integers(20, 30),
    times=st.lists(st.integers(0, 15), max_size=4),
    after=st.integers(0, 3),
    total=st.booleans(),
    random=SHUFFLES,
)
def test_rows_that_come_in_among_ties_are_noticed_or_do_no_harm(
    *,
    sizes: list[int],
    size: int,
    times: list[int],
    after: int,
    total: bool,
    random: Random,
) -> None:
    rows = tied(sizes)
    late: list[Any] = [None] * after
    late += [(time, -number) for number, time in enumerate(times, 1)]

    server = TiedServer(rows, random, late=late, total=total)
    try:
        found = read(server, size, time_of=TIME)
    except RowsMovedError:
        return

    assert_none_lost_or_doubled(rows, found)


@given(
    st.lists(st.integers(0, 3), max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3)), max_size=20),
    st.integers(2, 30),
    st.lists(st.booleans(), max_size=30),
)
def test_without_an_order_by_time_rows_that_come_in_are_noticed_too(
    times: list[int], late: list[tuple[int, int]], size: int, new: list[bool]
) -> None:
    before: list[Any] = [(time, number) for number, time in enumerate(times)]
    after = list(before)
    for number, (place, time) in enumerate(late, 1000):
        after.insert(place, (time, number))

    try:
        found = read(Server(before, after, new), size, time_of=TIME)
    except RowsMovedError:
        return

    assert_none_lost_or_doubled(before, found)


@given(st.integers(20, 200), st.integers(20, 50), SHUFFLES)
def test_rows_of_one_time_without_an_order_are_noticed(
    count: int, size: int, random: Random
) -> None:
    rows = tied([count])

    try:
        found = read(TiedServer(rows, random), size, time_of=TIME)
    except RowsMovedError:
        return

    assert_none_lost_or_doubled(rows, found)


@given(st.integers(0, 60), st.integers(1, 30), st.sampled_from([None, TIME]))
def test_pages_of_a_single_time_are_read(count: int, size: int, time_of: Any) -> None:
    rows: list[Any] = tied([count])

    assert read(Server(rows, rows, []), size, time_of=time_of) == rows
