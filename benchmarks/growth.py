"""The cost of ten times as many rows: flat memory, and the same time per row?"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import Contender, Ready, tap
from benchmarks.measuring import median, run_and_count
from benchmarks.sections import Section, table
from benchmarks.serving import World, served

if TYPE_CHECKING:
    from benchmarks.sections import Options

PAGE = 100_000
RUNS = 3


@dataclass(frozen=True)
class Step:
    """Something to read.

    Attributes:
        contender: What reads it.
        page_views: About how many a day has.
        days: How many days are read.
        only: When to measure it: `""` always, `default` unless quick, `full`.
    """

    contender: Contender
    page_views: int
    days: int = 1
    only: str = ""

    def wanted(self, options: Options) -> bool:
        """Whether it is measured."""
        wanted = {"": True, "default": not options.quick, "full": options.full}
        return wanted[self.only]


BY_DAY = tap("v1, days of one page", window_days=1)
ONE_DAY = tap("v1, all in one day", window_days=1)
ONE_FILE = tap("v2, all in one file", window_days=1, api_version="v2")
STEPS = (
    Step(BY_DAY, PAGE),
    Step(BY_DAY, PAGE, days=10, only="default"),
    Step(BY_DAY, PAGE, days=100, only="full"),
    Step(ONE_DAY, 10 * PAGE, only="default"),
    Step(ONE_FILE, PAGE),
    Step(ONE_FILE, 10 * PAGE, only="default"),
    Step(ONE_FILE, 100 * PAGE, only="full"),
)


def growth(options: Options) -> Section:
    """Measure all steps."""
    return Section(
        "Growth",
        "Row keys are on. A day with all rows needs the memory for its row keys, "
        "100 bytes for each row up to half a million and 10 beyond, to tell equal rows "
        "apart; days of their own need it once. The CPU time includes the start of the "
        "tap.",
        table(
            ("", "rows", "CPU time per 100 000 rows", "peak memory"),
            [line(step, options) for step in STEPS if step.wanted(options)],
        ),
    )


def line(step: Step, options: Options) -> tuple[str, ...]:
    """Measure a step: a line of the table."""
    many = step.only == "full"
    runs = 1 if many else min(options.runs, RUNS)
    with served(World(step.page_views)) as server, tempfile.TemporaryDirectory() as at:
        ready = Ready.prepare(
            step.contender, server.settings(step.days), Path(at, "tap")
        )
        measured = [run_and_count(ready.command) for _ in range(runs)]
    rows = measured[0].records or 0
    cpu = statistics.median(r.cpu for r in measured)
    memory = median([r.memory for r in measured]) or 0
    return (
        step.contender.label,
        f"{rows:,}",
        f"{cpu / rows * PAGE:.2f} s",
        f"{memory:.0f} MB",
    )
