"""Rows per CPU second of the tap and of an ordinary SDK tap, on the same pages.

    uv run python -m benchmarks

The sandbox serves the same rows to both, from a process of its own. Each tap runs as
it would for a user, its messages going to /dev/null; what counts is the CPU time of
its process alone. Runs are interleaved, and medians are printed: the machine's noise
hits both alike, and the ratio is what can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.serving import DAY, PROJECT, serve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EXTRA_FIELDS = ["InteractionUtmContent", "InteractionUtmTerm", "InteractionCity"]
TAPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "tap-targetads": ("tap_targetads", {"interaction_types": ["PageView"]}),
    "tap-targetads, no row key": (
        "tap_targetads",
        {"interaction_types": ["PageView"], "row_key": False},
    ),
    "ordinary RESTStream tap": ("benchmarks.vanilla", {}),
}


@dataclass(frozen=True)
class Run:
    """One run of a tap.

    Attributes:
        cpu: User and system time of the process, in seconds.
        memory: Its peak resident memory, in MB.
    """

    cpu: float
    memory: float


def run(module: str, config: Path, catalog: Path) -> Run:
    """Run a tap to the end, and measure its process alone."""
    files = ["--config", str(config), "--catalog", str(catalog)]
    command = [sys.executable, "-m", module, *files]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None  # noqa: S101 - asked for above
    log = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{module} failed:\n{log.decode()}")
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def page_views_only(module: str, config: Path) -> str:
    """A tap's catalog with one stream selected."""
    command = [sys.executable, "-m", module, "--config", str(config), "--discover"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    catalog = json.loads(done.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["stream"] == "page_views"
    return json.dumps(catalog)


def measure(api_url: str, token: str, repeat: int) -> dict[str, list[Run]]:
    """Run all taps in turn, several times."""
    runs: dict[str, list[Run]] = {name: [] for name in TAPS}
    common = {
        "api_url": api_url,
        "auth_token": token,
        "project_id": PROJECT,
        "start_date": DAY.isoformat(),
        "end_date": DAY.isoformat(),
        "extra_fields": EXTRA_FIELDS,
    }
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeat):
            for number, (name, (module, own)) in enumerate(TAPS.items()):
                config = Path(folder, f"{number}.json")
                config.write_text(json.dumps({**common, **own}))
                catalog = Path(folder, f"{number}.catalog.json")
                if not catalog.exists():
                    catalog.write_text(page_views_only(module, config))
                runs[name].append(run(module, config, catalog))
    return runs


def table(rows: int, runs: Mapping[str, Sequence[Run]]) -> str:
    """The result as markdown."""
    speeds = {
        name: rows / statistics.median(r.cpu for r in mine)
        for name, mine in runs.items()
    }
    slowest = min(speeds.values())
    lines = [
        f"{rows:,} rows of 20 fields, median of {len(runs['tap-targetads'])} runs",
        "",
        "| | rows per CPU second | ratio | peak memory |",
        "|:--|--:|--:|--:|",
    ]
    for name, speed in speeds.items():
        memory = statistics.median(r.memory for r in runs[name])
        lines.append(
            f"| {name} | {speed:,.0f} | {speed / slowest:.1f} | {memory:.0f} MB |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rows", type=int, default=500_000, help="about so many rows")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each tap")
    arguments = parser.parse_args()
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=serve, args=(theirs, arguments.rows))
    process.start()
    theirs.close()  # so that its end is noticed here
    url, token, rows = ours.recv()
    try:
        runs = measure(url, token, arguments.repeat)
    finally:
        ours.send("stop")
        process.join()
    print(table(rows, runs))


if __name__ == "__main__":
    main()
