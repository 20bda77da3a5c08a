from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import Fault, Sandbox, World, counts, expected_records
from targetads_sandbox.world.fields import RAW_FIELDS
from tests.sandbox.asking import PATHS, PROJECT, all_rows, ask, body, path_body, rows
from tests.sandbox.jobs import create

if TYPE_CHECKING:
    from collections.abc import Iterator

START, END = date(2024, 1, 15), date(2024, 1, 17)


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox whose data may be changed."""
    with Sandbox(World(rows_per_day=100)) as sandbox:
        yield sandbox


def key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in RAW_FIELDS)


def late(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in found if r["InteractionDeviceID"].startswith("late-")]


def total(world: World) -> int:
    days = counts(world, PROJECT, START, END).values()
    return sum(sum(types.values()) for types in days)


def test_late_rows_come_after_the_right_answer(own: Sandbox) -> None:
    before = ask(own, json=body()).json()
    own.faults.set([Fault("late_rows", times=1, rows=7)])
    assert ask(own, json=body()).json() == before
    after = rows(ask(own, json=body()).json())
    assert len(late(after)) == 7
    assert [row for row in after if row not in late(after)] == rows(before)


def test_late_rows_double_a_row_for_who_reads_page_after_page(own: Sandbox) -> None:
    own.faults.set([Fault("late_rows", times=1, rows=3)])
    first = rows(ask(own, json=body(Limit=20)).json())
    second = rows(ask(own, json=body(Limit=20, Offset=20)).json())
    after = rows(ask(own, json=body()).json())
    # Two of the three came before the end of the first page.
    assert second[:2] == first[-2:]
    places = [after.index(row) for row in late(after)]
    assert sum(place < 22 for place in places) >= 2


def test_a_single_late_row_comes_before_the_end_of_a_page_of_one(own: Sandbox) -> None:
    own.faults.set([Fault("late_rows", times=1)])
    ask(own, json=body(Limit=1))
    assert late(rows(ask(own, json=body(Limit=1)).json()))


def test_late_rows_answer_the_question_that_they_come_with(own: Sandbox) -> None:
    campaign = own.world.placements(PROJECT)[3]
    own.faults.set([Fault("late_rows", times=1, rows=20)])
    asked: dict[str, Any] = {
        "InteractionType": ["Click", "Purchase"],
        "MediaCampaignId": [campaign.placement_id],
        "DateFrom": "2024-01-16",
    }
    ask(own, json=body(**asked))
    everything = late(all_rows(own, 100_000))
    assert len(everything) == 20
    assert late(all_rows(own, 100_000, **asked)) == everything
    assert {row["InteractionType"] for row in everything} == {"Click", "Purchase"}
    days = {row["InteractionDate"] for row in everything}
    assert days == {"2024-01-16", "2024-01-17"}


def test_the_truth_knows_late_rows(own: Sandbox) -> None:
    before = total(own.world)
    own.faults.set([Fault("late_rows", times=2, rows=5)])
    all_rows(own, 50)
    assert total(own.world) == before + 10
    expected = expected_records(
        own.world, project_id=PROJECT, stream="interactions", types=None,
        start=START, end=END, fields=["InteractionDeviceID"],
    )  # fmt: skip
    served = [row["InteractionDeviceID"] for row in all_rows(own, 100_000)]
    assert Counter(row["InteractionDeviceID"] for row in expected) == Counter(served)
    address = f"/sandbox/truth?project_id={PROJECT}&date_from={START}&date_to={END}"
    shown = ask(own, address, project_id=None).json()["counts"]
    assert shown == counts(own.world, PROJECT, START, END)


def test_late_rows_are_the_same_for_the_same_seed_and_requests() -> None:
    found = []
    for seed in (3, 3, 4):
        fault = Fault("late_rows", times=2, rows=4)
        with Sandbox(World(rows_per_day=30), faults=[fault], seed=seed) as sandbox:
            all_rows(sandbox, 40)
            found.append(all_rows(sandbox, 100_000))
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_late_purchases_are_conversions(own: Sandbox) -> None:
    before = len(all_rows(own, 100_000, path=PATHS))
    own.faults.set([Fault("late_rows", times=1, rows=2)])
    day = {"DateFrom": "2024-01-16", "DateTo": "2024-01-16"}
    ask(own, json=body(InteractionType=["Purchase"], **day))
    assert len(all_rows(own, 100_000, path=PATHS)) > before


def test_late_rows_come_with_raw_data_of_v1_alone(own: Sandbox) -> None:
    before = total(own.world)
    own.faults.set([Fault("late_rows", rate=1)])
    assert ask(own, PATHS, json=path_body()).ok
    assert own.faults.happened == {"late_rows": 0}
    own.faults.set([Fault("late_rows", rate=1, path="/")])
    assert ask(own, PATHS, json=path_body()).ok
    create(own)
    assert total(own.world) == before


def test_an_unstable_order_has_the_same_rows_in_another_order(
    sandbox: Sandbox,
) -> None:
    right = list(map(key, all_rows(sandbox, 100_000)))
    sandbox.faults.set([Fault("unstable_order", rate=1)])
    one, two = (list(map(key, all_rows(sandbox, 100_000))) for _ in range(2))
    assert Counter(one) == Counter(two) == Counter(right)
    assert one != right
    assert two not in (right, one)


def test_an_unstable_order_loses_and_doubles_rows_page_by_page(
    sandbox: Sandbox,
) -> None:
    right = Counter(map(key, all_rows(sandbox, 100_000)))
    sandbox.faults.set([Fault("unstable_order", rate=1)])
    pages = Counter(map(key, all_rows(sandbox, 50)))
    assert pages.total() == right.total()
    assert pages - right
    assert right - pages


def test_an_unstable_order_is_the_same_for_the_same_seed() -> None:
    found = []
    for seed in (3, 3, 4):
        fault = Fault("unstable_order", rate=1)
        with Sandbox(World(rows_per_day=30), faults=[fault], seed=seed) as sandbox:
            found.append(all_rows(sandbox, 20))
    assert found[0] == found[1]
    assert found[0] != found[2]
