"""Fails if the tap has become clearly slower: `python -m benchmarks.guard`.

Compares the user CPU time of the tap with that of the plain script, on the same pages,
in turn. Both parse and write JSON, so that their ratio depends little on the machine
and its load, unlike wall time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.contenders import CONTENDERS, Ready
from benchmarks.measuring import Ratio, interleaved, run
from benchmarks.serving import World, served
from benchmarks.throughput import warm_up

ROWS = 150_000
RUNS = 5
RECORDED = 0.8
"""The measured ratio: 0.74 to 0.85 on Python 3.11, a tenth more on others."""

BOUND = 1.3
"""The largest ratio that passes.

Half more than recorded, and a third more than the worst seen, so that another processor
or Python does not fail. Regressions that matter are far larger: an ordinary SDK tap,
which handles rows one by one, has seven.
"""


def measure(rows: int, runs: int) -> Ratio:
    """The user CPU time of the tap, as a multiple of the plain script's."""
    with tempfile.TemporaryDirectory() as name, served(World(rows)) as server:
        folder = Path(name)
        ready = {
            key: Ready.prepare(CONTENDERS[key], server.settings(), folder / key)
            for key in ("tap", "plain")
        }
        warm_up(ready, folder / "finished.jsonl")
        runners = {key: partial(run, one.command) for key, one in ready.items()}
        times = {
            key: [r.user for r in mine]
            for key, mine in interleaved(runners, runs).items()
        }
    return Ratio.of(times["tap"], times["plain"])


def main() -> None:
    """Measure, print the result, and fail if it is too large."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard")
    parser.add_argument("--rows", type=int, default=ROWS, help="about so many rows")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of each")
    parser.add_argument("--bound", type=float, default=BOUND, help="the most allowed")
    arguments = parser.parse_args()
    ratio = measure(arguments.rows, arguments.runs)
    print(
        f"The tap needs {ratio} times the user CPU time of a script by hand; "
        f"recorded: {RECORDED}, allowed: {arguments.bound}."
    )
    if ratio.value > arguments.bound:
        sys.exit("The tap has become slower. `python -m benchmarks` says where.")


if __name__ == "__main__":
    main()
