from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.faults import Fault
from tests.conftest import PROJECT
from tests.support.records import assert_is_truth
from tests.support.running import errors, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.faults import Kind
    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World

PASSING: list[Kind] = [
    "rate_limit",
    "rate_limit_retry_after",
    "server_error",
    "bad_gateway",
    "cut",
    "malformed",
    "error_in_body",
]


@pytest.mark.parametrize("kind", PASSING)
def test_a_passing_failure_loses_and_doubles_nothing(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any], kind: Kind
) -> None:
    sandbox.faults.set([Fault(kind, times=5)])

    # Nothing smaller can be asked for.
    output = run_tap(tmp_path, {**config, "window_days": 1, "page_size": 500})

    assert_is_truth(output, world)
    assert output.log.count("Try 1 of 9 failed") == 1


def test_failures_at_random_lose_and_double_nothing(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault(kind, rate=0.05) for kind in PASSING])

    output = run_tap(tmp_path, {**config, "page_size": 20, "max_retries": 20})

    assert_is_truth(output, world)


def test_a_slow_answer_is_given_up_after_the_time_out(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("slow", times=1, seconds=60)])

    output = run_tap(tmp_path, {**config, "request_timeout": 1})

    assert_is_truth(output, world)
    assert "no answer within 1 s" in output.log


def test_a_minute_is_waited_where_the_server_does_not_say_how_long(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any], waits: list[float]
) -> None:
    sandbox.faults.set([Fault("rate_limit", times=2)])

    run_tap(tmp_path, config)

    assert waits == [60, 60]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("server_error", "the API failed (500"),
        ("ignore_offset", "the API ignores `Offset`"),
        ("empty_page", "is empty, although the server says that more rows follow"),
        ("forbidden", "has no right to this in project 12486"),
    ],
)
def test_a_lasting_failure_ends_the_run_with_one_line_and_a_true_state(
    tmp_path: Path,
    sandbox: Sandbox,
    config: dict[str, Any],
    kind: Kind,
    line: str,
) -> None:
    clicks = {**config, "interaction_types": ["Click"], "page_size": 5}
    done = run_tap(tmp_path, {**clicks, "end_date": "2024-01-10"})
    sandbox.faults.set([Fault(kind, rate=1)])

    output = run_tap(tmp_path, clicks, state=done.state)

    assert output.exit_code == 1
    (error,) = [x for x in output.log.splitlines() if line in x and "ERROR" in x]
    assert "Stream clicks, project 12486, 2024-01-1" in error
    assert "Traceback" not in output.log
    assert output.state == done.state
    assert output.bookmark("clicks", PROJECT) == "2024-01-10T20:59:59+00:00"


def test_a_bad_token_names_the_project_and_the_variable_but_not_the_token(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "auth_token": "4f3c-expired"})

    assert output.exit_code == 1
    assert "the token of project 12486 is not valid" in output.log
    assert "TAP_TARGETADS_AUTH_TOKEN" in output.log
    assert "4f3c-expired" not in output.log
    assert not output.records


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    config = {
        "api_url": "http://127.0.0.1:9",
        "auth_token": "x",
        "project_id": 1,
        "start_date": "2024-01-01",
        "end_date": "2024-01-01",
    }

    output = run_tap(tmp_path, config)

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error == (
        "No connection to 127.0.0.1:9 (ConnectionRefusedError: [Errno 111] Connection "
        "refused). Gave up after 9 tries. Check `api_url`, the network, and "
        "HTTPS_PROXY if there is a proxy."
    )
