"""The live dialect and its data: what has been seen of the live API."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests

from targetads_sandbox import (
    LIVE,
    Sandbox,
    World,
    counts,
    expected_campaigns,
    expected_creatives,
    expected_paths,
    expected_records,
    expected_report,
)
from targetads_sandbox.truth.report import NAMELESS
from targetads_sandbox.world.fields import DIMENSIONS, MEDIA_METRICS, TARGET_METRICS
from tests.sandbox.asking import PROJECT, TOKEN, ask, rows
from tests.sandbox.jobs import FLAT, create, fetch, finished, poll

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "/v1/reports/agg_report"
PERIOD = {"DateFrom": "2024-01-15", "DateTo": "2024-01-17"}
START, END = date(2024, 1, 15), date(2024, 1, 17)
FIELDS = [*DIMENSIONS, *MEDIA_METRICS, *TARGET_METRICS]
CAMPAIGNS = "/v1/meta/campaigns"


@pytest.fixture(scope="module")
def world() -> World:
    return World(rows_per_day=300, live=True)


@pytest.fixture
def live(world: World) -> Iterator[Sandbox]:
    with Sandbox(world, dialect=LIVE) as sandbox:
        yield sandbox


def report_body(dimensions: list[str]) -> dict[str, Any]:
    return {
        "Fields": dimensions,
        "MediaMetrics": list(MEDIA_METRICS),
        "TargetMetrics": list(TARGET_METRICS),
        "InteractionFilter": PERIOD,
        "TargetFilter": PERIOD,
        "Offset": 0,
        "Limit": 100_000,
    }


def truth(world: World, dimensions: list[str]) -> list[dict[str, Any]]:
    return expected_report(
        world,
        project_id=PROJECT,
        start=START,
        end=END,
        dimensions=dimensions,
        media_metrics=list(MEDIA_METRICS),
        target_metrics=list(TARGET_METRICS),
    )


def test_an_aggregate_has_arrays_of_texts_and_a_column_of_another_case(
    live: Sandbox,
) -> None:
    answer = ask(live, REPORT, json=report_body(list(DIMENSIONS))).json()
    assert list(answer) == ["Columns", "CountRows", "Rows"]
    assert answer["CountRows"] == len(answer["Rows"])
    names = [column["Name"] for column in answer["Columns"]]
    assert names == [{"PartOfGIVT": "PartOfGivt"}.get(n, n) for n in FIELDS]
    metrics = [row[len(DIMENSIONS) :] for row in answer["Rows"]]
    assert {type(value) for row in metrics for value in row} == {str}


def test_a_share_is_a_percentage_with_all_of_its_digits(world: World) -> None:
    found = truth(world, ["EventDate"])
    for record in found:
        assert record["PartOfGIVT"] == 100 * record["GIVT"] / record["Impressions"]
    assert max(len(str(record["PartOfGIVT"])) for record in found) > len("3.452491")


def test_aggregates_have_null_and_empty_names_and_rows_that_nobody_saw(
    live: Sandbox, world: World
) -> None:
    served = rows(ask(live, REPORT, json=report_body(list(DIMENSIONS))).json())
    names = Counter(row["MediaCampaign"] for row in served)
    assert min(names[None], names[""]) > 0
    assert any(row["MediaCreative"] == "" and row["MediaCampaign"] for row in served)
    unseen = [row for row in served if row["Impressions"] == row["Clicks"] == "0"]
    assert unseen
    expected = truth(world, list(DIMENSIONS))
    keys = [tuple(record[name] for name in DIMENSIONS) for record in expected]
    assert len(set(keys)) == len(keys) == len(served)
    assert Counter(keys) == Counter(
        tuple(NAMELESS.get(row[name], row[name]) for name in DIMENSIONS)
        for row in served
    )


def test_live_campaigns_are_listed_as_they_were_seen(
    live: Sandbox, world: World
) -> None:
    listed = requests.get(
        live.url + CAMPAIGNS,
        {"project_id": str(PROJECT), "active": "false", "include_creative": "true"},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    ).json()["meta"]
    bare = [row for row in listed if "creatives" not in row]
    assert len(bare) == 1
    assert {tuple(sorted(row)) for row in listed if row not in bare} == {
        (
            "creatives", "landing_page", "marketing_campaign_id", "marketing_name",
            "placement_created", "placement_id", "placement_name", "placement_status",
            "source_id", "source_name",
        )
    }  # fmt: skip
    creatives = [c for row in listed for c in row.pop("creatives", ())]
    assert {tuple(c) for c in creatives} == {
        ("creative_id", "creative_name", "landing_page")
    }
    assert all(type(creative["creative_id"]) is int for creative in creatives)
    expected = expected_campaigns(world, project_id=PROJECT, active=False)
    assert [{"project_id": PROJECT, **row} for row in listed] == expected
    true_creatives = expected_creatives(world, project_id=PROJECT, active=False)
    assert [str(c["creative_id"]) for c in creatives] == [
        record["creative_id"] for record in true_creatives
    ]


@pytest.mark.parametrize("make", [expected_records, expected_paths])
def test_live_rows_have_placements_0_and_the_creatives_that_are_listed(
    world: World, make: Any
) -> None:
    more = {"types": None, "stream": "all"} if make is expected_records else {}
    records = make(
        world,
        project_id=PROJECT,
        start=START,
        end=END,
        fields=["InteractionPlacementId", "InteractionCreativeId"],
        **more,
    )
    placements = Counter(record["InteractionPlacementId"] for record in records)
    assert 0 < placements[0] < placements[None]
    creatives = expected_creatives(world, project_id=PROJECT, active=False)
    listed = {(record["placement_id"], record["creative_id"]) for record in creatives}
    used = {
        (r["InteractionPlacementId"], r["InteractionCreativeId"])
        for r in records
        if r["InteractionCreativeId"]
    }
    assert used <= listed
    assert any(
        r["InteractionPlacementId"] and not r["InteractionCreativeId"] for r in records
    )


@pytest.mark.parametrize("report", ["raw", "path"])
def test_live_data_have_as_many_rows_as_the_documented(
    world: World, report: Any
) -> None:
    found = counts(world, PROJECT, START, END, report)
    assert found == counts(World(rows_per_day=300), PROJECT, START, END, report)


def test_live_tokens_look_like_jwts_and_the_documented_one_works_too(
    live: Sandbox,
) -> None:
    token = live.tokens[PROJECT]
    _, payload, _ = token.split(".")
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert json.loads(decoded)["project_id"] == PROJECT
    for right in (token, TOKEN):
        assert ask(live, CAMPAIGNS, token=right).status_code == 200
    assert ask(live, CAMPAIGNS, token=token[:-1]).status_code == 401
    assert ask(live, CAMPAIGNS, project_id=12487, token=token).status_code == 403


def test_a_token_that_was_chosen_is_the_only_one(world: World) -> None:
    with Sandbox(world, tokens={PROJECT: "chosen"}, dialect=LIVE) as sandbox:
        assert ask(sandbox, CAMPAIGNS, token="chosen").status_code == 200  # noqa: S106
        assert ask(sandbox, CAMPAIGNS, token=TOKEN).status_code == 401


def test_a_live_file_expires_an_hour_after_its_job_was_made(live: Sandbox) -> None:
    done = finished(live, FLAT)
    created, expires = (
        datetime.fromisoformat(done[name])
        for name in ("created_at", "download_expires_at")
    )
    assert (expires - created).total_seconds() == 3600
    assert expires > datetime.now(UTC)


def test_a_live_job_is_gone_when_its_file_has_expired(world: World) -> None:
    with Sandbox(world, dialect=LIVE, url_seconds=0) as sandbox:
        gone = finished(sandbox, FLAT)
    assert gone["status"] == "EXPIRED"
    assert gone["error_message"] == "job result has expired"
    assert "download_url" not in gone


def test_many_jobs_can_be_made_before_the_first_is_waited_for(live: Sandbox) -> None:
    jobs = [create(live, FLAT) for _ in range(11)]
    assert len({job["job_id"] for job in jobs}) == len(jobs)
    for job in reversed(jobs):
        done = job
        while done["status"] != "DONE":
            done = poll(live, job)
        assert fetch(done).status_code == 200
