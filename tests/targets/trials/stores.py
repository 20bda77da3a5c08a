"""Reads back what a target has loaded: a function for each kind of store."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.targets.trials.declared import Place, Target

    Rows = Iterator[Mapping[str, Any]]

# DuckDB reads its files with the version that is beside the target.
_DUCKDB = """
import duckdb, json, sys
file, table = sys.argv[1:]
result = duckdb.connect(file, read_only=True).execute(f"FROM {table}")
names = [column[0] for column in result.description]
for row in result.fetchall():
    print(json.dumps(dict(zip(names, row)), default=str))
"""


def json_lines(_: Target, place: Place, stream: str) -> Rows:
    """Files of JSON lines."""
    for path in sorted(place.folder.glob(f"{stream}*.jsonl")):
        with path.open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)


def singer_files(_: Target, place: Place, stream: str) -> Rows:
    """Compressed files of messages."""
    for path in sorted(place.folder.glob(f"{stream}/*.singer.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            messages = map(json.loads, file)
            yield from (m["record"] for m in messages if m["type"] == "RECORD")


def csv_files(_: Target, place: Place, stream: str) -> Rows:
    """CSV files with a header each."""
    csv.field_size_limit(sys.maxsize)
    for path in sorted(place.folder.glob(f"{stream}-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def sqlite(_: Target, place: Place, stream: str) -> Rows:
    """A table of an SQLite file."""
    with closing(sqlite3.connect(place.folder / "rows.db")) as connection:
        connection.row_factory = sqlite3.Row
        for row in connection.execute(f'SELECT * FROM "{stream}"'):  # noqa: S608
            yield dict(row)


def postgres(_: Target, place: Place, stream: str) -> Rows:
    """A table of PostgreSQL."""
    query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(place.schema, stream))
    with psycopg.connect(
        host=place.host, port=place.port, user="postgres", row_factory=dict_row
    ) as connection:
        # Some have times with a zone: they are the same times in any.
        connection.execute("SET timezone = 'UTC'")
        yield from connection.execute(query)


def duckdb(target: Target, place: Place, stream: str) -> Rows:
    """A table of a DuckDB file."""
    table = f"{place.schema}.{stream}"
    file = str(place.folder / "rows.duckdb")
    done = subprocess.run(
        target.command("python", "-c", _DUCKDB, file, table),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield from map(json.loads, done.stdout.splitlines())
