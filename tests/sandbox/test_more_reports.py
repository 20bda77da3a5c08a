"""Paths, aggregates, meta data and jobs, as a client sees them."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tap_targetads.sandbox import Fault, Sandbox, World
from tap_targetads.sandbox.dialect import DOCUMENTED, LIVE, Dialect
from tap_targetads.sandbox.fields import PATH_FIELDS, v2_name
from tests.sandbox.asking import PROJECT, TOKEN, ask, errors, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = "/v1/reports/path_to_conversion"
AGGREGATES = "/v1/reports/agg_report"
JANUARY = {"DateFrom": "2024-01-01", "DateTo": "2024-01-31"}
DAY = {"DateFrom": "2024-01-15", "DateTo": "2024-01-15"}


@pytest.fixture(params=[DOCUMENTED, LIVE], ids=["documented", "live"])
def served(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(World(rows_per_day=60), dialect=request.param) as sandbox:
        yield sandbox


def path_body(**changes: Any) -> dict[str, Any]:
    return {
        "ResponseType": "JSON",
        "Fields": ["PathDeviceID", "PathPosition", "InteractionType"],
        "TargetFilter": JANUARY,
        "Offset": 0,
        "Limit": 100_000,
        **changes,
    }


def test_pages_of_paths_hold_every_touch_once(served: Sandbox) -> None:
    whole = rows(ask(served, PATHS, json=path_body()).json())

    found: list[Any] = []
    while page := rows(
        ask(served, PATHS, json=path_body(Offset=len(found), Limit=97)).json()
    ):
        found += page
    assert found == whole
    assert len(whole) > 97


def test_touches_and_conversions_are_filtered(served: Sandbox) -> None:
    touches = {**JANUARY, "InteractionType": ["Click"]}
    targets = {**JANUARY, "EventType": ["Lead"]}

    clicks = ask(served, PATHS, json=path_body(InteractionFilter=touches)).json()
    leads = ask(
        served,
        PATHS,
        json=path_body(TargetFilter=targets, Fields=["TargetEventName"]),
    ).json()

    assert {row["InteractionType"] for row in rows(clicks)} == {"Click"}
    assert {row["TargetEventName"] for row in rows(leads)} == {"Заявка"}


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        (PATHS, {"TargetFilter": {}}, ("DateFrom", "required")),
        (PATHS, {"Fields": ["Nope"]}, ("Fields", "oneof")),
        (PATHS, {"TargetFilter": {**DAY, "EventType": ["X"]}}, ("EventType", "oneof")),
        (PATHS, {"Limit": 100_001}, ("Limit", "max")),
        (AGGREGATES, {"Fields": ["PathPosition"]}, ("Fields", "oneof")),
        (AGGREGATES, {"DateGrouping": "hour"}, ("DateGrouping", "oneof")),
        (AGGREGATES, {"AttributionWindow": "8"}, ("AttributionWindow", "oneof")),
        (AGGREGATES, {"AttributionModel": "x"}, ("AttributionModel", "oneof")),
        (AGGREGATES, {"MediaMetrics": ["Nope"]}, ("MediaMetrics", "oneof")),
    ],
)
def test_a_wrong_request_is_refused_with_the_field_and_the_rule(
    served: Sandbox, path: str, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    right = path_body(InteractionFilter=JANUARY)
    if path == AGGREGATES:
        right["Fields"] = ["EventDate"]

    response = ask(served, path, json={**right, **changes})

    assert response.status_code == 400
    assert expected in [(field, tag) for field, tag, _ in errors(response)]


def test_an_aggregate_adds_up_to_the_rows(served: Sandbox) -> None:
    def impressions(*dimensions: str) -> float:
        body = path_body(
            Fields=list(dimensions),
            MediaMetrics=["Impressions"],
            InteractionFilter=JANUARY,
        )
        found = rows(ask(served, AGGREGATES, json=body).json())
        return sum(float(row["Impressions"]) for row in found)

    total = impressions("EventDate")

    assert total > 0
    assert impressions("MediaSource", "MediaCampaign") == total


def test_campaigns_stand_where_the_dialect_has_them(served: Sandbox) -> None:
    path = "/v1/meta/campaigns?active=false&include_creative=true"

    answer = ask(served, path).json()

    (listed,) = [v for k, v in answer.items() if k in {"campaigns", "meta"}]
    assert len(listed) == answer["count"] == 12
    assert all(campaign["creatives"] for campaign in listed)
    assert len(ask(served, "/v1/meta/campaigns").json()) == len(answer)


def test_active_campaigns_are_fewer(served: Sandbox) -> None:
    every = ask(served, "/v1/meta/campaigns?active=false").json()["count"]

    assert 0 < ask(served, "/v1/meta/campaigns").json()["count"] < every


def test_a_token_without_access_sees_no_campaigns() -> None:
    with Sandbox(World(rows_per_day=1), without_campaigns=[PROJECT]) as sandbox:
        answer = ask(sandbox, "/v1/meta/campaigns").json()

    assert answer == {"campaigns": [], "count": 0}


def job_body(dialect: Dialect, *fields: str) -> dict[str, Any]:
    if dialect.v2_body == "flat":
        return {"Fields": list(fields), **DAY}
    return {"Fields": list(fields), "TargetFilter": DAY, "InteractionFilter": DAY}


def finished(sandbox: Sandbox, path: str, body: dict[str, Any]) -> dict[str, Any]:
    job = ask(sandbox, path, json=body).json()
    status: dict[str, Any] = ask(sandbox, f"/v2/jobs/{job['job_id']}").json()
    return status


@pytest.mark.parametrize("path", ["raw_reports", "path_to_conversion"])
def test_a_jobs_file_holds_what_version_1_gives(served: Sandbox, path: str) -> None:
    names = ["InteractionTime", "InteractionType"]
    body = path_body(Fields=names, TargetFilter=DAY)
    if path == "raw_reports" or served.dialect.v2_body == "nested":
        body["InteractionFilter"] = DAY

    status = finished(served, f"/v2/reports/{path}", job_body(served.dialect, *names))

    assert status["status"] == "DONE"
    content = requests.get(status["download_url"], timeout=10).content
    text = gzip.decompress(content).decode("utf-8-sig")
    found = list(csv.DictReader(text.splitlines()))
    assert len(found) == status["row_count"] > 0
    expected = rows(ask(served, f"/v1/reports/{path}", json=body).json())
    assert sorted(map(str, (sorted(r.items()) for r in found))) == sorted(
        map(str, (sorted(r.items()) for r in expected))
    )


def test_the_other_form_of_body_is_refused_with_what_is_missing(
    served: Sandbox,
) -> None:
    other = LIVE if served.dialect is DOCUMENTED else DOCUMENTED

    response = ask(
        served, "/v2/reports/raw_reports", json=job_body(other, "InteractionTime")
    )

    missing = "DateFrom" if other is DOCUMENTED else "InteractionFilter"
    assert [(f, t) for f, t, _ in errors(response)] == [(missing, "required")]


def test_a_job_has_at_most_three_days() -> None:
    with Sandbox(World(rows_per_day=1)) as sandbox:
        week = {"DateFrom": "2024-01-15", "DateTo": "2024-01-18"}
        body = {"Fields": ["InteractionTime"], "InteractionFilter": week}

        response = ask(sandbox, "/v2/reports/raw_reports", json=body)

    assert [(f, t) for f, t, _ in errors(response)] == [("DateTo", "max")]


def test_the_storage_wants_the_signature_and_nothing_else(served: Sandbox) -> None:
    body = job_body(served.dialect, "InteractionTime")
    status = finished(served, "/v2/reports/raw_reports", body)
    url = status["download_url"]
    header = {"Authorization": f"Bearer {TOKEN}"}

    assert url.startswith("http://localhost:")
    assert requests.get(url, timeout=10).status_code == 200
    assert requests.get(url, headers=header, timeout=10).status_code == 400
    assert requests.get(url + "x", timeout=10).status_code == 403


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("job_failed", "FAILED"),
        ("job_expired", "EXPIRED"),
        ("job_cancelled", "CANCELLED"),
        ("job_hangs", "PROCESSING"),
        ("slow_job", "PROCESSING"),
    ],
)
def test_a_job_can_get_lost(served: Sandbox, kind: Any, status: str) -> None:
    served.faults.set([Fault(kind, times=1, path="/v2/", seconds=60)])
    body = job_body(served.dialect, "InteractionTime")

    lost = finished(served, "/v2/reports/raw_reports", body)
    next_one = finished(served, "/v2/reports/raw_reports", body)

    assert lost["status"] == status
    assert next_one["status"] == "DONE"


def test_another_projects_job_is_not_there(served: Sandbox) -> None:
    body = job_body(served.dialect, "InteractionTime")
    job = ask(served, "/v2/reports/raw_reports", json=body).json()

    response = ask(
        served,
        f"/v2/jobs/{job['job_id']}",
        project_id=12487,
        token="sandbox-token-12487",  # noqa: S106 - not a secret
    )

    assert response.status_code == 404


def test_weights_have_shorter_names_in_version_2() -> None:
    weights = [name for name in PATH_FIELDS if name.startswith("Weight_")]

    assert {v2_name(name) for name in weights} >= {"MLI", "FTDM30", "MLI30", "FL60"}
