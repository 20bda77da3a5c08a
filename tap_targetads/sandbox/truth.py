"""What a right tap must deliver, written plainly and without regard to speed.

Nothing here is shared with the tap, so that a test which compares both means
something.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from xxhash import xxh3_128_hexdigest

from tap_targetads.sandbox.fields import RAW_FIELDS
from tap_targetads.sandbox.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tap_targetads.sandbox.rows import Row, Value
    from tap_targetads.sandbox.world import World

TIMEZONE = "Europe/Moscow"
"""The zone of the API's times, as far as is known (API reference: v1 reports)."""


def counts(
    world: World, project_id: int, start: dt.date, end: dt.date
) -> dict[str, dict[str, int]]:
    """Count a project's rows.

    Args:
        world: The world that is served.
        project_id: The project.
        start: The first day.
        end: The last day, inclusive.

    Returns:
        The number of rows of each type that occurs, for every day of the period.

    Raises:
        ValueError: If there is no such project.
    """
    return {
        day.isoformat(): {
            kind: len(part.rows)
            for kind, part in sorted(world.day(project_id, day).parts.items())
        }
        for day in days(start, end)
    }


def expected_records(  # noqa: PLR0913 - all by name
    world: World,
    *,
    project_id: int,
    stream: str,
    types: Collection[str] | None,
    start: dt.date,
    end: dt.date,
    fields: Collection[str],
    timezone: str = TIMEZONE,
    row_key: bool = True,
) -> list[dict[str, Any]]:
    """The records of one stream and project, in no particular order.

    Args:
        world: The world that is served.
        project_id: The project.
        stream: The stream's name, which is part of the keys.
        types: The interaction types of the stream; all of them, if None.
        start: The first day.
        end: The last day, inclusive.
        fields: The selected fields.
        timezone: IANA name of the zone of the API's times.
        row_key: Whether records have a `_row_key`.

    Returns:
        Records with `_row_key` and `project_id` first, and then the fields in
        alphabetical order.

    Raises:
        ValueError: If there is no such project, field or zone.
    """
    for name in fields:
        if name not in RAW_FIELDS:
            message = f"There is no field {name}."
            raise ValueError(message)
    zone = _zone(timezone)
    seen = Counter[str]()
    records = []
    for day in days(start, end):
        for kind, part in world.day(project_id, day).parts.items():
            if types is None or kind in types:
                for row in part.rows:
                    values = _values(row, fields, zone)
                    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
                    record = {"project_id": project_id, **values}
                    if row_key:
                        key = _key(project_id, stream, line, seen[line])
                        record = {"_row_key": key, **record}
                    seen[line] += 1
                    records.append(record)
    return records


def days(start: dt.date, end: dt.date) -> Iterator[dt.date]:
    """The days of a period, both ends included."""
    for ordinal in range(start.toordinal(), end.toordinal() + 1):
        yield dt.date.fromordinal(ordinal)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"There is no time zone {name}."
        raise ValueError(message) from None


def _values(row: Row, fields: Collection[str], zone: ZoneInfo) -> dict[str, Any]:
    """The selected fields of a record, in alphabetical order."""
    return {
        name: record_value(row[COLUMNS.index(name)], RAW_FIELDS[name], zone)
        for name in sorted(set(fields))
    }


def record_value(value: Value, kind: str, zone: ZoneInfo) -> Any:
    """A value as a record has it."""
    if isinstance(value, str):
        value = value.replace("\0", "")
    if value is None or value == "":
        return None
    if kind == "date-time":
        local = dt.datetime.fromisoformat(str(value)).replace(tzinfo=zone)
        return local.astimezone(dt.timezone.utc).isoformat()
    if kind == "number":
        return float(value)
    if kind == "integer":
        return int(value)
    return value


def _key(project_id: int, stream: str, line: str, ordinal: int) -> str:
    """The key of a row: a hash of what it is, and of which of several equals it is."""
    content = f"{project_id}\0{stream}\0{line}".encode()
    return xxh3_128_hexdigest(content, seed=ordinal)
