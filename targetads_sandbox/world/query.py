"""What clients request, and which rows of the world that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from targetads_sandbox.world.days import days_between
from targetads_sandbox.world.rows import (
    PATH_POSITIONS,
    PLACEMENT,
    POSITIONS,
    TIME,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from targetads_sandbox.world.days import Day, Part
    from targetads_sandbox.world.rows import Row
    from targetads_sandbox.world.world import World

_TOUCH_TIME, _TOUCH_TYPE, _TOUCH_DATE, _TOUCH_PLACEMENT, _CATEGORY = (
    PATH_POSITIONS[name]
    for name in (
        "InteractionTime",
        "InteractionType",
        "InteractionDate",
        "InteractionPlacementId",
        "TargetEcomItemsCategory1",
    )
)


class Selection(NamedTuple):
    """Some rows of a part, by their numbers in it."""

    part: Part
    numbers: Sequence[int]


class Query(Protocol):
    """Which rows and columns a client requests; hashable."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields, in the order of the request."""

    @property
    def columns(self) -> Sequence[int]:
        """Where a row has each of them."""

    @property
    def time(self) -> int | None:
        """Where a row has its time, if it has one."""

    def selections(self, world: World, *, whole: bool = True) -> Iterator[Selection]:
        """The rows.

        If `whole`, parts are complete and in paging order. If not, many rows come in
        pieces, and are never in memory together.
        """


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page of a query's rows a client requests."""

    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class InteractionFilter:
    """Which interactions to return (API reference: v1 reports); None means all.

    Attributes:
        types: The interaction types.
        placements: Ids of the media campaigns.
    """

    start: date = date.min
    end: date = date.max
    types: tuple[str, ...] | None = None
    placements: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class TargetFilter:
    """Which conversions to return (API reference: v1 reports); None means all.

    Attributes:
        types: The types of the target events.
        categories: The first categories of the items.
    """

    start: date
    end: date
    types: tuple[str, ...] | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RawQuery:
    """A request for raw data.

    Attributes:
        hours: At which hour of the rows' clock the server's days begin.
    """

    project_id: int
    fields: tuple[str, ...]
    interactions: InteractionFilter
    hours: int = 0

    @property
    def columns(self) -> Sequence[int]:
        """Where a row has the fields."""
        return [POSITIONS[name] for name in self.fields]

    @property
    def time(self) -> int:
        """Where a row has its time."""
        return TIME

    def selections(self, world: World, *, whole: bool = True) -> Iterator[Selection]:
        """The rows, by day and type."""
        wanted = self.interactions
        around = timedelta(days=1 if self.hours else 0)
        for day in days_between(wanted.start - around, wanted.end + around):
            for made in world.pieces(self.project_id, day, whole=whole):
                for part in _parts(made, wanted.types):
                    yield Selection(part, self._within(part, self._chosen(part)))

    def _chosen(self, part: Part) -> Sequence[int]:
        """The numbers of the rows that belong to the media campaigns."""
        placements = self.interactions.placements
        if placements is None:
            return range(len(part.rows))
        return [n for n, row in enumerate(part.rows) if row[PLACEMENT] in placements]

    def _within(self, part: Part, numbers: Sequence[int]) -> Sequence[int]:
        """Those that belong to the days, where these do not begin at midnight."""
        if not self.hours:
            return numbers
        wanted, hours = self.interactions, timedelta(hours=self.hours)
        begin, end = (
            str(datetime.combine(day, time()) + hours)
            for day in (wanted.start, wanted.end + timedelta(days=1))
        )
        return [n for n in numbers if begin <= str(part.rows[n][TIME]) < end]


@dataclass(frozen=True, slots=True)
class PathQuery:
    """A request for paths to conversions; fields have their names in v1 or v2."""

    project_id: int
    fields: tuple[str, ...]
    interactions: InteractionFilter
    targets: TargetFilter

    @property
    def columns(self) -> Sequence[int]:
        """Where a touch has the fields."""
        return [PATH_POSITIONS[name] for name in self.fields]

    @property
    def time(self) -> int:
        """Where a touch has its time."""
        return _TOUCH_TIME

    def selections(
        self,
        world: World,
        *,
        whole: bool = True,  # noqa: ARG002 - a day of conversions is small
    ) -> Iterator[Selection]:
        """The touches, by day and type of their conversions."""
        wanted = self.targets
        for day in days_between(wanted.start, wanted.end):
            made = world.conversions(self.project_id, day)
            for part in _parts(made, wanted.types):
                yield Selection(part, self._chosen(part))

    def _chosen(self, part: Part) -> Sequence[int]:
        touches = self.interactions
        start, end = touches.start.isoformat(), touches.end.isoformat()
        categories = self.targets.categories

        def gives(row: Row) -> bool:
            return (
                start <= str(row[_TOUCH_DATE]) <= end
                and (touches.types is None or row[_TOUCH_TYPE] in touches.types)
                and (categories is None or row[_CATEGORY] in categories)
                and (
                    touches.placements is None
                    or row[_TOUCH_PLACEMENT] in touches.placements
                )
            )

        return [number for number, row in enumerate(part.rows) if gives(row)]


def _parts(made: Day, wanted: Sequence[str] | None) -> Iterator[Part]:
    """The requested parts of a day, if it has them."""
    parts: Mapping[str, Part] = made.parts
    for kind in parts if wanted is None else wanted:
        if kind in parts:
            yield parts[kind]
