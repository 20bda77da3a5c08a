"""A backfill cut into tasks, by Dagster and by Airflow, compared with the truth."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from nightly import NotCompleteError, joined
from plan import PlanError, Range, cut, read_plan

from tap_targetads.sandbox import Sandbox, World
from tap_targetads.sandbox.faults import Fault
from tap_targetads.sandbox.truth import expected_paths, expected_report
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.test_everything import (
    DIMENSIONS,
    MEDIA_METRICS,
    PATH_FIELDS,
    TARGET_METRICS,
)
from tests.test_meltano import META, Meltano, Warehouse, assert_is_truth, variables
from tests.test_meltano import database as database  # noqa: PLC0414 - a fixture
from tests.test_meltano import meltano as meltano  # noqa: PLC0414 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_targetads.sandbox.calls import LoggedRequest

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "scale_out"
PROJECTS = [PROJECT, OTHER_PROJECT]
START, END = date(2024, 1, 1), date(2024, 1, 10)
RANGES = ["2024-01-01..2024-01-07", "2024-01-08..2024-01-10"]

FIND = ["python", "find"]

Cell = tuple[int, str]


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


@pytest.mark.parametrize("projects", ["", "[]", "7", '["7"]', "[{}]"])
def test_a_plan_without_projects_is_refused(projects: str) -> None:
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


@dataclass
class Backfill:
    """Runs the example in its own environment."""

    sandbox: Sandbox
    warehouse: Warehouse
    meltano: Meltano
    folder: Path
    projects: list[int]
    loaded_to: date = END
    output: str = field(default="", init=False)

    def variables(self, **more: str) -> dict[str, str]:
        environment = variables(self.sandbox, self.warehouse, *self.projects)
        del environment["TAP_TARGETADS_END_DATE"]
        own = {"BACKFILL_END_DATE": str(END), "BACKFILL_RETRY_SECONDS": "0"}
        return {**self.meltano.environment, **environment, **own, **more}

    def run(self, *arguments: str, **more: str) -> int:
        script = str(EXAMPLE / "run.py")
        options = ["--environment=prod", f"--output={self.folder}"]
        return self._call("uv", "run", script, *options, *arguments, **more)

    def airflow(self, *arguments: str) -> int:
        script = str(EXAMPLE / "airflow_dag.py")
        sync, find = (
            ["uv", *command, "--script", script] for command in (["sync"], FIND)
        )
        subprocess.run([*sync, "--quiet"], check=True)
        python = subprocess.run(find, check=True, capture_output=True, text=True)
        command = Path(python.stdout.strip()).with_name("airflow")
        own = Path(self.meltano.command()["args"][0]).parent
        return self._call(
            str(command),
            *arguments,
            AIRFLOW_HOME=str(self.folder),
            AIRFLOW__CORE__DAGS_FOLDER=str(EXAMPLE),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            PATH=f"{own}:{self.meltano.environment['PATH']}",
        )

    def _call(self, *command: str, **more: str) -> int:
        done = subprocess.run(
            command,
            env=self.variables(**more),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = done.stdout
        return done.returncode

    def statuses(self) -> dict[Cell, str]:
        """What became of each partition, as it was printed."""
        lines = self.output.partition("Partition of rows")[2].splitlines()
        cells = [line.replace("|", " ").split() for line in lines if "|" in line]
        return {(int(cell[0]), cell[1]): cell[-1] for cell in cells}

    def cells_asked_for(self) -> list[Cell]:
        """The partition that each request for days was for, in order."""
        asked = [cell_of(request) for request in self.sandbox.requests]
        return [cell for cell in asked if cell]


def cell_of(request: LoggedRequest) -> Cell | None:
    """The partition that a request was for, if it asked for rows of some days."""
    if not request.body or request.project_id is None:
        return None
    target = request.body.get("TargetFilter") if "path" in request.path else None
    days = target or request.body["InteractionFilter"]
    (name,) = [n for n in RANGES if n[:10] <= days["DateFrom"] <= n[12:]]
    assert days["DateTo"] <= name[12:], "no request goes beyond its range"
    return request.project_id, name


def most_at_a_time(cells: list[Cell]) -> int:
    """How many partitions were begun, but not over, at some moment."""
    spans = {c: (cells.index(c), len(cells) - cells[::-1].index(c)) for c in cells}
    return max(
        sum(first <= moment < end for first, end in spans.values())
        for moment in range(len(cells))
    )


def assert_all_is_truth(backfill: Backfill) -> None:
    """Compare all tables with the truth: 0 rows lost, 0 doubled."""
    world, projects = backfill.sandbox.world, backfill.projects
    assert_is_truth(backfill.warehouse, world, projects, backfill.loaded_to)
    tables = backfill.warehouse.everything()
    period: dict[str, Any] = {"start": START, "end": backfill.loaded_to}
    paths, report = [], []
    for project in projects:
        common = {"project_id": project, **period}
        paths += expected_paths(world, fields=PATH_FIELDS, **common)
        report += expected_report(
            world,
            dimensions=DIMENSIONS,
            media_metrics=MEDIA_METRICS,
            target_metrics=TARGET_METRICS,
            **common,
        )
    assert sorted(row["_row_key"] for row in tables["conversion_paths"]) == sorted(
        row["_row_key"] for row in paths
    )
    assert reported(tables["media_report"]) == reported(report)
    found = {name: len(tables[name]) for name in META}
    assert found == {name: count * len(projects) for name, count in META.items()}


def reported(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Keys and impressions of a report, in order."""
    names = ("project_id", *DIMENSIONS, "Impressions")
    return sorted(tuple(str(row[name] or "") for name in names) for row in rows)


