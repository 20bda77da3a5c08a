from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.config.settings import Settings
from targetads_sandbox.dialect import DOCUMENTED, LIVE
from targetads_sandbox.server.faults import Fault
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.records import in_order, truth
from tests.support.running import Output, run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from targetads_sandbox.dialect import Dialect


@pytest.fixture
def world() -> World:
    """A world of its own, since rows are added to it."""
    return World(rows_per_day=40)


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    with Sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
def views(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that read page views, in small pages."""
    return {**config, "interaction_types": ["PageView"], "page_size": 4}


@pytest.fixture
def third_of_january(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 3 January 2024."""
    monkeypatch.setattr(Settings, "last_complete_day", lambda *_: date(2024, 1, 2))


def latest(output: Output) -> list[dict[str, Any]]:
    """What a target that upserts holds in the end."""
    records = output.records["page_views"]
    return list({record["_row_key"]: record for record in records}.values())


LATE = [
    Fault("late_rows", times=1, min_offset=o, rows=n)
    for o in (0, 4, 8)
    for n in (1, 3, 10)
]


# Of a few pages, all that are asked for ahead may be answered before the rows arrive,
# which then are no more than late. So several at once need days of many pages.
@pytest.mark.parametrize("volume", [(40, 1), (120, 4)], ids=str)
@pytest.mark.parametrize("fault", LATE)
@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
def test_rows_that_arrive_between_two_pages_are_neither_missed_nor_doubled(
    tmp_path: Path,
    views: dict[str, Any],
    fault: Fault,
    dialect: Dialect,
    volume: tuple[int, int],
) -> None:
    rows_per_day, at_once = volume
    world = World(rows_per_day=rows_per_day)
    views |= {"window_days": 1, "end_date": "2024-01-05"}
    with Sandbox(world, dialect=dialect, faults=[fault]) as sandbox:
        views |= {"api_url": sandbox.url, "concurrent_requests": at_once}
        output = run_tap(tmp_path, views)

    assert output.exit_code == 0
    assert "Reading it again" in output.log
    assert sandbox.faults.happened == {"late_rows": 1}
    expected = truth(world, "page_views", end=date(2024, 1, 5))
    assert in_order(latest(output)) == in_order(expected)


@pytest.mark.parametrize("row_count", [1, 60])
def test_they_are_noticed_between_large_pages_too(
    tmp_path: Path, views: dict[str, Any], row_count: int
) -> None:
    world = World(rows_per_day=9000)
    fault = Fault("late_rows", times=1, min_offset=1000, rows=row_count)
    day = {"start_date": "2024-01-02", "end_date": "2024-01-02", "page_size": 1000}
    with Sandbox(world, faults=[fault]) as sandbox:
        output = run_tap(tmp_path, {**views, **day, "api_url": sandbox.url})

    one = date(2024, 1, 2)
    expected = truth(world, "page_views", start=one, end=one)
    assert in_order(latest(output)) == in_order(expected)
    assert "Reading it again" in output.log


def test_rows_that_keep_arriving_are_a_failure_and_not_a_circle(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("late_rows", rate=1)])
    views |= {"window_days": 1, "concurrent_requests": 1}

    output = run_tap(tmp_path, {**views, "end_date": "2024-01-03"})

    assert output.exit_code == 1
    assert "does not count as read" in output.log
    assert output.bookmark("page_views", PROJECT) is None
    known = {r["_row_key"] for r in truth(world, "page_views")}
    assert {r["_row_key"] for r in latest(output)} <= known, "made up"


@pytest.mark.usefixtures("third_of_january")
def test_rows_that_keep_arriving_today_do_not_fail_the_run(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("late_rows", rate=1, date="2024-01-03")])
    views |= {"window_days": 1, "include_today": True, "end_date": "2024-01-03"}

    pages = {"api_version": "v1", "concurrent_requests": 1}
    output = run_tap(tmp_path, views | pages)

    assert output.exit_code == 0
    assert "the day is not over. The next run reads it again" in output.log
    assert output.bookmark("page_views", PROJECT) == "2024-01-02T20:59:59+00:00"


@pytest.mark.parametrize("rate", [1.0, 0.2])
def test_a_server_without_an_order_makes_nothing_up_and_loses_nothing_in_silence(
    tmp_path: Path, views: dict[str, Any], rate: float
) -> None:
    world = World(rows_per_day=200)
    views |= {"window_days": 1, "end_date": "2024-01-10", "page_size": 20}
    with Sandbox(world, faults=[Fault("unstable_order", rate=rate)]) as sandbox:
        output = run_tap(tmp_path, {**views, "api_url": sandbox.url})

    end = output.bookmark("page_views", PROJECT) or "2023-12-31"
    expected = truth(world, "page_views", end=date.fromisoformat(end[:10]))
    keys = {r["_row_key"] for r in latest(output)}
    assert keys >= {r["_row_key"] for r in expected}
    assert output.exit_code == (0 if end > "2024-01-10" else 1)


@pytest.mark.parametrize("page_size", [4, 1000])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_server_that_loses_its_place_once_doubles_nothing(
    tmp_path: Path, views: dict[str, Any], page_size: int, after: int
) -> None:
    world = World(rows_per_day=10 * page_size)
    fault = Fault("ignore_offset", times=1, after=after)
    day = {"start_date": "2024-01-02", "end_date": "2024-01-02"}
    views |= {**day, "page_size": page_size, "concurrent_requests": 1}
    with Sandbox(world, faults=[fault]) as sandbox:
        output = run_tap(tmp_path, {**views, "api_url": sandbox.url})
        again = run_tap(tmp_path, {**views, "api_url": sandbox.url})

    one = date(2024, 1, 2)
    keys = {r["_row_key"] for r in [*latest(output), *latest(again)]}
    expected = truth(world, "page_views", start=one, end=one)
    assert keys == {r["_row_key"] for r in expected}


def test_the_order_of_a_window_of_one_page_does_not_matter(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("unstable_order", rate=1)])

    output = run_tap(tmp_path, {**views, "page_size": 1000})

    assert in_order(output.records["page_views"]) == in_order(
        truth(world, "page_views")
    )
    assert "Reading it again" not in output.log


def test_equal_rows_on_both_sides_of_an_edge_are_not_taken_for_moved_ones(
    tmp_path: Path, world: World, views: dict[str, Any]
) -> None:
    same = {"InteractionTime": "2024-01-05 10:00:00", "InteractionType": "PageView"}
    world.replace_day(PROJECT, date(2024, 1, 5), [same] * 9)
    day = {"start_date": "2024-01-05", "end_date": "2024-01-05"}

    output = run_tap(tmp_path, {**views, **day})

    assert len({r["_row_key"] for r in output.records["page_views"]}) == 9
    assert "Reading it again" not in output.log
