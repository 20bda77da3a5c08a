"""Compares what is in the warehouse with the truth, row by row and value by value."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_targetads.reports.fields import CONVERSION_DATE, ROW_KEY, fields_of
from targetads_sandbox.truth import expected_paths, expected_records
from tests.drills.drill import PATHS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from tap_targetads.reports.fields import ReportKind
    from targetads_sandbox.world.world import World
    from tests.drills.drill import Drill

Row = dict[str, Any]


class Difference(NamedTuple):
    """How a table differs from the truth.

    Attributes:
        expected: How many rows there are in truth.
        found: How many rows there are.
        lost: Rows of the truth that are not there.
        doubled: Rows there that the truth does not have, or not so often.
    """

    expected: int
    found: int
    lost: int
    doubled: int


def compare(
    expected: Iterable[Row], found: Iterable[Row], *, keys_apart: bool = False
) -> Difference:
    """Compare rows with what they should be. A row that was changed counts as both.

    Args:
        expected: The truth, in any order.
        found: What is there, in any order.
        keys_apart: Compare keys and the other values each for themselves: which of
            two rows that differ only in what their keys leave out has which key, is
            not said.
    """
    truth, there = list(expected), list(found)
    parts: list[tuple[list[Row], list[Row]]] = [(truth, there)]
    if keys_apart:
        parts = [
            ([_without_key(r) for r in truth], [_without_key(r) for r in there]),
            ([_key_only(r) for r in truth], [_key_only(r) for r in there]),
        ]
    counts = [(_counted(left), _counted(right)) for left, right in parts]
    return Difference(
        len(truth),
        len(there),
        max((left - right).total() for left, right in counts),
        max((right - left).total() for left, right in counts),
    )


def true_rows(
    drill: Drill, world: World, stream: str, without: Collection[str] = ()
) -> Iterator[Row]:
    """What a table has to hold in the end, in the types of PostgreSQL.

    Args:
        drill: Says which days of which projects.
        world: What the server has.
        stream: The stream.
        without: Fields that are not selected.
    """
    kind: ReportKind = "path" if stream == PATHS else "raw"
    types: Mapping[str, str] = {
        CONVERSION_DATE: "date",
        **{name: field.type for name, field in fields_of(kind).items()},
    }
    for project_id in drill.projects:
        common: dict[str, Any] = {
            "project_id": project_id,
            "start": drill.start,
            "end": drill.end,
            "timezone": drill.timezone,
            "fields": sorted(fields_of(kind).keys() - set(without)),
        }
        if stream == PATHS:
            records = expected_paths(world, **common)
        else:
            records = expected_records(
                world, stream=stream, types=[STREAMS[stream]], **common
            )
        for record in records:
            yield {n: _stored(v, types.get(n, "")) for n, v in record.items()}


def _stored(value: Any, kind: str) -> Any:
    """A value as target-postgres stores it: times in UTC, without their zone."""
    if value is None:
        return None
    if kind == "date-time":
        utc = datetime.fromisoformat(value).astimezone(UTC)
        return utc.replace(tzinfo=None)
    return date.fromisoformat(value) if kind == "date" else value


def _counted(rows: Iterable[Row]) -> Counter[tuple[tuple[str, Any], ...]]:
    return Counter(
        tuple((name, _comparable(row[name])) for name in sorted(row)) for row in rows
    )


def _comparable(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _without_key(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != ROW_KEY}


def _key_only(row: Row) -> Row:
    return {ROW_KEY: row[ROW_KEY]}
