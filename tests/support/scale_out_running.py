"""Runs examples/scale_out in its own environments, and says what it loaded."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from targetads_sandbox.truth import expected_paths, expected_report
from tests.drills.comparison import Difference, compare
from tests.support.places import ROOT
from tests.support.records import (
    DIMENSIONS,
    MEDIA_METRICS,
    PATH_FIELDS,
    STREAMS,
    TARGET_METRICS,
)
from tests.support.warehouse import (
    META_ROWS,
    Meltano,
    Warehouse,
    expected_rows,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from targetads_sandbox import Sandbox
    from targetads_sandbox.server.backend import LoggedRequest

EXAMPLE = ROOT / "examples" / "scale_out"
START, END = date(2024, 1, 1), date(2024, 1, 10)
RANGES = ["2024-01-01..2024-01-07", "2024-01-08..2024-01-10"]
REPORT = "/v1/reports/agg_report"

Cell = tuple[int, str]


class Ran(NamedTuple):
    """How a partition was loaded: from when to when, in seconds, and to which end."""

    start: float
    end: float
    attempts: int
    status: str


@dataclass(frozen=True)
class Loaded:
    """What a run left behind."""

    code: int
    output: str
    requests: list[LoggedRequest]
    tables: dict[str, list[dict[str, Any]]]

    def ran(self) -> dict[Cell, Ran]:
        """How each partition ran, as it was printed."""
        lines = self.output.partition("Partition of rows")[2].splitlines()
        rows = [line.replace("|", " ").split() for line in lines if "|" in line]
        return {
            (int(row[0]), row[1]): Ran(
                float(row[2]), float(row[3]), int(row[4]), row[5]
            )
            for row in rows
        }

    def asked(self, path: str = "/reports/") -> list[Cell]:
        """The partition that each request for rows of some days was for, in order."""
        return [cell_of(r) for r in self.requests if path in r.path]


def cell_of(request: LoggedRequest) -> Cell:
    """The partition that a request for rows of some days was for."""
    assert request.body
    assert request.project_id
    window = "TargetFilter" if "path_to" in request.path else "InteractionFilter"
    days = request.body[window]
    (name,) = [n for n in RANGES if n[:10] <= days["DateFrom"] <= n[12:]]
    assert days["DateTo"] <= name[12:], "no request goes beyond its range"
    return request.project_id, name


@dataclass
class Backfill:
    """Runs the example for some projects of a sandbox."""

    sandbox: Sandbox
    warehouse: Warehouse
    meltano: Meltano
    folder: Path
    projects: list[int]

    def variables(self, **more: str) -> dict[str, str]:
        environment = variables(self.sandbox, self.warehouse, *self.projects)
        del environment["TAP_TARGETADS_END_DATE"]
        own = {"BACKFILL_END_DATE": str(END), "BACKFILL_RETRY_SECONDS": "0"}
        return {**self.meltano.environment, **environment, **own, **more}

    def dagster(self, *arguments: str, **more: str) -> Loaded:
        script = str(EXAMPLE / "run.py")
        options = ["--environment=prod", f"--output={self.folder}"]
        return self._call("uv", "run", script, *options, *arguments, **more)

    def airflow(self, *arguments: str) -> Loaded:
        script = ["--script", str(EXAMPLE / "airflow_dag.py")]
        _uv("sync", *script)
        python = Path(_uv("python", "find", *script))
        meltano = Path(self.meltano.command()["args"][0])
        return self._call(
            str(python.with_name("airflow")),
            *arguments,
            AIRFLOW_HOME=str(self.folder),
            AIRFLOW__CORE__DAGS_FOLDER=str(EXAMPLE),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            PATH=f"{meltano.parent}:{self.meltano.environment['PATH']}",
        )

    def nightly(self, end: date) -> Loaded:
        command = self.meltano.command("run", "tap-targetads", "target-postgres")
        until = {"TAP_TARGETADS_END_DATE": str(end)}
        return self._call(*map(str, command["args"]), **until)

    def _call(self, *command: str, **more: str) -> Loaded:
        self.sandbox.clear_requests()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.variables(**more),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Loaded(
            done.returncode,
            done.stdout,
            self.sandbox.requests,
            self.warehouse.everything(),
        )

    def differences(self, loaded: Loaded, end: date = END) -> dict[str, Difference]:
        """How each table differs from the truth of a period."""
        world = self.sandbox.world
        result = {
            stream: compare(
                expected_rows(world, stream, self.projects, end),
                loaded.tables[stream],
            )
            for stream in STREAMS
        }
        paths, report = [], []
        for project in self.projects:
            common: dict[str, Any] = {"project_id": project, "start": START, "end": end}
            paths += expected_paths(world, fields=PATH_FIELDS, **common)
            report += expected_report(
                world,
                dimensions=DIMENSIONS,
                media_metrics=MEDIA_METRICS,
                target_metrics=TARGET_METRICS,
                **common,
            )
        shown = {
            "conversion_paths": (paths, ["_row_key"]),
            "media_report": (report, ["project_id", *DIMENSIONS, "Impressions"]),
        }
        for stream, (true, names) in shown.items():
            there = texts(loaded.tables[stream], names)
            result[stream] = compare(texts(true, names), there)
        for stream, count in META_ROWS.items():
            expected, found = count * len(self.projects), len(loaded.tables[stream])
            lost, doubled = max(expected - found, 0), max(found - expected, 0)
            result[stream] = Difference(expected, found, lost, doubled)
        return result


def texts(rows: Iterable[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Some columns of rows, as texts: days and null are told apart differently."""
    return [{name: str(row[name] or "") for name in names} for row in rows]


def wrong(differences: dict[str, Difference]) -> dict[str, Difference]:
    """The tables that differ from the truth. No table may be empty in truth."""
    assert all(difference.expected for difference in differences.values())
    return {n: d for n, d in differences.items() if d.lost or d.doubled}


def most_at_a_time(ran: Iterable[Ran]) -> int:
    """How many partitions were being loaded at some moment."""
    all_ran = list(ran)
    return max(sum(x.start <= one.start < x.end for x in all_ran) for one in all_ran)


def _uv(*arguments: str) -> str:
    done = subprocess.run(
        ["uv", *arguments],  # noqa: S607 - what runs the tests is uv
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()
