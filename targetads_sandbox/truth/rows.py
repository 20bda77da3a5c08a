"""The records of interactions, and what all records share."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from xxhash import xxh3_128_hexdigest

from targetads_sandbox.world.days import days_between
from targetads_sandbox.world.fields import RAW_FIELDS
from targetads_sandbox.world.rows import POSITIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from targetads_sandbox.world.rows import Row, Value
    from targetads_sandbox.world.world import World

TIMEZONE = "Europe/Moscow"
"""The zone of the API's times, as far as is known (API reference: v1 reports)."""


def counts(
    world: World,
    project_id: int,
    start: dt.date,
    end: dt.date,
    report: Literal["raw", "path"] = "raw",
) -> dict[str, dict[str, int]]:
    """Count a project's rows by day and type, for every day of the period.

    `path` counts the touches of paths, by the days and types of their conversions.

    Raises:
        ValueError: If there is no such project.
    """
    make = world.day if report == "raw" else world.conversions
    return {
        day.isoformat(): {
            kind: len(part.rows)
            for kind, part in sorted(make(project_id, day).parts.items())
        }
        for day in days_between(start, end)
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
        types: The interaction types of the stream; all if None.
        start: The first day.
        end: The last day, inclusive.
        fields: The selected fields.
        timezone: IANA name of the zone of the API's times.
        row_key: Whether records have a `_row_key`.

    Returns:
        Records with `_row_key` and `project_id` first, then the fields in alphabetical
        order.

    Raises:
        ValueError: If there is no such project, field or zone.
    """
    check_fields(fields, RAW_FIELDS)
    zone = zone_named(timezone)
    keys = Keys(f"{project_id}\0{stream}\0")
    return [
        record_of(
            {"project_id": project_id},
            Values(row, POSITIONS, RAW_FIELDS, zone).of(fields),
            keys if row_key else None,
        )
        for day in days_between(start, end)
        for kind, part in world.day(project_id, day).parts.items()
        if types is None or kind in types
        for row in part.rows
    ]


def check_project(world: World, project_id: int) -> None:
    """Raise ValueError if there is no such project."""
    if project_id not in world.projects:
        message = f"There is no project {project_id}."
        raise ValueError(message)


def check_fields(fields: Iterable[str], known: Collection[str]) -> None:
    """Raise ValueError if one of the fields is unknown."""
    for name in fields:
        if name not in known:
            message = f"There is no field {name}."
            raise ValueError(message)


def zone_named(name: str) -> ZoneInfo:
    """A zone by its IANA name; ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"There is no time zone {name}."
        raise ValueError(message) from None


class Keys:
    """Gives records their keys: a hash of the record, and of its number among equals.

    `prefix` is what the records share, each part terminated by a NUL.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._seen = Counter[str]()

    def of(self, values: Mapping[str, Any]) -> str:
        """The key of the next record; weights, which change, do not count."""
        lasting = {k: v for k, v in values.items() if not k.startswith("Weight_")}
        line = json.dumps(lasting, ensure_ascii=False, separators=(",", ":"))
        ordinal = self._seen[line]
        self._seen[line] += 1
        return xxh3_128_hexdigest((self._prefix + line).encode(), seed=ordinal)


def record_of(
    context: Mapping[str, Any], values: Mapping[str, Any], keys: Keys | None
) -> dict[str, Any]:
    """A record: its key, if there are keys, its context, and its values."""
    key = {} if keys is None else {"_row_key": keys.of(values)}
    return {**key, **context, **values}


class Values(NamedTuple):
    """The values of a row, as a record has them.

    Attributes:
        positions: Where the row has each field.
        types: The type of each field.
        zone: The zone of its times.
    """

    row: Row
    positions: Mapping[str, int]
    types: Mapping[str, str]
    zone: ZoneInfo

    def of(self, fields: Iterable[str]) -> dict[str, Any]:
        """Some fields, in alphabetical order."""
        return {name: self._value(name) for name in sorted(set(fields))}

    def _value(self, name: str) -> Any:
        value: Value = self.row[self.positions[name]]
        if isinstance(value, str):
            value = value.replace("\0", "")
        if value is None or value == "":
            return None
        kind = self.types[name]
        if kind == "date-time":
            local = dt.datetime.fromisoformat(str(value)).replace(tzinfo=self.zone)
            return local.astimezone(dt.UTC).isoformat()
        if kind == "number":
            return float(value)
        if kind == "integer":
            return int(value)
        return value
