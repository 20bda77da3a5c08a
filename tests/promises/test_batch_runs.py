from __future__ import annotations

import signal
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.faults import Fault
from tests.conftest import END_OF_JANUARY, OTHER_PROJECT, PROJECT
from tests.support.batch_files import (
    BOTH,
    assert_truth_in_files,
    batches,
    paths_of,
    records_in,
)
from tests.support.records import STREAMS, in_order, truth
from tests.support.running import Record, bookmark, run_and_kill, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World


@pytest.mark.parametrize("batch_size", [5, 100_000])
def test_the_state_moves_with_every_window_and_only_behind_its_files(
    tmp_path: Path,
    batch_folder: Path,
    world: World,
    config: dict[str, Any],
    batch_size: int,
) -> None:
    config |= {
        "window_days": 1,
        **batches(batch_folder, BOTH[0], batch_size=batch_size),
    }

    output = run_tap(tmp_path, config)

    for stream in STREAMS:
        keys: set[str] = set()
        days = set()
        for message in output.messages:
            if message["type"] == "BATCH" and message["stream"] == stream:
                keys |= {r["_row_key"] for r in records_in([message])[stream]}
            mark = message["type"] == "STATE" and bookmark(
                message["value"], stream, PROJECT
            )
            if mark and mark not in days:
                days.add(mark)
                last = date.fromisoformat(mark[:10])
                due = truth(world, stream, end=last)
                assert {r["_row_key"] for r in due} <= keys
        assert len(days) == 31


@pytest.mark.parametrize("encoding", BOTH)
def test_a_failure_in_the_middle_leaves_a_true_state_and_no_unfinished_file(
    *,
    tmp_path: Path,
    batch_folder: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    encoding: dict[str, str],
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    config |= {"page_size": 7, "interaction_types": ["PageView"], "max_retries": 0}
    config |= batches(batch_folder, encoding)
    sandbox.faults.set([Fault("forbidden", rate=1, date="2024-01-18", min_offset=7)])

    failed = run_tap(tmp_path, config)
    on_disk = set(batch_folder.iterdir())
    sandbox.faults.set([])
    resumed = run_tap(tmp_path, config, state=failed.state)

    assert failed.exit_code == 1
    assert failed.bookmark("page_views", PROJECT) == "2024-01-17T20:59:59+00:00"
    announced = {f for m in failed.of_type("BATCH") for f in paths_of(m)}
    assert on_disk == announced
    assert not list(temporary.iterdir())
    found = [records_in(o.messages)["page_views"] for o in (failed, resumed)]
    assert in_order(found[0] + found[1]) == in_order(truth(world, "page_views"))


def test_killed_and_resumed_a_run_equals_one_that_was_not(
    tmp_path: Path, batch_folder: Path, world: World, config: dict[str, Any]
) -> None:
    config |= {"window_days": 3, "page_size": 25}
    config |= batches(batch_folder, BOTH[0], batch_size=20)
    state: dict[str, Any] = {}
    found: dict[str, dict[str, Record]] = {stream: {} for stream in STREAMS}

    for after in (25, 60, -1):
        output = run_and_kill(tmp_path, config, state, after)
        assert output.exit_code == (-signal.SIGKILL if after > 0 else 0)
        for stream, records in records_in(output.messages).items():
            found[stream].update((r["_row_key"], r) for r in records)
        state = output.state if output.states else state

    for stream in STREAMS:
        expected = truth(world, stream)
        assert in_order(list(found[stream].values())) == in_order(expected)


def test_of_several_projects_one_that_fails_does_not_keep_the_other_from_arriving(
    tmp_path: Path,
    batch_folder: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
) -> None:
    del config["project_id"], config["auth_token"]
    tokens = {PROJECT: "4f3c-expired", OTHER_PROJECT: sandbox.tokens[OTHER_PROJECT]}
    projects = [{"project_id": p, "auth_token": t} for p, t in tokens.items()]
    config |= {"projects": projects, **batches(batch_folder, BOTH[0])}

    failed = run_tap(tmp_path, config)
    projects[0]["auth_token"] = sandbox.tokens[PROJECT]
    whole = run_tap(tmp_path, config)

    assert failed.exit_code == 1
    assert_truth_in_files(failed, world, project=OTHER_PROJECT)
    assert failed.bookmark("clicks", OTHER_PROJECT) == END_OF_JANUARY
    assert failed.bookmark("clicks", PROJECT) is None
    found = records_in(whole.messages)["clicks"]
    counts = Counter(record["project_id"] for record in found)
    assert counts == {
        project: len(truth(world, "clicks", project=project)) for project in tokens
    }


def test_the_sdks_metrics_count_records_and_batches(
    tmp_path: Path, batch_folder: Path, world: World, config: dict[str, Any]
) -> None:
    output = run_tap(
        tmp_path, {**config, **batches(batch_folder, BOTH[0], batch_size=10)}
    )

    files = [m for m in output.of_type("BATCH") if m["stream"] == "clicks"]
    counts = {"record_count": len(truth(world, "clicks")), "batch_count": len(files)}
    for metric, count in counts.items():
        assert any(
            f'"metric":"{metric}"' in line and f'"value":{count},' in line
            for line in output.log.splitlines()
            if '"stream":"clicks"' in line
        )
