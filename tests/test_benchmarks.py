from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_benchmark_prints_a_table_of_the_tap_and_its_peer() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--rows", "2000", "--repeat", "1"],
        cwd=Path(__file__).resolve().parent.parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert "rows of 20 fields, median of 1 runs" in done.stdout
    for name in ("tap-targetads", "ordinary RESTStream tap"):
        assert f"| {name} |" in done.stdout
