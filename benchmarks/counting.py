"""Counts rows in files of dlt, in a process of its own.

A line may hold a page of rows: reading it would make the measuring process large, and
with it what Linux says of its children's memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import ROOT


def count_rows(folder: Path, pattern: str) -> int:
    """The number of rows in the files of a folder.

    Args:
        folder: The folder.
        pattern: Which files: a glob.
    """
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
