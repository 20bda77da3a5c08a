from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
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
    expected_records,
)
from targetads_sandbox.world.fields import PATH_FIELDS
from targetads_sandbox.world.rows import PATH_COLUMNS, WEIGHTS
from tests.sandbox.asking import PATHS, PROJECT, all_rows, ask, errors, path_body, rows

DAY = date(2024, 1, 16)
DAYS = [DAY - timedelta(days=1), DAY]
FIELDS = ["TargetEcomId", "InteractionDate", "PathPosition", "Weight_MLI"]
CONVERSION = ("PathDeviceID", "TargetEventType", "TargetEcomId", "PathLength")

Touch = dict[str, Any]


def touches(world: World, day: date = DAY) -> list[Touch]:
    return [
        dict(zip(PATH_COLUMNS, row, strict=True))
        for part in world.conversions(PROJECT, day).parts.values()
        for row in part.rows
    ]


def paths(world: World, day: date = DAY) -> list[list[Touch]]:
    """The touches of each path, in order."""
    found: dict[Any, list[Touch]] = {}
    for touch in touches(world, day):
        found.setdefault(tuple(touch[n] for n in CONVERSION), []).append(touch)
    return [sorted(path, key=lambda t: t["PathPosition"]) for path in found.values()]


def truth(world: World, **options: Any) -> list[dict[str, Any]]:
    wanted = {
        "project_id": PROJECT,
        "start": DAYS[0],
        "end": DAYS[1],
        "fields": list(PATH_FIELDS),
        "row_key": False,
    }
    return expected_paths(world, **{**wanted, **options})


