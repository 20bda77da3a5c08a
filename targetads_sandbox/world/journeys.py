"""Generates one day of a project's interactions from a seed.

A device sees impressions, clicks, views pages and sometimes buys; others come without a
campaign. Devices return on later days, mostly to the campaign that brought them.

Only `Random(text)` and `Random.random()` are used: they give the same numbers on every
version of Python, which `choice`, `randint` and `shuffle` do not promise.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from targetads_sandbox.world.live import as_live
from targetads_sandbox.world.rows import (
    COLUMNS,
    GENERATED,
    POSITIONS,
    TYPE,
    URL_PATH,
)
from targetads_sandbox.world.vocabulary import (
    BROWSERS,
    CHECKOUT_PATH,
    CITIES,
    HOURLY_WEIGHTS,
    ITEMS,
    PATHS,
    SHOP_DOMAIN,
    Placement,
    placements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from targetads_sandbox.world.plan import Plan
    from targetads_sandbox.world.rows import Row

_PADDING: Row = (None,) * (len(COLUMNS) - len(GENERATED))
NO_UTM: Row = (None,) * 5
NO_MEDIA: Row = (None,) * 3
_NO_ORDER: Row = (None,) * 4
_LAST_SECOND = 86_399
_SLOTS = tuple(
    (hour * 3600 + 3600 * part // weight, 3600 // weight)
    for hour, weight in enumerate(HOURLY_WEIGHTS)
    for part in range(weight)
)
"""Stretches of the day with the same traffic: first second, and length."""

_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))

_LOYAL = 0.7
"""The share of campaign journeys that belong to the device's usual campaign."""

_DENSE, _LIFELIKE = (0.35, 0.4, 0.15), (0.1, 0.02, 0.04)
"""The share of journeys without a campaign; how often impressions lead to a click, and
visits to a purchase.

The first are far more than in reality, so that little data has some of each.
"""

_REPEATED = 0.01
"""The share of rows that occur twice."""

_LONGEST_JOURNEY = 10
"""Most rows of a journey, not counting repeated ones."""

_RETURN_DAYS = 14
_GROUP, _NEW_IN_GROUP = 5, 2
"""Of five journeys, two are by new devices."""

_DEVICES_PER_DAY = 1 << 24
_DEVICE_BITS = 44
_DEVICE_MASK = (1 << 64) - 1
_DEVICE_STEP = 0x9E3779B97F4A7C15

_LONG_VALUE = "/search?q=" + "длинный+запрос+" * 9_400
"""More than 131 072 characters: the default limit of Python's CSV reader."""


def generate(plan: Plan) -> tuple[list[float], list[Row]]:
    """Generate the rows of a day, roughly in order of time.

    Returns:
        A position in the paging order for each row, from 0 to 1 and unrelated to the
        row, and the rows.
    """
    places: list[float] = []
    rows: list[Row] = []
    for more_places, more_rows in generate_pieces(plan, plan.size()):
        places += more_places
        rows += more_rows
    return places, rows


def generate_pieces(plan: Plan, size: int) -> Iterator[tuple[list[float], list[Row]]]:
    """The same, about `size` rows at a time."""
    long = plan.has_long_value()
    for places, rows in _DayMaker(plan).run(size):
        if long:
            long = not _lengthen(rows)
        if plan.live:
            rows = as_live(plan.project_id, rows, POSITIONS)  # noqa: PLW2901
        yield places, rows


def _lengthen(rows: list[Row]) -> bool:
    """Give the first page view, if any, a very long path."""
    for number, row in enumerate(rows):
        if row[TYPE] == "PageView":
            rows[number] = (*row[:URL_PATH], _LONG_VALUE, *row[URL_PATH + 1 :])
            return True
    return False


