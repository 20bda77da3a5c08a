# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb>=1.4", "meltano>=4.4"]
# ///
"""Load TargetADS into one DuckDB file, and show what arrived.

The tap runs under Meltano and writes files, which DuckDB loads (`examples/bulk`). By
default the rows come from the bundled sandbox, with no token and no network;
`--environment=prod` reads the real API with the settings in `.env`. A further run goes
on from the state that the database holds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from datetime import date

PROJECT = Path(__file__).resolve().parent
DATABASE = "targetads.duckdb"
LOG = "demo.log"

DAYS = ("conversion_date", "InteractionDate", "EventDate")
"""The columns that tell the day of a row."""
SAID = re.compile(r"\S+ \[(?P<level>\w+) *\] (?P<who>\S+) +(?P<what>(?!METRIC)\S.*)")
"""A line of Meltano's log: what it says itself, the tap or the loader."""
BARS = "▁▂▃▄▅▆▇█"
MOST_BARS = 31

SOURCES = """
    SELECT coalesce(InteractionUtmSource, '(direct)') AS source,
        count(*) AS purchases, sum(InteractionEcomAmount) AS revenue
    FROM purchases GROUP BY ALL ORDER BY revenue DESC LIMIT 6
"""
QUESTION = """
  SELECT InteractionMediaCampaignName, sum(InteractionEcomAmount)
  FROM purchases GROUP BY ALL ORDER BY 2 DESC"""


def load(environment: str, output: Path) -> None:
    """Let Meltano run the tap and the loader, on from the state in the database."""
    database, log = output / DATABASE, output / LOG
    state = output / "state.json"
    state.write_text(state_of(database), encoding="utf-8")
    # Plugins start four times slower when Python may not keep its bytecode.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [
        Path(sys.executable).with_name("meltano"),
        f"--environment={environment}",
        *("el", f"--state={state}", "tap-targetads-bulk", "bulk-duckdb"),
    ]
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**variables, "BULK_DUCKDB_DATABASE": str(database), "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as meltano,
    ):
        errors = []
        for line in meltano.stdout or ():
            file.write(line)
            if match := SAID.match(line):
                tell(match["what"])
                if match["level"] == "error" or match["who"] == "bulk-duckdb":
                    errors.append(match["what"])
    tell("")
    if meltano.returncode:
        print(*errors, sep="\n", file=sys.stderr)
        sys.exit(f"Not everything was loaded. The log of the run: {log}")


def state_of(database: Path) -> str:
    """The state that the database holds; or none, to start from the beginning."""
    if database.exists():
        with duckdb.connect(database) as connection:
            last = "SELECT state FROM _state ORDER BY noted DESC LIMIT 1"
            try:
                row = connection.execute(last).fetchone()
            except duckdb.CatalogException:  # killed before the first rows
                row = None
        if row:
            return str(row[0])
        database.unlink()
    return "{}"


def tell(line: str) -> None:
    """Show what happens, on one line, in the place of the one before."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{line[:width]:{width}}\r", end="", flush=True)


def show(connection: duckdb.DuckDBPyConnection) -> None:
    """Print the rows per stream, over the days, and what the purchases tell."""
    columns: dict[str, list[str]] = {}
    query = """
        SELECT table_name, column_name FROM duckdb_columns
        WHERE schema_name = 'main' AND table_name <> '_state'
    """
    for table, column in connection.execute(query).fetchall():
        columns.setdefault(table, []).append(column)
    per_day = {
        table: rows_per_day(connection, table, columns[table]) for table in columns
    }
    if not any(map(len, per_day.values())):
        sys.exit("No rows arrived; the log says what was read.")
    days = sorted({day for rows in per_day.values() for day in rows if day})
    print(f"{'Rows':>25}  " + (f"per day, {days[0]} to {days[-1]}" if days else ""))
    for table, rows in sorted(per_day.items(), key=lambda i: -sum(i[1].values())):
        bars = drawn([rows.get(day, 0) for day in days]) if None not in rows else ""
        print(f"{table:16} {sum(rows.values()):8,}  {bars}".rstrip())
    try:
        sources = connection.execute(SOURCES).fetchall()
    except duckdb.Error:  # other streams or fields are selected
        return
    print(f"\n{'Purchases':>25}     Revenue  by source")
    for source, purchases, revenue in sources:
        print(f"{source:16} {purchases:8,}  {revenue or 0:10,.0f}")


def rows_per_day(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]
) -> dict[date | None, int]:
    """Count a table's rows; all in one, where they have no day."""
    day = next((f'"{day}"' for day in DAYS if day in columns), "NULL::DATE")
    query = f'SELECT {day} AS day, count(*) FROM "{table}" GROUP BY day'
    return dict(connection.execute(query).fetchall())


def drawn(counts: list[int]) -> str:
    """Counts as a line of bars; several days share one if there are many."""
    each = max(1, -(-len(counts) // MOST_BARS))
    sums = [sum(counts[i : i + each]) for i in range(0, len(counts), each)]
    if not any(sums):
        return ""
    highest = len(BARS) - 1
    return "".join(BARS[round(highest * count / max(sums))] for count in sums)


def main() -> None:
    """Run the pipeline, or query its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment",
        default="sandbox",
        help="Meltano environment: sandbox (default), dev or prod",
    )
    parser.add_argument(
        "--output", type=Path, help="where the file goes (default: output/ENVIRONMENT)"
    )
    parser.add_argument("--query", help="SQL to run on the database, instead of a load")
    arguments = parser.parse_args()
    environment = arguments.environment
    output = (arguments.output or PROJECT / "output" / environment).resolve()
    database = output / DATABASE
    try:
        if arguments.query is None:
            output.mkdir(parents=True, exist_ok=True)
            print(f"Loading into {database}\n", flush=True)
            load(environment, output)
        with duckdb.connect(database, read_only=True) as connection:
            if arguments.query is not None:
                width = shutil.get_terminal_size().columns
                if answer := connection.sql(arguments.query):
                    answer.show(max_rows=400, max_width=width)
                return
            show(connection)
    except duckdb.Error as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Stopped. Run it again: it goes on from what is loaded.")
    option = "" if environment == "sandbox" else f" --environment={environment}"
    option += f" --output={arguments.output}" if arguments.output else ""
    print("\nAsk the next question; which campaign sells?")
    print(f"uv run demo.py{option} --query '{QUESTION}'")
    print("\nOr see the answers drawn, on a page of charts:")
    print(f"uv run examples/dbt_targetads/run.py{option}")


if __name__ == "__main__":
    main()
