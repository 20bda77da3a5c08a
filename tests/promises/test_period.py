from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.config.settings import Settings
from tests.conftest import PROJECT
from tests.support.running import run_tap
from tests.support.state_of_clicks import days_read, ids

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox

NOON = datetime(2024, 1, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of 20 January 2024 in Moscow."""
    real = Settings.last_complete_day
    monkeypatch.setattr(Settings, "last_complete_day", lambda self: real(self, NOON))


@pytest.mark.usefixtures("noon")
def test_without_an_end_date_the_run_reads_up_to_yesterday(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    del clicks["end_date"]

    output = run_tap(tmp_path, clicks)

    assert max(days_read(sandbox)) == "2024-01-19"
    assert output.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"


@pytest.mark.usefixtures("noon")
def test_an_end_date_in_the_future_is_cut_to_yesterday_and_said_so(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    output = run_tap(tmp_path, clicks)

    assert max(days_read(sandbox)) == "2024-01-19"
    assert output.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"
    assert "`end_date` 2024-01-31 is not over yet" in output.log


@pytest.mark.usefixtures("noon")
def test_the_unfinished_day_is_read_but_never_marked_as_complete(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox
) -> None:
    today = {**clicks, "include_today": True}

    first = run_tap(tmp_path, today)
    assert max(days_read(sandbox)) == "2024-01-20"
    second = run_tap(tmp_path, today, state=first.state)

    assert days_read(sandbox) == {"2024-01-20"}
    assert first.bookmark("clicks", PROJECT) == "2024-01-19T20:59:59+00:00"
    assert second.state == first.state
    assert ids(second) < ids(first)


@pytest.mark.usefixtures("noon")
def test_a_start_date_in_the_future_reads_nothing_and_leaves_no_bookmark(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "start_date": "2024-01-25"})

    assert output.exit_code == 0
    assert "nothing to read" in output.log
    assert output.bookmark("clicks", PROJECT) is None
