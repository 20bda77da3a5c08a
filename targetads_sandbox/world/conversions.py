"""The conversions of a world: generated from a seed, and changed by hand."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from targetads_sandbox.world.days import Day, parted, places_of, row_of
from targetads_sandbox.world.lru import LruCache
from targetads_sandbox.world.paths import PURCHASE, generate_paths
from targetads_sandbox.world.rows import PATH_COLUMNS, PATH_POSITIONS
from targetads_sandbox.world.vocabulary import TARGET_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from targetads_sandbox.world.plan import Plan
    from targetads_sandbox.world.rows import Row, Value

_CACHED_BYTES = 64 << 20
_ROW_BYTES = 1_500
"""Rough memory of a touch: one day of many, measured."""

_EVENT_TYPE = PATH_POSITIONS["TargetEventType"]


class Conversions:
    """The touches that led to conversions, by project and day of the conversion.

    They depend on the seed, the project, the day and its orders. Any thread may read
    them; the world serialises changes.

    Args:
        orders: The Purchase rows of a project's raw data on a day.
        raw_edition: How often the raw data of that day were changed by hand.
    """

    def __init__(
        self,
        orders: Callable[[int, date], Sequence[Row]],
        raw_edition: Callable[[int, date], int],
    ) -> None:
        self._orders = orders
        self._raw_edition = raw_edition
        self._made = LruCache[Day](_CACHED_BYTES, lambda day: day.size * _ROW_BYTES)
        self._added: dict[tuple[int, date], list[Row]] = {}
        self._revisions: dict[tuple[int, date], int] = {}
        self._editions: dict[tuple[int, date], int] = {}
        self._types = dict.fromkeys(event["event_type"] for event in TARGET_EVENTS)

    @property
    def types(self) -> tuple[str, ...]:
        """The types of conversions."""
        return tuple(self._types)

    def day(self, plan: Plan) -> Day:
        """The touches of all conversions of a day, by type of the conversion."""
        place = plan.project_id, plan.day
        # Changed raw data may have other orders.
        edition = max(self._raw_edition(*place), self._editions.get(place, 0))
        return self._made.get((*place, edition), partial(self._make, plan))

    def _make(self, plan: Plan) -> Day:
        place = plan.project_id, plan.day
        revision = self._revisions.get(place, 0)
        orders = self._orders(*place)
        places, rows = generate_paths(plan, orders, revision)
        added = list(self._added.get(place, ()))
        places += places_of(added, rows)
        return Day(parted(places, rows + added, _EVENT_TYPE))

    def add(
        self,
        project_id: int,
        rows: Sequence[Mapping[str, Value | date]],
        edition: int,
    ) -> None:
        """Add touches; `edition` is the number of the change.

        Raises:
            ValueError: If one of them is wrong. Nothing is added then.
        """
        added = [((project_id, _day(row)), _row(row)) for row in rows]
        for place, row in added:
            self._added.setdefault(place, []).append(row)
            self._types[str(row[_EVENT_TYPE])] = None
        # Last, since a thread that sees the new edition must find all of them.
        self._editions.update({place: edition for place, _ in added})

    def change_weights(self, project_id: int, day: date, edition: int) -> None:
        """Attribute again; `edition` is the number of the change."""
        place = project_id, day
        self._revisions[place] = self._revisions.get(place, 0) + 1
        self._editions[place] = edition


def _day(row: Mapping[str, Value | date]) -> date:
    value = row.get("conversion_date")
    if value is None:
        message = "A row needs a conversion_date."
        raise ValueError(message)
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _row(row: Mapping[str, Value | date]) -> Row:
    values: dict[str, Value] = {
        "TargetEventType": PURCHASE,
        **{name: _text(value) for name, value in row.items()},
    }
    values.pop("conversion_date")
    return row_of(values, PATH_COLUMNS, ("InteractionTime", "InteractionType"))


def _text(value: Value | date) -> Value:
    return value.isoformat() if isinstance(value, date) else value
