# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb>=1.4", "meltano>=4.4"]
# ///
"""Load TargetADS into one DuckDB file, and show what arrived.

The tap runs under Meltano and hands its rows to target-jsonl, which appends them to
files; DuckDB then keeps one row per key. By default the rows come from
the bundled sandbox, with no token and no network; `--environment=prod` reads the real
API with the settings in `.env`.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

PROJECT = Path(__file__).resolve().parent
DATABASE = "targetads.duckdb"

DAYS = ("conversion_date", "InteractionDate", "EventDate")
"""The columns that tell the day of a row."""

DUCKDB_TYPES = {
    "date-time": "TIMESTAMPTZ",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
}


def meltano(environment: str, output: Path, *arguments: str) -> str:
    """Run Meltano in this project, and return what it printed to stdout."""
    # Plugins start four times slower when Python may not keep its bytecode.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [
            Path(sys.executable).with_name("meltano"),
            f"--environment={environment}",
            *arguments,
        ],
        cwd=PROJECT,
        env={**variables, "TARGET_JSONL_DESTINATION_PATH": str(output)},
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(
            f"meltano {' '.join(arguments)} failed; its output above says why. If that "
            "is a pipeline that is already running, although you have stopped it: "
            "run the demo again with --force."
        )
    return done.stdout


def drop_torn_rows(output: Path) -> None:
    """Cut off the last line of each file where a run was killed while writing it.

    The next run reads its row again: Meltano notes a state only once target-jsonl has
    written everything.
    """
    for file in output.glob("*.jsonl"):
        if not (size := file.stat().st_size):
            continue
        with file.open("rb+") as lines:
            with mmap.mmap(lines.fileno(), 0) as content:
                whole = content.rfind(b"\n") + 1
            if whole < size:
                lines.truncate(whole)
                print(f"{file}: removed its last row, which a killed run left torn.")


def load(
    connection: duckdb.DuckDBPyConnection, output: Path, stream: dict[str, Any]
) -> bool:
    """Load one stream's file into a table of its own; tell whether there was one."""
    name = stream["tap_stream_id"]
    file = output / f"{name}.jsonl"
    if not file.exists():
        return False
    columns = {
        column: DUCKDB_TYPES[schema.get("format") or schema["type"][0]]
        for column, schema in stream["schema"]["properties"].items()
    }
    # Files are append only: what was read again stands in them again, the last counts.
    keys = ", ".join(f'"{key}"' for key in stream["key_properties"])
    last = f"row_number() OVER (PARTITION BY {keys} ORDER BY line DESC) = 1"
    statement = f"""
        CREATE OR REPLACE TABLE "{name}" AS
        SELECT * EXCLUDE (line) FROM (
            SELECT *, row_number() OVER () AS line FROM read_json(
                $file, format = 'newline_delimited', columns = $columns
            )
        )
        QUALIFY {last if keys else "true"}
        """
    try:
        connection.execute(statement, {"file": str(file), "columns": columns})
    except duckdb.InvalidInputException as error:
        reason = str(error).partition("\n")[0]
        sys.exit(
            f"{file} cannot be loaded: {reason} Remove the folder {output}, and run "
            "the demo again: it then reads everything anew."
        )
    return True


def show(connection: duckdb.DuckDBPyConnection, tables: list[str]) -> None:
    """Print counts per day and stream, and a sample."""
    dated = {}
    for table in tables:
        columns = [row[0] for row in connection.sql(f'DESCRIBE "{table}"').fetchall()]
        dated[table] = next((day for day in DAYS if day in columns), None)
    days = "\nUNION ALL ".join(
        f"""SELECT '{table}' AS stream, "{day}" AS day FROM "{table}" """
        for table, day in dated.items()
        if day
    )
    print("\nRows per day and stream")
    connection.sql(
        f"PIVOT ({days}) ON stream USING count(*) GROUP BY day ORDER BY day"
    ).show(max_rows=400, max_width=200)
    counts = "\nUNION ALL ".join(
        f"""SELECT '{table}' AS stream, count(*) AS rows FROM "{table}" """
        for table in tables
    )
    print("Rows per stream")
    connection.sql(f"SELECT * FROM ({counts}) ORDER BY ALL").show()
    sample = "purchases" if "purchases" in tables else tables[-1]
    print(f"A sample of {sample}")
    connection.sql(f'SELECT * FROM "{sample}" LIMIT 3').show(max_width=200)


def main() -> None:
    """Run the pipeline, or query its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment",
        default="sandbox",
        help="Meltano environment: sandbox (default), dev or prod",
    )
    parser.add_argument(
        "--output", type=Path, help="where files go (default: output/ENVIRONMENT)"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="run although Meltano takes a killed demo for one that is running",
    )
    parser.add_argument("--query", help="SQL to run on the database, instead of a load")
    arguments = parser.parse_args()
    environment = arguments.environment
    output = (arguments.output or PROJECT / "output" / environment).resolve()
    database = output / DATABASE
    if arguments.query:
        try:
            with duckdb.connect(str(database), read_only=True) as connection:
                connection.sql(arguments.query).show(max_rows=400)
        except duckdb.Error as error:
            sys.exit(str(error))
        return

    output.mkdir(parents=True, exist_ok=True)
    drop_torn_rows(output)
    # Without the files of earlier runs, what Meltano remembers of them is of no use.
    # The database tells that a first run has come to its end.
    options = []
    if not (database.exists() and any(output.glob("*.jsonl"))):
        database.unlink(missing_ok=True)
        options += ["--full-refresh"]
    options += ["--force"] if arguments.force else []
    meltano(environment, output, "run", *options, "tap-targetads", "target-jsonl")
    catalog = meltano(environment, output, "invoke", "tap-targetads", "--discover")
    with duckdb.connect(str(database)) as connection:
        streams = json.loads(catalog)["streams"]
        tables = [s["tap_stream_id"] for s in streams if load(connection, output, s)]
        if not tables:
            sys.exit("No rows arrived; the output above says what was read.")
        show(connection, tables)
    option = "" if environment == "sandbox" else f" --environment={environment}"
    print(f"The database: {database}")
    print(f"""Ask it:       uv run demo.py{option} --query 'FROM purchases LIMIT 5'""")


if __name__ == "__main__":
    main()
