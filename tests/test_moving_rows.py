from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.sandbox.dialect import DOCUMENTED, LIVE
from tap_targetads.sandbox.faults import Fault
from tap_targetads.sandbox.server import Sandbox
from tap_targetads.sandbox.world import World
from tests.conftest import PROJECT
from tests.running import Output, run_tap
from tests.test_records import in_order, truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_targetads.sandbox.dialect import Dialect


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


def latest(output: Output) -> list[dict[str, Any]]:
    """What a target that upserts holds in the end."""
    records = output.records["page_views"]
    return list({record["_row_key"]: record for record in records}.values())


LATE = [
    Fault("late_rows", times=1, min_offset=o, rows=n)
    for o in (0, 4, 8)
    for n in (1, 3, 10)
]


@pytest.mark.parametrize("fault", LATE)
@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
def test_rows_that_arrive_between_two_pages_are_neither_missed_nor_doubled(
    tmp_path: Path,
    world: World,
    views: dict[str, Any],
    fault: Fault,
    dialect: Dialect,
) -> None:
    with Sandbox(world, dialect=dialect, faults=[fault]) as sandbox:
        output = run_tap(tmp_path, {**views, "window_days": 1, "api_url": sandbox.url})

    assert output.exit_code == 0
    assert sandbox.faults.happened == {"late_rows": 1}
    assert in_order(latest(output)) == in_order(truth(world, "page_views"))


def test_rows_that_keep_arriving_end_with_a_warning_and_not_in_a_circle(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("late_rows", rate=1)])

    output = run_tap(tmp_path, {**views, "end_date": "2024-01-03", "window_days": 1})

    assert output.exit_code == 0
    assert "Reading it again" in output.log
    assert "Set `lookback_days`" in output.log
    assert output.bookmark("page_views", PROJECT) == "2024-01-03T20:59:59+00:00"


def test_a_server_without_an_order_is_told(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("unstable_order", rate=1)])

    output = run_tap(tmp_path, {**views, "end_date": "2024-01-03", "window_days": 1})

    assert output.exit_code == 0
    assert "rows may be missing, or there twice" in output.log


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
