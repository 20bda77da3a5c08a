from __future__ import annotations

from typing import TYPE_CHECKING, Any

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.running import bookmark, run_tap
from tests.support.state_of_clicks import days_read, ids, state_at

if TYPE_CHECKING:
    from pathlib import Path


def test_lookback_reads_the_days_before_the_bookmark_with_the_same_keys(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, clicks)
    days_read(sandbox)

    second = run_tap(tmp_path, {**clicks, "lookback_days": 3}, state=first.state)

    assert days_read(sandbox) == {"2024-01-29", "2024-01-30", "2024-01-31"}
    assert ids(second)
    assert ids(second) < ids(first)
    assert second.state == first.state


def test_lookback_never_moves_the_state_back(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    state = state_at(END_OF_JANUARY)

    output = run_tap(
        tmp_path, {**clicks, "lookback_days": 20, "window_days": 2}, state=state
    )

    marks = {bookmark(s, "clicks", PROJECT) for s in output.states}
    assert marks == {END_OF_JANUARY}


def test_lookback_does_not_go_before_the_start_date(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    short = {**clicks, "start_date": "2024-01-30", "lookback_days": 10}

    run_tap(tmp_path, short, state=state_at(END_OF_JANUARY))

    assert days_read(sandbox) == {"2024-01-30", "2024-01-31"}


def test_lookback_finds_rows_that_arrived_late(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    with Sandbox(world) as sandbox:
        late = {**clicks, "api_url": sandbox.url, "lookback_days": 2}
        first = run_tap(tmp_path, late)
        row = {
            "InteractionTime": "2024-01-30 12:00:00",
            "InteractionDate": "2024-01-30",
            "InteractionType": "Click",
            "InteractionDeviceID": "latecomer",
        }
        world.add_rows(PROJECT, [row])
        second = run_tap(tmp_path, late, state=first.state)

    new = [
        r["InteractionDeviceID"]
        for r in second.records["clicks"]
        if r["_row_key"] not in ids(first)
    ]
    assert new == ["latecomer"]
