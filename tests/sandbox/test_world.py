from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from targetads_sandbox import World
from targetads_sandbox.world.rows import COLUMNS, TIME, TYPES, Row, Value

if TYPE_CHECKING:
    from targetads_sandbox.world.days import Day

JANUARY = [date(2024, 1, 1) + timedelta(days=n) for n in range(31)]
DAY = date(2024, 1, 16)
PROJECTS = (12486, 12487)


def rows(day: Day) -> list[Row]:
    return [row for part in day.parts.values() for row in part.rows]


def january(world: World, project_id: int) -> list[Row]:
    return [row for day in JANUARY for row in rows(world.day(project_id, day))]


def column(found: list[Row], name: str) -> list[Value]:
    return [row[COLUMNS.index(name)] for row in found]


def test_a_seed_gives_the_same_data_on_every_version_of_python() -> None:
    content = json.dumps(rows(World(rows_per_day=100).day(12486, DAY)))
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert digest[:16] == "6bfac96e3ec42820"


def test_another_seed_gives_other_data() -> None:
    one, two = (World(seed=seed).day(12486, DAY) for seed in (1, 2))
    assert rows(one) != rows(two)


def test_a_day_depends_neither_on_other_projects_nor_on_the_order_of_asking() -> None:
    both, alone = World(), World(projects=(12487,))
    both.day(12486, DAY)
    both.day(12487, DAY + timedelta(days=1))
    assert both.day(12487, DAY) == alone.day(12487, DAY)


@pytest.mark.parametrize("volume", [0, 1, 7, 1000, 20_000])
def test_the_number_of_rows_follows_the_volume(volume: int) -> None:
    size = World(rows_per_day=volume).day(12486, DAY).size
    assert 0.9 * volume - 1 <= size <= 1.1 * volume + 1


def test_weekends_have_fewer_rows() -> None:
    world = World()
    assert world.day(12486, date(2024, 1, 13)).size < 800 < world.day(12486, DAY).size


@pytest.mark.parametrize("project_id", PROJECTS)
def test_one_day_of_january_has_no_row(project_id: int) -> None:
    sizes = [World().day(project_id, day).size for day in JANUARY]
    assert sizes.count(0) == 1


@pytest.mark.parametrize("project_id", PROJECTS)
def test_days_have_rows_in_their_first_and_in_their_last_second(
    project_id: int,
) -> None:
    world = World(rows_per_day=50)
    for day in JANUARY:
        times = sorted(str(row[TIME]) for row in rows(world.day(project_id, day)))
        if times:
            assert times[0] == f"{day} 00:00:00"
            assert times[-1] == f"{day} 23:59:59"


def test_some_rows_are_exactly_equal_and_mostly_apart_in_paging_order() -> None:
    found = january(World(), 12486)
    repeated = len(found) - len(set(found))
    neighbours = sum(a == b for a, b in pairwise(found))
    assert 0.005 < repeated / len(found) < 0.02
    assert neighbours < repeated / 10


def test_the_default_january_has_exactly_one_very_long_value() -> None:
    world = World()
    found = january(world, 12486) + january(world, 12487)
    lengths = [len(v) for row in found for v in row if isinstance(v, str)]
    assert [n for n in lengths if n > 1000] == [141_010]


def test_small_worlds_have_no_very_long_value() -> None:
    found = january(World(rows_per_day=100), 12486)
    assert max(len(v) for row in found for v in row if isinstance(v, str)) < 1000


def test_paging_order_is_not_the_order_of_time() -> None:
    times = [str(row[TIME]) for row in World().day(12486, DAY).parts["Click"].rows]
    assert times != sorted(times)


def test_all_types_occur() -> None:
    assert set(World().day(12486, DAY).parts) == set(TYPES)


def test_rows_without_a_campaign_have_no_media_fields() -> None:
    found = january(World(), 12486)
    media = [
        column(found, name)
        for name in (
            "InteractionMediaCampaignName",
            "InteractionPlacementId",
            "InteractionCreativeId",
        )
    ]
    missing = [values.count(None) for values in zip(*media, strict=True)]
    assert set(missing) == {0, 3}


def test_devices_come_back_on_other_days() -> None:
    world = World()
    days: dict[Value, set[date]] = {}
    for day in JANUARY:
        for device in column(rows(world.day(12486, day)), "InteractionDeviceID"):
            days.setdefault(device, set()).add(day)
    assert sum(len(seen) > 1 for seen in days.values()) > len(days) / 4


