#!/usr/bin/env -S uv run --quiet --script
# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Load a tap's files of JSON lines into ClickHouse: a loader for Meltano.

`clickhouse-client` reads the files itself. The tables are of the engine
ReplacingMergeTree: a row that comes again replaces the one with its key. ClickHouse
does so in its own time; `FINAL` in a query leaves only the last row of each key. The
state is noted after the rows.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from messages import Stream, main, settings

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {
    "date-time": "DateTime64(6, 'UTC')",
    "date": "Date32",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "Bool",
    "string": "String",
}

STATES = "(noted DateTime64(6, 'UTC'), state String) ENGINE MergeTree ORDER BY noted"
SETTINGS = {
    # What new servers do by themselves: read the offset of times, and all digits.
    "date_time_input_format": "'best_effort'",
    "precise_float_parsing": 1,
    # Errors, instead of columns that are lost and keys that are made up.
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
}


class ClickHouse:
    """A database of a ClickHouse.

    Args:
        client: The command that reaches it: what `--queries-file` is added to.
        database: Its name.
    """

    def __init__(self, client: str, database: str) -> None:
        self._client = shlex.split(client)
        self._database = quoted(database)
        self._states = f"{self._database}._state"
        self._prepare = (
            f"CREATE DATABASE IF NOT EXISTS {self._database}",
            f"CREATE TABLE IF NOT EXISTS {self._states} {STATES}",
        )

    def create(self, stream: Stream) -> None:
        """Create a stream's table, or add the columns that it lacks."""
        columns = {
            quoted(name): TYPES[kind]
            if name in stream.required
            else f"Nullable({TYPES[kind]})"
            for name, kind in stream.types.items()
        }
        lines = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        # Those of fields that have been selected since.
        added = ", ".join(
            f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in columns.items()
        )
        # The time in front, where it makes queries on a period fast.
        first = [stream.time] if stream.time and stream.time not in stream.keys else []
        by = ", ".join(map(quoted, [*first, *stream.keys]))
        engine = "ReplacingMergeTree" if stream.keys else "MergeTree"
        table = f"{self._database}.{quoted(stream.name)}"
        self._run(
            *self._prepare,
            f"CREATE TABLE IF NOT EXISTS {table} ({lines}) ENGINE {engine} "
            f"ORDER BY ({by})",
            f"ALTER TABLE {table} {added}",
        )

    def load(self, files: list[tuple[Stream, Path]], state: str | None) -> None:
        """Load files, then note the state."""
        how = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
        inserts = [
            f"INSERT INTO {self._database}.{quoted(stream.name)} "
            f"FROM INFILE {text(str(file))} SETTINGS {how} FORMAT JSONEachRow"
            for stream, file in files
        ]
        if state:
            note = f"INSERT INTO {self._states} SELECT now64(6), {text(state)}"
            inserts.append(note)
        self._run(*inserts)

    def state(self) -> str | None:
        """The state that was noted last."""
        last = f"SELECT state FROM {self._states} ORDER BY noted DESC LIMIT 1"
        line = self._run(*self._prepare, f"{last} FORMAT JSONEachRow").strip()
        return json.loads(line)["state"] if line else None

    def _run(self, *statements: str) -> str:
        """Run statements; what the last of them prints."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
            file.write(";\n".join(statements))
            file.flush()
            done = subprocess.run(
                [*self._client, "--queries-file", file.name],
                check=False,
                stdout=subprocess.PIPE,
                text=True,
            )
        if done.returncode:
            sys.exit("ClickHouse has not taken the rows: its output above says why.")
        return done.stdout


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def text(value: str) -> str:
    """A text as SQL wants it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


if __name__ == "__main__":
    own = settings("client", "database")
    main(ClickHouse(own["client"], own["database"]))
