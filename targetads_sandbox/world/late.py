"""Generates interactions that arrive while a client reads: two kinds of faults."""

from __future__ import annotations

from math import floor
from random import Random
from typing import TYPE_CHECKING, TypeVar

from targetads_sandbox.world.days import days_between
from targetads_sandbox.world.vocabulary import ITEMS, SHOP_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from targetads_sandbox.world.query import RawQuery, Slice
    from targetads_sandbox.world.rows import Value
    from targetads_sandbox.world.vocabulary import Placement
    from targetads_sandbox.world.world import World

T = TypeVar("T")

_DAY_SECONDS = 86_400


def append_rows(world: World, query: RawQuery, count: int, seed: str) -> None:
    """Add interactions that match a query, and sort after all that match it."""
    end = floor(max(_places(world, query), default=0.0)) + 1.0
    draw = Random(seed).random  # noqa: S311 - reproducible, not secret
    rows = [_row(world, query, f"appended-{seed}-{n}", draw) for n in range(count)]
    world.add_rows(query.project_id, rows, after=end)


def add_late_rows(
    world: World, query: RawQuery, page: Slice, count: int, seed: str
) -> None:
    """Add interactions that match a query of which a page was delivered.

    Every second one, starting with the first, sorts before the end of the page.
    """
    draw = Random(seed).random  # noqa: S311 - reproducible, not secret
    rows = [_row(world, query, f"late-{seed}-{n}", draw) for n in range(count)]
    world.add_rows(query.project_id, rows[::2], before=_end(world, query, page))
    world.add_rows(query.project_id, rows[1::2])


def _end(world: World, query: RawQuery, page: Slice) -> float:
    """The position of the last row of a page, or the last of all if it is empty."""
    places = sorted(_places(world, query))
    shown = places[page.offset : page.offset + page.limit]
    return shown[-1] if shown else 1.0


def _places(world: World, query: RawQuery) -> Iterator[float]:
    for part, numbers in query.selections(world):
        yield from (part.places[number] for number in numbers)


def _row(
    world: World, query: RawQuery, name: str, draw: Callable[[], float]
) -> dict[str, Value]:
    """A row that matches the filters of a query."""
    wanted = query.interactions
    days = list(days_between(wanted.start, wanted.end))
    kinds = world.types if wanted.types is None else wanted.types
    minutes, second = divmod(int(draw() * _DAY_SECONDS), 60)
    hour, minute = divmod(minutes, 60)
    day, kind = _one(days, draw), _one(kinds, draw)
    row: dict[str, Value] = {
        "InteractionTime": f"{day} {hour:02}:{minute:02}:{second:02}",
        "InteractionType": kind,
        "InteractionDeviceID": name,
        "InteractionNewCookie": True,
        "InteractionDomain": SHOP_DOMAIN,
    }
    if wanted.placements is not None:
        known = world.placements(query.project_id)
        row |= _media(_one(sorted(wanted.placements), draw), known)
    if kind == "Purchase":
        item, price = _one(ITEMS, draw)
        row |= {
            "InteractionEcomId": name,
            "InteractionEcomAmount": price,
            "InteractionEcomItemsName": item,
            "InteractionEcomItemsPrice": price,
        }
    return row


def _one(values: Sequence[T], draw: Callable[[], float]) -> T:
    return values[int(draw() * len(values))]


def _media(placement_id: int, known: Sequence[Placement]) -> dict[str, Value]:
    """The media campaign of a row, which may be unknown."""
    names = [p.name for p in known if p.placement_id == placement_id]
    return {
        "InteractionPlacementId": placement_id,
        "InteractionMediaCampaignName": names[0] if names else None,
    }
