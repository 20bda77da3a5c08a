"""Servers of pages whose habits nobody wrote down: all rows, or an error."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from tests.support.page_server import (
    BEYOND,
    PageServer,
    documented,
    in_arrays,
    page_of,
)
from tests.support.running import Output, errors, run_tap, select
from tests.support.strange_server import StrangeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.support.page_server import Answer
    from tests.support.strange_server import Exchange
    from tests.upgrades.server import Row

DAY = "2024-01-02"
READ = f"{DAY}T20:59:59+00:00"
"""The bookmark once the day is read."""

FIRST = {"Offset": 0, "Limit": 100}
NONE = b'{"data": [], "campaigns": [], "target_events": []}'
"""The answer to all calls where there is nothing."""


def views(*per_second: int) -> list[Row]:
    """Page views of the day: so many in the first second, in the next one, and on."""
    seconds = [s for s, count in enumerate(per_second) for _ in range(count)]
    return [
        {
            "InteractionTime": f"{DAY} 10:{second // 60:02d}:{second % 60:02d}",
            "InteractionType": "PageView",
            "InteractionDeviceID": f"device {number}",
        }
        for number, second in enumerate(seconds)
    ]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Output]:
    """Reads the day's page views from a server."""

    def run(server: PageServer, **settings: Any) -> Output:
        config = {
            "api_url": server.url,
            "auth_token": "token-of-nobody",
            "project_id": 1,
            "start_date": DAY,
            "end_date": DAY,
            "interaction_types": ["PageView"],
            "concurrent_requests": 1,
            "max_retries": 0,
            **settings,
        }
        return run_tap(tmp_path, config)

    return run


def assert_all_once(output: Output, rows: list[Row]) -> None:
    assert output.exit_code == 0, output.log
    found = [r["InteractionDeviceID"] for r in output.records["page_views"]]
    assert sorted(found) == sorted(row["InteractionDeviceID"] for row in rows)
    assert len({r["_row_key"] for r in output.records["page_views"]}) == len(rows)
    assert output.bookmark("page_views", 1) == READ
    assert "Reading it again" not in output.log


def assert_not_read(output: Output, problem: str) -> None:
    assert output.exit_code == 1
    assert problem in errors(output.log)[0]
    assert output.bookmark("page_views", 1) is None


def shuffled_ties(rows: Sequence[Row], body: Row) -> Row:
    """Sorted by time only."""
    mixed = random.sample(rows, len(rows))
    return documented(sorted(mixed, key=lambda r: r["InteractionTime"]), body)


@pytest.mark.parametrize("page_size", [50, 100, 2000])
@pytest.mark.parametrize("at_once", [1, 4])
def test_ties_in_another_order_at_each_request_are_read_in_one_go(
    run: Callable[..., Output], page_size: int, at_once: int
) -> None:
    rows = views(*[1, 7, 20, 3, 12] * 60)
    with PageServer(rows, shuffled_ties) as server:
        output = run(server, page_size=page_size, concurrent_requests=at_once)

    assert_all_once(output, rows)


def test_aggregates_in_another_order_at_each_request_are_read_in_one_go(
    tmp_path: Path,
) -> None:
    def by_day(rows: Sequence[Row], body: Row) -> Row:
        mixed = random.sample(rows, len(rows))
        return documented(sorted(mixed, key=lambda r: r["EventDate"]), body)

    rows = [
        {"EventDate": f"2024-01-{day:02d}", "MediaCampaign": f"campaign {number}"}
        for day in range(1, 31)
        for number in range(day % 20)
    ]
    with PageServer(rows, by_day) as server:
        config = {
            "api_url": server.url,
            "auth_token": "token-of-nobody",
            "project_id": 1,
            "start_date": "2024-01-01",
            "end_date": "2024-01-30",
            "page_size": 50,
        }
        catalog = TapTargetADS(config=config).catalog_dict
        output = run_tap(
            tmp_path, config, catalog=select(catalog, streams=["media_report"])
        )

    found = [
        (r["EventDate"], r["MediaCampaign"]) for r in output.records["media_report"]
    ]
    assert output.exit_code == 0
    assert sorted(found) == sorted((r["EventDate"], r["MediaCampaign"]) for r in rows)
    assert len(server.requests) > len(rows) / 50
    assert "Reading it again" not in output.log


