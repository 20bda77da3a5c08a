from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from targetads_sandbox import (
    DOCUMENTED,
    LIVE,
    Dialect,
    Fault,
    Sandbox,
    World,
    expected_paths,
    expected_report,
)
from targetads_sandbox.world.fields import DIMENSIONS, MEDIA_METRICS, TARGET_METRICS
from tests.sandbox.asking import PROJECT, ask, errors, rows

REPORT = "/v1/reports/agg_report"
PERIOD = {"DateFrom": "2024-01-10", "DateTo": "2024-01-17"}
START, END = date(2024, 1, 10), date(2024, 1, 17)
FIELDS = [*DIMENSIONS, *MEDIA_METRICS, *TARGET_METRICS]
FIRST, SECOND = 1248601, 1248602
FIRST_NAME = "Весенняя распродажа — Яндекс.Директ"


def report_body(**changes: Any) -> dict[str, Any]:
    content = {
        "Fields": list(DIMENSIONS),
        "MediaMetrics": list(MEDIA_METRICS),
        "TargetMetrics": list(TARGET_METRICS),
        "InteractionFilter": PERIOD,
        "TargetFilter": PERIOD,
        "AttributionModel": "fl",
        "AttributionWindow": "30",
        "DateGrouping": "week",
        "Offset": 0,
        "Limit": 100_000,
    }
    return {n: v for n, v in {**content, **changes}.items() if v is not None}


def truth(world: World, **options: Any) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {
        "project_id": PROJECT,
        "start": START,
        "end": END,
        "dimensions": list(DIMENSIONS),
        "media_metrics": list(MEDIA_METRICS),
        "target_metrics": list(TARGET_METRICS),
    }
    return expected_report(world, **{**wanted, **options})


def by_hand() -> World:
    """Ten impressions of two devices and a click, a click alone, and an organic view.

    And a conversion, of which the first campaign gets three quarters.
    """
    world = World(rows_per_day=0)
    common: dict[str, Any] = {"InteractionTime": "2024-01-16 10:00:00"}
    ours = {**common, "InteractionPlacementId": FIRST}
    shown = [
        {**ours, "InteractionType": "Impression", "InteractionDeviceID": device}
        for device in ("a" if number < 7 else "b" for number in range(10))
    ]
    click = {**ours, "InteractionType": "Click", "InteractionDeviceID": "c"}
    other = {**click, "InteractionPlacementId": SECOND}
    organic = {**common, "InteractionType": "Impression"}
    world.add_rows(PROJECT, [*shown, click, other, organic])
    touch = {
        **common,
        "InteractionType": "Click",
        "conversion_date": date(2024, 1, 17),
        "TargetEcomAmount": 1000.0,
    }
    for placement, weight in ((FIRST, 0.5), (FIRST, 0.25), (None, 0.25), (SECOND, 0)):
        more = {"InteractionPlacementId": placement, "Weight_MLI": weight}
        world.add_conversions(PROJECT, [{**touch, **more}])
    return world


def test_metrics_are_what_can_be_counted_by_hand() -> None:
    found = truth(by_hand(), dimensions=["MediaCampaign"], start=date(2024, 1, 16))
    first, second = sorted(found, key=lambda record: -record["Impressions"])
    invalid = {name: first.pop(name) for name in ("GIVT", "SIVT", "PartOfGIVT")}
    assert first == {
        "project_id": PROJECT,
        "MediaCampaign": FIRST_NAME,
        "Impressions": 10,
        "Clicks": 1,
        "CTR": 0.1,
        "Reach": 2,
        "Frequency": 5.0,
        "TargetEventCount": 0.75,
        "TargetEcomAmount": 750.0,
    }
    assert invalid["PartOfGIVT"] == invalid["GIVT"] / 10
    assert (second["Impressions"], second["Clicks"]) == (0, 1)
    assert (second["CTR"], second["Frequency"], second["PartOfGIVT"]) == (None,) * 3
    assert second["TargetEventCount"] == 0.0


def test_target_metrics_count_on_the_day_of_the_conversion() -> None:
    found = truth(by_hand(), dimensions=["EventDate"])
    sums = [(r["EventDate"], r["Clicks"], r["TargetEventCount"]) for r in found]
    assert sorted(sums) == [
        ("2024-01-16", 2, 0.0),
        ("2024-01-17", 0, 0.75),
    ]


