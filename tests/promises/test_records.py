from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.dialect import DOCUMENTED, LIVE, Dialect
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.truth import expected_records
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.records import (
    FIELDS,
    STREAMS,
    assert_is_truth,
    in_order,
    truth,
    without_key,
)
from tests.support.running import discover, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.world.world import World


@pytest.mark.parametrize("dialect", [DOCUMENTED, LIVE])
@pytest.mark.parametrize(
    "paging",
    [
        {"page_size": 7, "window_days": 1},
        {"page_size": 7, "window_days": 7},
        {"page_size": 100_000, "window_days": 1},
        {"page_size": 100_000, "window_days": 31},
    ],
)
def test_a_month_arrives_as_it_is_in_every_dialect_paging_and_tiling(
    tmp_path: Path,
    world: World,
    config: dict[str, Any],
    dialect: Dialect,
    paging: dict[str, int],
) -> None:
    with Sandbox(world, dialect=dialect) as sandbox:
        output = run_tap(tmp_path, {**config, **paging, "api_url": sandbox.url})

    assert_is_truth(output, world)


def test_the_world_has_what_makes_it_hard(world: World) -> None:
    records = [r for stream in STREAMS for r in truth(world, stream)]
    keyless = Counter(
        str({k: v for k, v in r.items() if k != "_row_key"}) for r in records
    )

    assert max(keyless.values()) > 1, "equal rows"
    assert len({r["InteractionDate"] for r in records}) < 31, "days without rows"
    assert any("\n" in str(r["InteractionEcomItemsName"]) for r in records)
    assert any(r["InteractionPlacementId"] is None for r in records)


def test_every_message_of_a_stream_follows_its_schema_and_precedes_its_state(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config)

    seen: set[str] = set()
    for message in output.messages:
        if message["type"] == "SCHEMA":
            seen.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in seen
            assert message["time_extracted"]
    assert output.messages[-1]["type"] == "STATE"
    for schema in output.of_type("SCHEMA"):
        assert schema["key_properties"] == ["_row_key"]
        assert schema["bookmark_properties"] == ["InteractionTime"]


def test_two_projects_with_their_own_tokens_arrive_in_one_run(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    del config["project_id"], config["auth_token"]
    config["projects"] = [
        {"project_id": p, "auth_token": sandbox.tokens[p]}
        for p in (PROJECT, OTHER_PROJECT)
    ]

    output = run_tap(tmp_path, config)

    for stream in STREAMS:
        expected = [
            r for p in (PROJECT, OTHER_PROJECT) for r in truth(world, stream, project=p)
        ]
        assert in_order(output.records[stream]) == in_order(expected)
    for project in (PROJECT, OTHER_PROJECT):
        assert output.bookmark("clicks", project) == "2024-01-31T20:59:59+00:00"


def test_only_selected_fields_are_asked_for_and_delivered(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    catalog = discover(config)
    fields = ["InteractionDeviceID", "InteractionTime"]

    output = run_tap(
        tmp_path,
        config,
        catalog=select(catalog, streams=["clicks"], fields=[*fields, "project_id"]),
    )

    assert output.records == {
        "clicks": output.records["clicks"],
    }
    expected = truth(world, "clicks", fields=fields)
    assert in_order(output.records["clicks"]) == in_order(expected)
    asked = [r.body["Fields"] for r in sandbox.requests if r.body]
    assert all(sorted(a) == fields for a in asked)


def test_a_stream_without_any_selected_field_still_has_key_and_time(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = discover(config)

    output = run_tap(
        tmp_path, config, catalog=select(catalog, streams=["clicks"], fields=[])
    )

    (schema,) = output.of_type("SCHEMA")
    assert set(schema["schema"]["properties"]) == {"_row_key", "InteractionTime"}
    assert {tuple(r) for r in output.records["clicks"]} == {
        ("_row_key", "InteractionTime")
    }


def test_a_catalog_from_before_a_setting_changed_still_holds(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=list(STREAMS))
    changed = {**config, "extra_fields": ["InteractionCity"], "row_key": False}

    output = run_tap(tmp_path, changed, catalog=catalog)

    assert_is_truth(output, world)


def test_a_stream_that_is_not_selected_makes_no_request(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=["clicks"])

    run_tap(tmp_path, config, catalog=catalog)

    types = {
        tuple(r.body["InteractionFilter"]["InteractionType"])
        for r in sandbox.requests
        if r.body
    }
    assert types == {("Click",)}


def test_the_stream_of_all_types_holds_them_all(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=["interactions"])

    output = run_tap(tmp_path, config, catalog=catalog)

    expected = expected_records(
        world,
        project_id=PROJECT,
        stream="interactions",
        types=[t for types in STREAMS.values() for t in types],
        start=date(2024, 1, 1),
        end=date(2024, 1, 31),
        fields=FIELDS,
    )
    assert in_order(output.records["interactions"]) == in_order(expected)


def test_without_row_keys_equal_rows_still_stay_two(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "row_key": False})

    assert_is_truth(output, world, row_key=False)
    assert all(not m["key_properties"] for m in output.of_type("SCHEMA"))


def test_an_extra_field_arrives(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "extra_fields": ["InteractionCity"]})

    assert_is_truth(output, world, fields=sorted([*FIELDS, "InteractionCity"]))


def test_an_unknown_field_is_refused_with_its_name_and_the_remedy(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "extra_fields": ["InteractionNonsense"]})

    assert output.exit_code == 1
    assert "'InteractionNonsense'" in output.log
    assert "remove it from `extra_fields`" in output.log
    assert "Traceback" not in output.log


