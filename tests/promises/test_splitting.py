from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.run import Run
from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.faults import Fault
from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.records import assert_is_truth, in_order, truth
from tests.support.running import only, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.faults import Kind
    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World


def windows(sandbox: Sandbox, status: int = 200) -> list[int]:
    """The lengths of the windows that were answered so, in days."""
    bodies = [r.body for r in sandbox.requests if r.body and r.status == status]
    filters = [body["InteractionFilter"] for body in bodies]
    return [
        (date.fromisoformat(f["DateTo"]) - date.fromisoformat(f["DateFrom"])).days + 1
        for f in filters
    ]


@pytest.fixture
def clicks(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that read clicks only, one request after another."""
    return {**config, "interaction_types": ["Click"], "concurrent_requests": 1}


@pytest.fixture
def waiting_moves_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs get older by what the tap would have waited for them."""
    seconds: list[float] = []
    monkeypatch.setattr(Run, "sleep", staticmethod(seconds.append))
    monkeypatch.setattr(Run, "clock", staticmethod(lambda: sum(seconds)))


TOO_MUCH: list[Kind] = [
    "gateway_timeout",
    "server_error",
    "too_large",
    "cut",
    "malformed",
]


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_windows_that_are_too_long_are_halved_until_they_arrive(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any], kind: Kind
) -> None:
    sandbox.faults.set([Fault(kind, rate=1, min_days=3)])

    output = run_tap(tmp_path, config)

    assert_is_truth(output, world)
    assert "Asking for 4 days at a time" in output.log
    assert "Asking for 2 days at a time" in output.log
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_an_answer_that_takes_too_long_is_asked_for_in_parts(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("slow", rate=1, seconds=60, min_days=5)])
    clicks = {**config, "interaction_types": ["Click"], "request_timeout": 1}

    output = run_tap(tmp_path, {**clicks, "start_date": "2024-01-25"})

    expected = truth(world, "clicks", start=date(2024, 1, 25))
    assert in_order(output.records["clicks"]) == in_order(expected)
    assert "no answer within 1 s. Gave up after 3 tries. Asking for 4 days" in (
        output.log
    )


def test_the_size_that_worked_is_remembered_and_grows_again(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("too_large", times=3)])

    run_tap(tmp_path, clicks)

    lengths = windows(sandbox)
    assert lengths[:7] == [1] * 7
    assert lengths[7:9] == [2, 2]
    assert max(lengths) == 4


def test_growing_again_is_tried_less_often_the_more_it_fails(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("too_large", rate=1, min_days=2)])

    run_tap(tmp_path, clicks)

    assert windows(sandbox) == [1] * 31
    # 7, 4 and 2 days at first; then twice more in 31 windows.
    assert windows(sandbox, status=413) == [7, 4, 2, 2, 2]


def test_one_page_that_is_too_large_is_read_in_smaller_ones(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("gateway_timeout", rate=1, min_limit=2_000)])

    output = run_tap(tmp_path, {**config, "window_days": 1})

    assert_is_truth(output, world)
    assert "Asking for 25,000 rows at a time" in output.log
    assert "Asking for 1,563 rows at a time" in output.log


def test_a_day_that_cannot_be_read_fails_with_one_line_and_a_true_state(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("gateway_timeout", rate=1, date="2024-01-12")])

    output = run_tap(tmp_path, clicks)

    assert output.exit_code == 1
    assert "Stream clicks, project 12486, 2024-01-12: the API failed (504" in output.log
    assert "Gave up after 9 tries" in output.log
    assert output.bookmark("clicks", PROJECT) == "2024-01-11T20:59:59+00:00"


def test_a_day_is_narrowed_by_campaigns_where_its_user_names_them(
    tmp_path: Path, sandbox: Sandbox, world: World, clicks: dict[str, Any]
) -> None:
    ids = [placement.placement_id for placement in world.placements(PROJECT)][:15]
    clicks["media_campaign_ids"] = ids
    sound = run_tap(tmp_path, clicks)
    sandbox.faults.set([Fault("gateway_timeout", rate=1, max_campaigns=10)])

    output = run_tap(tmp_path, {**clicks, "window_days": 1, "page_size": 1000})

    assert output.exit_code == 0
    assert "Asking for fewer campaigns at a time" in output.log
    assert in_order(output.records["clicks"]) == in_order(sound.records["clicks"])


def test_a_report_by_week_is_never_cut(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    weekly = {"name": "weekly", "report": "aggregate", "date_grouping": "week"}
    config |= {"reports": [weekly], "page_size": 1000}
    catalog = select(TapTargetADS(config=config).catalog_dict, streams=["weekly"])
    sandbox.faults.set([Fault("gateway_timeout", rate=1, min_days=2)])

    output = run_tap(tmp_path, config, catalog=catalog)

    assert output.exit_code == 1
    assert "Gave up after 9 tries" in output.log
    assert "days at a time" not in output.log


@pytest.mark.usefixtures("february", "waiting_moves_the_clock")
@pytest.mark.parametrize("kind", ["job_failed", "job_hangs"])
def test_jobs_that_are_too_large_are_halved(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any], kind: Kind
) -> None:
    sandbox.faults.set([Fault(kind, rate=1, min_days=3)])
    jobs = {"api_version": "v2", "job_timeout": 60}

    output = run_tap(tmp_path, {**config, **jobs, "start_date": "2024-01-26"})

    assert_is_truth(output, world, start=date(2024, 1, 26))
    assert "Asking for 2 days at a time" in output.log


@pytest.mark.usefixtures("february", "waiting_moves_the_clock")
@pytest.mark.parametrize("kind", ["gateway_timeout", "job_failed"])
def test_jobs_are_halved_down_to_a_day_and_the_state_moves_to_the_end(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any], kind: Kind
) -> None:
    sandbox.faults.set([Fault(kind, rate=1, path="/v2/", min_days=2)])
    config |= {"api_version": "v2", "start_date": "2024-01-26"}

    output = run_tap(tmp_path, config, catalog=only(config, "clicks"))

    assert output.exit_code == 0
    expected = truth(world, "clicks", start=date(2024, 1, 26))
    assert in_order(output.records["clicks"]) == in_order(expected)
    assert "Asking for 1 day at a time" in output.log
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY
