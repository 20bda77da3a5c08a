"""Counts rows in dlt's files, in a separate process.

A line may hold a page of rows: reading it would enlarge the measuring process, and with
it what Linux reports as its children's memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import ROOT


def count_rows(folder: Path, pattern: str) -> int:
    """The number of rows in a folder's files that match a glob."""
    command = [sys.executable, "-m", "benchmarks.counting", str(folder), pattern]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return int(done.stdout)


def main(folder: str, pattern: str) -> None:
    """Print the number of rows: a line has one, or a list of them."""
    rows = 0
    for file in Path(folder).glob(pattern):
        with file.open("rb") as lines:
            values = map(json.loads, lines)
            rows += sum(len(v) if isinstance(v, list) else 1 for v in values)
    print(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
