from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.faults import Fault
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.records import STREAMS, in_order, truth
from tests.support.running import run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World

END = "2024-01-31T20:59:59+00:00"


@pytest.fixture
def two(sandbox: Sandbox, config: dict[str, Any]) -> dict[str, Any]:
    """Settings of two projects, the first of which has a token that is not valid."""
    del config["project_id"], config["auth_token"]
    tokens = {PROJECT: "4f3c-expired", OTHER_PROJECT: sandbox.tokens[OTHER_PROJECT]}
    projects = [{"project_id": p, "auth_token": t} for p, t in tokens.items()]
    return {**config, "projects": projects}


def test_a_bad_token_does_not_keep_the_other_project_from_arriving(
    tmp_path: Path, world: World, two: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, two)

    assert output.exit_code == 1
    for stream in STREAMS:
        expected = truth(world, stream, project=OTHER_PROJECT)
        assert in_order(output.records[stream]) == in_order(expected)
        assert output.bookmark(stream, OTHER_PROJECT) == END
        assert output.bookmark(stream, PROJECT) is None
    summary = output.log.splitlines()[-1]
    assert "Not delivered completely: clicks of project 12486, " in summary
    assert str(OTHER_PROJECT) not in summary
    assert "Traceback" not in output.log


@pytest.mark.parametrize("messages", ["RECORD", "BATCH", "record by record"])
def test_the_metrics_tell_which_stream_failed(
    tmp_path: Path,
    sandbox: Sandbox,
    world: World,
    two: dict[str, Any],
    messages: str,
) -> None:
    if messages == "BATCH":
        storage = {"root": tmp_path.as_uri()}
        two["batch_config"] = {"encoding": {"format": "jsonl"}, "storage": storage}
    elif messages == "record by record":
        two["stream_maps"] = {"clicks": {}}
    catalog = select(
        TapTargetADS(config=two).catalog_dict, streams=["clicks", "campaigns"]
    )

    failed = run_tap(tmp_path, two, catalog=catalog)
    two["projects"][0]["auth_token"] = sandbox.tokens[PROJECT]
    whole = run_tap(tmp_path, two, catalog=catalog)

    assert (failed.exit_code, whole.exit_code) == (1, 0)
    of_first, of_other = (
        len(truth(world, "clicks", project=project))
        for project in (PROJECT, OTHER_PROJECT)
    )
    for output, status, count in [
        (failed, "failed", of_other),
        (whole, "succeeded", of_first + of_other),
    ]:
        metrics = [
            json.loads(line.split("METRIC: ")[1])
            for line in output.log.splitlines()
            if "METRIC: " in line
        ]
        assert {
            metric["tags"]["stream"]: metric["tags"]["status"]
            for metric in metrics
            if metric["metric"] == "sync_duration"
        } == {"clicks": status, "campaigns": status}
        # One number for all projects, and so no project's name.
        assert [
            (metric["value"], "context" in metric["tags"])
            for metric in metrics
            if metric["metric"] == "record_count"
            and metric["tags"]["stream"] == "clicks"
        ] == [(count, False)]


def test_a_stream_that_fails_does_not_stop_the_others(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("forbidden", rate=1, path="/v1/reports/path")])
    catalog = select(TapTargetADS(config=config).catalog_dict)

    output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 1
    assert "Not delivered completely: conversion_paths of project 12486." in output.log
    assert set(output.records) > {"clicks", "purchases", "media_report", "projects"}
    for stream in STREAMS:
        assert output.bookmark(stream, PROJECT) == END


def test_whoever_wants_it_stops_at_the_first_failure(
    tmp_path: Path, two: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**two, "fail_fast": True})

    assert output.exit_code == 1
    assert not output.records
    assert "the token of project 12486 is not valid" in output.log


def test_the_run_after_a_failure_reads_what_was_missing_and_nothing_else(
    tmp_path: Path, sandbox: Sandbox, two: dict[str, Any]
) -> None:
    failed = run_tap(tmp_path, two)
    two["projects"][0]["auth_token"] = sandbox.tokens[PROJECT]

    output = run_tap(tmp_path, two, state=failed.state)

    assert output.exit_code == 0
    for records in output.records.values():
        assert {r["project_id"] for r in records} == {PROJECT}
    assert output.bookmark("clicks", PROJECT) == END


@pytest.mark.parametrize("key", ["_row_key", "InteractionTime"])
def test_a_catalog_whose_key_is_no_property_is_refused_before_the_first_request(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any], key: str
) -> None:
    catalog = select(TapTargetADS(config=config).catalog_dict, streams=["clicks"])
    for entry in catalog["streams"]:
        entry["schema"]["properties"].pop(key, None)

    output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 1
    assert f"stream `clicks` has the key {key}, but not among" in output.log
    assert not sandbox.requests
    assert not output.messages
