"""A backfill cut into tasks, by Dagster and by Airflow, compared with the truth."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg
import pytest
import requests
import step
from nightly import NotCompleteError, joined
from plan import PlanError, Range, cut, read_plan
from playground import playground, show

from tap_targetads.reports.fields import META_STREAMS
from tap_targetads.streams.meta import META
from targetads_sandbox import Sandbox, World
from targetads_sandbox.server.faults import Fault
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.bulk import Bulk
from tests.support.records import all_reports, in_order
from tests.support.scale_out_running import (
    RANGES,
    REPORT,
    START,
    Backfill,
    Cell,
    Loaded,
    most_at_a_time,
    wrong,
)
from tests.support.warehouse import Meltano, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PROJECTS = [PROJECT, OTHER_PROJECT]
CELLS = {(project, days) for project in PROJECTS for days in RANGES}
BROKEN: Cell = (OTHER_PROJECT, RANGES[1])


def plan_of(**changes: str) -> dict[str, str]:
    return {
        "TAP_TARGETADS_PROJECT_ID": "7",
        "TAP_TARGETADS_START_DATE": "2024-01-01",
        "BACKFILL_END_DATE": "2024-01-10",
        **changes,
    }


@pytest.mark.parametrize("days", [1, 3, 7, 31])
def test_ranges_tile_the_period_whatever_their_length(days: int) -> None:
    ranges = list(cut(START, date(2024, 3, 5), days))

    covered = [
        day
        for one in ranges
        for day in range(one.first.toordinal(), one.last.toordinal() + 1)
    ]
    assert covered == list(range(START.toordinal(), date(2024, 3, 5).toordinal() + 1))
    assert all(Range.named(str(one)) == one for one in ranges)


def test_a_longer_period_keeps_the_ranges_in_its_middle() -> None:
    short = set(cut(date(2024, 1, 4), date(2024, 2, 20), 7))
    long = set(cut(date(2023, 12, 1), date(2024, 3, 5), 7))

    assert len(short - long) == 2
    assert len(short & long) == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TAP_TARGETADS_PROJECT_ID", "x"),
        ("TAP_TARGETADS_START_DATE", ""),
        ("TAP_TARGETADS_START_DATE", "01.01.2024"),
        ("BACKFILL_END_DATE", "2023-12-31"),
        ("BACKFILL_RANGE_DAYS", "0"),
        ("BACKFILL_RETRIES", "-1"),
    ],
)
def test_a_plan_that_has_no_sense_is_refused_with_the_name_of_the_variable(
    name: str, value: str
) -> None:
    with pytest.raises(PlanError, match=name):
        read_plan(plan_of(**{name: value}))


TWICE = '[{"project_id": 7}, {"project_id": 7}]'


@pytest.mark.parametrize("projects", ["", "[]", "7", '["7"]', "[{}]", TWICE])
def test_a_plan_without_projects_or_with_one_twice_is_refused(projects: str) -> None:
    with pytest.raises(PlanError, match="TAP_TARGETADS_PROJECTS"):
        read_plan(plan_of(TAP_TARGETADS_PROJECT_ID="", TAP_TARGETADS_PROJECTS=projects))


def read(first: str, last: str) -> dict[str, Any]:
    """What Meltano keeps of a run that read the clicks of a project."""
    entry = {
        "context": {"project_id": 7},
        "replication_key": "InteractionTime",
        "complete_from": first,
        "replication_key_value": last,
    }
    bookmarks = {"clicks": {"partitions": [entry]}}
    return {"completed": {}, "partial": {"singer_state": {"bookmarks": bookmarks}}}


WEEKS = {
    "first": read("2023-12-31T21:00:00+00:00", "2024-01-07T20:59:59+00:00"),
    "second": read("2024-01-07T21:00:00+00:00", "2024-01-14T20:59:59+00:00"),
    "third": read("2024-01-14T21:00:00+00:00", "2024-01-21T20:59:59+00:00"),
}


def joined_ends(states: Mapping[str, Any], *weeks: str) -> tuple[str, str]:
    state = joined(states, {7: {week: week for week in weeks}}, "nightly")
    ((entry,),) = [b["partitions"] for b in state["bookmarks"].values()]
    return entry["complete_from"][:10], entry["replication_key_value"][:10]


def test_the_full_tables_are_loaded_by_a_step_of_their_own() -> None:
    assert sorted(step.META) == sorted(META_STREAMS)
    assert sorted(step.META) == sorted(stream.kind for stream in META)


def test_ranges_in_any_order_give_one_state_from_the_first_to_the_last() -> None:
    assert joined_ends(WEEKS, "third", "first", "second") == (
        "2023-12-31",
        "2024-01-21",
    )


def test_a_nightly_run_that_is_ahead_of_the_backfill_stays_there() -> None:
    states = {**WEEKS, "nightly": WEEKS["third"]}

    assert joined_ends(states, "first", "second") == ("2023-12-31", "2024-01-21")


def test_no_state_is_handed_over_while_a_range_is_missing() -> None:
    states = {name: WEEKS[name] for name in ("first", "third")}

    with pytest.raises(NotCompleteError, match="second not loaded"):
        joined_ends(states, "first", "second", "third")
    with pytest.raises(NotCompleteError, match="nothing has been read between"):
        joined_ends(states, "first", "third")


@pytest.mark.slow
@pytest.mark.usefixtures("database")
def test_the_playground_leads_to_two_projects_and_a_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with patch.dict(os.environ), playground(tmp_path) as url:
        plan = read_plan(os.environ)
        api = os.environ["TAP_TARGETADS_API_URL"]
        for entry in json.loads(os.environ["TAP_TARGETADS_PROJECTS"]):
            valid = requests.get(
                f"{api}/v1/meta/token_validate",
                params={"project_id": entry["project_id"]},
                headers={"Authorization": f"Bearer {entry['auth_token']}"},
                timeout=10,
            )
            assert valid.json()["valid"]
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA targetads")
            connection.execute("CREATE TABLE targetads.clicks (project_id int)")
            connection.execute("INSERT INTO targetads.clicks VALUES (1), (1), (2)")
        show(url)

    assert [project.id for project in plan.projects] == PROJECTS
    assert len(plan.ranges) == 3
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split() for line in lines] == [
        ["clicks", "1", "2"],
        ["clicks", "2", "1"],
    ]


@pytest.fixture(scope="module")
def backfill(
    meltano: Meltano, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backfill]:
    folder = tmp_path_factory.mktemp("scale_out")
    with Sandbox(World(rows_per_day=40)) as sandbox:
        warehouse = Warehouse(database, "scale_out")
        yield Backfill(sandbox, warehouse, meltano, folder, PROJECTS)


@pytest.fixture(scope="module")
def first(backfill: Backfill) -> Loaded:
    """Everything is loaded; one stream of a partition fails, and fails once again."""
    project, days = BROKEN
    fault = Fault("forbidden", times=2, path=REPORT, project_id=project, date=days[:10])
    backfill.sandbox.faults.set([fault])
    loaded = backfill.dagster(BACKFILL_RETRIES="1")
    assert loaded.code == 1, loaded.output[-5000:]
    return loaded


@pytest.mark.long
@pytest.mark.meltano
def test_a_task_that_fails_is_tried_again_alone_and_named_in_the_end(
    first: Loaded,
) -> None:
    ran = first.ran()

    assert set(ran) == CELLS
    assert {cell for cell in CELLS if ran[cell].status == "failure"} == {BROKEN}
    tries = {cell: 2 if cell == BROKEN else 1 for cell in CELLS}
    assert {cell: ran[cell].attempts for cell in CELLS} == tries
    assert Counter(first.asked(REPORT)) == tries


@pytest.mark.long
@pytest.mark.meltano
def test_where_a_task_fails_all_else_is_delivered(
    backfill: Backfill, first: Loaded
) -> None:
    differences = wrong(backfill.differences(first))

    assert set(differences) == {"media_report"}
    assert differences["media_report"].doubled == 0


@pytest.mark.long
@pytest.mark.meltano
def test_tasks_run_at_the_same_time_but_no_more_than_the_pool_allows(
    first: Loaded,
) -> None:
    assert most_at_a_time(first.ran().values()) in {2, 3}


@pytest.fixture(scope="module")
def second(backfill: Backfill, first: Loaded) -> Loaded:
    """All partitions are loaded again, the one that failed and the others."""
    assert first.code
    options = [f"--partition={project}|{days}" for project, days in sorted(CELLS)]
    loaded = backfill.dagster(*options)
    assert loaded.code == 0, loaded.output[-5000:]
    return loaded


@pytest.mark.long
@pytest.mark.meltano
def test_loaded_a_second_time_nothing_is_lost_or_doubled(
    backfill: Backfill, second: Loaded
) -> None:
    assert set(second.asked()) == CELLS
    assert not wrong(backfill.differences(second))


@pytest.mark.long
@pytest.mark.meltano
def test_the_nightly_run_goes_on_where_the_backfill_ended(
    backfill: Backfill, second: Loaded
) -> None:
    assert second.code == 0

    loaded = backfill.nightly(date(2024, 1, 12))

    assert loaded.code == 0, loaded.output[-5000:]
    filters = [r.body["InteractionFilter"] for r in loaded.requests if r.body]
    assert {f["DateTo"] for f in filters} == {"2024-01-11", "2024-01-12"}
    assert not wrong(backfill.differences(loaded, date(2024, 1, 12)))


@pytest.mark.long
@pytest.mark.meltano
def test_clickhouses_own_loader_takes_the_same_backfill(
    meltano: Meltano, database: str, tmp_path: Path
) -> None:
    world, bulk = World(rows_per_day=40), Bulk("clickhouse", tmp_path)
    with Sandbox(world) as sandbox:
        warehouse = Warehouse(database, "not_used")
        backfill = Backfill(sandbox, warehouse, meltano, tmp_path / "dagster", PROJECTS)
        loaded = backfill.dagster(
            BACKFILL_TAP="tap-targetads-bulk",
            BACKFILL_TARGET="bulk-clickhouse",
            BACKFILL_END_DATE="2024-01-31",
            BACKFILL_RANGE_DAYS="16",
            BULK_CLICKHOUSE_CLIENT=bulk.settings["client"],
        )

    assert loaded.code == 0, loaded.output[-5000:]
    assert {cell[0] for cell in loaded.ran()} == {*PROJECTS}
    assert not loaded.tables
    expected = all_reports(world, PROJECTS)
    found = bulk.tables(*expected)
    for name, rows in expected.items():
        assert in_order(found[name]) == in_order(rows), name


@pytest.mark.long
@pytest.mark.meltano
def test_airflow_loads_the_same_backfill_task_by_task(
    meltano: Meltano, database: str, tmp_path: Path
) -> None:
    warehouse = Warehouse(database, "airflow")
    with Sandbox(World(rows_per_day=40)) as sandbox:
        backfill = Backfill(sandbox, warehouse, meltano, tmp_path, [PROJECT])
        made = backfill.airflow("db", "migrate")
        loaded = backfill.airflow("dags", "test", "targetads_backfill")

    assert (made.code, loaded.code) == (0, 0), loaded.output[-5000:]
    tasks = [cell for cell, _ in groupby(loaded.asked())]
    assert sorted(tasks) == [(PROJECT, days) for days in RANGES]
    assert not wrong(backfill.differences(loaded))