@pytest.mark.parametrize(
    ("grouping", "days"),
    [
        ("day", [f"2024-01-{day}" for day in range(10, 18)]),
        ("week", ["2024-01-08", "2024-01-15"]),
        ("month", ["2024-01-01"]),
        ("quarter", ["2024-01-01"]),
        ("year", ["2024-01-01"]),
    ],
)
def test_a_group_counts_what_lies_in_the_period(
    sandbox: Sandbox, grouping: str, days: list[str]
) -> None:
    world = sandbox.world
    by_day = truth(world, dimensions=["EventDate"])
    found = truth(world, dimensions=["EventDate"], date_grouping=grouping)
    assert sorted(record["EventDate"] for record in found) == days
    for name in ("Impressions", "Clicks", "GIVT", "SIVT"):
        assert sum(r[name] for r in found) == sum(r[name] for r in by_day)
    for name in TARGET_METRICS:
        total = sum(record[name] for record in by_day)
        assert sum(r[name] for r in found) == pytest.approx(total)
    reach = sum(record["Reach"] for record in by_day)
    assert sum(r["Reach"] for r in found) <= reach


def test_invalid_traffic_is_a_small_share_of_the_impressions() -> None:
    [found] = truth(World(), dimensions=["EventDate"], end=START, target_metrics=[])
    for name in ("GIVT", "SIVT"):
        assert 0 < found[name] < found["Impressions"] / 10
    assert found["PartOfGIVT"] == round(found["GIVT"] / found["Impressions"], 6)


def test_a_quarter_begins_with_its_first_month() -> None:
    day = date(2024, 6, 14)
    found = truth(
        World(rows_per_day=100),
        start=day,
        end=day,
        dimensions=["EventDate"],
        date_grouping="quarter",
    )
    assert [record["EventDate"] for record in found] == ["2024-04-01"]


def test_conversions_are_shared_out_by_the_weights_of_the_model(
    sandbox: Sandbox,
) -> None:
    touches = expected_paths(
        sandbox.world,
        project_id=PROJECT,
        start=START,
        end=END,
        fields=["InteractionPlacementId", "Weight_MLI_30", "Weight_FL"],
    )
    ours = [record for record in touches if record["InteractionPlacementId"]]
    for model, window, name in (
        ("mli", "30", "Weight_MLI_30"),
        ("fl", None, "Weight_FL"),
    ):
        options = {"attribution_model": model, "attribution_window": window}
        found = truth(sandbox.world, **options)
        shared = sum(record["TargetEventCount"] for record in found)
        total = sum(record[name] for record in ours)
        assert shared == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("dialect", [DOCUMENTED, replace(LIVE, column_names="asked")])
def test_what_is_served_is_the_truth(sandbox: Sandbox, dialect: Dialect) -> None:
    sandbox.dialect = dialect
    expected = truth(
        sandbox.world,
        attribution_model="fl",
        attribution_window="30",
        date_grouping="week",
    )
    size = len(expected)
    pages = [
        ask(sandbox, REPORT, json=report_body(Offset=offset, Limit=7)).json()
        for offset in range(0, size, 7)
    ]
    served = [row for page in pages for row in rows(page)]
    as_text = sorted(
        [str(row[n]) if row[n] is not None else "" for n in FIELDS] for row in expected
    )
    assert as_text == sorted(
        [str(row[n]) if row[n] is not None else "" for n in FIELDS] for row in served
    )
    assert all(
        isinstance(row["Impressions"], str) is (dialect is not DOCUMENTED)
        for row in served
    )


def test_dimensions_and_metrics_can_be_any_subset(sandbox: Sandbox) -> None:
    content = report_body(
        Fields=["MediaSource"],
        MediaMetrics=["Clicks"],
        TargetMetrics=None,
        TargetFilter=None,
        AttributionModel=None,
        AttributionWindow=None,
        DateGrouping=None,
    )
    answer = ask(sandbox, REPORT, json=content).json()
    assert {tuple(row) for row in answer["data"]} == {("MediaSource", "Clicks")}
    sources = [row["MediaSource"] for row in answer["data"]]
    assert len(set(sources)) == len(sources) == 9