def test_more_rows_of_one_time_than_half_a_page_are_an_error_if_they_move(
    run: Callable[..., Output],
) -> None:
    with PageServer(views(500), shuffled_ties) as server:
        output = run(server, page_size=50)

    assert_not_read(output, "set a larger `page_size`")


def test_more_rows_of_one_time_than_a_page_are_read_if_their_order_lasts(
    run: Callable[..., Output],
) -> None:
    with PageServer(views(500), documented) as server:
        output = run(server, page_size=50)

    assert_all_once(output, server.rows)


@pytest.mark.parametrize("is_sorted", [True, False])
def test_rows_that_come_in_at_the_end_are_late_and_do_not_fail(
    run: Callable[..., Output],
    is_sorted: bool,  # noqa: FBT001
) -> None:
    rows = views(*[3] * 60)
    if not is_sorted:
        random.shuffle(rows)
    at_first = len(rows)

    def growing(rows: Sequence[Row], body: Row) -> Row:
        late = f"device late {len(server.rows)}"
        server.rows.append({**server.rows[-1], "InteractionDeviceID": late})
        return {"data": page_of(rows, body), "count": len(rows)}

    with PageServer(rows, growing) as server:
        output = run(server, page_size=50)

    found = [r["InteractionDeviceID"] for r in output.records["page_views"]]
    assert output.exit_code == 0
    assert len(found) == len(set(found))
    assert set(found) >= {row["InteractionDeviceID"] for row in rows[:at_first]}
    assert "Reading it again" not in output.log


def test_no_answer_beyond_the_end_is_no_proof_against_offsets(
    run: Callable[..., Output],
) -> None:
    def strict(rows: Sequence[Row], body: Row) -> Row:
        return documented(rows, body) if body["Offset"] < len(rows) else BEYOND

    row = views(1)[0]
    with PageServer([row] * 120, strict) as server:
        output = run(server, page_size=50)

    assert output.exit_code == 0
    assert len({r["_row_key"] for r in output.records["page_views"]}) == 120


@pytest.mark.parametrize("delivered", [0, 20])
@pytest.mark.parametrize("page_size", [10, 100])
def test_a_count_above_what_was_delivered_does_not_count_as_read(
    run: Callable[..., Output], delivered: int, page_size: int
) -> None:
    def short(rows: Sequence[Row], body: Row) -> Row:
        return {**in_arrays(rows[:delivered], body), "CountRows": 70}

    with PageServer(views(*[1] * 70), short) as server:
        output = run(server, page_size=page_size)

    assert_not_read(output, f"the API counted 70 rows, but delivered {delivered}")


def test_a_short_delivery_is_read_again_before_it_is_an_error(
    run: Callable[..., Output],
) -> None:
    def short_once(rows: Sequence[Row], body: Row) -> Row:
        page = page_of(rows if len(server.requests) > 1 else rows[:20], body)
        return {"data": page, "count": len(rows), "has_more": False}

    with PageServer(views(*[1] * 70), short_once) as server:
        output = run(server)

    keys = {r["_row_key"] for r in output.records["page_views"]}
    assert output.exit_code == 0
    assert len(keys) == len(server.rows)


CAP = 30


def capped(rows: Sequence[Row], body: Row) -> Row:
    """Pages of 30 rows, whatever was asked for, and not a word about it."""
    page = page_of(rows, body)[:CAP]
    return {"data": page, "count": len(page)}


def capped_in_arrays(rows: Sequence[Row], body: Row) -> Row:
    page = capped(rows, body)["data"]
    return in_arrays(page, {**body, "Offset": 0})


def capped_and_strict(rows: Sequence[Row], body: Row) -> Row:
    beyond = body["Offset"] and body["Offset"] >= len(rows)
    return BEYOND if beyond else capped(rows, body)


@pytest.mark.parametrize("answer", [capped, capped_in_arrays, capped_and_strict])
@pytest.mark.parametrize("count", [0, 29, 30, 31, 100])
def test_pages_that_are_capped_without_a_word_lose_no_row(
    run: Callable[..., Output], count: int, answer: Answer
) -> None:
    with PageServer(views(*[1] * count), answer) as server:
        output = run(server)

    if count:
        assert_all_once(output, server.rows)
    assert output.bookmark("page_views", 1) == READ


