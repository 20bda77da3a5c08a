"""Faults that a client notices only if it compares what comes with what it asked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import LIVE, Fault, Sandbox, World
from tests.sandbox.asking import PATHS, PROJECT, all_rows, ask, body, path_body, rows
from tests.sandbox.jobs import DAYS, FLAT, NESTED, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from targetads_sandbox.server.faults import Kind

DAY = {"DateFrom": "2024-01-16", "DateTo": "2024-01-16"}
REPORT = "/v1/reports/agg_report"


@pytest.fixture
def growing() -> Iterator[Sandbox]:
    """A sandbox whose world may grow."""
    with Sandbox(World(rows_per_day=100)) as sandbox:
        yield sandbox


def with_fault(sandbox: Sandbox, kind: Kind, **changes: Any) -> dict[str, Any]:
    sandbox.faults.set([Fault(kind, times=1)])
    answer: dict[str, Any] = ask(sandbox, json=body(**changes)).json()
    return answer


def test_an_ignored_type_gives_rows_of_all_types(sandbox: Sandbox) -> None:
    asked: dict[str, Any] = {**DAY, "InteractionType": ["Click"]}
    answer = with_fault(sandbox, "ignore_types", **asked)
    assert rows(answer) == all_rows(sandbox, 100_000, **DAY)
    right = all_rows(sandbox, 100_000, **asked)
    assert 0 < len(right) < len(rows(answer))


def test_ignored_dates_give_rows_of_other_days_too(sandbox: Sandbox) -> None:
    found = rows(with_fault(sandbox, "ignore_dates", **DAY))
    days = {f"2024-01-{day}" for day in (15, 16, 17)}
    assert {row["InteractionDate"] for row in found} == days
    assert found == all_rows(sandbox, 100_000)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ignore_types", {"InteractionType": ["Click"]}),
        ("ignore_dates", {"DateFrom": "2024-01-15"}),
    ],
)
def test_paths_get_touches_of_all_days_and_types(
    sandbox: Sandbox, kind: Kind, changes: dict[str, Any]
) -> None:
    everything = all_rows(sandbox, 100_000, path=PATHS)
    right = all_rows(sandbox, 100_000, path=PATHS, **changes)
    sandbox.faults.set([Fault(kind, times=1, path=PATHS)])
    found = rows(ask(sandbox, PATHS, json=path_body(**changes)).json())
    assert found == everything
    assert 0 < len(right) < len(everything)


@pytest.mark.parametrize("hours", [3, -5])
def test_days_may_begin_at_another_hour(sandbox: Sandbox, hours: int) -> None:
    sandbox.faults.set([Fault("shifted_days", times=1, hours=hours)])
    found = rows(ask(sandbox, json=body(**DAY)).json())
    begin, end = ("2024-01-16 03", "2024-01-17 03")
    if hours < 0:
        begin, end = ("2024-01-15 19", "2024-01-16 19")
    around = all_rows(sandbox, 100_000)
    assert found == [r for r in around if begin <= r["InteractionTime"] < end]
    assert len({row["InteractionDate"] for row in found}) == 2


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("ignore_types", {"InteractionType": ["Click"]}),
        ("ignore_dates", {}),
        ("shifted_days", {}),
    ],
)
def test_jobs_misread_their_requests_too(
    sandbox: Sandbox, kind: Kind, asked: dict[str, Any]
) -> None:
    content = {**NESTED, "InteractionFilter": {**DAYS, **asked}}
    right = rows_of(sandbox, content)
    sandbox.faults.set([Fault(kind, times=1, path="/v2/reports/")])
    wrong = rows_of(sandbox, content)
    assert wrong != right
    assert rows_of(sandbox, content) == right


def test_a_live_job_misreads_its_type_too(sandbox: Sandbox) -> None:
    sandbox.dialect = LIVE
    content = {**FLAT, "InteractionType": "Click"}
    sandbox.faults.set([Fault("ignore_types", times=1, path="/v2/reports/")])
    types = {row["InteractionType"] for row in rows_of(sandbox, content)}
    assert len(types) > 1


@pytest.mark.parametrize(("limit", "delivered"), [(20, 10), (7, 3), (1, 0)])
@pytest.mark.parametrize("live", [False, True])
def test_a_short_page_counts_rows_that_it_does_not_have(
    sandbox: Sandbox, limit: int, delivered: int, *, live: bool
) -> None:
    if live:
        sandbox.dialect = LIVE
    right = rows(ask(sandbox, json=body(Limit=limit)).json())
    answer = with_fault(sandbox, "short_page", Limit=limit)
    assert rows(answer) == right[:delivered]
    assert answer["CountRows" if live else "count"] == limit == len(right)
    assert not answer.get("has_more")


def test_a_short_page_can_count_all_rows(sandbox: Sandbox) -> None:
    total = len(all_rows(sandbox, 100_000))
    sandbox.dialect = replace(LIVE, count="total")
    answer = with_fault(sandbox, "short_page", Limit=20)
    assert (len(rows(answer)), answer["CountRows"]) == (10, total)


def test_ties_by_time_are_in_another_order_each_time(growing: Sandbox) -> None:
    row = {"InteractionTime": "2024-01-16 12:00:00", "InteractionType": "Click"}
    names = [f"device {number}" for number in range(20)]
    added = [{**row, "InteractionDeviceID": name} for name in names]
    growing.world.add_rows(PROJECT, added)
    right = all_rows(growing, 100_000)
    growing.faults.set([Fault("unstable_ties", rate=1)])
    one, other = (rows(ask(growing, json=body()).json()) for _ in range(2))
    times = [row["InteractionTime"] for row in one]
    assert times == sorted(times) == [row["InteractionTime"] for row in other]
    assert one != other
    assert sorted(map(str, one)) == sorted(map(str, other)) == sorted(map(str, right))


def test_ties_of_paths_are_by_the_time_of_the_touch(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("unstable_ties", rate=1)])
    found = rows(ask(sandbox, PATHS, json=path_body()).json())
    times = [row["InteractionTime"] for row in found]
    assert len(times) > 20
    assert times == sorted(times)


def test_appended_rows_come_after_all_that_were_there(growing: Sandbox) -> None:
    before = all_rows(growing, 100_000, **DAY)
    growing.faults.set([Fault("appended_rows", times=3, rows=2)])
    sizes = [len(rows(ask(growing, json=body(**DAY)).json())) for _ in range(4)]
    assert sizes == [len(before) + more for more in (0, 2, 4, 6)]
    after = all_rows(growing, 100_000, **DAY)
    assert after[: len(before)] == before
    names = [row["InteractionDeviceID"] for row in after[len(before) :]]
    for one, next_one in pairwise(names[::2]):
        assert one < next_one
    assert all(name.startswith("appended-") for name in names)


@pytest.mark.parametrize(
    "kind", ["unstable_ties", "appended_rows", "ignore_dates", "ignore_types"]
)
def test_sums_are_right_whatever_happens_to_rows(growing: Sandbox, kind: Kind) -> None:
    content = {
        "Fields": ["EventDate"],
        "MediaMetrics": ["Clicks"],
        "InteractionFilter": DAY,
        "Offset": 0,
        "Limit": 10,
    }
    right = ask(growing, REPORT, json=content).json()
    growing.faults.set([Fault(kind, times=1, path=REPORT)])
    assert ask(growing, REPORT, json=content).json() == right
    assert growing.faults.happened == {kind: 1}
