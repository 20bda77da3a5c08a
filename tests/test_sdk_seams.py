"""The places where the tap leans on private parts of the SDK.

If one of these tests fails after an update, the SDK has changed what an override
relies on: see the comment at the override.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk import Stream, Tap

from tap_targetads.sandbox.faults import Fault
from tap_targetads.streams import ReportStream
from tap_targetads.tap import TapTargetADS
from tests.conftest import PROJECT
from tests.running import bookmark, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from tap_targetads.sandbox.server import Sandbox


@pytest.mark.parametrize(
    ("theirs", "ours", "name"),
    [
        (Stream, ReportStream, "_increment_stream_state"),
        (Stream, ReportStream, "_write_starting_replication_value"),
        (Tap, TapTargetADS, "_handle_termination"),
        (Tap, TapTargetADS, "sync_all"),
    ],
)
def test_an_override_has_the_signature_of_the_sdk(
    theirs: type, ours: type, name: str
) -> None:
    assert list(inspect.signature(getattr(ours, name)).parameters) == list(
        inspect.signature(getattr(theirs, name)).parameters
    )


def test_the_sdk_leaves_the_state_to_the_tap(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    # Record by record is where the SDK would move the state by itself.
    output = run_tap(tmp_path, {**config, "stream_maps": {"clicks": {}}})

    for state in output.states:
        for stream in state["bookmarks"].values():
            for partition in stream["partitions"]:
                assert set(partition) <= {
                    "context",
                    "replication_key",
                    "replication_key_value",
                    "complete_from",
                }
    assert output.bookmark("clicks", PROJECT) == "2024-01-31T20:59:59+00:00"


def test_the_sdk_counts_what_get_records_yields_and_nothing_else(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config)

    assert sum(map(len, output.records.values())) == len(output.of_type("RECORD"))


def test_the_sdk_writes_a_batch_before_it_asks_for_the_next(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    # The state moves when `get_batches` is asked for more: the file must be known then.
    files = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    config |= {"interaction_types": ["Click"], "window_days": 31}

    output = run_tap(tmp_path, {**config, "batch_config": files})

    kinds = [
        message["type"]
        for message in output.messages
        if message["type"] == "BATCH"
        or bookmark(message.get("value", {"bookmarks": {}}), "clicks", PROJECT)
    ]
    assert kinds.count("BATCH") == 1
    assert kinds[0] == "BATCH"
    assert "STATE" in kinds


def test_the_command_line_fails_a_run_that_went_on_after_a_failure(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    # It has to come by `sync_all` for that.
    sandbox.faults.set([Fault("forbidden", times=1)])

    output = run_tap(tmp_path, config)

    assert output.exit_code == 1
    assert output.bookmark("purchases", PROJECT) == "2024-01-31T20:59:59+00:00"
