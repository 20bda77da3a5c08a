"""Runs that read by jobs, against the sandbox."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.config.settings import Settings
from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.faults import Fault
from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.records import in_order, truth
from tests.support.running import only, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox import Sandbox, World


def days_ago(days: int) -> str:
    """A day, as many days before the tenth of February."""
    return (date(2024, 2, 10) - timedelta(days=days)).isoformat()


@pytest.mark.usefixtures("february")
def test_a_start_before_the_history_of_version_2_is_an_error_or_clipped(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = only(config, "clicks")
    old = {
        **config,
        "api_version": "v2",
        "start_date": days_ago(200),
        "end_date": days_ago(85),
    }

    refused = run_tap(tmp_path, old, catalog=catalog)
    clipped = run_tap(tmp_path, {**old, "clip_history": True}, catalog=catalog)

    assert refused.exit_code == 1
    assert "at most 90 days back" in refused.log
    assert "Traceback" not in refused.log
    assert clipped.exit_code == 0
    assert clipped.records["clicks"]


@pytest.mark.usefixtures("february")
def test_a_start_before_the_history_ends_the_run_with_one_line_before_any_request(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    old = {**config, "api_version": "v2", "start_date": days_ago(200)}
    del old["end_date"]

    output = run_tap(tmp_path, old)

    assert output.exit_code == 1
    assert output.log.count("at most 90 days back") == 1
    assert not sandbox.requests
    assert not output.messages


@pytest.mark.usefixtures("february")
def test_a_start_before_the_history_is_no_error_where_the_state_covers_it(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    start, done = f"{days_ago(200)}T00:00:00+00:00", f"{days_ago(3)}T00:00:00+00:00"
    entry = {
        "context": {"project_id": PROJECT},
        "complete_from": start,
        "replication_key": "InteractionTime",
        "replication_key_value": done,
    }
    state = {"bookmarks": {"clicks": {"partitions": [entry]}}}
    old = {**config, "api_version": "v2", "start_date": days_ago(198)}
    del old["end_date"]

    output = run_tap(tmp_path, old, state=state, catalog=only(config, "clicks"))

    assert output.exit_code == 0, output.log[-2000:]
    assert sandbox.requests


@pytest.mark.usefixtures("february")
def test_the_connection_test_warns_of_a_start_before_the_history(
    config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    old = {**config, "api_version": "v2", "start_date": days_ago(200)}
    del old["end_date"]

    assert TapTargetADS(config=old).check_projects()

    assert caplog.text.count("A run without a state would end at once") == 1
    assert caplog.text.count("at most 90 days back") == 1


JOB_FAULTS = [
    ("job_failed", "/v2/"),
    ("job_expired", "/v2/"),
    ("job_cancelled", "/v2/"),
    ("truncated_file", "/storage/"),
    ("corrupt_file", "/storage/"),
    ("expired_url", "/storage/"),
    ("server_error", "/v2/"),
    ("cut", "/storage/"),
]


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("fault", JOB_FAULTS)
def test_a_fault_of_a_job_or_its_file_loses_and_doubles_nothing(
    tmp_path: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
    fault: tuple[Any, str],
) -> None:
    kind, path = fault
    sandbox.faults.set([Fault(kind, times=2, path=path)])

    output = run_tap(
        tmp_path, {**config, "api_version": "v2"}, catalog=only(config, "clicks")
    )

    assert output.exit_code == 0, output.log[-2000:]
    expected = truth(world, "clicks")
    assert in_order(output.records["clicks"]) == in_order(expected)
    assert "X-Signature" not in output.log


@pytest.mark.usefixtures("february")
def test_a_file_with_another_number_of_rows_never_counts_as_read(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("wrong_row_count", rate=1, path="/v2/")])

    output = run_tap(
        tmp_path, {**config, "api_version": "v2"}, catalog=only(config, "clicks")
    )

    assert output.exit_code == 1
    assert "the job's file is not right: it has" in output.log
    assert "Traceback" not in output.log
    assert not output.records
    assert not output.states or output.bookmark("clicks", PROJECT) is None


@pytest.mark.usefixtures("february")
def test_what_comes_before_a_job_that_cannot_be_made_is_delivered(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    faults = [Fault("gateway_timeout", rate=1, path="/v2/reports/", date="2024-01-25")]
    sandbox.faults.set(faults)
    config |= {"api_version": "v2", "window_days": 1, "start_date": "2024-01-18"}

    output = run_tap(tmp_path, config, catalog=only(config, "clicks"))

    assert output.exit_code == 1
    assert output.bookmark("clicks", PROJECT) == "2024-01-24T20:59:59+00:00"
    expected = truth(world, "clicks", start=date(2024, 1, 18), end=date(2024, 1, 24))
    assert in_order(output.records["clicks"]) == in_order(expected)


def test_a_lookback_beyond_the_history_of_version_2_reads_what_there_is(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = {**config, "api_version": "v2", "lookback_days": 90}
    days = iter([date(2024, 1, 29), date(2024, 1, 31)])
    monkeypatch.setattr(Settings, "last_complete_day", lambda *_: next(days))
    del jobs["end_date"]
    jobs["start_date"] = "2023-11-01"
    first = run_tap(tmp_path, jobs, catalog=only(config, "clicks"))

    second = run_tap(tmp_path, jobs, state=first.state, catalog=only(config, "clicks"))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.bookmark("clicks", PROJECT) == END_OF_JANUARY
