"""Files of batches, loaded by the engines themselves: examples/bulk."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.bulk import ENGINES, Bulk
from tests.support.records import META, STREAMS, all_reports, change, in_order, truth
from tests.support.running import discover, run_tap

if TYPE_CHECKING:
    from pathlib import Path

PROJECTS = [PROJECT, OTHER_PROJECT]


@pytest.fixture(params=ENGINES)
def bulk(request: pytest.FixtureRequest, tmp_path: Path) -> Bulk:
    return Bulk(request.param, tmp_path)


@pytest.mark.slow
def test_each_row_is_held_once_and_as_the_source_has_it_now(
    bulk: Bulk, tmp_path: Path, config: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    with Sandbox(world) as sandbox:
        tokens = sandbox.tokens
        projects = [{"project_id": p, "auth_token": tokens[p]} for p in PROJECTS]
        config |= {"api_url": sandbox.url, "projects": projects, **bulk.batches}
        del config["project_id"], config["auth_token"]
        everything = discover(config)
        config["end_date"] = "2024-01-29"
        bulk.load_all(run_tap(tmp_path, config, catalog=everything))
        # As if the state had been lost.
        state = bulk.load_all(run_tap(tmp_path, config, catalog=everything))
        change(world)
        config |= {"end_date": "2024-01-31", "lookback_days": 5}
        last = run_tap(tmp_path, config, catalog=everything, state=state)
        bulk.load_all(last)
        del config["batch_config"]
        records = run_tap(tmp_path, config, catalog=everything).records

    expected = all_reports(world, PROJECTS)
    expected |= {name: records[name] for name in META}
    found = bulk.tables(*expected)
    for name, rows in expected.items():
        assert in_order(found[name]) == in_order(rows), name
    assert "зелёный 🍵" in str(found["purchases"])
    assert bulk.noted() == last.state


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [1, 4])
def test_killed_around_a_load_and_run_again_each_row_is_there_once(  # noqa: PLR0917
    bulk: Bulk,
    when: str,
    number: int,
    tmp_path: Path,
    config: dict[str, Any],
    world: World,
) -> None:
    config |= bulk.batches
    first = run_tap(tmp_path, config)
    printed = bulk.load_and_die(first.messages, when, number)
    # What Meltano knows, or, where there is no Meltano, what the database holds.
    assert first.state not in printed
    state = printed[-1] if printed else None
    if when == "before" and number > 1:
        assert bulk.noted() == (state or {})
    second = run_tap(tmp_path, config, state=state)
    printed = bulk.load(second.messages)

    assert printed[-1] == second.state
    found = bulk.tables(*STREAMS)
    for stream in STREAMS:
        assert in_order(found[stream]) == in_order(truth(world, stream)), stream


@pytest.mark.slow
def test_rows_that_a_file_holds_twice_are_held_once_and_the_last_counts(
    bulk: Bulk, tmp_path: Path, config: dict[str, Any], world: World
) -> None:
    messages = run_tap(tmp_path, {**config, **bulk.batches}).messages
    (batch, *_) = [m for m in messages if m.get("stream") == "purchases"][1:]
    (schema, *_) = [m for m in messages if m.get("stream") == "purchases"]
    row = truth(world, "purchases")[0]
    last = {**row, "InteractionEcomAmount": 16.129999999999999}
    file = bulk.files / "twice.json"
    file.write_text(f"{json.dumps(row)}\n{json.dumps(last)}\n", encoding="utf-8")

    bulk.load([schema, {**batch, "manifest": [file.as_uri()]}])

    assert bulk.tables("purchases") == {"purchases": [last]}


@pytest.mark.slow
def test_rows_without_keys_are_appended_and_fields_selected_since_are_added(
    bulk: Bulk, tmp_path: Path, config: dict[str, Any], world: World
) -> None:
    config |= {"row_key": False, "end_date": "2024-01-02", **bulk.batches}
    bulk.load_all(run_tap(tmp_path, config))
    config |= {"extra_fields": ["InteractionCity"], "start_date": "2024-01-03"}
    config["end_date"] = "2024-01-04"
    bulk.load_all(run_tap(tmp_path, config))

    found = bulk.tables(*STREAMS, once=False)
    for stream in STREAMS:
        rows = truth(world, stream, end=date(2024, 1, 4), row_key=False)
        assert len(found[stream]) == len(rows)
        assert all("InteractionCity" in row for row in found[stream])


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"_row_key": None}, {"InteractionTime": None}])
def test_a_row_without_key_or_time_is_an_error_and_the_state_stays(
    bulk: Bulk,
    wrong: dict[str, Any],
    tmp_path: Path,
    config: dict[str, Any],
    world: World,
) -> None:
    messages = run_tap(tmp_path, {**config, **bulk.batches}).messages
    (batch, *_) = [m for m in messages if m["type"] == "BATCH"]
    file = bulk.files / "wrong.json"
    row = {**truth(world, batch["stream"])[0], **wrong}
    file.write_text(json.dumps(row), encoding="utf-8")
    batch["manifest"] = [file.as_uri()]

    done = bulk.try_to_load(messages)

    assert done.returncode == 1
    assert not done.stdout
    assert "has not taken the rows" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_rows_that_are_not_in_files_are_refused_in_one_clear_line(
    bulk: Bulk, tmp_path: Path, config: dict[str, Any]
) -> None:
    done = bulk.try_to_load(run_tap(tmp_path, config).messages)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("A message of type RECORD cannot")
    assert "batch_config" in done.stderr
