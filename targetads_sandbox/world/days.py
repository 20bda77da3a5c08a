"""The rows of a day, in paging order, by type."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from targetads_sandbox.world.rows import Row, Value

_DATE_LENGTH = len("2024-01-15")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one type on one day, in paging order.

    Attributes:
        places: The position of each row in the paging order of all rows, from 0 to 1;
            more than that, if it was appended.
        rows: The rows, with a value for each of the report's columns.
    """

    places: Sequence[float]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Day:
    """All rows of a project on one day.

    Attributes:
        parts: The rows of each type; types without rows are missing.
        edition: How often the day was changed by hand.
    """

    parts: Mapping[str, Part]
    edition: int = 0

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(len(part.rows) for part in self.parts.values())


def days_between(start: date, end: date) -> Iterator[date]:
    """The days of a period, both ends included."""
    for ordinal in range(start.toordinal(), end.toordinal() + 1):
        yield date.fromordinal(ordinal)


def day_of(time: Value) -> str:
    """The day of a time in the API's format."""
    return str(time)[:_DATE_LENGTH]


def parted(
    places: Sequence[float], rows: Sequence[Row], column: int
) -> dict[str, Part]:
    """Sort rows into paging order, and group them by the type in a column."""
    by_type: dict[str, tuple[list[float], list[Row]]] = {}
    for number in sorted(range(len(rows)), key=places.__getitem__):
        row = rows[number]
        part = by_type.get(str(row[column]))
        if part is None:
            part = by_type[str(row[column])] = ([], [])
        part[0].append(places[number])
        part[1].append(row)
    return {kind: Part(*part) for kind, part in by_type.items()}


def places_of(rows: Sequence[Row], existing: Sequence[Row] = ()) -> list[float]:
    """Positions in the paging order that depend on the rows' values.

    Equal rows get different positions: they are numbered.
    """
    seen = Counter(existing)
    places = []
    for row in rows:
        content = msgspec.json.encode((row, seen[row]))
        seen[row] += 1
        digest = hashlib.blake2b(content, digest_size=8).digest()
        places.append(int.from_bytes(digest, "big") / 2**64)
    return places


def row_of(
    values: Mapping[str, Value], columns: Sequence[str], needed: Sequence[str]
) -> Row:
    """Check a row given by hand.

    Args:
        values: Values by field; `InteractionDate` defaults to the day of
            `InteractionTime`.
        columns: The known fields.
        needed: The required fields.

    Raises:
        ValueError: If a field is unknown, or a required one is missing.
    """
    unknown = sorted(values.keys() - set(columns))
    if unknown:
        message = f"There is no field {unknown[0]}."
        raise ValueError(message)
    for name in needed:
        if not values.get(name):
            message = f"A row needs an {name}."
            raise ValueError(message)
    complete = {"InteractionDate": day_of(values["InteractionTime"]), **values}
    return tuple(complete.get(name) for name in columns)
