from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from targetads_sandbox import LIVE, Fault
from targetads_sandbox.server.chance import Faults
from tests.sandbox.asking import (
    OTHER_PROJECT,
    PATHS,
    REPORTS,
    all_rows,
    ask,
    body,
    path_body,
)
from tests.sandbox.jobs import FLAT, NESTED, NESTED_PATHS, PATH_JOB, RAW_JOB, create

if TYPE_CHECKING:
    from targetads_sandbox import Sandbox

AGGREGATE = "/v1/reports/agg_report"


def meets(
    sandbox: Sandbox, content: dict[str, Any], path: str = REPORTS, **conditions: Any
) -> bool:
    """Whether a request meets a fault with some conditions."""
    sandbox.faults.set([Fault("too_large", rate=1, path="/", **conditions)])
    return ask(sandbox, path, json=content).status_code == 413


@pytest.mark.parametrize(
    ("conditions", "spared", "met"),
    [
        ({"min_days": 3}, {"DateFrom": "2024-01-16"}, {}),
        ({"min_limit": 1001}, {"Limit": 1000}, {"Limit": 1001}),
        ({"min_offset": 50}, {"Offset": 49}, {"Offset": 50}),
        ({"min_offset": 1}, {"Offset": None}, {"Offset": 1}),
        ({"date": "2024-01-15"}, {"DateFrom": "2024-01-16"}, {}),
        ({"date": "2024-01-18"}, {}, {"DateTo": "2024-01-18"}),
        ({"max_campaigns": 2}, {"MediaCampaignId": [1, 2]}, {}),
        ({"max_campaigns": 2}, {"MediaCampaignId": [1]}, {"MediaCampaignId": []}),
        ({"max_campaigns": 1}, {"MediaCampaignId": [1]}, {"MediaCampaignId": [1, 2]}),
        (
            {"min_days": 2, "min_limit": 5},
            {"Limit": 5, "DateFrom": "2024-01-17"},
            {"Limit": 5, "DateFrom": "2024-01-16"},
        ),
    ],
)
def test_a_fault_can_be_limited_to_what_is_asked_for(
    sandbox: Sandbox,
    conditions: dict[str, Any],
    spared: dict[str, Any],
    met: dict[str, Any],
) -> None:
    assert not meets(sandbox, body(**spared), **conditions)
    assert meets(sandbox, body(**met), **conditions)


def test_the_window_of_paths_is_that_of_the_conversions(sandbox: Sandbox) -> None:
    # The window of the touches is a quarter of a year long.
    assert meets(sandbox, path_body(), PATHS, min_days=2)
    assert not meets(sandbox, path_body(), PATHS, min_days=3)
    assert not meets(sandbox, path_body(), PATHS, date="2024-01-14")
    assert meets(sandbox, NESTED_PATHS, PATH_JOB, min_days=2)
    assert not meets(sandbox, NESTED_PATHS, PATH_JOB, min_days=3)


def test_the_window_of_aggregates_is_that_of_the_interactions(
    sandbox: Sandbox,
) -> None:
    content = {**body(), "Fields": ["MediaSource"], "MediaMetrics": ["Clicks"]}
    assert meets(sandbox, content, AGGREGATE, min_days=3)
    assert not meets(sandbox, content, AGGREGATE, min_days=4)


@pytest.mark.parametrize("content", [NESTED, FLAT])
def test_jobs_of_both_forms_have_a_window(
    sandbox: Sandbox, content: dict[str, Any]
) -> None:
    assert meets(sandbox, content, RAW_JOB, min_days=2, date="2024-01-16")
    assert not meets(sandbox, content, RAW_JOB, min_days=3)
    assert not meets(sandbox, content, RAW_JOB, date="2024-01-17")


def test_a_job_can_fail_for_the_length_of_its_window(sandbox: Sandbox) -> None:
    sandbox.dialect = LIVE
    sandbox.faults.set([Fault("job_hangs", rate=1, min_days=2)])
    create(sandbox, FLAT)
    create(sandbox, {**FLAT, "DateFrom": "2024-01-16"})
    assert [r.fault for r in sandbox.requests] == ["job_hangs", None]


def test_a_fault_can_be_limited_to_a_project(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("server_error", rate=1, project_id=OTHER_PROJECT)])
    token = "sandbox-token-12487"  # noqa: S105 - not a secret
    other = ask(sandbox, json=body(), project_id=OTHER_PROJECT, token=token)
    assert ask(sandbox, json=body()).status_code == 200
    assert other.status_code == 500


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"InteractionFilter": 1, "Limit": "5", "Offset": null}',
        b'{"InteractionFilter": {"DateFrom": 20240115, "DateTo": "soon"}}',
        b'{"InteractionFilter": {"DateFrom": "2024-01-15"}, "Limit": [7]}',
    ],
)
@pytest.mark.parametrize(
    "condition",
    [{"min_days": 1}, {"min_limit": 1}, {"min_offset": 1}, {"date": "2024-01-15"}],
)
def test_a_request_that_does_not_say_it_is_spared(
    content: bytes, condition: dict[str, Any]
) -> None:
    faults = Faults([Fault("cut", rate=1, **condition)])
    assert faults.draw(REPORTS, 1, content) is None


def test_requests_that_are_spared_do_not_count(sandbox: Sandbox) -> None:
    fault = Fault("server_error", times=1, after=1, min_limit=10)
    sandbox.faults.set([fault])
    limits = [5, 10, 5, 10, 10]
    statuses = [ask(sandbox, json=body(Limit=n)).status_code for n in limits]
    assert statuses == [200, 200, 200, 500, 200]


def test_a_server_that_gives_only_small_pages_can_be_read_in_small_pages(
    sandbox: Sandbox,
) -> None:
    right = all_rows(sandbox, 100_000)
    sandbox.faults.set([Fault("cut", rate=1, min_limit=51)])
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        all_rows(sandbox, 51)
    assert all_rows(sandbox, 50) == right


def test_conditions_can_be_set_while_serving_and_are_shown(sandbox: Sandbox) -> None:
    fault = {"kind": "server_error", "rate": 1.0, "min_days": 2, "date": "2024-01-16"}
    address = f"{sandbox.url}/sandbox/faults"
    assert requests.post(address, json=[fault], timeout=10).json() == [fault]
    assert ask(sandbox, json=body()).status_code == 500
    assert ask(sandbox, json=body(DateFrom="2024-01-17")).status_code == 200
    shown = requests.get(address, timeout=10).json()
    assert shown == {"faults": [fault], "happened": {"server_error": 1}}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"min_days": 0}, "min_days of cut must be at least 1"),
        ({"min_limit": 0}, "min_limit"),
        ({"min_offset": -1}, "min_offset"),
        ({"max_campaigns": 0}, "max_campaigns"),
        ({"rows": 0}, "rows"),
        ({"date": "20240115"}, "'20240115' is not a date like"),
        ({"date": "soon"}, "soon"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(
    condition: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Fault("cut", rate=1, **condition)