def test_another_interaction_type_has_a_stream_of_its_own(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, "interaction_types": ["Session"]})

    expected = expected_records(
        world,
        project_id=PROJECT,
        stream="session",
        types=["Session"],
        start=date(2024, 1, 1),
        end=date(2024, 1, 31),
        fields=FIELDS,
    )
    assert expected
    assert in_order(output.records["session"]) == in_order(expected)


def test_campaigns_can_be_filtered(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    placements = {r["InteractionPlacementId"] for r in truth(world, "clicks")} - {None}
    chosen = sorted(placements)[:2]

    output = run_tap(tmp_path, {**config, "media_campaign_ids": chosen})

    expected = [
        r
        for r in truth(world, "clicks", row_key=False)
        if r["InteractionPlacementId"] in chosen
    ]
    assert expected
    assert in_order([without_key(r) for r in output.records["clicks"]]) == in_order(
        expected
    )


@pytest.mark.parametrize(
    "setting",
    [
        {"stream_maps": {"clicks": {}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_record_by_record_the_records_are_the_same(
    tmp_path: Path, config: dict[str, Any], setting: dict[str, Any]
) -> None:
    in_blocks = run_tap(tmp_path, config)

    one_by_one = run_tap(tmp_path, {**config, **setting})

    assert one_by_one.records == in_blocks.records
    assert one_by_one.state == in_blocks.state


def test_times_are_read_in_the_zone_of_the_setting(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    zone = "America/New_York"
    march = {"start_date": "2024-03-09", "end_date": "2024-03-11"}

    output = run_tap(tmp_path, {**config, **march, "timezone": zone})

    assert_is_truth(
        output,
        world,
        start=date(2024, 3, 9),
        end=date(2024, 3, 11),
        timezone=zone,
    )
    assert output.bookmark("clicks", PROJECT) == "2024-03-12T03:59:59+00:00"


def test_the_sandbox_runs_inside_the_tap(tmp_path: Path) -> None:
    config = {"sandbox": True, "start_date": "2024-01-15", "end_date": "2024-01-15"}

    output = run_tap(tmp_path, config)

    assert output.exit_code == 0
    assert set(output.records) == set(STREAMS)


def test_the_sdks_metrics_count_the_records(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config)

    count = len(output.records["clicks"])
    assert any(
        '"metric":"record_count"' in line and f'"value":{count},' in line
        for line in output.log.splitlines()
        if '"stream":"clicks"' in line
    )
