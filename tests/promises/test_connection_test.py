from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.errors import ApiError
from tap_targetads.tap import TapTargetADS
from targetads_sandbox.dialect import DOCUMENTED, LIVE, Dialect
from targetads_sandbox.server.faults import Fault
from targetads_sandbox.server.sandbox import Sandbox
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.running import run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.faults import Kind
    from targetads_sandbox.world.world import World


@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
def test_a_project_that_can_be_read_is_reported_as_ok(
    tmp_path: Path, world: World, config: dict[str, Any], dialect: Dialect
) -> None:
    with Sandbox(world, dialect=dialect) as sandbox:
        output = run_tap(tmp_path, {**config, "api_url": sandbox.url}, "--test")
        reads = [r.body["Limit"] for r in sandbox.requests if r.body]

    assert output.exit_code == 0
    assert "Project 12486: ok (token valid" in output.log
    assert "can read campaigns, clicks, conversion_paths, creatives" in output.log
    assert max(reads) <= 2
    assert output.messages == []


def test_each_project_is_checked_although_another_one_fails(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    del config["project_id"], config["auth_token"]
    config["projects"] = [
        {"project_id": PROJECT, "auth_token": "4f3c-expired"},
        {"project_id": OTHER_PROJECT, "auth_token": sandbox.tokens[OTHER_PROJECT]},
    ]

    output = run_tap(tmp_path, config, "--test")

    assert output.exit_code == 1
    assert "Project 12486: FAILED." in output.log
    assert "Project 12487: ok" in output.log
    assert "4f3c-expired" not in output.log
    assert "Traceback" not in output.log


def test_a_missing_right_is_told_from_a_bad_token(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("forbidden", rate=1)])

    output = run_tap(tmp_path, config, "--test")

    assert output.exit_code == 1
    assert "the token is valid, but has no right" in output.log


def test_what_can_be_read_is_told_although_one_report_is_refused(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("forbidden", rate=1, path="/v1/reports/path")])

    output = run_tap(tmp_path, config, "--test")

    assert output.exit_code == 1
    verdict = output.log.splitlines()[-1]
    assert "Project 12486: FAILED (token valid" in verdict
    assert "cannot read conversion_paths; can read campaigns, clicks, cre" in verdict
    assert "Stream conversion_paths, project 12486, 2024-01-31: the token" in output.log


def test_what_is_not_tried_is_not_said_to_work(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "api_version": "v2"}, "--test")

    assert output.exit_code == 0
    verdict = output.log.splitlines()[-1]
    can, _, untried = verdict.partition("; not tried ")
    assert "can read campaigns, creatives, media_report" in can
    assert untried.split(", ")[:2] == ["clicks", "conversion_paths"]
    assert not any(r.path.startswith("/v2/") for r in sandbox.requests)


def test_a_wrong_extra_field_shows_before_the_first_load(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "extra_fields": ["Nonsense"]}, "--test")

    assert output.exit_code == 1
    assert "'Nonsense'" in output.log


def test_the_schema_test_writes_schemas_and_asks_for_nothing(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config, "--test=schema")

    assert output.exit_code == 0
    assert {m["type"] for m in output.messages} == {"SCHEMA"}
    assert not sandbox.requests


def test_nobody_waits_long_for_the_connection_test(tmp_path: Path) -> None:
    config = {
        "api_url": "http://127.0.0.1:9",
        "auth_token": "4f3c-secret",
        "project_id": 1,
        "start_date": "2024-01-01",
    }

    output = run_tap(tmp_path, config, "--test")

    assert output.exit_code == 1
    assert "Gave up after 2 tries." in output.log
    assert "was delivered" not in output.log


def test_the_sdks_connection_test_fails_where_the_token_is_wrong(
    config: dict[str, Any],
) -> None:
    tap = TapTargetADS(config={**config, "auth_token": "4f3c-expired"})

    with pytest.raises(ApiError, match="the token of project 12486 is not valid"):
        tap.run_connection_test()


@pytest.mark.parametrize("fault", ["forbidden", "server_error"])
def test_campaigns_that_cannot_be_read_are_told_and_do_not_hide_the_others(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any], fault: Kind
) -> None:
    sandbox.faults.set([Fault(fault, rate=1, path="/v1/meta/campaigns")])

    output = run_tap(tmp_path, {**config, "max_retries": 0}, "--test")

    assert output.exit_code == 1
    verdict = output.log.splitlines()[-1]
    assert "cannot read campaigns, creatives; can read clicks" in verdict
