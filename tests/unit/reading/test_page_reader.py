from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.errors import ApiError
from tests.support.page_api import (
    NAMES,
    SHAPES,
    WEEK,
    Answer,
    Row,
    Server,
    read,
    record,
    row,
    without_has_more,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("shape", SHAPES)
@given(count=st.integers(0, 25), page_size=st.integers(1, 12))
def test_paging_reads_every_row_once_in_every_shape(
    shape: Callable[..., Answer], count: int, page_size: int
) -> None:
    server = Server([row(i) for i in range(count)], shape)

    assert read(server, page_size=page_size) == [record(i) for i in range(count)]


def test_the_request_is_the_one_of_the_api_reference() -> None:
    server = Server([])

    read(server, window=WEEK)

    assert server.requests == [
        {
            "ResponseType": "JSON",
            "Fields": NAMES,
            "InteractionFilter": {
                "DateFrom": "2024-01-15",
                "DateTo": "2024-01-21",
                "InteractionType": ["Click"],
            },
            "Offset": 0,
            "Limit": 100,
        }
    ]


def test_has_more_stops_the_paging_although_the_page_is_full() -> None:
    server = Server([row(i) for i in range(10)])

    assert len(read(server, page_size=5)) == 10
    # A page begins with the last rows of the one before it: two of five.
    assert [r["Offset"] for r in server.requests] == [0, 3, 6]


def test_a_server_that_sends_fewer_rows_than_asked_for_loses_none() -> None:
    server = Server([row(i) for i in range(20)])
    server.cap = 3

    assert len(read(server, page_size=10)) == 20


def test_a_count_of_zero_does_not_stop_the_paging() -> None:
    def lying(rows: list[Row], total: int, *, more: bool) -> Answer:
        del total
        return {"data": rows, "count": 0, "has_more": more}

    assert len(read(Server([row(i) for i in range(9)], lying), page_size=2)) == 9


def test_a_count_below_what_was_delivered_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lying(rows: list[Row], total: int, *, more: bool) -> Answer:
        return {"data": rows, "count": total - 1, "has_more": more}

    read(Server([row(i) for i in range(9)], lying), page_size=4)

    assert "counted 8 rows, but delivered 9" in caplog.text


def test_a_count_above_what_was_delivered_is_an_error() -> None:
    def lying(rows: list[Row], total: int, *, more: bool) -> Answer:
        return {"data": rows, "count": total + 5, "has_more": more}

    server = Server([row(i) for i in range(9)], lying)
    with pytest.raises(ApiError, match="counted 14 rows, but delivered 9, 4 times"):
        read(server, page_size=4)


def test_an_empty_page_that_promises_more_is_an_error() -> None:
    def endless(rows: list[Row], total: int, *, more: bool) -> Answer:
        del rows, total, more
        return {"data": [], "has_more": True}

    with pytest.raises(ApiError, match="page at offset 0 is empty, although"):
        read(Server([], endless))


@pytest.mark.parametrize("page_size", [1, 5])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_server_that_ignores_the_offset_is_detected(
    rows: int, page_size: int
) -> None:
    server = Server([row(i) for i in range(10)])

    def same_page(request: Any, context: Any) -> str:
        del context
        server.requests.append(request.json())
        return json.dumps({"data": server.rows[:rows], "has_more": True})

    with pytest.raises(ApiError, match="ignores `Offset`"):
        read(same_page, page_size=page_size)  # type: ignore[arg-type]
    assert len(server.requests) == 3


def test_equal_rows_are_not_taken_for_a_repeated_page() -> None:
    server = Server([row(7)] * 6)

    assert read(server, page_size=1) == [record(7)] * 6


def test_a_window_that_needs_a_second_page_is_read_a_day_at_a_time() -> None:
    server = Server([row(i) for i in range(6)])

    read(server, page_size=5, window=WEEK, days_in_one_page=True)

    windows = [
        (r["InteractionFilter"]["DateFrom"], r["InteractionFilter"]["DateTo"])
        for r in server.requests
    ]
    assert windows[0] == ("2024-01-15", "2024-01-21")
    days = [(f"2024-01-{d}", f"2024-01-{d}") for d in range(15, 22)]
    assert list(dict.fromkeys(windows[1:])) == days


def test_a_window_that_fits_into_a_page_is_one_request() -> None:
    server = Server([row(i) for i in range(6)])

    assert len(read(server, page_size=6, window=WEEK, days_in_one_page=True)) == 6
    assert len(server.requests) == 1


def test_a_server_that_caps_the_page_without_has_more_loses_no_row() -> None:
    server = Server([row(i) for i in range(50)], without_has_more)
    server.cap = 20

    assert len(read(server, page_size=100)) == 50
