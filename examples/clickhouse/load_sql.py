"""Write the SQL that loads the files of target-jsonl into ClickHouse.

    meltano run tap-targetads target-jsonl
    meltano invoke tap-targetads --discover > catalog.json
    python examples/clickhouse/load_sql.py catalog.json output/prod > load.sql
    clickhouse-client --queries-file load.sql && rm output/prod/*.jsonl

The tables are of the engine ReplacingMergeTree: a row that was loaded again replaces
the one with its key. ClickHouse does so in its own time; `FINAL` in a query leaves only
the last row of each key.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {
    "date-time": "DateTime64(6, 'UTC')",
    "date": "Date32",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "Bool",
    "string": "String",
}

SETTINGS = {
    # What new servers do by themselves: read the offset of times, and all digits.
    "date_time_input_format": "'best_effort'",
    "precise_float_parsing": 1,
    # Errors, instead of columns that are lost and keys that are made up.
    "input_format_skip_unknown_fields": 0,
    "input_format_null_as_default": 0,
}


def quoted(name: str) -> str:
    """A name as SQL wants it."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def text(value: str) -> str:
    """A text as SQL wants it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def order(stream: dict[str, Any]) -> list[str]:
    """What a table is sorted by: the time of its rows, then their key.

    The time takes part in every key that is a hash: rows of one key have one time, so
    that it may stand in front, where it makes queries on a period fast.
    """
    keys = stream["key_properties"]
    time = stream.get("replication_key")
    return [time, *keys] if time and time not in keys else keys


def statements(stream: dict[str, Any], database: str, file: Path) -> Iterator[str]:
    """The statements that load one stream.

    Args:
        stream: Its entry in the catalog.
        database: Where its table is.
        file: Its rows.
    """
    table = f"{quoted(database)}.{quoted(stream['tap_stream_id'])}"
    keys = order(stream)
    columns = {}
    for name, schema in stream["schema"]["properties"].items():
        kind = TYPES[schema.get("format") or schema["type"][0]]
        nullable = "null" in schema["type"] and name not in keys
        columns[quoted(name)] = f"Nullable({kind})" if nullable else kind
    lines = ",\n    ".join(f"{name} {kind}" for name, kind in columns.items())
    engine = "ReplacingMergeTree" if stream["key_properties"] else "MergeTree"
    by = ", ".join(map(quoted, keys))
    yield (
        f"CREATE TABLE IF NOT EXISTS {table} (\n    {lines}\n)\n"
        f"ENGINE = {engine} ORDER BY ({by})"
    )
    # Those of fields that have been selected since.
    added = ",\n    ".join(
        f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in columns.items()
    )
    yield f"ALTER TABLE {table}\n    {added}"
    settings = ", ".join(f"{name} = {value}" for name, value in SETTINGS.items())
    yield (
        f"INSERT INTO {table} FROM INFILE {text(str(file.resolve()))}\n"
        f"SETTINGS {settings}\nFORMAT JSONEachRow"
    )


def main() -> None:
    """Print the statements for all streams that have rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("catalog", type=Path, help="what --discover printed")
    parser.add_argument("folder", type=Path, help="where target-jsonl writes to")
    parser.add_argument("--database", default="targetads")
    arguments = parser.parse_args()
    try:
        catalog = json.loads(arguments.catalog.read_text(encoding="utf-8"))
        streams = {stream["tap_stream_id"]: stream for stream in catalog["streams"]}
    except (OSError, ValueError, LookupError) as error:
        parser.error(f"{arguments.catalog} is not a catalog: {error}")
    files = {file.stem: file for file in sorted(arguments.folder.glob("*.jsonl"))}
    if not files:
        sys.exit(f"No rows to load: there are no .jsonl files in {arguments.folder}.")
    if unknown := set(files) - set(streams):
        sys.exit(f"Not in {arguments.catalog}: {', '.join(sorted(unknown))}.")
    print(f"CREATE DATABASE IF NOT EXISTS {quoted(arguments.database)};")
    for name, file in files.items():
        for statement in statements(streams[name], arguments.database, file):
            print(f"\n{statement};")


if __name__ == "__main__":
    main()
