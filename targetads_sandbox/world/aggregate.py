"""Aggregates interactions and conversions (API reference: v1 aggregated report).

Where the vendor leaves it open, the sandbox decides: only what belongs to one of the
project's placements counts, except in live data, where the rest counts without names,
even if nobody saw or clicked anything. Media metrics count on the day of the
interaction, target metrics on the day of the conversion, whenever its touches were, so
that a period can be read in parts.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from math import fsum
from typing import TYPE_CHECKING, TypeAlias

from targetads_sandbox.world.days import Part, days_between, places_of
from targetads_sandbox.world.fields import weight_field
from targetads_sandbox.world.query import (
    InteractionFilter,
    PathQuery,
    RawQuery,
    Selection,
    TargetFilter,
)
from targetads_sandbox.world.rows import (
    DEVICE,
    PATH_POSITIONS,
    PLACEMENT,
    POSITIONS,
    TIME,
    TYPE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from targetads_sandbox.world.rows import Row, Value
    from targetads_sandbox.world.world import World

_DIGITS = 6
_TOUCH_PLACEMENT = PATH_POSITIONS["InteractionPlacementId"]
_TOUCH_CREATIVE = PATH_POSITIONS["InteractionCreativeId"]
_CREATIVE = POSITIONS["InteractionCreativeId"]
_AMOUNT = PATH_POSITIONS["TargetEcomAmount"]

_GIVT, _SIVT = 3, 5
"""Of 100 impressions, how many are by known robots, and how many are fraud."""

GROUPINGS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
"""The first day of the group that a day belongs to."""


@dataclass(slots=True)
class _Sums:
    """The counts of a group."""

    impressions: int = 0
    clicks: int = 0
    general: int = 0
    sophisticated: int = 0
    devices: set[Value] = field(default_factory=set)
    weights: list[float] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)

    def add_interaction(self, row: Row) -> None:
        """Count a row of raw data."""
        if row[TYPE] == "Click":
            self.clicks += 1
        elif row[TYPE] == "Impression":
            self.impressions += 1
            self.devices.add(row[DEVICE])
            part = zlib.crc32(f"{row[DEVICE]} {row[TIME]}".encode()) % 100
            self.general += part < _GIVT
            self.sophisticated += _GIVT <= part < _SIVT

    def add_touch(self, row: Row, weight: int) -> None:
        """Count a touch's share of its conversion."""
        share = float(row[weight] or 0)
        self.weights.append(share)
        self.amounts.append(share * float(row[_AMOUNT] or 0))


_METRICS: Mapping[str, Callable[[_Sums], Value]] = {
    "Impressions": lambda sums: sums.impressions,
    "Clicks": lambda sums: sums.clicks,
    "CTR": lambda sums: _ratio(sums.clicks, sums.impressions),
    "Reach": lambda sums: len(sums.devices),
    "Frequency": lambda sums: _ratio(sums.impressions, len(sums.devices)),
    "GIVT": lambda sums: sums.general,
    "SIVT": lambda sums: sums.sophisticated,
    "PartOfGIVT": lambda sums: _ratio(sums.general, sums.impressions),
    "TargetEventCount": lambda sums: round(fsum(sums.weights), _DIGITS),
    "TargetEcomAmount": lambda sums: round(fsum(sums.amounts), _DIGITS),
}
_LIVE_METRICS = {
    **_METRICS,
    "PartOfGIVT": lambda sums: (
        100 * sums.general / sums.impressions if sums.impressions else None
    ),
}
"""The same, where a percentage has been seen with all of its digits."""


def _ratio(part: int, whole: int) -> Value:
    return round(part / whole, _DIGITS) if whole else None


_Groups: TypeAlias = "dict[Row, _Sums]"


@dataclass(frozen=True, slots=True)
class AggregateQuery:
    """A request for an aggregated report.

    Attributes:
        interactions: Which interactions; of touches, only their media campaigns.
        targets: Which conversions; none if None.
        model: The attribution model.
        window: The attribution window in days; no window if None.
        grouping: The days of one group.
    """

    project_id: int
    dimensions: tuple[str, ...]
    media_metrics: tuple[str, ...]
    target_metrics: tuple[str, ...]
    interactions: InteractionFilter
    targets: TargetFilter | None = None
    model: str = "MLI"
    window: int | None = None
    grouping: str = "day"

    @property
    def fields(self) -> tuple[str, ...]:
        """The dimensions and metrics, in the order of the request."""
        return (*self.dimensions, *self.media_metrics, *self.target_metrics)

    @property
    def columns(self) -> Sequence[int]:
        """Where a row has each of them."""
        return range(len(self.fields))

    @property
    def time(self) -> None:
        """A row has no time."""

    def selections(
        self,
        world: World,
        *,
        whole: bool = True,  # noqa: ARG002 - there are few
    ) -> Iterator[Selection]:
        """The sums, as one part."""
        rows = self.rows(world)
        part = Part(places_of(rows), rows)
        yield Selection(part, range(len(rows)))

    def rows(self, world: World) -> list[Row]:
        """The sums of all groups that are not empty."""
        groups: _Groups = {}
        if self.media_metrics:
            self._add_interactions(world, groups)
        if self.target_metrics and self.targets is not None:
            self._add_touches(world, self.targets, groups)
        names = [*self.media_metrics, *self.target_metrics]
        metrics = _LIVE_METRICS if world.live else _METRICS
        return [
            (*group, *(metrics[name](sums) for name in names))
            for group, sums in groups.items()
        ]

    def _add_interactions(self, world: World, groups: _Groups) -> None:
        wanted = self.interactions
        types = None if world.live else ("Click", "Impression")
        for day in days_between(wanted.start, wanted.end):
            chosen = InteractionFilter(day, day, types, wanted.placements)
            query = RawQuery(self.project_id, (), chosen)
            for part, numbers in query.selections(world, whole=False):
                for number in numbers:
                    row = part.rows[number]
                    group = self._group(world, day, row[PLACEMENT], row[_CREATIVE])
                    if group is not None:
                        groups.setdefault(group, _Sums()).add_interaction(row)

    def _add_touches(self, world: World, wanted: TargetFilter, groups: _Groups) -> None:
        weight = PATH_POSITIONS[weight_field(self.model, self.window)]
        touches = InteractionFilter(placements=self.interactions.placements)
        for day in days_between(wanted.start, wanted.end):
            chosen = TargetFilter(day, day, wanted.types, wanted.categories)
            query = PathQuery(self.project_id, (), touches, chosen)
            for part, numbers in query.selections(world):
                for number in numbers:
                    row = part.rows[number]
                    media = row[_TOUCH_PLACEMENT], row[_TOUCH_CREATIVE]
                    group = self._group(world, day, *media)
                    # Groups without a share are omitted.
                    if group is not None and row[weight]:
                        groups.setdefault(group, _Sums()).add_touch(row, weight)

    def _group(
        self, world: World, day: date, placement_id: Value, creative: Value
    ) -> Row | None:
        """The dimensions of a row; None if it does not count."""
        known = world.placements(self.project_id)
        placement = next((p for p in known if p.placement_id == placement_id), None)
        if placement is None and not world.live:
            return None
        nameless = None if placement_id is None else ""
        values = {
            "EventDate": GROUPINGS[self.grouping](day).isoformat(),
            "MediaSource": placement.source if placement else nameless,
            "MediaCampaign": placement.name if placement else nameless,
            "MediaCreative": placement.creative_name(creative) if placement else "",
        }
        return tuple(values[name] for name in self.dimensions)
