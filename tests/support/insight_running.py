"""Runs the one command of examples/dbt_targetads, and compares marts."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.insight_truth import KEYS
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.insight_truth import Mart, Truth

PACKAGE = ROOT / "examples" / "dbt_targetads"

# The tap's own environment has no DuckDB: its one user here gets it for itself.
ASK = """
import json, sys
import duckdb
with duckdb.connect(sys.argv[1]) as connection:
    for query in json.loads(sys.argv[2]):
        result = connection.execute(query)
        names = [column[0] for column in result.description]
        print(json.dumps([dict(zip(names, r)) for r in result.fetchall()], default=str))
"""


def ask(output: Path, *queries: str) -> list[list[dict[str, Any]]]:
    """Ask DuckDB; the rows of each query."""
    python = ["uv", "run", "--no-project", "--with", "duckdb", "python"]
    command = [*python, "-c", ASK, str(output / "targetads.duckdb")]
    done = subprocess.run(
        [*command, json.dumps(queries)],
        check=True,
        capture_output=True,
        text=True,
    )
    # On a slow machine, DuckDB shows its progress between them.
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    return list(map(json.loads, lines))


def run(
    output: Path, environment: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the one command."""
    command = ["uv", "run", str(PACKAGE / "run.py"), "--output", str(output)]
    return subprocess.run(
        [*command, *arguments],
        env={**environment, "MELTANO_SYS_DIR_ROOT": str(output.parent)},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def assert_built(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"PASS=2\d\d WARN=0 ERROR=0 SKIP=0", done.stdout)


def assert_same(found: list[dict[str, Any]], expected: Mart, mart: str) -> None:
    """Compare a mart with the truth; columns that the truth lacks do not count."""
    rows = {tuple(plain(row[name]) for name in KEYS[mart]): row for row in found}
    assert len(rows) == len(found), mart
    assert set(rows) == set(expected), mart
    for key, values in expected.items():
        for name, value in values.items():
            got = plain(rows[key][name])
            same = pytest.approx(value, abs=2e-6) if isinstance(value, float) else value
            assert got == same, (mart, key, name)


def plain(value: Any) -> Any:
    """A value as JSON has it: PostgreSQL's sums are decimals, days and times texts."""
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, date) else value


def assert_duckdb_is_truth(output: Path, truth: Truth) -> None:
    expected = truth.marts()
    queries = [f"FROM insight.{mart}" for mart in expected]
    for mart, found in zip(expected, ask(output, *queries), strict=True):
        assert_same(found, expected[mart], mart)
