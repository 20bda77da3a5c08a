"""All streams, in both versions of the API, against the sandbox's truth."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.catalogue import fields_of
from tap_targetads.sandbox import Sandbox, World
from tap_targetads.sandbox.dialect import DOCUMENTED, LIVE, Dialect
from tap_targetads.sandbox.faults import Fault
from tap_targetads.sandbox.truth import (
    expected_campaigns,
    expected_creatives,
    expected_paths,
    expected_report,
    expected_target_events,
)
from tap_targetads.settings import Settings
from tests.conftest import PROJECT
from tests.running import Record, run_tap, select
from tests.test_records import STREAMS, discover, in_order, truth, without_key

if TYPE_CHECKING:
    from pathlib import Path

META = ["campaigns", "creatives", "target_events", "projects"]
PATH_FIELDS = sorted(fields_of("path"))
DIMENSIONS = ["EventDate", "MediaSource", "MediaCampaign"]
MEDIA_METRICS = [
    name for name, f in fields_of("aggregate").items() if f.group == "media metric"
]
TARGET_METRICS = [
    name for name, f in fields_of("aggregate").items() if f.group == "target metric"
]


def paths(world: World, **options: Any) -> list[Record]:
    options = {
        "project_id": PROJECT,
        "start": date(2024, 1, 1),
        "end": date(2024, 1, 31),
        "fields": PATH_FIELDS,
        **options,
    }
    return expected_paths(world, **options)


def report(world: World, **options: Any) -> list[Record]:
    options = {
        "project_id": PROJECT,
        "start": date(2024, 1, 1),
        "end": date(2024, 1, 31),
        "dimensions": DIMENSIONS,
        "media_metrics": MEDIA_METRICS,
        "target_metrics": TARGET_METRICS,
        **options,
    }
    return expected_report(world, **options)


def assert_same_paths(found: list[Record], expected: list[Record]) -> None:
    """Compare paths; which of two equal touches has which weight is left open."""
    assert {r["_row_key"] for r in found} == {r["_row_key"] for r in expected}
    assert in_order(list(map(without_key, found))) == in_order(
        list(map(without_key, expected))
    )


def only(config: dict[str, Any], *streams: str) -> dict[str, Any]:
    """A catalog that selects some streams."""
    return select(discover(config), streams=streams)


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_one_run_delivers_every_stream_as_it_is(
    tmp_path: Path,
    world: World,
    config: dict[str, Any],
    dialect: Dialect,
    version: str,
) -> None:
    with Sandbox(world, dialect=dialect) as sandbox:
        changes = {"api_url": sandbox.url, "api_version": version}
        catalog = only(config, *STREAMS, "conversion_paths", "media_report", *META)
        output = run_tap(tmp_path, {**config, **changes}, catalog=catalog)

    assert output.exit_code == 0, output.log[-3000:]
    for stream in STREAMS:
        assert in_order(output.records[stream]) == in_order(truth(world, stream))
    assert_same_paths(output.records["conversion_paths"], paths(world))
    assert in_order(output.records["media_report"]) == in_order(report(world))
    assert {stream for stream in META if output.records[stream]} == set(META)


@pytest.mark.parametrize("page_size", [7, 100_000])
def test_paths_arrive_whole_in_any_paging(
    tmp_path: Path, world: World, config: dict[str, Any], page_size: int
) -> None:
    catalog = only(config, "conversion_paths")

    output = run_tap(tmp_path, {**config, "page_size": page_size}, catalog=catalog)

    assert_same_paths(output.records["conversion_paths"], paths(world))
    assert output.bookmark("conversion_paths", PROJECT) == "2024-01-31T20:59:59+00:00"


def test_no_path_is_cut_by_the_edge_of_a_window(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config, catalog=only(config, "conversion_paths"))

    whole = defaultdict(list)
    for record in output.records["conversion_paths"]:
        key = [record[n] for n in ("conversion_date", "PathDeviceID", "TargetEcomId")]
        whole[(*key, record["TargetEventName"])].append(record)
    before = 0
    for path in whole.values():
        assert len(path) % path[0]["PathLength"] == 0
        before += any(r["InteractionTime"][:10] < r["conversion_date"] for r in path)
    assert before, "some paths began on an earlier day"


@pytest.mark.parametrize("model", ["Weight_MLI", "Weight_FL", "Weight_FTDM_30"])
def test_the_weights_of_a_path_sum_to_one(
    tmp_path: Path, config: dict[str, Any], model: str
) -> None:
    output = run_tap(tmp_path, config, catalog=only(config, "conversion_paths"))

    sums: dict[Any, float] = defaultdict(float)
    for r in output.records["conversion_paths"]:
        key = (r["conversion_date"], r["PathDeviceID"], r["TargetEcomId"])
        sums[key] += r[model]
    for total in sums.values():
        # A device may have several conversions without an order on a day.
        assert round(total) >= 1
        assert total == pytest.approx(round(total), abs=1e-5)


def test_weights_that_change_keep_their_keys(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    catalog = only(config, "conversion_paths")
    with Sandbox(world) as sandbox:
        changing = {**config, "api_url": sandbox.url, "lookback_days": 3}
        first = run_tap(tmp_path, changing, catalog=catalog)
        world.change_weights(PROJECT, date(2024, 1, 30))
        second = run_tap(tmp_path, changing, state=first.state, catalog=catalog)

    old = {r["_row_key"]: r for r in first.records["conversion_paths"]}
    new = {r["_row_key"]: r for r in second.records["conversion_paths"]}
    assert set(new) < set(old)
    assert any(new[key] != old[key] for key in new)


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


def test_a_start_before_the_history_of_version_2_is_an_error_or_clipped(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = only(config, "clicks")
    today = date.today()  # noqa: DTZ011 - far enough from the border
    old = {
        **config,
        "api_version": "v2",
        "start_date": (today - timedelta(days=200)).isoformat(),
        "end_date": (today - timedelta(days=85)).isoformat(),
    }

    refused = run_tap(tmp_path, old, catalog=catalog)
    clipped = run_tap(tmp_path, {**old, "clip_history": True}, catalog=catalog)

    assert refused.exit_code == 1
    assert "at most 90 days back" in refused.log
    assert "Traceback" not in refused.log
    assert clipped.exit_code == 0
    assert clipped.records["clicks"]


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
    assert second.bookmark("clicks", PROJECT) == "2024-01-31T20:59:59+00:00"