@pytest.fixture(scope="module")
def backfill(
    meltano: Meltano, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backfill]:
    folder = tmp_path_factory.mktemp("scale_out")
    with Sandbox(World(rows_per_day=40)) as sandbox:
        warehouse = Warehouse(database, "scale_out")
        yield Backfill(sandbox, warehouse, meltano, folder, PROJECTS)


@pytest.fixture(scope="module")
def first(backfill: Backfill) -> Backfill:
    """The backfill, in which one partition fails twice, and is tried once again."""
    backfill.sandbox.faults.set(
        [
            Fault(
                "forbidden",
                times=2,
                path="/v1/reports/agg_report",
                project_id=OTHER_PROJECT,
                date="2024-01-09",
            )
        ]
    )
    code = backfill.run(BACKFILL_RETRIES="1")
    assert code == 1, backfill.output[-5000:]
    return backfill


FAILED: Cell = (OTHER_PROJECT, RANGES[1])


@pytest.mark.slow
@pytest.mark.meltano
def test_a_partition_that_fails_is_retried_named_and_stops_no_other(
    first: Backfill,
) -> None:
    cells = {(project, days) for project in PROJECTS for days in RANGES}

    assert first.statuses() == {
        cell: "failure" if cell == FAILED else "success" for cell in cells
    }
    refused = [r for r in first.sandbox.requests if r.fault]
    assert [cell_of(request) for request in refused] == [FAILED, FAILED]


@pytest.mark.slow
@pytest.mark.meltano
def test_partitions_are_loaded_at_the_same_time_but_no_more_than_the_pool_allows(
    first: Backfill,
) -> None:
    assert most_at_a_time(first.cells_asked_for()) in {2, 3}


@pytest.fixture(scope="module")
def mended(first: Backfill) -> Backfill:
    """The failed partition has been loaded again, alone."""
    first.sandbox.clear_requests()
    code = first.run("--partition", "|".join(map(str, FAILED)))
    assert code == 0, first.output[-5000:]
    return first


@pytest.mark.slow
@pytest.mark.meltano
def test_a_failed_partition_is_loaded_again_alone_and_then_all_is_there(
    mended: Backfill,
) -> None:
    assert set(mended.cells_asked_for()) == {FAILED}
    assert_all_is_truth(mended)


@pytest.mark.slow
@pytest.mark.meltano
def test_loaded_a_second_time_nothing_is_lost_or_doubled(mended: Backfill) -> None:
    before = mended.warehouse.everything()
    mended.sandbox.clear_requests()

    assert mended.run() == 0, mended.output[-5000:]

    assert set(mended.cells_asked_for()) == {(p, r) for p in PROJECTS for r in RANGES}
    assert mended.warehouse.everything() == before
    assert_all_is_truth(mended)


@pytest.mark.slow
@pytest.mark.meltano
def test_the_nightly_run_goes_on_where_the_backfill_ended(mended: Backfill) -> None:
    mended.sandbox.clear_requests()
    later = mended.variables(TAP_TARGETADS_END_DATE="2024-01-12")

    mended.meltano.run("run", "tap-targetads", "target-postgres", **later)

    days = [
        request.body["InteractionFilter"]["DateFrom"]
        for request in mended.sandbox.requests
        if request.path.endswith("raw_reports") and request.body
    ]
    assert set(days) == {"2024-01-11"}
    mended.loaded_to = date(2024, 1, 12)
    assert_all_is_truth(mended)


@pytest.mark.slow
@pytest.mark.meltano
def test_airflow_loads_the_same_backfill_task_by_task(
    meltano: Meltano, database: str, tmp_path: Path
) -> None:
    warehouse = Warehouse(database, "airflow")
    with Sandbox(World(rows_per_day=40)) as sandbox:
        backfill = Backfill(sandbox, warehouse, meltano, tmp_path, [PROJECT])
        for command in (("db", "migrate"), ("dags", "test", "targetads_backfill")):
            assert backfill.airflow(*command) == 0, backfill.output[-5000:]

        asked = [cell for cell, _ in groupby(backfill.cells_asked_for())]
        assert asked == [(PROJECT, days) for days in RANGES]
        assert_all_is_truth(backfill)
