# /// script
# requires-python = ">=3.10"
# dependencies = ["duckdb>=1.4", "meltano>=4.4"]
# ///
"""Load TargetADS into one DuckDB file, and show what arrived.

The tap runs under Meltano and hands its rows to target-jsonl, which appends them to
files in `output/`; DuckDB then keeps one row per key. By default the rows come from
the bundled sandbox, with no token and no network; `--environment=prod` reads the real
API with the settings in `.env`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

PROJECT = Path(__file__).resolve().parent
OUTPUT = PROJECT / "output"
DATABASE = OUTPUT / "targetads.duckdb"

DUCKDB_TYPES = {
    "date-time": "TIMESTAMPTZ",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
}


def meltano(environment: str, *arguments: str, capture: bool = False) -> str:
    """Run Meltano in this project, and return what it printed if captured."""
    program = Path(sys.executable).with_name("meltano")
    # Plugins start four times slower when Python may not keep its bytecode.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [program, f"--environment={environment}", *arguments],
        cwd=PROJECT,
        env=variables,
        check=False,
        stdout=subprocess.PIPE if capture else None,
        text=True,
    )
    if done.returncode:
        sys.exit(f"meltano {' '.join(arguments)} failed; its output above says why.")
    return done.stdout or ""


def load(connection: duckdb.DuckDBPyConnection, stream: dict[str, Any]) -> bool:
    """Load one stream's file into a table of its own; tell whether there was one."""
    name = stream["tap_stream_id"]
    file = OUTPUT / f"{name}.jsonl"
    if not file.exists():
        return False
    columns = {
        column: DUCKDB_TYPES[schema.get("format") or schema["type"][0]]
        for column, schema in stream["schema"]["properties"].items()
    }
    # Files are append only: a row that was read again stands in them again.
    once = (
        "QUALIFY row_number() OVER (PARTITION BY _row_key) = 1"
        if "_row_key" in columns
        else ""
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TABLE "{name}" AS
        SELECT * FROM read_json($file, format = 'newline_delimited', columns = $columns)
        {once}
        """,
        {"file": str(file), "columns": columns},
    )
    return True


def show(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    """Print counts per day, a sample, and how to go on."""
    counts = "\nUNION ALL ".join(
        f"""SELECT '{t}' AS stream, "InteractionDate" AS day FROM "{t}" """
        for t in tables
    )
    print("\nRows per day and stream")
    connection.sql(
        f"PIVOT ({counts}) ON stream USING count(*) GROUP BY day ORDER BY day"
    ).show(max_rows=400)
    print("Rows per stream")
    connection.sql(
        f"SELECT stream, count(*) AS rows FROM ({counts}) GROUP BY ALL ORDER BY ALL"
    ).show()
    print(f"A sample of {tables[-1]}")
    connection.sql(f'SELECT * FROM "{tables[-1]}" LIMIT 3').show()
    print(f"The database: {DATABASE}")
    print(
        f"""Ask it:       uv run demo.py --query 'SELECT count(*) FROM {tables[-1]}'"""
    )


def main() -> None:
    """Run the pipeline, or query its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment",
        default="sandbox",
        help="Meltano environment: sandbox (default), dev or prod",
    )
    parser.add_argument("--query", help="SQL to run on the database, instead of a load")
    arguments = parser.parse_args()
    if arguments.query:
        with duckdb.connect(str(DATABASE), read_only=True) as connection:
            connection.sql(arguments.query).show(max_rows=400)
        return
    environment = arguments.environment
    meltano(environment, "run", "tap-targetads", "target-jsonl")
    catalog = meltano(
        environment, "invoke", "tap-targetads", "--discover", capture=True
    )
    with duckdb.connect(str(DATABASE)) as connection:
        streams = json.loads(catalog)["streams"]
        tables = [s["tap_stream_id"] for s in streams if load(connection, s)]
        if tables:
            show(connection, tables)


if __name__ == "__main__":
    main()
