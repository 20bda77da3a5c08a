"""All streams, in both versions of the API, against the sandbox's truth."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import Sandbox, World
from targetads_sandbox.dialect import DOCUMENTED, LIVE, Dialect
from targetads_sandbox.server.faults import Fault
from targetads_sandbox.truth import (
    expected_campaigns,
    expected_creatives,
    expected_target_events,
)
from tests.conftest import PROJECT
from tests.support.records import (
    META,
    STREAMS,
    assert_same_paths,
    in_order,
    paths,
    report,
    truth,
    without_key,
)
from tests.support.running import Record, only, run_tap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
@pytest.mark.parametrize("version", ["auto", "v1", "v2"])
def test_one_run_delivers_every_stream_as_it_is(
    tmp_path: Path,
    world: World,
    config: dict[str, Any],
    dialect: Dialect,
    version: str,
) -> None:
    with Sandbox(world, dialect=dialect) as sandbox:
        changes: dict[str, Any] = {"api_url": sandbox.url, "api_version": version}
        if version == "auto":
            changes["page_size"] = 20  # so that some days fit, and others do not
        catalog = only(config, *STREAMS, "conversion_paths", "media_report", *META)
        output = run_tap(tmp_path, {**config, **changes}, catalog=catalog)

    assert output.exit_code == 0, output.log[-3000:]
    for stream in STREAMS:
        assert in_order(output.records[stream]) == in_order(truth(world, stream))
    assert_same_paths(output.records["conversion_paths"], paths(world))
    assert in_order(output.records["media_report"]) == in_order(report(world))
    assert {stream for stream in META if output.records[stream]} == set(META)


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_live_rows_arrive_as_they_are(
    tmp_path: Path, config: dict[str, Any], version: str
) -> None:
    world = World(rows_per_day=40, live=True)
    with Sandbox(world, dialect=LIVE) as sandbox:
        access = {"api_url": sandbox.url, "auth_token": sandbox.tokens[PROJECT]}
        mine = {
            "name": "by_creative",
            "report": "aggregate",
            "fields": ["MediaCampaign", "MediaCreative"],
        }
        changes = {"api_version": version, "reports": [mine]}
        settings = {**config, **access, **changes}
        reports = ["conversion_paths", "media_report", "by_creative"]
        catalog = only(settings, *STREAMS, *reports, "campaigns", "creatives")
        output = run_tap(tmp_path, settings, catalog=catalog)

    assert output.exit_code == 0, output.log[-3000:]
    for stream in STREAMS:
        assert in_order(output.records[stream]) == in_order(truth(world, stream))
    assert_same_paths(output.records["conversion_paths"], paths(world))
    assert in_order(output.records["media_report"]) == in_order(report(world))
    dimensions = ["EventDate", "MediaCampaign", "MediaCreative"]
    by_creative = report(world, dimensions=dimensions)
    assert in_order(output.records["by_creative"]) == in_order(by_creative)
    creatives = expected_creatives(world, project_id=PROJECT, active=False)
    assert in_order(output.records["creatives"]) == in_order(creatives)
    pages = {r["placement_id"]: r["landing_page"] for r in output.records["campaigns"]}
    campaigns = expected_campaigns(world, project_id=PROJECT, active=False)
    assert pages == {r["placement_id"]: r["landing_page"] for r in campaigns}


@pytest.mark.parametrize("grouping", ["week", "month"])
def test_aggregates_hold_whole_groups_only(
    tmp_path: Path, world: World, config: dict[str, Any], grouping: str
) -> None:
    definition = {
        "name": "mine",
        "report": "aggregate",
        "fields": ["MediaSource"],
        "date_grouping": grouping,
        "attribution_model": "fl",
        "attribution_window": "30",
    }
    period = {"start_date": "2024-01-17", "end_date": "2024-03-13"}
    mine = {**config, **period, "reports": [definition]}

    output = run_tap(tmp_path, mine, catalog=only(mine, "mine"))

    start, end = {
        "week": (date(2024, 1, 15), date(2024, 3, 10)),
        "month": (date(2024, 1, 1), date(2024, 2, 29)),
    }[grouping]
    expected = report(
        world,
        start=start,
        end=end,
        dimensions=["EventDate", "MediaSource"],
        date_grouping=grouping,
        attribution_model="fl",
        attribution_window="30",
    )
    assert in_order(output.records["mine"]) == in_order(expected)
    (schema,) = output.of_type("SCHEMA")
    assert schema["key_properties"] == ["project_id", "EventDate", "MediaSource"]


def test_the_meta_streams_hold_what_the_api_lists(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    catalog = only(config, "campaigns", "creatives", "target_events", "projects")

    output = run_tap(tmp_path, config, catalog=catalog)

    def keys(records: list[Record], *names: str) -> set[Any]:
        return {tuple(r[n] for n in ("project_id", *names)) for r in records}

    lists: list[tuple[str, list[Record], tuple[str, ...]]] = [
        (
            "campaigns",
            expected_campaigns(world, project_id=PROJECT, active=False),
            ("placement_id", "placement_name"),
        ),
        (
            "creatives",
            expected_creatives(world, project_id=PROJECT, active=False),
            ("placement_id", "creative_id"),
        ),
        (
            "target_events",
            expected_target_events(world, project_id=PROJECT),
            ("event_type", "event_name"),
        ),
    ]
    for stream, expected, names in lists:
        found = keys(output.records[stream], *names)
        texts = {tuple(map(str, key)) for key in found}
        assert texts == {tuple(map(str, key)) for key in keys(expected, *names)}


def test_every_placement_of_the_interactions_is_among_the_campaigns(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config, catalog=only(config, "campaigns", "clicks"))

    campaigns = {r["placement_id"] for r in output.records["campaigns"]}
    used = {r["InteractionPlacementId"] for r in output.records["clicks"]} - {None}
    assert used <= campaigns


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_many_campaigns_are_asked_for_ten_at_a_time(
    tmp_path: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
    version: str,
) -> None:
    used = {r["InteractionPlacementId"] for r in truth(world, "clicks")} - {None}
    ids = sorted(used) + list(range(1, 16))
    chosen = {**config, "media_campaign_ids": ids, "api_version": version}

    output = run_tap(tmp_path, chosen, catalog=only(chosen, "clicks"))

    expected = [
        r for r in truth(world, "clicks") if r["InteractionPlacementId"] is not None
    ]
    found = output.records["clicks"]
    assert in_order(list(map(without_key, found))) == in_order(
        list(map(without_key, expected))
    )
    assert len({r["_row_key"] for r in found}) == len(found)
    asked = [
        r.body["InteractionFilter"]["MediaCampaignId"]
        for r in sandbox.requests
        if r.body
    ]
    assert {len(batch) for batch in asked} <= {10, len(ids) % 10 or 10}


@pytest.mark.parametrize("closed", ["no campaigns", "forbidden"])
def test_a_token_without_access_to_campaigns_gives_an_empty_stream_and_a_warning(
    tmp_path: Path, world: World, config: dict[str, Any], closed: str
) -> None:
    without = [PROJECT] if closed == "no campaigns" else []
    catalog = only(config, "campaigns", "clicks")
    with Sandbox(world, without_campaigns=without) as sandbox:
        if closed == "forbidden":
            sandbox.faults.set([Fault("forbidden", rate=1, path="/v1/meta/")])
        output = run_tap(tmp_path, {**config, "api_url": sandbox.url}, catalog=catalog)

    assert output.exit_code == 0
    assert "campaigns" not in output.records
    assert output.records["clicks"]
    assert "WARNING  | tap-targetads.campaigns" in output.log
