from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import END_OF_JANUARY, OTHER_PROJECT, PROJECT
from tests.support.running import bookmark, run_tap, select
from tests.support.state_of_clicks import days_read, ids, state_at

if TYPE_CHECKING:
    from pathlib import Path


def test_the_state_has_one_entry_per_stream_and_project(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "window_days": 1})

    expected = state_at(END_OF_JANUARY)
    (entry,) = expected["bookmarks"]["clicks"]["partitions"]
    entry["complete_from"] = "2023-12-31T21:00:00+00:00"
    (found,) = output.state["bookmarks"]["clicks"]["partitions"]
    entry["row_key_fingerprint"] = found["row_key_fingerprint"]
    assert output.state == expected
    assert len(json.dumps(output.state)) < 300


def test_the_state_moves_after_every_window_and_never_back(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "window_days": 1})

    values = [bookmark(state, "clicks", PROJECT) for state in output.states]
    assert values == [f"2024-01-{day:02d}T20:59:59+00:00" for day in range(1, 32)]


def test_a_state_covers_only_records_that_were_written_before_it(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "page_size": 10})

    written_up_to = ""
    for message in output.messages:
        if message["type"] == "STATE":
            written_up_to = bookmark(message["value"], "clicks", PROJECT) or ""
        elif message["type"] == "RECORD":
            assert message["record"]["InteractionTime"] > written_up_to


def test_the_state_moves_over_days_without_rows(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    for day in range(10, 32):
        world.replace_day(PROJECT, date(2024, 1, day), [])
    with Sandbox(world) as sandbox:
        output = run_tap(tmp_path, {**clicks, "api_url": sandbox.url})

    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_a_second_run_asks_for_nothing(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, clicks)
    days_read(sandbox)

    second = run_tap(tmp_path, clicks, state=first.state)

    assert days_read(sandbox) == set()
    assert second.exit_code == 0
    assert second.records == {}
    assert second.state == first.state
    assert "nothing to read" in second.log


def test_a_run_goes_on_where_the_last_one_ended(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    first = run_tap(tmp_path, {**clicks, "end_date": "2024-01-20"})
    days_read(sandbox)

    second = run_tap(tmp_path, clicks, state=first.state)

    assert days_read(sandbox) == {f"2024-01-{d}" for d in range(21, 32)}
    whole = run_tap(tmp_path, clicks)
    assert ids(first) | ids(second) == ids(whole)
    assert not ids(first) & ids(second)


def test_each_project_has_a_bookmark_of_its_own(
    tmp_path: Path, config: dict[str, Any], sandbox: Sandbox
) -> None:
    del config["project_id"]
    config["projects"] = [
        {"project_id": p, "auth_token": sandbox.tokens[p]}
        for p in (PROJECT, OTHER_PROJECT)
    ]

    output = run_tap(tmp_path, config, state=state_at("2024-01-20T20:59:59+00:00"))

    asked: dict[int, str] = {}
    for request in sandbox.requests:
        if (
            request.body
            and "Click" in request.body["InteractionFilter"]["InteractionType"]
        ):
            first_day = request.body["InteractionFilter"]["DateFrom"]
            project = request.project_id or 0
            asked[project] = min(first_day, asked.get(project, first_day))
    assert asked == {PROJECT: "2024-01-21", OTHER_PROJECT: "2024-01-01"}
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY
    assert output.bookmark("clicks", OTHER_PROJECT) == END_OF_JANUARY


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-20T20:59:59+00:00",
        "2024-01-20T20:59:59Z",
        "2024-01-20T23:59:59+03:00",
        "2024-01-20T20:59:59",
        "2024-01-21T10:00:00+00:00",
    ],
)
def test_a_bookmark_in_any_form_leads_to_the_first_day_that_is_not_complete(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox, value: str
) -> None:
    run_tap(tmp_path, clicks, state=state_at(value))

    assert min(days_read(sandbox)) == "2024-01-21"


def test_what_is_not_read_any_more_keeps_its_place_in_the_state(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    # A project and a stream of former times, which may come back.
    state = state_at("2024-01-20T20:59:59+00:00", stream="gone")
    (entry,) = state["bookmarks"]["gone"]["partitions"]
    other = {**entry, "context": {"project_id": 99}}
    state["bookmarks"]["clicks"] = {"partitions": [other]}

    output = run_tap(tmp_path, clicks, state=state)

    assert output.state["bookmarks"]["gone"] == state["bookmarks"]["gone"]
    assert output.bookmark("clicks", 99) == "2024-01-20T20:59:59+00:00"
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_a_bookmark_after_the_end_reads_nothing_and_stays(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    state = state_at("2024-06-30T20:59:59+00:00")

    output = run_tap(tmp_path, clicks, state=state)

    assert output.exit_code == 0
    assert days_read(sandbox) == set()
    assert output.state == state
    assert "nothing to read" in output.log


def test_full_table_replication_ignores_the_state_and_leaves_it_alone(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    catalog = select(TapTargetADS(config=clicks).catalog_dict, streams=["clicks"])
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    state = state_at(END_OF_JANUARY)

    output = run_tap(tmp_path, clicks, state=state, catalog=catalog)

    assert len(days_read(sandbox)) == 31
    assert output.state == state


def test_a_run_that_fails_keeps_the_windows_that_were_finished(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    bad = {
        "InteractionTime": "2024-01-17 12:00:00",
        "InteractionDate": "soon",
        "InteractionType": "Click",
    }
    world.add_rows(PROJECT, [bad])
    with Sandbox(world) as sandbox:
        output = run_tap(tmp_path, {**clicks, "api_url": sandbox.url, "window_days": 1})

    assert output.exit_code == 1
    assert "field InteractionDate, day 2024-01-17: 'soon' is not a date" in output.log
    assert output.bookmark("clicks", PROJECT) == "2024-01-16T20:59:59+00:00"
