"""What happens if what reads the messages is not ideal."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.running import discover, errors, parse, run_tap, select, start_tap
from tests.support.strange_server import StrangeServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from targetads_sandbox.server.sandbox import Sandbox


def wait_until_it_waits(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process cannot go on writing, since its pipe is full."""
    place = Path(f"/proc/{process.pid}/wchan")
    while "pipe_w" not in place.read_text():
        assert process.poll() is None


def until(line: str, log: IO[bytes]) -> Iterator[str]:
    """The lines of a log up to the one with this text."""
    for raw in log:
        yield raw.decode()
        if line in raw.decode():
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_run_whose_target_has_stopped_reading(
    tmp_path: Path, config: dict[str, Any], number: signal.Signals
) -> None:
    with start_tap(tmp_path, config) as process:
        assert process.stdout
        assert process.stderr
        wait_until_it_waits(process)
        process.send_signal(number)
        first = "".join(until("stopping", process.stderr))
        assert process.poll() is None
        process.send_signal(number)
        rest = process.stderr.read().decode()
        process.wait(timeout=60)

    assert process.returncode == 128 + number
    assert "Signal" in first
    assert "Traceback" not in first + rest


def test_a_pipe_that_does_not_wait_loses_nothing(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with start_tap(
        tmp_path, config, stdout=writing, stderr=subprocess.DEVNULL
    ) as process:
        os.close(writing)
        wait_until_it_waits(process)
        with os.fdopen(reading, "rb") as pipe:
            messages = parse(pipe.read())

    expected = run_tap(tmp_path, config).messages
    assert process.returncode == 0
    assert [m.get("record") for m in messages] == [m.get("record") for m in expected]


def test_a_closed_stdout_is_one_line(tmp_path: Path, config: dict[str, Any]) -> None:
    with start_tap(
        tmp_path, config, stdout=None, preexec_fn=lambda: os.close(1)
    ) as process:
        assert process.stderr
        log = process.stderr.read().decode()

    assert process.returncode == 1
    assert errors(log) == ["The messages cannot be written: stdout is closed."]
    assert "Traceback" not in log


@pytest.fixture
def versions(sandbox: Sandbox, config: dict[str, Any]) -> dict[str, Any]:
    """Settings with which targets remove the rows that are gone; of two projects."""
    del config["project_id"], config["auth_token"]
    projects = [
        {"project_id": project, "auth_token": sandbox.tokens[project]}
        for project in (PROJECT, OTHER_PROJECT)
    ]
    return {**config, "projects": projects, "emit_activate_version_messages": True}


def test_rows_that_are_gone_are_removed_after_all_projects_have_arrived(
    tmp_path: Path, versions: dict[str, Any]
) -> None:
    catalog = select(discover(versions), streams=["campaigns"])

    output = run_tap(tmp_path, versions, catalog=catalog)

    kinds = [m["type"] for m in output.messages if m["type"] != "STATE"]
    assert kinds.count("RECORD") == len(output.records["campaigns"]) > 0
    assert kinds[-1] == "ACTIVATE_VERSION"
    assert kinds.count("ACTIVATE_VERSION") == 1
    (message,) = output.of_type("ACTIVATE_VERSION")
    written = {m["version"] for m in output.of_type("RECORD")}
    assert written == {message["version"]}


def test_nothing_is_removed_of_streams_that_the_end_of_a_run_leaves_unread(
    tmp_path: Path, versions: dict[str, Any]
) -> None:
    for project in versions["projects"]:
        project["auth_token"] = "4f3c-expired"  # noqa: S105
    catalog = select(discover(versions), streams=["campaigns", "target_events"])

    output = run_tap(tmp_path, {**versions, "fail_fast": True}, catalog=catalog)

    assert output.exit_code == 1
    assert not output.records
    assert not output.of_type("ACTIVATE_VERSION")


def test_nothing_is_removed_where_a_token_has_lost_a_right(
    tmp_path: Path, versions: dict[str, Any]
) -> None:
    catalog = select(discover(versions), streams=["campaigns"])
    forbidden = b'{"ErrorCode": 403, "ErrorMessage": "no access"}'
    with StrangeServer(lambda exchange: exchange.send(403, forbidden)) as server:
        output = run_tap(tmp_path, {**versions, "api_url": server.url}, catalog=catalog)

    assert output.exit_code == 0
    assert "The stream stays empty." in output.log
    assert "rows that are gone stay in the target" in output.log
    assert not output.of_type("ACTIVATE_VERSION")


@pytest.mark.parametrize("failing", [0, 1])
def test_nothing_is_removed_where_a_project_could_not_be_read(
    tmp_path: Path, versions: dict[str, Any], failing: int
) -> None:
    versions["projects"][failing]["auth_token"] = "4f3c-expired"  # noqa: S105
    catalog = select(discover(versions), streams=["campaigns", "target_events"])

    output = run_tap(tmp_path, versions, catalog=catalog)

    assert output.exit_code == 1
    assert not output.of_type("ACTIVATE_VERSION")
    assert "Stream campaigns: rows that are gone stay in the target" in output.log