class _DayMaker:
    """Generates journeys until the day has its rows."""

    def __init__(self, plan: Plan) -> None:
        self.places: list[float] = []
        self.rows: list[Row] = []
        self._size = plan.size()
        self._given = 0
        self._date = plan.day.isoformat()
        self._project_id = plan.project_id
        self._ordinal = plan.day.toordinal()
        self._placements = placements(plan.project_id)
        self._earlier = _earlier_devices(plan)
        self._new_devices = 0
        self._orders = 0
        shares = _LIFELIKE if plan.lifelike else _DENSE
        self._organic, self._clicked, self._sold = shares
        self._random = plan.random("rows").random
        self._device = ""
        self._origin: Row = ()

    def run(self, piece: int) -> Iterator[tuple[list[float], list[Row]]]:
        """Generate all rows, about `piece` at a time."""
        random, size = self._random, self._size
        number = 0
        while (count := self._given + len(self.rows)) < size:
            # Journeys start in order of time, so that a new device's first row is
            # generated first.
            slot, length = _SLOTS[count * len(_SLOTS) // size]
            second = slot + int(random() * length) if count else 0
            new = number % _GROUP < _NEW_IN_GROUP or not self._earlier
            self._journey(second, new=new)
            number += 1
            if len(self.rows) >= piece:
                yield self._piece()
        yield self._piece()

    def _piece(self) -> tuple[list[float], list[Row]]:
        """The rows since the last piece, as many as still fit into the day."""
        room = self._size - self._given
        places, rows = self.places[:room], self.rows[:room]
        self._given += len(rows)
        self.places, self.rows = [], []
        return places, rows

    def _journey(self, second: int, *, new: bool) -> None:
        """One session of a device."""
        random = self._random
        device = self._choose_device(new=new)
        everywhere = device + (self._project_id << _DEVICE_BITS)
        self._device = f"{everywhere * _DEVICE_STEP & _DEVICE_MASK:016x}"
        self._origin = (
            CITIES[device % 7919 % len(CITIES)],
            BROWSERS[device % 7907 % len(BROWSERS)],
            *_PADDING,
        )
        if random() < self._organic:
            self._visit(second, NO_UTM, NO_MEDIA, new=new)
            return
        loyal = random() < _LOYAL
        chosen = device if loyal else int(random() * len(self._placements))
        placement = self._placements[chosen % len(self._placements)]
        self._campaign(second, placement, new=new)

    def _choose_device(self, *, new: bool) -> int:
        """The number of a device: a new one, or one of the last days."""
        if new:
            self._new_devices += 1
            return self._ordinal * _DEVICES_PER_DAY + self._new_devices
        ordinal, count = self._earlier[int(self._random() * len(self._earlier))]
        return ordinal * _DEVICES_PER_DAY + 1 + int(self._random() * count)

    def _campaign(self, second: int, placement: Placement, *, new: bool) -> None:
        """Impressions, and perhaps a click and a visit."""
        random = self._random
        creative = placement.creatives[int(random() * len(placement.creatives))]
        media = placement.media(creative)
        shown: Row = (placement.domain, None, *NO_UTM, *media)
        for _ in range(1 + int(random() * 3)):
            self._add("Impression", second, shown, new=new)
            new = False
            second += 5 + int(random() * 400)
        if random() < self._clicked:
            term = placement.terms[int(random() * len(placement.terms))]
            utm = placement.tags(creative, term)
            self._add("Click", second, (*self._page(), *utm, *media))
            self._visit(second + 1 + int(random() * 4), utm, media, new=False)

    def _visit(self, second: int, utm: Row, media: Row, *, new: bool) -> None:
        """Page views, a session, and perhaps a purchase."""
        random = self._random
        for number in range(1 + int(random() * 4)):
            self._add("PageView", second, (*self._page(), *utm, *media), new=new)
            if not number:
                self._add("Session", second, (SHOP_DOMAIN, None, *utm, *media))
            new = False
            second += 3 + int(random() * 180)
        if random() < self._sold:
            page = (SHOP_DOMAIN, CHECKOUT_PATH)
            self._add("Purchase", second, (*page, *utm, *media), self._order())

    def _page(self) -> Row:
        return SHOP_DOMAIN, PATHS[int(self._random() * len(PATHS))]

    def _order(self) -> Row:
        """An order of one item, in some quantity."""
        self._orders += 1
        name, price = ITEMS[int(self._random() * len(ITEMS))]
        amount = round(price * (1 + int(self._random() * 3)), 2)
        order_id = f"{self._project_id}-{self._date}-{self._orders}"
        return order_id, amount, name, price

    def _add(
        self,
        kind: str,
        second: int,
        where: Row,
        order: Row = _NO_ORDER,
        *,
        new: bool = False,
    ) -> None:
        """Append a row, and sometimes the same row again.

        The last row of the day is in its last second.

        Args:
            kind: The interaction type.
            second: Seconds since midnight.
            where: The page, UTM and media columns.
            order: The e-commerce columns.
            new: Whether it is the first row of a new device.
        """
        last = self._size - self._given - 1
        is_last = len(self.rows) >= last
        second = _LAST_SECOND if is_last else min(second, _LAST_SECOND)
        head = (self._time(second), self._date, kind, self._device)
        row = (*head, new, *where, *order, *self._origin)
        self.rows.append(row)
        self.places.append(self._random())
        if self._random() < _REPEATED and len(self.rows) < last:
            self.rows.append(row)
            self.places.append(self._random())

    def _time(self, second: int) -> str:
        minute, second = divmod(second, 60)
        hour, minute = divmod(minute, 60)
        clock = f"{_TWO_DIGITS[hour]}:{_TWO_DIGITS[minute]}:{_TWO_DIGITS[second]}"
        return f"{self._date} {clock}"


def _earlier_devices(plan: Plan) -> Sequence[tuple[int, int]]:
    """The days whose devices may return, and the least number of new ones on each."""
    found = []
    for back in range(1, _RETURN_DAYS + 1):
        if plan.day.toordinal() - back < date.min.toordinal() + 1:
            break
        day = plan.day - timedelta(days=back)
        groups = plan._replace(day=day).size() // _LONGEST_JOURNEY // _GROUP
        if groups:
            found.append((day.toordinal(), groups * _NEW_IN_GROUP))
    return found
