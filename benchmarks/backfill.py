"""A backfill of days of a million rows, by the scale-out example."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from benchmarks.day_serving import FIELDS, day_served
from benchmarks.loaders import bulk_clickhouse
from benchmarks.measuring import ROOT, Started
from benchmarks.sections import Section, table
from benchmarks.serving import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sections import Options
    from benchmarks.serving import Served

DAYS, ROWS = 8, 1_000_000
QUICK_DAYS, QUICK_ROWS = 2, 50_000
WISHED = 90
"""Days of the backfill that is computed from what was measured."""
STREAM = "day_of_impressions"
NOTE = (
    "Impressions with {fields} fields, {rows:,} a day; a task of `examples/scale_out` "
    "for each day, three at a time: Dagster, Meltano, v2 jobs, and ClickHouse's "
    "engine, which takes one load at a time. All on this machine, the API included. "
    "The last line is computed from the one above. Memory is that of everything "
    "together."
)


def backfill(options: Options) -> Section:
    """Measure a backfill with Dagster, into ClickHouse's engine."""
    days = QUICK_DAYS if options.quick else DAYS
    rows = QUICK_ROWS if options.quick else ROWS
    with (
        day_served(rows, days) as server,
        tempfile.TemporaryDirectory(prefix="targetads-bench-") as name,
        least_available() as available,
    ):
        folder = Path(name)
        loader = bulk_clickhouse(folder)
        variables = settings(server, folder, days)
        with (folder / "output").open("wb") as output:
            command = ["uv", "run", "--quiet", "examples/scale_out/run.py"]
            options_of_it = ["--environment=prod", f"--output={folder / 'dagster'}"]
            Started(
                [*command, *options_of_it], stdout=output, variables=variables
            ).end()
        ends = re.findall(
            r"\|\S+ +\S+ +(\S+) +\d+ +success", (folder / "output").read_text()
        )
        (folder / "bulk-clickhouse-files").mkdir(exist_ok=True)
        if (loaded := loader.loaded(STREAM)) != rows * days:
            sys.exit(f"{loaded} rows were loaded of {rows * days}.")
    wall = max(map(float, ends))
    memory = f"{(available[0] - min(available)) / 1024:,.0f} MB"
    all_days = wall / days * WISHED
    lines = [
        (
            f"{days} days",
            f"{days * rows:,}",
            f"{wall:.0f} s",
            f"{days * rows / wall:,.0f}",
            memory,
        ),
        (
            f"{WISHED} days, computed",
            f"{WISHED * rows:,}",
            f"{all_days / 60:.0f} min",
            f"{days * rows / wall:,.0f}",
            memory,
        ),
    ]
    head = ("", "rows", "wall time of the tasks", "rows per second", "memory")
    note = NOTE.format(fields=len(FIELDS), rows=rows)
    return Section("A backfill", note, table(head, lines))


def settings(server: Served, folder: Path, days: int) -> dict[str, str]:
    """The environment of the example."""
    report = {
        "name": STREAM,
        "report": "raw",
        "fields": list(FIELDS),
        "interaction_types": ["Impression"],
    }
    tap = {
        "API_URL": server.url,
        "API_VERSION": "v2",
        "AUTH_TOKEN": server.token,
        "PROJECT_ID": str(PROJECT),
        "REPORTS": json.dumps([report]),
        "START_DATE": str(server.day - timedelta(days - 1)),
    }
    engine = ROOT / "examples" / "bulk" / "engine.py"
    return {
        **{f"TAP_TARGETADS_{name}": value for name, value in tap.items()},
        "TAP_TARGETADS_BULK__SELECT": json.dumps([f"{STREAM}.*"]),
        "BACKFILL_TAP": "tap-targetads-bulk",
        "BACKFILL_TARGET": "bulk-clickhouse",
        "BACKFILL_END_DATE": str(server.day),
        "BACKFILL_RANGE_DAYS": "1",
        "BULK_CLICKHOUSE_CLIENT": shlex.join(
            [str(engine), "--path", str(folder / "clickhouse")]
        ),
        "MELTANO_CLI_LOG_LEVEL": "warning",
        "MELTANO_SYS_DIR_ROOT": str(folder / "meltano"),
    }


@contextmanager
def least_available() -> Iterator[list[int]]:
    """Look at the machine's available memory, in KiB, until the end of the block."""
    stop, seen = Event(), [_available()]

    def look() -> None:
        while not stop.wait(1):
            seen.append(_available())

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _available() -> int:
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    (number,) = re.findall(r"MemAvailable: +(\d+)", text)
    return int(number)