def test_whether_short_pages_are_the_last_is_settled_once(
    run: Callable[..., Output],
) -> None:
    def honest(rows: Sequence[Row], body: Row) -> Row:
        page = page_of(rows, body)
        return {"data": page, "count": len(page)}

    rows = [
        {**row, "InteractionTime": f"2024-01-{day:02d} 10:00:00"}
        for day in range(1, 31)
        for row in views(*[1] * (100 - day))
    ]
    with PageServer(rows, honest) as server:
        output = run(
            server, start_date="2024-01-01", end_date="2024-01-30", window_days=1
        )

    assert output.exit_code == 0
    assert len(output.records["page_views"]) == len(rows)
    assert len([r for r in server.requests if r["Limit"] == 1]) == 1


def test_a_server_that_ignores_offsets_has_no_more_than_a_short_page(
    run: Callable[..., Output],
) -> None:
    with PageServer(views(*[1] * 20), lambda rows, _: {"data": rows}) as server:
        output = run(server)

    assert_all_once(output, server.rows)


@pytest.mark.parametrize(
    ("envelope", "keys"),
    [
        ({"result": [], "total": 0}, "Its keys: result, total."),
        ({"rows": [{}], "Data": []}, "Its keys: rows, Data."),
        ({}, "Its keys: none."),
    ],
)
def test_an_unknown_envelope_is_an_error_that_shows_its_keys(
    run: Callable[..., Output], envelope: Row, keys: str
) -> None:
    with PageServer(views(1), lambda *_: envelope) as server:
        output = run(server)

    assert_not_read(output, keys)


def test_bytes_that_are_no_utf_8_are_one_warning_with_their_count(
    run: Callable[..., Output],
) -> None:
    rows = views(1, 1, 1)
    page = json.dumps(documented(rows, FIRST)).encode()

    def answer(exchange: Exchange) -> None:
        is_page = "raw_reports" in exchange.path
        exchange.send(200, page.replace(b"device 1", b"d\xff 1") if is_page else NONE)

    with StrangeServer(answer) as server:
        output = run(server)

    devices = [r["InteractionDeviceID"] for r in output.records["page_views"]]
    assert output.exit_code == 0
    assert devices == ["device 0", "d\ufffd 1", "device 2"]
    assert output.log.count("bytes that are no UTF-8, in 1 place") == 1


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ({"error": "quota exceeded"}, "200 quota exceeded"),
        ({"ErrorMessage": "no shard answers"}, "200 no shard answers"),
        ({"success": False}, "200 `success` is false"),
    ],
)
def test_an_error_beside_an_empty_list_is_not_a_day_without_rows(
    run: Callable[..., Output], error: Row, shown: str
) -> None:
    empty = {"data": [], "count": 0, "has_more": False}
    with PageServer(views(1), lambda *_: {**empty, **error}) as server:
        output = run(server)

    assert_not_read(output, f"the API failed ({shown}).")


@pytest.mark.parametrize(
    "no_error",
    [
        {"ErrorCode": 0, "ErrorMessage": "ok"},
        {"error": None, "success": True},
        {"error": False},
    ],
)
def test_the_word_that_all_is_well_is_no_error(
    run: Callable[..., Output], no_error: Row
) -> None:
    def well(rows: Sequence[Row], body: Row) -> Row:
        return {**documented(rows, body), **no_error}

    with PageServer(views(2), well) as server:
        output = run(server)

    assert_all_once(output, server.rows)


@pytest.mark.parametrize(
    ("count", "yes", "no"),
    [
        ("20", "true", "false"),
        (20.0, 1, 0),
        ("20.0", "True", "False"),
        ("", True, ""),
    ],
)
def test_values_of_the_envelope_may_be_texts(
    run: Callable[..., Output], count: Any, yes: Any, no: Any
) -> None:
    def texts(rows: Sequence[Row], body: Row) -> Row:
        answer = documented(rows, body)
        return {**answer, "count": count, "has_more": yes if answer["has_more"] else no}

    with PageServer(views(*[1] * 20), texts) as server:
        output = run(server, page_size=8)

    assert_all_once(output, server.rows)


def test_a_count_as_text_is_compared_too(run: Callable[..., Output]) -> None:
    with PageServer([], lambda *_: {"data": [], "count": "70"}) as server:
        output = run(server)

    assert_not_read(output, "the API counted 70 rows, but delivered 0")
