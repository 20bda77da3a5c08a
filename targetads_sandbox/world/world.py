"""The data that the sandbox serves: generated from a seed, always the same."""

from __future__ import annotations

import threading
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from targetads_sandbox.world.conversions import Conversions
from targetads_sandbox.world.days import Day, day_of, parted, places_of, row_of
from targetads_sandbox.world.journeys import generate, generate_pieces
from targetads_sandbox.world.lru import LruCache
from targetads_sandbox.world.plan import Plan
from targetads_sandbox.world.rows import COLUMNS, TIME, TYPE, TYPES
from targetads_sandbox.world.vocabulary import Placement, placements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from targetads_sandbox.world.rows import Row, Value

DEFAULT_PROJECTS = (12486, 12487)

_CACHED_BYTES = 256 << 20
_ROW_BYTES = 400
"""Rough memory of a row: one day of many, measured."""

_PIECE = 50_000
_DEMO_ROWS = 3_000


class World:
    """The projects of the sandbox, and their interactions on every day.

    A day is generated on demand, and cached while there is room. It depends only on the
    seed, the project, the day and the volume, not on other projects or days. Rows can
    be added, and days replaced, at any time and from any thread.

    Args:
        projects: Ids of the projects.
        seed: Another seed gives other data.
        rows_per_day: About how many rows a project has on a weekday; weekends have
            fewer, and one day of each month has none.
        live: Whether the data have what those of the live API have: placements 0,
            creatives with numbers for ids, a placement without creatives, landing
            pages, and aggregates of what belongs to no placement, where names are null
            or empty.
        lifelike: Whether clicks and purchases are as rare as in reality. Otherwise
            there are so many that few rows have some of each.

    Raises:
        ValueError: If there is no project, or the volume is negative.
    """

    def __init__(
        self,
        projects: Iterable[int] = DEFAULT_PROJECTS,
        seed: int = 1,
        rows_per_day: int = 1000,
        *,
        live: bool = False,
        lifelike: bool = False,
    ) -> None:
        self.projects = tuple(projects)
        self.seed = seed
        self.rows_per_day = rows_per_day
        self.live = live
        self.lifelike = lifelike
        if not self.projects:
            message = "A world needs at least one project."
            raise ValueError(message)
        if rows_per_day < 0:
            message = "A day cannot have less than no rows."
            raise ValueError(message)
        self._made = LruCache[Day](_CACHED_BYTES, lambda day: day.size * _ROW_BYTES)
        self._edited: dict[tuple[int, date], Day] = {}
        self._editions = 0
        self._types = dict.fromkeys(TYPES)
        self._lock = threading.Lock()
        self._conversions = Conversions(self._orders, self._edition_of)

    @classmethod
    def demo(cls, projects: Iterable[int] = ()) -> Self:
        """What the tap's setting `sandbox` serves: lifelike, of projects or a default.

        Args:
            projects: Ids of the projects; the default ones if there are none.
        """
        projects = tuple(projects) or DEFAULT_PROJECTS
        return cls(projects, rows_per_day=_DEMO_ROWS, lifelike=True)

    @property
    def types(self) -> tuple[str, ...]:
        """The interaction types, those of added rows included."""
        return tuple(self._types)

    @property
    def edition(self) -> int:
        """How often the data was changed by hand."""
        return self._editions

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types of conversions, those of added ones included."""
        return self._conversions.types

    def placements(self, project_id: int) -> Sequence[Placement]:
        """The media campaigns of a project."""
        return placements(project_id, live=self.live)

    def day(self, project_id: int, day: date) -> Day:
        """The rows of a project on one day.

        Raises:
            ValueError: If there is no such project.
        """
        plan = self._plan(project_id, day)
        edited = self._edited.get((project_id, day))
        if edited is not None:
            return edited
        return self._made.get((project_id, day), partial(_make, plan))

    def pieces(
        self, project_id: int, day: date, *, whole: bool = False
    ) -> Iterator[Day]:
        """The rows of a project on one day, a part of them at a time.

        A day with too many rows to cache is generated again each time, and never in
        memory as a whole, unless `whole` asks for all rows at once.

        Raises:
            ValueError: If there is no such project.
        """
        plan = self._plan(project_id, day)
        edited = (project_id, day) in self._edited
        if whole or edited or plan.size() <= _PIECE:
            yield self.day(project_id, day)
        else:
            for places, rows in generate_pieces(plan, _PIECE):
                yield Day(parted(places, rows, TYPE))

    def conversions(self, project_id: int, day: date) -> Day:
        """The touches of a project's conversions of one day, by type of conversion.

        Raises:
            ValueError: If there is no such project.
        """
        return self._conversions.day(self._plan(project_id, day))

    def add_conversions(
        self, project_id: int, rows: Sequence[Mapping[str, Value | date]]
    ) -> None:
        """Add touches, for example of late conversions.

        Args:
            project_id: The project.
            rows: Values by v1 field, with the `conversion_date` of each.
                `InteractionTime` and `InteractionType` are required, `TargetEventType`
                defaults to `Purchase`, other fields to null.

        Raises:
            ValueError: As for `add_rows`, or if there is no `conversion_date`.
        """
        with self._lock:
            self._check(project_id)
            self._conversions.add(project_id, rows, self._editions + 1)
            self._types.update({str(row["InteractionType"]): None for row in rows})
            self._editions += 1

    def change_weights(self, project_id: int, day: date) -> None:
        """Attribute a day's generated conversions again, as happens to young ones.

        Paths of one touch keep their weight of 1, and touches added by hand keep
        theirs.

        Raises:
            ValueError: If there is no such project.
        """
        with self._lock:
            self._check(project_id)
            self._conversions.change_weights(project_id, day, self._editions + 1)
            self._editions += 1

    def add_rows(
        self,
        project_id: int,
        rows: Sequence[Mapping[str, Value]],
        *,
        before: float = 1.0,
        after: float = 0.0,
    ) -> None:
        """Add rows to a project, even to days that have been served.

        The position of a row in the paging order depends on its values, so that it may
        sort before rows that a client has already passed.

        Args:
            project_id: The project.
            rows: Values by field. `InteractionTime` and `InteractionType` are required,
                `InteractionDate` defaults to the day of the time, other fields to null.
            before: A position in the paging order, from 0 to 1, that they all sort
                before, if they need not sort after anything.
            after: A position that they all sort after.

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
                new = places_of(added, existing)
                places += [after + place * before for place in new]
                self._edit(project_id, day, places, existing + added)

    def replace_day(
        self, project_id: int, day: date, rows: Sequence[Mapping[str, Value]]
    ) -> None:
        """Replace the rows of a day.

        Args:
            project_id: The project.
            day: The day.
            rows: All rows of the day, as for `add_rows`.

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
            self._edit(project_id, day, places_of(new), new)

    def _orders(self, project_id: int, day: date) -> Sequence[Row]:
        """The Purchase rows of a day."""
        return [
            row
            for piece in self.pieces(project_id, day)
            if "Purchase" in piece.parts
            for row in piece.parts["Purchase"].rows
        ]

    def _edition_of(self, project_id: int, day: date) -> int:
        edited = self._edited.get((project_id, day))
        return 0 if edited is None else edited.edition

    def _plan(self, project_id: int, day: date) -> Plan:
        self._check(project_id)
        about = self.rows_per_day, self.live, self.lifelike
        return Plan(self.seed, project_id, day, *about)

    def _check(self, project_id: int) -> None:
        if project_id not in self.projects:
            message = f"There is no project {project_id}."
            raise ValueError(message)

    def _edit(
        self, project_id: int, day: date, places: Sequence[float], rows: Sequence[Row]
    ) -> None:
        # Last, since a thread that sees the new edition must find the new rows.
        edited = Day(parted(places, rows, TYPE), self._editions + 1)
        self._edited[project_id, day] = edited
        self._types.update(dict.fromkeys(edited.parts))
        self._editions += 1


def _make(plan: Plan) -> Day:
    return Day(parted(*generate(plan), TYPE))


def _row(values: Mapping[str, Value]) -> Row:
    return row_of(values, COLUMNS, ("InteractionTime", "InteractionType"))


def _day_of(row: Row) -> date:
    return date.fromisoformat(day_of(row[TIME]))
