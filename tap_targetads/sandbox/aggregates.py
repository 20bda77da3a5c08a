"""Aggregated reports (API reference: v1 aggregated report), computed from the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tap_targetads.sandbox.fields import weight_of
from tap_targetads.sandbox.paths import WEIGHTS, Paths
from tap_targetads.sandbox.rows import COLUMNS, PLACEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from tap_targetads.sandbox.world import World

_DEVICE = COLUMNS.index("InteractionDeviceID")
_GIVT, _SIVT = 20, 50
"""One of so many impressions is known, or found, to be invalid."""

_DEFAULT_MODEL = "mli"

GROUPS: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    "year": lambda day: day.replace(month=1, day=1),
}
"""The day that stands for the group of a day; weeks begin on Monday."""


@dataclass(slots=True)
class _Cell:
    """What is counted for one combination of dimensions."""

    impressions: int = 0
    clicks: int = 0
    devices: set[Any] = field(default_factory=set)
    events: float = 0.0
    amount: float = 0.0

    def metrics(self) -> dict[str, Any]:
        reach = len(self.devices)
        givt = self.impressions // _GIVT
        return {
            "Impressions": self.impressions,
            "Clicks": self.clicks,
            "CTR": _ratio(self.clicks, self.impressions),
            "Reach": reach,
            "Frequency": _ratio(self.impressions, reach),
            "GIVT": givt,
            "SIVT": self.impressions // _SIVT,
            "PartOfGIVT": _ratio(givt, self.impressions),
            "TargetEventCount": round(self.events, 6),
            "TargetEcomAmount": round(self.amount, 2),
        }


def aggregate(  # noqa: PLR0913 - all by name
    world: World,
    paths: Paths,
    *,
    project_id: int,
    start: date,
    end: date,
    dimensions: Sequence[str],
    grouping: str = "day",
    model: str | None = None,
    placements: Collection[int] | None = None,
) -> list[dict[str, Any]]:
    """Sum up a period.

    Args:
        world: Where the interactions are.
        paths: Where the conversions are.
        project_id: The project.
        start: The first day.
        end: The last day, inclusive.
        dimensions: `EventDate`, `MediaSource`, `MediaCampaign`, any of them.
        grouping: What one `EventDate` stands for.
        model: The attribution model, `mli` for example.
        placements: Ids of the campaigns to which the report is limited.

    Returns:
        One row for each combination of dimensions that occurs, with all metrics.
    """
    known = {p.placement_id: p for p in world.placements(project_id)}
    weight = _weight(model or _DEFAULT_MODEL)
    cells: dict[tuple[Any, ...], _Cell] = defaultdict(_Cell)

    def cell(day: date, placement_id: Any) -> _Cell | None:
        placement = known.get(placement_id)
        if placement is None or placement_id not in (placements or known):
            return None
        values = {
            "EventDate": GROUPS[grouping](day).isoformat(),
            "MediaSource": placement.source,
            "MediaCampaign": placement.name,
        }
        return cells[tuple(values[name] for name in dimensions)]

    for day in _days(start, end):
        parts = world.day(project_id, day).parts
        for kind in ("Impression", "Click"):
            for row in parts[kind].rows if kind in parts else ():
                found = cell(day, row[PLACEMENT])
                if found and kind == "Impression":
                    found.impressions += 1
                    found.devices.add(row[_DEVICE])
                elif found:
                    found.clicks += 1
        for touch in paths.of_day(project_id, day):
            found = cell(day, touch.row["InteractionPlacementId"])
            if found:
                found.events += touch.row[weight]
                amount = touch.row["TargetEcomAmount"] or 0
                found.amount += touch.row[weight] * amount
    return [
        {**dict(zip(dimensions, key, strict=True)), **found.metrics()}
        for key, found in sorted(cells.items())
    ]


def models() -> set[str]:
    """The attribution models that there are, as requests name them."""
    return {weight_of(name)[0].lower() for name in WEIGHTS}


def _weight(model: str) -> str:
    """The field that holds a model's weights."""
    return next(name for name in WEIGHTS if weight_of(name)[0].lower() == model)


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def _days(start: date, end: date) -> Iterator[date]:
    for ordinal in range(start.toordinal(), end.toordinal() + 1):
        yield date.fromordinal(ordinal)
