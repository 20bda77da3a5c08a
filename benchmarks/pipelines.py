"""The tap with what loads its rows: where the time of a pipeline goes."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, Ready
from benchmarks.loaders import (
    bulk_clickhouse,
    bulk_duckdb,
    postgres,
    to_duckdb,
    to_jsonl,
    to_postgres,
)
from benchmarks.measuring import Run, count_records, run, run_piped
from benchmarks.sections import Section, table
from benchmarks.serving import World, served

if TYPE_CHECKING:
    from benchmarks.loaders import Loader
    from benchmarks.sections import Options

QUICK_ROWS = 10_000
ROWS = 100_000
RUNS = 3


def end_to_end(options: Options) -> Section:
    """Measure the tap with each loader, and alone."""
    runs = min(options.runs, RUNS)
    rows = QUICK_ROWS if options.quick else min(ROWS, options.rows)
    with tempfile.TemporaryDirectory(prefix="targetads-bench-") as name:
        folder = Path(name)
        with served(World(rows)) as server, postgres(folder) as database:
            tap = Ready.prepare(CONTENDERS["tap"], server.settings(), folder / "tap")
            output = folder / "records.jsonl"
            with output.open("wb") as stdout:
                run(tap.command, stdout=stdout)
            with output.open("rb") as records:
                rows = count_records(records)
            lines: list[tuple[str, ...]] = []
            for loader in (
                to_postgres(folder, database, fast=False),
                to_postgres(folder, database, fast=True),
                to_jsonl(folder),
                to_duckdb(folder),
                bulk_duckdb(folder),
                bulk_clickhouse(folder),
            ):
                settings = {**server.settings(), **loader.settings}
                where = folder / "tap" / str(len(lines))
                tap = Ready.prepare(CONTENDERS["tap"], settings, where)
                lines.append(compare(tap, loader, rows, runs))
    return Section(
        "End to end",
        f"{rows:,} rows of 20 fields, medians of {runs} runs; the CPU time is that of "
        "tap and loader, without that of PostgreSQL's server. The share of the wall "
        "time is what the tap takes alone, of what both take together. Of so few rows, "
        "`bulk-duckdb` and `bulk-clickhouse` take most of the time to start; "
        "[a real day](#a-real-day-into-a-database) shows what they are for.",
        table(
            (
                "",
                "rows per second",
                "wall time",
                "CPU time of the loader",
                "CPU time of the tap",
                "its share of CPU time",
                "its share of wall time",
            ),
            lines,
        ),
    )


def compare(tap: Ready, loader: Loader, rows: int, runs: int) -> tuple[str, ...]:
    """Measure the tap with a loader and alone, in turn: a line of the table."""
    alone: list[Run] = []
    pairs: list[tuple[Run, Run]] = []
    for _ in range(runs):
        alone.append(run(tap.command))
        pairs.append(run_piped(tap.command, loader.command, loader.variables))
        loaded = loader.loaded("page_views")
        if loaded != rows:
            sys.exit(f"{loader.label} loaded {loaded} rows of {rows}.")
    wall = statistics.median(theirs.wall for _, theirs in pairs)
    mine = statistics.median(ours.cpu for ours, _ in pairs)
    other = statistics.median(theirs.cpu for _, theirs in pairs)
    share = statistics.median(r.wall for r in alone) / wall
    return (
        loader.label,
        f"{rows / wall:,.0f}",
        f"{wall:.1f} s",
        f"{other:.1f} s",
        f"{mine:.1f} s",
        f"{mine / (mine + other):.0%}",
        f"{share:.0%}",
    )