def test_a_device_is_new_only_in_the_first_second_of_its_life() -> None:
    found = january(World(), 12486)
    first: dict[Value, Value] = {}
    devices = column(found, "InteractionDeviceID")
    for device, time in zip(devices, column(found, "InteractionTime"), strict=True):
        first[device] = min(str(first.get(device, time)), str(time))
    new = [
        (row[COLUMNS.index("InteractionDeviceID")], row[TIME])
        for row in found
        if row[COLUMNS.index("InteractionNewCookie")]
    ]
    assert new
    assert all(first[device] == time for device, time in new)


@pytest.mark.parametrize("text", [",", '"', "\n", "🍵", "\u2028", "\\", "\t"])
def test_names_of_items_are_awkward(text: str) -> None:
    names = column(january(World(), 12486), "InteractionEcomItemsName")
    assert any(text in str(name) for name in names)


def test_amounts_have_two_decimals() -> None:
    amounts = column(january(World(), 12486), "InteractionEcomAmount")
    found = [amount for amount in amounts if amount is not None]
    assert all(isinstance(a, float) and round(a, 2) == a for a in found)
    assert any(amount % 1 for amount in found if isinstance(amount, float))


def test_rows_can_be_added_to_a_day_that_was_read_already() -> None:
    world = World(rows_per_day=100)
    before = Counter(rows(world.day(12486, DAY)))
    added = {"InteractionTime": "2024-01-16 10:00:00", "InteractionType": "Click"}
    world.add_rows(12486, [added, added])
    more = Counter(rows(world.day(12486, DAY))) - before
    assert list(more.values()) == [2]
    assert dict(zip(COLUMNS, next(iter(more)), strict=True)) == {
        **dict.fromkeys(COLUMNS),
        **added,
        "InteractionDate": "2024-01-16",
    }


def test_the_place_of_an_added_row_depends_on_its_values() -> None:
    row = {"InteractionTime": "2024-01-16 10:00:00", "InteractionType": "Click"}
    others = [{**row, "InteractionCity": str(number)} for number in range(50)]
    worlds = [World(rows_per_day=100), World(rows_per_day=100)]
    worlds[0].add_rows(12486, others)
    for other in reversed(others):
        worlds[1].add_rows(12486, [other])
    one, two = (world.day(12486, DAY).parts["Click"] for world in worlds)
    assert one == two
    cities = [row[COLUMNS.index("InteractionCity")] for row in one.rows]
    assert cities[-50:] != [other["InteractionCity"] for other in others]


def test_a_new_type_is_known_once_a_row_has_it() -> None:
    world = World(rows_per_day=10)
    row = {"InteractionTime": "2024-01-16 10:00:00", "InteractionType": "AppOpen"}
    world.add_rows(12486, [row])
    assert world.types == (*TYPES, "AppOpen")


def test_a_day_can_be_replaced_and_emptied() -> None:
    world = World(rows_per_day=10)
    row = {"InteractionTime": "2024-01-16 10:00:00", "InteractionType": "Click"}
    world.replace_day(12486, DAY, [row])
    assert world.day(12486, DAY).size == 1
    world.replace_day(12486, DAY, [])
    assert world.day(12486, DAY).size == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"InteractionType": "Click"}, "InteractionTime"),
        ({"InteractionTime": "2024-01-16 10:00:00"}, "InteractionType"),
        (
            {
                "InteractionTime": "2024-01-16 10:00:00",
                "InteractionType": "Click",
                "Colour": "red",
            },
            "Colour",
        ),
        (
            {"InteractionTime": "2024-01-17 10:00:00", "InteractionType": "Click"},
            "2024-01-17",
        ),
    ],
)
def test_a_wrong_row_is_refused(row: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        World(rows_per_day=10).replace_day(12486, DAY, [row])


def test_an_unknown_project_is_refused() -> None:
    with pytest.raises(ValueError, match="99"):
        World().day(99, DAY)


def test_impossible_worlds_are_refused() -> None:
    with pytest.raises(ValueError, match="project"):
        World(projects=())
    with pytest.raises(ValueError, match="less"):
        World(rows_per_day=-1)
