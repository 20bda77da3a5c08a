"""What reading several windows at once saves if the server is slow."""

from __future__ import annotations

import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import Ready, tap
from benchmarks.measuring import interleaved, run
from benchmarks.sections import Section, table
from benchmarks.serving import World, served

if TYPE_CHECKING:
    from benchmarks.sections import Options

DAYS = 31
PAGE_VIEWS = 500
AT_ONCE = (1, 4, 8)
RUNS = 3


def worlds(options: Options) -> dict[str, World]:
    """How slow the server may be, by description in the table."""
    slow = 0.5
    delays = (0, slow) if options.quick else (0, 0.05, slow)
    pages = {
        f"v1, each answer {delay * 1000:.0f} ms late": World(PAGE_VIEWS, DAYS, delay)
        for delay in delays
    }
    jobs = World(PAGE_VIEWS, DAYS, delay=0.2, job_seconds=2)
    return pages if options.quick else {**pages, "v2, 200 ms late, jobs of 2 s": jobs}


def latency(options: Options) -> Section:
    """Measure a month in windows of a day, by how many are in flight."""
    runs = 1 if options.quick else min(options.runs, RUNS)
    lines = []
    for label, world in worlds(options).items():
        with served(world) as server, tempfile.TemporaryDirectory() as folder:
            ready = {
                str(at_once): Ready.prepare(
                    tap(
                        label,
                        api_version=label[:2],
                        window_days=1,
                        concurrent_requests=at_once,
                    ),
                    server.settings(DAYS),
                    Path(folder, str(at_once)),
                )
                for at_once in AT_ONCE
            }
            runners = {key: partial(run, one.command) for key, one in ready.items()}
            measured = interleaved(runners, runs)
        walls = [statistics.median(r.wall for r in mine) for mine in measured.values()]
        lines.append((label, *(f"{wall:.1f} s" for wall in walls)))
    return Section(
        "Latency",
        f"Wall time of a month in {DAYS} windows of a day, {PAGE_VIEWS} rows each, by "
        f"`concurrent_requests`; medians of {runs} interleaved runs.",
        table(("", *(f"{n} at once" for n in AT_ONCE)), lines),
    )