def test_media_campaigns_can_be_chosen(sandbox: Sandbox) -> None:
    chosen = {**PERIOD, "MediaCampaignId": [FIRST]}
    answer = ask(sandbox, REPORT, json=report_body(InteractionFilter=chosen)).json()
    assert {row["MediaCampaign"] for row in answer["data"]} == {FIRST_NAME}
    expected = truth(
        sandbox.world,
        media_campaign_ids=[FIRST],
        attribution_model="fl",
        attribution_window=30,
        date_grouping="week",
    )
    assert [r["TargetEventCount"] for r in sorted(expected, key=str)] == [
        row["TargetEventCount"] for row in sorted(answer["data"], key=str)
    ]


def test_conversions_can_be_chosen(sandbox: Sandbox) -> None:
    leads = {**PERIOD, "EventType": ["Lead"]}
    answer = ask(sandbox, REPORT, json=report_body(TargetFilter=leads)).json()
    assert sum(row["TargetEventCount"] for row in answer["data"]) > 1
    assert sum(row["TargetEcomAmount"] for row in answer["data"]) == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"Fields": None}, ("Fields", "required", None)),
        ({"Fields": ["Clicks"]}, ("Fields", "oneof", "Clicks")),
        ({"MediaMetrics": ["EventDate"]}, ("MediaMetrics", "oneof", "EventDate")),
        ({"TargetMetrics": "CTR"}, ("TargetMetrics", "array", "CTR")),
        ({"AttributionModel": "MLI"}, ("AttributionModel", "oneof", "MLI")),
        ({"AttributionWindow": "45"}, ("AttributionWindow", "oneof", "45")),
        ({"AttributionWindow": 30}, ("AttributionWindow", "oneof", 30)),
        ({"DateGrouping": "hour"}, ("DateGrouping", "oneof", "hour")),
        ({"InteractionFilter": None}, ("DateFrom", "required", None)),
        ({"TargetFilter": None}, ("DateFrom", "required", None)),
        (
            {"MediaMetrics": None, "TargetMetrics": None},
            ("MediaMetrics", "required_without", None),
        ),
        ({"Limit": 0}, ("Limit", "min", 0)),
    ],
)
def test_a_wrong_parameter_is_named(
    sandbox: Sandbox, change: dict[str, Any], error: tuple[str, str, Any]
) -> None:
    response = ask(sandbox, REPORT, json=report_body(**change))
    assert response.status_code == 400
    assert errors(response)[0] == error


@pytest.mark.parametrize(
    "options",
    [
        {"project_id": 99},
        {"dimensions": ["Clicks"]},
        {"attribution_model": "day"},
        {"attribution_window": "45"},
        {"date_grouping": "MLI"},
    ],
)
def test_there_is_no_truth_about_what_does_not_exist(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="There is no"):
        truth(World(rows_per_day=10), **options)


def test_changes_of_the_world_are_seen_at_once(sandbox: Sandbox) -> None:
    day = {"DateFrom": "2023-06-01", "DateTo": "2023-06-01"}
    content = report_body(
        InteractionFilter=day, TargetFilter=day, Fields=["MediaCampaign"]
    )
    before = ask(sandbox, REPORT, json=content).json()["data"]
    row: dict[str, Any] = {
        "InteractionTime": "2023-06-01 10:00:00",
        "InteractionType": "Click",
        "InteractionPlacementId": FIRST,
    }
    sandbox.world.add_rows(PROJECT, [row])
    after = ask(sandbox, REPORT, json=content).json()["data"]
    clicks = [sum(row["Clicks"] for row in found) for found in (before, after)]
    assert clicks[1] == clicks[0] + 1


def test_faults_happen_to_sums_too(sandbox: Sandbox) -> None:
    first = ask(sandbox, REPORT, json=report_body(Limit=5)).json()
    sandbox.faults.set([Fault("ignore_offset", times=1)])
    again = ask(sandbox, REPORT, json=report_body(Limit=5, Offset=5)).json()
    assert (again["data"], again["has_more"]) == (first["data"], True)
