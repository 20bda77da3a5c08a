#!/usr/bin/env -S uv run --quiet --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["duckdb>=1.4"]
# ///
"""Load a tap's files of JSON lines into a DuckDB file: a loader for Meltano.

Rows and state move in one transaction. A row that comes again replaces the one with its
key.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from messages import Stream, main, settings

TYPES = {
    "date-time": "TIMESTAMPTZ",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
}
STATES = "CREATE TABLE IF NOT EXISTS _state (noted TIMESTAMPTZ, state JSON)"


class DuckDB:
    """A DuckDB file, open only while something is loaded: then nobody can read it."""

    def __init__(self, file: str) -> None:
        self.file = Path(file).resolve()
        self.file.parent.mkdir(parents=True, exist_ok=True)

    def create(self, stream: Stream) -> None:
        """Create a stream's table, or add the columns that it lacks."""
        columns = {
            quoted(name): TYPES[kind] + " NOT NULL" * (name in stream.required)
            for name, kind in stream.types.items()
        }
        lines = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        with duckdb.connect(self.file) as connection:
            table = quoted(stream.name)
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({lines})")
            for name, kind in stream.types.items():
                connection.execute(
                    f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "
                    f"{quoted(name)} {TYPES[kind]}"
                )

    def load(self, files: list[tuple[Stream, Path]], state: str | None) -> None:
        """Load files, then note the state, all or nothing."""
        with duckdb.connect(self.file) as connection:
            connection.execute("BEGIN")
            for stream, file in files:
                insert(connection, stream, file)
            if state:
                connection.execute(STATES)
                connection.execute("INSERT INTO _state VALUES (now(), ?)", [state])
            connection.execute("COMMIT")

    def state(self) -> str | None:
        """The state that was noted last."""
        with duckdb.connect(self.file) as connection:
            connection.execute(STATES)
            last = "SELECT state FROM _state ORDER BY noted DESC LIMIT 1"
            row = connection.execute(last).fetchone()
        return str(row[0]) if row else None


def insert(connection: duckdb.DuckDBPyConnection, stream: Stream, file: Path) -> None:
    """Put a file's rows into their table, in place of those with the same keys."""
    table, keys = quoted(stream.name), [quoted(key) for key in stream.keys]
    columns = {name: TYPES[kind] for name, kind in stream.types.items()}
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE incoming AS FROM read_json(
            $file, format = 'newline_delimited', columns = $columns
        )
        """,
        {"file": str(file), "columns": columns},
    )
    if keys:
        # A page that was read twice stands in a file twice: the last counts.
        same = " AND ".join(f"incoming.{key} = twice.{key}" for key in keys)
        by = ", ".join(keys)
        connection.execute(
            f"""
            DELETE FROM incoming USING (
                SELECT {by}, max(rowid) AS last FROM incoming
                GROUP BY {by} HAVING count(*) > 1
            ) AS twice
            WHERE {same} AND incoming.rowid < twice.last
            """
        )
        same = " AND ".join(f"old.{key} = incoming.{key}" for key in keys)
        if stream.time:  # DuckDB then looks only where rows of that time are
            time = quoted(stream.time)
            same += f" AND old.{time} >= (SELECT min({time}) FROM incoming)"
            same += f" AND old.{time} <= (SELECT max({time}) FROM incoming)"
        connection.execute(f"DELETE FROM {table} AS old USING incoming WHERE {same}")
    connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    try:
        main(DuckDB(settings("database")["database"]))
    except duckdb.Error as error:
        sys.exit(f"DuckDB has not taken the rows: {error}")
