"""A day of the size that exists: millions of impressions in one job."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import Ready, tap
from benchmarks.day_serving import FIELDS, day_served
from benchmarks.loaders import bulk_clickhouse, bulk_duckdb
from benchmarks.measuring import median, run, run_piped
from benchmarks.sections import Section, table

if TYPE_CHECKING:
    from benchmarks.sections import Options

DAY = 7_000_000
LARGEST = 21_500_000
"""What a job of three days has left."""
QUICK = 500_000
RUNS = 3

NOTE = (
    "Impressions with {fields} fields, in one file of one v2 job; row keys are on. A "
    "name in every row is quoted. Medians of {runs} run(s), three days once. The CPU "
    "time includes the start of the tap and the download; the tap itself makes sure of "
    "the number of rows."
)
LOADED = (
    "The same {rows:,} impressions, loaded into a new database by the engines' own "
    "loaders (`examples/bulk`), once each. ClickHouse's engine is a Python package's."
)
DAY_OF_IMPRESSIONS = tap(
    "a day",
    stream="day_of_impressions",
    api_version="v2",
    reports=[
        {
            "name": "day_of_impressions",
            "report": "raw",
            "fields": list(FIELDS),
            "interaction_types": ["Impression"],
        }
    ],
)


def real_day(options: Options) -> Section:
    """Measure a day; with `full`, also the largest file that has been seen."""
    runs = min(options.runs, RUNS)
    lines = [line("a day", QUICK if options.quick else DAY, runs)]
    if options.full:
        lines.append(line("three days", LARGEST, 1))
    head = ("", "rows", "CPU time per row", "rows per second", "peak memory")
    note = NOTE.format(fields=len(FIELDS), runs=runs)
    return Section("A real day", note, table(head, lines))


def loaded_day(options: Options) -> Section:
    """Measure a day from the job to the database's last commit."""
    rows = QUICK if options.quick else DAY
    lines = []
    with day_served(rows) as server, tempfile.TemporaryDirectory() as folder:
        for loader in (bulk_duckdb(Path(folder)), bulk_clickhouse(Path(folder))):
            where = Path(folder, f"tap-{loader.label}")
            settings = {**server.settings(), **loader.settings}
            tap = Ready.prepare(DAY_OF_IMPRESSIONS, settings, where)
            mine, other = run_piped(tap.command, loader.command)
            if (loaded := loader.loaded("day_of_impressions")) != rows:
                sys.exit(f"{loader.label} loaded {loaded} rows of {rows}.")
            lines.append(
                (
                    loader.label,
                    f"{other.wall:.0f} s",
                    f"{rows / other.wall:,.0f}",
                    f"{mine.cpu:.0f} s",
                    f"{other.cpu:.0f} s",
                    f"{mine.memory or 0:.0f} MB",
                )
            )
    head = (
        "",
        "wall time",
        "rows per second",
        "CPU time of the tap",
        "CPU time of the loader",
        "peak memory of the tap",
    )
    return Section(
        "A real day, into a database", LOADED.format(rows=rows), table(head, lines)
    )


def line(label: str, rows: int, runs: int) -> tuple[str, ...]:
    """Measure a file of so many rows: a line of the table."""
    with day_served(rows) as server, tempfile.TemporaryDirectory() as folder:
        ready = Ready.prepare(
            DAY_OF_IMPRESSIONS, server.settings(), Path(folder, "tap")
        )
        measured = [run(ready.command) for _ in range(runs)]
    cpu = statistics.median(r.cpu for r in measured)
    wall = statistics.median(r.wall for r in measured)
    memory = median([r.memory for r in measured]) or 0
    return (
        label,
        f"{rows:,}",
        f"{cpu / rows * 1e6:.1f} µs",
        f"{rows / wall:,.0f}",
        f"{memory:.0f} MB",
    )
