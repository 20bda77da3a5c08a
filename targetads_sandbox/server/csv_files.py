"""Writes the rows of a query to a CSV file, in batches.

API reference: v2 reports.
"""

from __future__ import annotations

import csv
import gzip
import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO, cast

from targetads_sandbox.world.fields import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from targetads_sandbox.dialect import Dialect
    from targetads_sandbox.world.query import Query
    from targetads_sandbox.world.rows import Value
    from targetads_sandbox.world.world import World

_BATCH = 5_000
_LEVEL = 1
_BOM = "\ufeff"
_WORDS = {True: "true", False: "false"}


class StoppedError(Exception):
    """The file is no longer wanted."""


def write_csv(
    path: Path,
    query: Query,
    world: World,
    dialect: Dialect,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Write a file with all rows of a query.

    A missing value is empty, like an empty string; numbers and times are as in JSON.

    Args:
        path: The file.
        query: Which rows.
        world: Where they are.
        dialect: The form of the file.
        stopped: Whether to give up; called now and then.

    Returns:
        The number of rows.

    Raises:
        StoppedError: If it was stopped.
    """
    columns = list(zip(query.fields, query.columns, strict=True))
    if dialect.csv_columns == "other":
        columns.reverse()
    names = [name for name, _ in columns]
    count = 0
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(path.open("wb"))
        if dialect.csv_gzip:
            packed = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)
            file = cast("BinaryIO", stack.enter_context(packed))
        file.write(_text([names], _BOM if dialect.csv_bom else "").encode())
        for rows in _batches(query, world, columns):
            if stopped():
                raise StoppedError
            file.write(_text(rows).encode())
            count += len(rows)
    return count


def _text(rows: Sequence[Sequence[Value]], start: str = "") -> str:
    """Rows as CSV: RFC 4180."""
    buffer = io.StringIO(newline="")
    buffer.write(start)
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _batches(
    query: Query, world: World, columns: Sequence[tuple[str, int]]
) -> Iterator[Sequence[Sequence[Value]]]:
    """The rows of a query, with their columns in the order of the file."""
    positions = [position for _, position in columns]
    flags = [n for n, (name, _) in enumerate(columns) if name in BOOLEANS]
    for part, numbers in query.selections(world, whole=False):
        for start in range(0, len(numbers), _BATCH):
            rows: list[list[Value]] = []
            for number in numbers[start : start + _BATCH]:
                row = part.rows[number]
                values = [row[position] for position in positions]
                for flag in flags:
                    if isinstance(values[flag], bool):
                        values[flag] = _WORDS[bool(values[flag])]
                rows.append(values)
            yield rows
