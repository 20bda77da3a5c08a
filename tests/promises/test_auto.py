"""Runs that read by pages, and the days that do not fit into one by jobs."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from targetads_sandbox.dialect import LIVE
from targetads_sandbox.server import responses
from targetads_sandbox.server.faults import Fault
from targetads_sandbox.server.sandbox import Sandbox
from tests.conftest import END_OF_JANUARY, OTHER_PROJECT, PROJECT
from tests.support.records import assert_same_paths, in_order, paths, truth
from tests.support.running import only, run_and_kill, run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.world.world import World
    from tests.support.running import Output

PAGES, JOBS = "/v1/reports/raw_reports", "/v2/reports/raw_reports"
BY_JOBS = "more rows than one page holds. Reading by jobs (v2)."
BY_PAGES = "page by page instead"


@pytest.fixture
def views(config: dict[str, Any], february: None) -> dict[str, Any]:
    """Settings with which no day of page views fits into one page."""
    del february
    return {**config, "interaction_types": ["PageView"], "page_size": 10}


def windows_of(sandbox: Sandbox, path: str, project: int = PROJECT) -> list[str]:
    """The windows that were asked for; days that need several pages, several times."""
    asked = [
        r.body["InteractionFilter"]
        for r in sandbox.requests
        if r.path == path and r.project_id == project and r.body
    ]
    return [f"{w['DateFrom']}..{w['DateTo']}" for w in asked]


def is_whole(output: Output, world: World, **options: Any) -> bool:
    assert output.exit_code == 0, output.log[-2000:]
    found = output.records["page_views"]
    return in_order(found) == in_order(truth(world, "page_views", **options))


def test_days_that_do_not_fit_into_a_page_are_read_by_jobs(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, views)

    assert is_whole(output, world)
    days = [f"2024-01-{day:02}" for day in range(1, 32)]
    assert windows_of(sandbox, JOBS) == [f"{day}..{day}" for day in days]
    # A week, then its first day; what else was asked for was sent ahead.
    assert {"2024-01-01..2024-01-07", "2024-01-01..2024-01-01"} <= {
        *windows_of(sandbox, PAGES)
    }
    assert output.log.count(BY_JOBS) == 1
    assert "WARNING" not in output.log
    ends = {
        s["bookmarks"]["page_views"]["partitions"][0]["replication_key_value"]
        for s in output.states
    }
    assert ends == {f"{day}T20:59:59+00:00" for day in days}


def test_what_fits_into_pages_needs_no_job(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**views, "page_size": 1000})

    assert is_whole(output, world)
    assert not windows_of(sandbox, JOBS)
    assert len(windows_of(sandbox, PAGES)) == 5


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("seed", range(6))
def test_all_versions_deliver_the_same_rows_with_the_same_keys(
    tmp_path: Path, config: dict[str, Any], seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - to be the same every time
    config |= {
        "page_size": chance.choice([1, 7, 15, 25, 40, 90]),
        "window_days": chance.randint(1, 10),
        "start_date": f"2024-01-{chance.randint(1, 20):02}",
    }
    catalog = only(config, "page_views", "clicks", "interactions", "conversion_paths")

    outputs = [
        run_tap(tmp_path, {**config, "api_version": version}, catalog=catalog)
        for version in ("auto", "v1", "v2")
    ]

    assert {output.exit_code for output in outputs} == {0}
    auto, pages, jobs = (output.records for output in outputs)
    assert set(auto) == set(pages) == set(jobs)
    for stream, records in auto.items():
        if stream == "conversion_paths":
            assert_same_paths(records, pages[stream])
            assert_same_paths(records, jobs[stream])
        else:
            assert in_order(records) == in_order(pages[stream])
            assert in_order(records) == in_order(jobs[stream])
    assert outputs[0].state == outputs[1].state == outputs[2].state


def test_what_pages_have_read_has_the_same_keys_when_jobs_read_it_again(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    first = run_tap(tmp_path, {**views, "api_version": "v1", "page_size": 1000})
    again = {**views, "lookback_days": 9}

    second = run_tap(tmp_path, again, state=first.state)

    keys = [{r["_row_key"] for r in o.records["page_views"]} for o in (first, second)]
    assert keys[1] < keys[0]
    assert len(windows_of(sandbox, JOBS)) == 9
    assert second.state == first.state


def test_each_project_finds_out_for_itself(
    tmp_path: Path, world: World, views: dict[str, Any]
) -> None:
    with Sandbox(world) as sandbox:
        several = {
            **views,
            "api_url": sandbox.url,
            "projects": [
                {"project_id": project, "auth_token": sandbox.tokens[project]}
                for project in (PROJECT, OTHER_PROJECT)
            ],
        }
        del several["project_id"], several["auth_token"]
        output = run_tap(tmp_path, several)

        for project in (PROJECT, OTHER_PROJECT):
            assert "2024-01-01..2024-01-07" in windows_of(sandbox, PAGES, project)
            assert len(windows_of(sandbox, JOBS, project)) == 31
    expected = [
        record
        for project in (PROJECT, OTHER_PROJECT)
        for record in truth(world, "page_views", project=project)
    ]
    assert in_order(output.records["page_views"]) == in_order(expected)
    assert output.bookmark("page_views", OTHER_PROJECT) == END_OF_JANUARY


def test_days_that_are_too_old_for_jobs_are_read_by_pages_and_the_rest_by_jobs(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    # Ninety days before 10 February is 12 November.
    period = {"start_date": "2023-11-08", "end_date": "2023-11-20"}

    output = run_tap(tmp_path, {**views, **period, "concurrent_requests": 1})

    start, end = date(2023, 11, 8), date(2023, 11, 20)
    assert is_whole(output, world, start=start, end=end)
    young = [f"2023-11-{day}" for day in range(12, 21)]
    assert windows_of(sandbox, JOBS) == [f"{day}..{day}" for day in young]
    assert windows_of(sandbox, PAGES)[0] == "2023-11-08..2023-11-11"
    assert max(windows_of(sandbox, PAGES)) == "2023-11-11..2023-11-11"
    assert output.log.count("v2 reads at most 90 days back. Reading page by page.") == 1


def test_days_before_the_state_are_read_by_jobs_first_and_then_by_pages(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    later = {**views, "start_date": "2023-11-18", "end_date": "2023-11-25"}
    first = run_tap(tmp_path, later)
    sandbox.clear_requests()
    moved = {**later, "start_date": "2023-11-05", "window_days": 3}

    output = run_tap(tmp_path, moved, state=first.state)

    start, end = date(2023, 11, 5), date(2023, 11, 17)
    assert is_whole(output, world, start=start, end=end)
    assert min(windows_of(sandbox, JOBS)) == "2023-11-12..2023-11-12"
    (entry,) = output.state["bookmarks"]["page_views"]["partitions"]
    assert entry["complete_from"] == "2023-11-04T21:00:00+00:00"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_api_without_jobs_is_read_by_pages_with_one_line(
    tmp_path: Path,
    sandbox: Sandbox,
    world: World,
    views: dict[str, Any],
    status: int,
) -> None:
    sandbox.faults.set([Fault("not_found", rate=1, path="/v2/")])
    views |= {"interaction_types": ["PageView", "Click"]}

    with patch.dict(responses._REFUSALS, {"not_found": (status, "no such thing")}):  # noqa: SLF001
        output = run_tap(tmp_path, views)

    assert is_whole(output, world)
    assert len(output.records["clicks"]) == len(truth(world, "clicks"))
    assert output.log.count("the API has no version 2") == 1
    assert 'Set `api_version` to "v1"' in output.log
    assert len([r for r in sandbox.requests if r.path.startswith("/v2/")]) == 1


def test_a_day_whose_jobs_fail_is_read_by_pages_and_the_next_by_a_job(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("job_failed", rate=1, date="2024-01-10")])

    output = run_tap(tmp_path, views)

    assert is_whole(output, world)
    assert output.log.count(f"reading the day {BY_PAGES}") == 1
    assert windows_of(sandbox, JOBS)[-1] == "2024-01-31..2024-01-31"
    assert "2024-01-10..2024-01-10" in windows_of(sandbox, PAGES)
    assert output.bookmark("page_views", PROJECT) == END_OF_JANUARY


@pytest.mark.parametrize("keys", [{}, {"row_key": False}], ids=["with", "without"])
def test_a_day_whose_file_is_never_right_is_read_by_pages(
    tmp_path: Path,
    sandbox: Sandbox,
    world: World,
    views: dict[str, Any],
    keys: dict[str, bool],
) -> None:
    sandbox.faults.set([Fault("wrong_row_count", rate=1, date="2024-01-10")])

    output = run_tap(tmp_path, views | keys)

    records = output.records["page_views"]
    assert output.exit_code == 0, output.log[-2000:]
    assert len(records) == len(truth(world, "page_views"))
    assert output.log.count(f"reading the day {BY_PAGES}") == 1
    assert output.bookmark("page_views", PROJECT) == END_OF_JANUARY


@pytest.mark.parametrize(
    "fault",
    [
        Fault("job_failed", rate=1),
        Fault("forbidden", rate=1, path="/v2/"),
        Fault("server_error", rate=1, path="/v2/"),
        Fault("expired_url", rate=1),
        Fault("truncated_file", rate=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_jobs_that_always_fail_are_given_up(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any], fault: Fault
) -> None:
    sandbox.faults.set([fault])

    output = run_tap(tmp_path, views)

    assert is_whole(output, world)
    assert output.log.count(f"reading the day {BY_PAGES}") == 1
    assert output.log.count(f"reading this and all later days {BY_PAGES}") == 1
    assert max(windows_of(sandbox, JOBS)) < "2024-01-10"


def test_paths_that_do_not_fit_into_a_page_are_read_by_jobs(
    tmp_path: Path, sandbox: Sandbox, world: World, views: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, views, catalog=only(views, "conversion_paths"))

    assert output.exit_code == 0
    assert_same_paths(output.records["conversion_paths"], paths(world))
    requests = Counter(r.path for r in sandbox.requests)
    assert requests["/v2/reports/path_to_conversion"] > 20
    assert output.bookmark("conversion_paths", PROJECT) == END_OF_JANUARY


def test_paths_are_read_by_pages_where_jobs_cannot_be_told_how_far_back_they_begin(
    tmp_path: Path, world: World, views: dict[str, Any]
) -> None:
    views |= {"path_days": 10}
    catalog = only(views, "conversion_paths", "page_views")
    with Sandbox(world, dialect=LIVE) as sandbox:
        views |= {"api_url": sandbox.url}
        output = run_tap(tmp_path, views, catalog=catalog)
        assert JOBS in {r.path for r in sandbox.requests}
        pages = run_tap(tmp_path, {**views, "api_version": "v1"}, catalog=catalog)

    assert is_whole(output, world)
    found, expected = (o.records["conversion_paths"] for o in (output, pages))
    assert_same_paths(found, expected)
    assert "which cannot say how far back paths begin" in output.log


def test_a_report_of_one_s_own_has_its_own_version(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    mine = {"name": "mine", "report": "raw", "interaction_types": ["PageView"]}
    versions = {"api_version": "v1", "reports": [{**mine, "api_version": "auto"}]}
    views |= versions

    pages = run_tap(tmp_path, views, catalog=only(views, "page_views"))
    asked = windows_of(sandbox, JOBS)
    auto = run_tap(tmp_path, views, catalog=only(views, "mine"))

    assert not asked
    assert len(windows_of(sandbox, JOBS)) == 31
    assert len(auto.records["mine"]) == len(pages.records["page_views"])


def test_the_connection_test_tries_what_pages_can_read_and_makes_no_job(
    tmp_path: Path, sandbox: Sandbox, views: dict[str, Any]
) -> None:
    del views["end_date"]

    output = run_tap(tmp_path, {**views, "start_date": "2020-01-01"}, "--test")

    assert output.exit_code == 0
    assert "not tried" not in output.log
    assert "90 days" not in output.log
    assert not any(r.path.startswith("/v2/") for r in sandbox.requests)


def test_killed_among_jobs_and_resumed_nothing_is_missing(
    tmp_path: Path, world: World
) -> None:
    start, end = date(2024, 1, 1), date(2024, 1, 15)
    chance = Random(13)  # noqa: S311 - to be the same every time
    state: dict[str, Any] = {}
    keys: set[str] = set()
    with Sandbox(world) as sandbox:
        config = {
            "api_url": sandbox.url,
            "auth_token": sandbox.tokens[PROJECT],
            "project_id": PROJECT,
            "interaction_types": ["PageView"],
            "page_size": 10,
            "start_date": f"{start}",
            "end_date": f"{end}",
        }
        for after in [*(chance.randint(20, 90) for _ in range(3)), -1]:
            output = run_and_kill(tmp_path, config, state, after, last_day=end)
            assert output.exit_code == (-signal.SIGKILL if after > 0 else 0)
            keys |= {r["_row_key"] for r in output.records.get("page_views", [])}
            state = output.state if output.states else state
        assert windows_of(sandbox, JOBS)

    expected = truth(world, "page_views", start=start, end=end)
    assert keys == {record["_row_key"] for record in expected}
