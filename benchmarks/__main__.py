"""Measures the tap and other ways to read the same pages.

    uv run python -m benchmarks                   all tables
    uv run python -m benchmarks --quick           a fast look
    uv run python -m benchmarks --only latency    one of them
    uv run python -m benchmarks --output docs     also writes docs/performance.md

The sandbox serves the same rows to all, from a separate process. Each contender runs as
it would for a user, with messages going to /dev/null; what counts is the CPU time of
its process alone. Runs are interleaved, and medians are printed: the machine's noise
affects all alike, so that ratios are comparable.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.backfill import backfill
from benchmarks.chart import draw
from benchmarks.growth import growth
from benchmarks.imports import imports
from benchmarks.latency import latency
from benchmarks.machine import describe
from benchmarks.pipelines import end_to_end
from benchmarks.real_day import loaded_day, real_day
from benchmarks.sections import Options, Section
from benchmarks.throughput import throughput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TABLES: Mapping[str, Callable[[Options], Section]] = {
    "throughput": throughput,
    "latency": latency,
    "growth": growth,
    "real-day": real_day,
    "real-day-loaded": loaded_day,
    "backfill": backfill,
    "imports": imports,
    # Last, since it makes this process, and so its children, larger.
    "end-to-end": end_to_end,
}
INTRODUCTION = """\
# Performance

Written by `{command}`.
Other machines give other figures, but much the same ratios."""
CHART = "img/throughput.svg"
QUICK = Options(rows=100_000, runs=2, quick=True)
USUAL = Options(rows=500_000, runs=5)


def main() -> None:
    """Measure, print the tables and, with `--output`, write them."""
    arguments = _arguments()
    preset = QUICK if arguments.quick else USUAL
    options = Options(
        rows=arguments.rows or preset.rows,
        runs=arguments.runs or preset.runs,
        quick=arguments.quick,
        full=arguments.full,
    )
    command = shlex.join(["uv", "run", "python", "-m", "benchmarks", *sys.argv[1:]])
    introduction = f"{INTRODUCTION.format(command=command)}\n\n{describe()}"
    print(introduction, flush=True)
    sections = []
    begin = time.monotonic()
    for name in arguments.only or TABLES:
        sections.append(TABLES[name](options))
        print(f"\n{sections[-1].markdown()}", flush=True)
    print(f"\nThis took {time.monotonic() - begin:.0f} s.")
    if arguments.output:
        write(arguments.output, introduction, sections)


def write(folder: Path, introduction: str, sections: Sequence[Section]) -> None:
    """Write the tables and the chart."""
    parts = [introduction]
    for section in sections:
        if section.bars:
            chart = folder / CHART
            chart.parent.mkdir(parents=True, exist_ok=True)
            chart.write_text(draw(section.bars, describe()), encoding="utf-8")
        parts.append(section.markdown(CHART if section.bars else None))
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(parts)
    (folder / "performance.md").write_text(f"{text}\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="a fast look")
    parser.add_argument(
        "--full",
        action="store_true",
        help="also what takes very long: a hundred days, ten and twenty million rows",
    )
    parser.add_argument(
        "--only", action="append", choices=TABLES, help="a table; may be repeated"
    )
    parser.add_argument("--rows", type=_positive, help="about so many rows")
    parser.add_argument("--runs", type=_positive, help="runs of each contender")
    parser.add_argument(
        "--output", type=Path, help="where performance.md and its chart are written"
    )
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        message = f"{text!r} is not a number from 1 up"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    main()
