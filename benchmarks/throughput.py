"""Rows per second and memory of all contenders, on the same pages."""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS, Ready
from benchmarks.environments import bench_python, versions
from benchmarks.measuring import Ratio, Run, interleaved, median, run
from benchmarks.sections import Bar, Section, table
from benchmarks.serving import World, served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.sections import Options

CAT = "`cat` of the tap's output"
BASE = "tap"
WAITS_FOR_A_FILE = ("v2",)
"""Their wall time is mostly the server's, which writes a file for every run."""

NOTE = (
    "The same {rows:,} rows of 20 fields, in pages of 100 000 (v2: one file), medians "
    "of {runs} interleaved runs. CPU time is that of the process alone, including its "
    "start; the server is another process. In brackets: the range of the ratios "
    "within one round.\n\n"
    "These are not like-for-like. This tap converts times to UTC, checks the type of "
    "every value, keeps a state and, in the first and third line, makes row keys. The "
    "ordinary SDK tap keeps a state. The scripts print what they get, without state or "
    "retries. dlt infers types when it normalizes; its files are not compressed here, "
    "like those of the others. v2 waits for a file that the server writes for each "
    "run, so its wall time says nothing."
)


def throughput(options: Options) -> Section:
    """Measure all contenders."""
    with tempfile.TemporaryDirectory(prefix="targetads-bench-") as name:
        folder = Path(name)
        bench = bench_python(folder)
        with served(World(options.rows)) as server:
            ready = {
                key: Ready.prepare(
                    contender, server.settings(), folder / f"run-{key}", bench
                )
                for key, contender in CONTENDERS.items()
            }
            finished = folder / "finished.jsonl"
            rows = warm_up(ready, finished)
            runners = {key: partial(run_clean, one) for key, one in ready.items()}
            cat = partial(run, ["cat", str(finished)])
            runs = interleaved({**runners, CAT: cat}, options.runs)
        peers = versions(bench, "dlt", "orjson", "requests")
    labels = {key: one.label for key, one in CONTENDERS.items()} | {CAT: CAT}
    return Section(
        "Throughput",
        NOTE.format(rows=rows, runs=options.runs),
        result(rows, labels, runs),
        peers=peers,
        bars=bars(rows, labels, runs),
    )


def warm_up(ready: Mapping[str, Ready], finished: Path) -> int:
    """Run each contender once, so that all find generated pages and compiled bytecode.

    `finished` gets the output of the first one.

    Returns:
        How many rows each of them delivers.
    """
    delivered: dict[str, int] = {}
    for key, one in ready.items():
        output = finished if not delivered else finished.with_suffix(".next")
        with output.open("wb") as stdout:
            run(one.command, stdout=stdout, variables=one.variables)
        delivered[key] = one.delivered(output)
    if len(set(delivered.values())) != 1:
        sys.exit(f"Not the same number of rows, nothing was measured: {delivered}")
    finished.with_suffix(".next").unlink(missing_ok=True)
    return next(iter(delivered.values()))


def run_clean(one: Ready) -> Run:
    """Run a contender without leftovers of its earlier runs."""
    shutil.rmtree(one.folder, ignore_errors=True)
    return run(one.command, variables=one.variables)


def result(
    rows: int, labels: Mapping[str, str], runs: Mapping[str, Sequence[Run]]
) -> str:
    """The measures as a table."""
    base = [r.cpu for r in runs[BASE]]
    lines = []
    for key, mine in runs.items():
        cpu = [r.cpu for r in mine]
        wall = statistics.median(r.wall for r in mine)
        memory = median([r.memory for r in mine])
        lines.append(
            (
                labels[key],
                f"{rows / statistics.median(cpu):,.0f}",
                str(Ratio.of(cpu, base)),
                "-" if key in WAITS_FOR_A_FILE else f"{rows / wall:,.0f}",
                "-" if memory is None else f"{memory:.0f} MB",
            )
        )
    head = (
        "",
        "rows per CPU second",
        "CPU time, this tap's = 1",
        "rows per second",
        "peak memory",
    )
    return table(head, lines)


def bars(
    rows: int, labels: Mapping[str, str], runs: Mapping[str, Sequence[Run]]
) -> list[Bar]:
    """The measures for the chart, without the one that would dwarf all others."""
    return [
        Bar(
            labels[key].replace("`", ""),
            rows / statistics.median(r.cpu for r in mine),
            median([r.memory for r in mine]) or 0,
        )
        for key, mine in runs.items()
        if key != CAT
    ]