def as_tuples(found: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[name] for name in sorted(PATH_FIELDS)) for row in found)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A served row with the types of its fields, and an ISO time."""
    result: dict[str, Any] = {}
    for name, kind in PATH_FIELDS.items():
        value = row.get(name)
        value = None if value == "" else value
        if value is not None and kind in {"number", "integer"}:
            value = float(value) if kind == "number" else int(value)
        result[name] = value
    time = row["InteractionTime"].replace(" ", "T") + "+00:00"
    return {**result, "InteractionTime": time}


def test_a_seed_gives_the_same_paths_on_every_version_of_python() -> None:
    content = json.dumps(touches(World()))
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert digest[:16] == "e2f4da88c41dbfc2"


def test_every_order_is_one_conversion_with_what_the_raw_data_say() -> None:
    world = World()
    fields = ("DeviceID", "EcomId", "EcomAmount", "EcomItemsName")
    orders = {
        tuple(record[f"Interaction{name}"] for name in fields)
        for record in expected_records(
            world,
            project_id=PROJECT,
            stream="purchases",
            types=["Purchase"],
            start=DAY,
            end=DAY,
            fields=[f"Interaction{name}" for name in fields],
        )
    }
    found = [path for path in paths(world) if path[0]["TargetEventType"] == "Purchase"]
    names = ("PathDeviceID", "TargetEcomId", "TargetEcomAmount", "TargetEcomItemsName")
    assert Counter(tuple(p[0][n] for n in names) for p in found) == Counter(orders)
    assert all(path[0]["TargetEcomItemsCategory1"] for path in found)


def test_other_conversions_are_leads_without_an_order() -> None:
    leads = [t for t in touches(World()) if t["TargetEventType"] == "Lead"]
    assert leads
    assert {(t["TargetEcomId"], t["TargetEcomAmount"]) for t in leads} == {(None, None)}


def test_a_path_is_complete_in_order_of_time_and_ends_on_the_conversions_day() -> None:
    for path in paths(World()):
        times = [touch["InteractionTime"] for touch in path]
        assert [t["PathPosition"] for t in path] == list(range(1, len(path) + 1))
        assert path[0]["PathLength"] == len(path) <= 6
        assert times == sorted(times)
        assert path[-1]["InteractionDate"] == DAY.isoformat()
    ages = [DAY - date.fromisoformat(t["InteractionDate"]) for t in touches(World())]
    assert timedelta(days=45) < max(ages) <= timedelta(days=60)
    assert {t["InteractionType"] for t in touches(World())} == {
        "PageView", "Click", "Impression",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "window"), [(n, days) for n, _, days in WEIGHTS])
def test_the_weights_of_a_path_sum_to_one_and_keep_to_their_window(
    name: str, window: int | None
) -> None:
    for path in paths(World()):
        weights = [touch[name] for touch in path]
        assert sum(round(weight * 1_000_000) for weight in weights) == 1_000_000
        for touch, weight in zip(path, weights, strict=True):
            age = (DAY - date.fromisoformat(touch["InteractionDate"])).days
            assert 0 <= weight == round(weight, 6)
            assert weight == 0 or window is None or age <= window


def test_some_paths_have_two_touches_that_differ_in_their_position_only() -> None:
    found = [
        tuple(value for name, value in touch.items() if name != "PathPosition")
        for touch in touches(World())
    ]
    assert 0 < len(found) - len(set(found)) < len(found) / 10


def test_paths_depend_on_their_own_conversion_alone() -> None:
    world, other = World(projects=[PROJECT]), World()
    order = {
        "InteractionTime": "2024-01-16 10:00:00",
        "InteractionType": "Purchase",
        "InteractionEcomId": "late",
    }
    other.conversions(12487, DAY)
    before = touches(other)
    other.add_rows(PROJECT, [order])
    after = [t for t in touches(other) if t["TargetEcomId"] != "late"]
    assert before == after == touches(world)
    assert len(touches(other)) > len(after)
    assert World(seed=2).conversions(PROJECT, DAY) != world.conversions(PROJECT, DAY)


def test_a_day_without_rows_has_no_conversions() -> None:
    assert World().conversions(PROJECT, date(2024, 1, 21)).parts == {}


@pytest.mark.parametrize(
    "dialect", [DOCUMENTED, LIVE, replace(DOCUMENTED, shape="rows_objects")]
)
def test_what_is_served_is_the_truth(sandbox: Sandbox, dialect: Dialect) -> None:
    sandbox.dialect = dialect
    served = all_rows(sandbox, 31, path=PATHS)
    expected = truth(sandbox.world, timezone="UTC")
    assert as_tuples([plain(row) for row in served]) == as_tuples(expected)
    assert {record["conversion_date"] for record in expected} == {
        day.isoformat() for day in DAYS
    }


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"InteractionType": ["Click"]}, {"interaction_types": ["Click"]}),
        ({"EventType": ["Lead"]}, {"event_types": ["Lead"]}),
        ({"EcomItemCategory1": ["Продукты"]}, {"categories": ["Продукты"]}),
        ({"MediaCampaignId": [1248601]}, {"media_campaign_ids": [1248601]}),
        ({"TargetFrom": "2024-01-16"}, {"start": DAY}),
        (
            {"TargetTo": "2024-01-15", "DateFrom": "2024-01-10"},
            {"end": DAYS[0], "touch_days": 5},
        ),
    ],
)
def test_filters_choose_conversions_and_touches(
    sandbox: Sandbox, asked: dict[str, Any], options: dict[str, Any]
) -> None:
    served = all_rows(sandbox, 100_000, path=PATHS, **asked)
    expected = truth(sandbox.world, timezone="UTC", **options)
    everything = truth(sandbox.world)
    assert as_tuples([plain(row) for row in served]) == as_tuples(expected)
    assert 0 < len(expected) < len(everything)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"TargetFilter": None}, ("DateFrom", "required", None)),
        ({"TargetFrom": None}, ("DateFrom", "required", None)),
        ({"TargetTo": "soon"}, ("DateTo", "datetime", "soon")),
        ({"EventType": ["Fire"]}, ("EventType", "oneof", "Fire")),
        ({"EventType": "Lead"}, ("EventType", "array", "Lead")),
        ({"EcomItemCategory1": [7]}, ("EcomItemCategory1", "oneof", 7)),
        ({"Fields": ["MLI30"]}, ("Fields", "oneof", "MLI30")),
        ({"Fields": ["Weight_ML_90"]}, ("Fields", "oneof", "Weight_ML_90")),
    ],
)
def test_a_wrong_parameter_is_named(
    sandbox: Sandbox, change: dict[str, Any], error: tuple[str, str, Any]
) -> None:
    response = ask(sandbox, PATHS, json=path_body(**change))
    assert response.status_code == 400
    assert errors(response)[0] == error


def test_faults_happen_to_paths_too(sandbox: Sandbox) -> None:
    first = ask(sandbox, PATHS, json=path_body(Limit=20)).json()
    sandbox.faults.set([Fault("ignore_offset", times=1)])
    again = ask(sandbox, PATHS, json=path_body(Limit=20, Offset=40)).json()
    assert (rows(again), again["has_more"]) == (rows(first), True)


def test_the_key_of_a_touch_counts_equals_within_a_day_of_conversions() -> None:
    world = World()
    found = truth(world, fields=["InteractionType"], row_key=True)
    keys = [record["_row_key"] for record in found]
    alone = truth(world, fields=["InteractionType"], row_key=True, start=DAY)
    assert len(set(keys)) == len(keys)
    assert list(found[0]) == [
        "_row_key", "project_id", "conversion_date", "InteractionType",
    ]  # fmt: skip
    assert {record["_row_key"] for record in alone} < set(keys)


def test_late_touches_are_served_at_once(sandbox: Sandbox) -> None:
    day = "2023-05-10"
    asked = {"TargetFrom": day, "TargetTo": day, "DateFrom": "2023-01-01"}
    before = all_rows(sandbox, 100_000, path=PATHS, **asked)
    late = {
        "InteractionTime": "2023-05-02 12:00:00",
        "InteractionType": "AppOpen",
        "TargetEventType": "Visit",
        "conversion_date": day,
    }
    sandbox.world.add_conversions(PROJECT, [late])
    after = all_rows(sandbox, 100_000, path=PATHS, **asked)
    only = all_rows(
        sandbox,
        100_000,
        path=PATHS,
        **asked,
        EventType=["Visit"],
        InteractionType=["AppOpen"],
    )
    assert len(after) == len(before) + 1
    assert [row["InteractionDate"] for row in only] == ["2023-05-02"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "conversion_date"),
        ({"conversion_date": "soon"}, "soon"),
        ({"conversion_date": DAY}, "InteractionTime"),
        ({"conversion_date": DAY, "Colour": "red"}, "Colour"),
    ],
)
def test_a_wrong_touch_is_refused(row: dict[str, Any], message: str) -> None:
    world = World(rows_per_day=10)
    right: dict[str, Any] = {
        "conversion_date": DAY,
        "InteractionTime": "2024-01-16 10:00:00",
        "InteractionType": "Click",
    }
    before = touches(world)
    with pytest.raises(ValueError, match=message):
        world.add_conversions(PROJECT, [right, row])
    assert touches(world) == before


def test_weights_can_change_and_nothing_else_does() -> None:
    world = World()
    before = {day: paths(world, day) for day in DAYS}
    world.change_weights(PROJECT, DAY)
    for old, new in zip(before[DAY], paths(world), strict=True):
        others = [n for n in old[0] if not n.startswith("Weight_")]
        assert [[t[n] for n in others] for t in old] == [
            [t[n] for n in others] for t in new
        ]
        same = [t["Weight_MLI"] for t in old] == [t["Weight_MLI"] for t in new]
        assert same == (len({t["InteractionTime"] for t in old}) == 1)
    assert paths(world, DAYS[0]) == before[DAYS[0]]
