"""The data that the sandbox serves: made from a seed, the same every time."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tap_targetads.sandbox.journeys import generate
from tap_targetads.sandbox.lru import LruCache
from tap_targetads.sandbox.plan import Plan
from tap_targetads.sandbox.rows import COLUMNS, TIME, TYPE, TYPES
from tap_targetads.sandbox.vocabulary import Placement, placements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_targetads.sandbox.rows import Row, Value

DEFAULT_PROJECTS = (12486, 12487)

_CACHED_ROWS = 1_000_000
_DATE_LENGTH = len("2024-01-15")


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one type on one day, in paging order.

    Attributes:
        places: The place of each row in the paging order of all rows, from 0 to 1.
        rows: The rows, with a value for each of `COLUMNS`.
    """

    places: Sequence[float]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Day:
    """All rows of a project on one day.

    Attributes:
        parts: The rows of each type; a type without rows is missing.
        edition: How often the day was changed by hand.
    """

    parts: Mapping[str, Part]
    edition: int = 0

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(len(part.rows) for part in self.parts.values())


class World:
    """The projects of the sandbox, and their interactions on every day.

    A day is made when somebody asks for it, and kept while there is room. What it
    holds depends on the seed, the project, the day and the volume, and on nothing
    else: not on the other projects, and not on which days were made before. Rows can
    be added, and days replaced, at any time and from any thread.

    Args:
        projects: Ids of the projects.
        seed: Another seed gives other data.
        rows_per_day: About how many rows a project has on a weekday; weekends have
            fewer, and one day of each month has none.

    Raises:
        ValueError: If there is no project, or the volume is negative.
    """

    def __init__(
        self,
        projects: Iterable[int] = DEFAULT_PROJECTS,
        seed: int = 1,
        rows_per_day: int = 1000,
    ) -> None:
        """Create the world; no data is made yet."""
        self.projects = tuple(projects)
        self.seed = seed
        self.rows_per_day = rows_per_day
        if not self.projects:
            message = "A world needs at least one project."
            raise ValueError(message)
        if rows_per_day < 0:
            message = "A day cannot have less than no rows."
            raise ValueError(message)
        self._made = LruCache[Day](_CACHED_ROWS, lambda day: day.size)
        self._edited: dict[tuple[int, date], Day] = {}
        self._editions = 0
        self._types = dict.fromkeys(TYPES)
        self._lock = threading.RLock()

    @property
    def types(self) -> tuple[str, ...]:
        """The interaction types that there are, those of added rows included."""
        return tuple(self._types)

    @property
    def edition(self) -> int:
        """How often the data was changed by hand."""
        return self._editions

    def placements(self, project_id: int) -> Sequence[Placement]:
        """The media campaigns of a project."""
        return placements(project_id)

    def day(self, project_id: int, day: date) -> Day:
        """The rows of a project on one day.

        Raises:
            ValueError: If there is no such project.
        """
        if project_id not in self.projects:
            message = f"There is no project {project_id}."
            raise ValueError(message)
        with self._lock:
            edited = self._edited.get((project_id, day))
            if edited is not None:
                return edited
            plan = Plan(self.seed, project_id, day, self.rows_per_day)
            return self._made.get((project_id, day), partial(_make, plan))

    def add_rows(self, project_id: int, rows: Sequence[Mapping[str, Value]]) -> None:
        """Add rows to what a project has, whether or not it was served already.

        A row gets a place in the paging order that depends on its values, so that it
        may come before rows that a client has already passed.

        Args:
            project_id: The project.
            rows: Values by field. Fields that are missing are null, but
                `InteractionTime` and `InteractionType` are needed; `InteractionDate`
                is the day of the time, unless it is given.

        Raises:
            ValueError: If there is no such project or field, or a row has no time or
                type. Nothing is added then.
        """
        by_day: dict[date, list[Row]] = {}
        for row in map(_row, rows):
            by_day.setdefault(_day_of(row), []).append(row)
        with self._lock:
            days = {day: self.day(project_id, day) for day in by_day}
            for day, added in by_day.items():
                old = days[day].parts.values()
                places = [place for part in old for place in part.places]
                existing = [row for part in old for row in part.rows]
                places += _places(added, existing)
                self._edit(project_id, day, places, existing + added)

    def replace_day(
        self, project_id: int, day: date, rows: Sequence[Mapping[str, Value]]
    ) -> None:
        """Put other rows in the place of those of a day.

        Args:
            project_id: The project.
            day: The day.
            rows: All rows that the day shall have, as for `add_rows`.

        Raises:
            ValueError: As for `add_rows`, or if a row's time is on another day.
        """
        new = [_row(row) for row in rows]
        for row in new:
            if _day_of(row) != day:
                message = f"{row[TIME]} is not on {day.isoformat()}."
                raise ValueError(message)
        with self._lock:
            self.day(project_id, day)
            self._edit(project_id, day, _places(new, ()), new)

    def _edit(
        self, project_id: int, day: date, places: Sequence[float], rows: Sequence[Row]
    ) -> None:
        self._editions += 1
        edited = Day(_parts(places, rows), self._editions)
        self._edited[project_id, day] = edited
        self._types.update(dict.fromkeys(edited.parts))


def _make(plan: Plan) -> Day:
    return Day(_parts(*generate(plan)))


def _parts(places: Sequence[float], rows: Sequence[Row]) -> dict[str, Part]:
    """Bring rows into paging order, and part them by type."""
    by_type: dict[str, tuple[list[float], list[Row]]] = {}
    for number in sorted(range(len(rows)), key=places.__getitem__):
        row = rows[number]
        part = by_type.get(str(row[TYPE]))
        if part is None:
            part = by_type[str(row[TYPE])] = ([], [])
        part[0].append(places[number])
        part[1].append(row)
    return {kind: Part(*part) for kind, part in by_type.items()}


def _row(values: Mapping[str, Value]) -> Row:
    """Check a row that was given by hand."""
    unknown = sorted(values.keys() - set(COLUMNS))
    if unknown:
        message = f"There is no field {unknown[0]}."
        raise ValueError(message)
    for name in ("InteractionTime", "InteractionType"):
        if not values.get(name):
            message = f"A row needs an {name}."
            raise ValueError(message)
    day = str(values["InteractionTime"])[:_DATE_LENGTH]
    complete = {"InteractionDate": day, **values}
    return tuple(complete.get(name) for name in COLUMNS)


def _day_of(row: Row) -> date:
    return date.fromisoformat(str(row[TIME])[:_DATE_LENGTH])


def _places(rows: Sequence[Row], existing: Sequence[Row]) -> list[float]:
    """Places in the paging order that depend on what the rows are.

    Equal rows get different places: the number of equals before a row counts too.
    """
    seen = Counter(existing)
    places = []
    for row in rows:
        content = msgspec.json.encode((row, seen[row]))
        seen[row] += 1
        digest = hashlib.blake2b(content, digest_size=8).digest()
        places.append(int.from_bytes(digest, "big") / 2**64)
    return places
