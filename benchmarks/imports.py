"""What the tap's start-up time is spent on."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import ROOT, interleaved, run
from benchmarks.sections import Section, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.sections import Options

CONFIG = '{"project_id": 1, "auth_token": "x", "start_date": "2024-01-01"}'
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "--version": ("--version",),
    "--about": ("--about",),
    "--discover": ("--config", "{config}", "--discover"),
}
SHOWN = 10
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def imports(options: Options) -> Section:
    """Measure the imports of each command, and each command as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(CONFIG, encoding="utf-8")
        arguments = {
            name: [word.format(config=config) for word in words]
            for name, words in COMMANDS.items()
        }
        whole = interleaved(
            {
                name: partial(run, [sys.executable, "-m", "tap_targetads", *words])
                for name, words in arguments.items()
            },
            options.runs,
        )
        profiles = {
            name: medians([profile(words) for _ in range(options.runs)])
            for name, words in arguments.items()
        }
    lines = [
        (f"`{package}`", *(cell(p.get(package)) for p in profiles.values()))
        for package in most_expensive(profiles)
    ]
    lines += [
        ("all imports", *(cell(sum(p.values())) for p in profiles.values())),
        (
            "the command, wall time",
            *(
                cell(1000 * statistics.median(r.wall for r in w))
                for w in whole.values()
            ),
        ),
        (
            "the command, CPU time",
            *(cell(1000 * statistics.median(r.cpu for r in w)) for w in whole.values()),
        ),
    ]
    return Section(
        "Start",
        f"Milliseconds, medians of {options.runs} runs, by `python -X importtime`, "
        f"which itself takes time: the {SHOWN} most expensive top-level modules, each "
        "with the modules inside it, but without what it imports from elsewhere.",
        table(("", *(f"`{name}`" for name in COMMANDS)), lines),
    )


def profile(arguments: Sequence[str]) -> dict[str, float]:
    """The milliseconds spent on each top-level module."""
    command = [sys.executable, "-X", "importtime", "-m", "tap_targetads", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    spent: dict[str, float] = defaultdict(float)
    for microseconds, module in LINE.findall(done.stderr):
        spent[module.partition(".")[0]] += int(microseconds) / 1000
    return spent


def medians(profiles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of several profiles."""
    names = {name for one in profiles for name in one}
    return {
        name: statistics.median(one.get(name, 0.0) for one in profiles)
        for name in names
    }


def most_expensive(profiles: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The modules that take the most time, in any command."""
    most: dict[str, float] = defaultdict(float)
    for one in profiles.values():
        for name, spent in one.items():
            most[name] = max(most[name], spent)
    return sorted(most, key=most.__getitem__, reverse=True)[:SHOWN]


def cell(milliseconds: float | None) -> str:
    """A cell of the table."""
    return "-" if milliseconds is None else f"{milliseconds:.0f}"
