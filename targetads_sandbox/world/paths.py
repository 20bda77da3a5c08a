"""Generates the paths to one day's conversions from a seed.

Every order is a conversion; others are leads. The touches of a path need not be in the
raw data: they are generated here, the earliest about two months before.

As in `journeys`, only `Random(text)` and `Random.random()` are used.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from targetads_sandbox.world.days import day_of
from targetads_sandbox.world.journeys import NO_MEDIA, NO_UTM
from targetads_sandbox.world.live import as_live
from targetads_sandbox.world.rows import (
    DEVICE,
    GENERATED,
    PATH_COLUMNS,
    PATH_POSITIONS,
    POSITIONS,
    TIME,
    WEIGHTS,
)
from targetads_sandbox.world.vocabulary import (
    BROWSERS,
    CITIES,
    ITEM_CATEGORIES,
    PATHS,
    SHOP_DOMAIN,
    TARGET_EVENTS,
    placements,
)
from targetads_sandbox.world.weights import Touch, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from targetads_sandbox.world.plan import Plan
    from targetads_sandbox.world.rows import Row, Value

    _Draw: TypeAlias = Callable[[], float]

PURCHASE, LEAD = (event["event_type"] for event in TARGET_EVENTS[:2])
"""The types of the generated conversions; others never happen."""

EVENT_NAMES = {event["event_type"]: event["event_name"] for event in TARGET_EVENTS}

_LEADS, _LIFELIKE_LEADS = 0.02, 0.002
"""Leads per row of raw data."""

_LONGEST_PATH = 6
_OLDEST_DAYS = 61
_DAY_SECONDS = 86_400

_TWINS = 0.15
"""The share of longer paths whose first two touches are identical."""

_ORGANIC = 0.2
_SHOWN, _CLICKED = 0.5, 0.75
"""The share of impressions, and of impressions and clicks, in a campaign's touches."""

_MADE = (
    *GENERATED,
    "PathDeviceID",
    "PathPosition",
    "PathLength",
    "TargetEventType",
    "TargetEventName",
    "TargetEcomId",
    "TargetEcomAmount",
    "TargetEcomItemsName",
    "TargetEcomItemsCategory1",
    *(name for name, _, _ in WEIGHTS),
    None,
)
"""What `_rows` makes of a touch, in its order; the last stands for other fields."""

_ORDER = tuple(_MADE.index(name if name in _MADE else None) for name in PATH_COLUMNS)

_ORDER_FIELDS = tuple(
    POSITIONS[f"InteractionEcom{name}"] for name in ("Id", "Amount", "ItemsName")
)
_ORIGIN_FIELDS = POSITIONS["InteractionCity"], POSITIONS["InteractionBrowser"]
_NO_ORDER: Row = (None,) * 4


class _Conversion(NamedTuple):
    """A conversion that has no path yet.

    Attributes:
        name: Unique among the conversions of its day.
        moment: When it happened.
        origin: City and browser of the device.
        target: The target columns, from the event's type on.
    """

    name: str
    moment: datetime
    device: Value
    origin: Row
    target: Row


def generate_paths(
    plan: Plan, purchases: Sequence[Row], revision: int
) -> tuple[list[float], list[Row]]:
    """Generate the touches of all paths to a day's conversions.

    A path depends only on its own conversion, so that more orders change no others.

    Args:
        plan: The day of the conversions.
        purchases: The day's Purchase rows of the raw data.
        revision: How often conversions were attributed again.

    Returns:
        A position in the paging order for each touch, and the touches.
    """
    places: list[float] = []
    rows: list[Row] = []
    for conversion in (*_orders(purchases), *_leads(plan)):
        draw = plan.random(f"path {conversion.name}").random
        touches = _touches(plan, conversion, draw)
        judge = plan.random(f"weights {revision} {conversion.name}").random
        rows += _rows(conversion, touches, judge)
        places += [draw() for _ in touches]
    if plan.live:
        rows = as_live(plan.project_id, rows, PATH_POSITIONS)
    return places, rows


def _orders(purchases: Sequence[Row]) -> Iterator[_Conversion]:
    """One conversion per order, however many rows it has."""
    seen = set()
    for row in purchases:
        order, amount, item = (row[column] for column in _ORDER_FIELDS)
        if order and order not in seen:
            seen.add(order)
            category = ITEM_CATEGORIES.get(str(item))
            yield _Conversion(
                name=f"order {order}",
                moment=datetime.fromisoformat(str(row[TIME])),
                device=row[DEVICE],
                origin=tuple(row[column] for column in _ORIGIN_FIELDS),
                target=(
                    PURCHASE, EVENT_NAMES[PURCHASE], order, amount, item, category,
                ),
            )  # fmt: skip


def _leads(plan: Plan) -> Iterator[_Conversion]:
    random = plan.random("leads").random
    leads = plan.size() * (_LIFELIKE_LEADS if plan.lifelike else _LEADS)
    for number in range(int(leads + random()) if leads else 0):
        second = int(random() * _DAY_SECONDS)
        yield _Conversion(
            name=f"lead {number}",
            moment=datetime.combine(plan.day, time()) + timedelta(seconds=second),
            device=f"{int(random() * 2**48):016x}",
            origin=(
                CITIES[int(random() * len(CITIES))],
                BROWSERS[int(random() * len(BROWSERS))],
            ),
            target=(LEAD, EVENT_NAMES[LEAD], *_NO_ORDER),
        )


def _touches(plan: Plan, conversion: _Conversion, random: _Draw) -> list[Row]:
    """The interaction columns of a path's touches, in order of time."""
    midnight = datetime.combine(plan.day, time())
    available = int((conversion.moment - midnight).total_seconds())
    last = int(random() * available)
    moments = [last]
    for _ in range(int(random() * _LONGEST_PATH)):
        days = int(random() * random() * _OLDEST_DAYS)
        second = int(random() * (_DAY_SECONDS if days else last + 1))
        moments.append(second - days * _DAY_SECONDS)
    touches = [
        _touch(plan, conversion, str(midnight + timedelta(seconds=moment)), random)
        for moment in sorted(moments)
    ]
    if random() < _TWINS and len(touches) > 2:  # noqa: PLR2004 - one has no twin
        touches[1] = touches[0]
    return touches


def _touch(plan: Plan, conversion: _Conversion, moment: str, random: _Draw) -> Row:
    """The interaction columns of one touch, filled as in raw data."""
    utm, media = NO_UTM, NO_MEDIA
    kind: str = "PageView"
    where: Row = (SHOP_DOMAIN, PATHS[int(random() * len(PATHS))])
    if random() >= _ORGANIC:
        known = placements(plan.project_id)
        placement = known[int(random() * len(known))]
        creative = placement.creatives[int(random() * len(placement.creatives))]
        media = placement.media(creative)
        share = random()
        if share < _SHOWN:
            kind, where = "Impression", (placement.domain, None)
        else:
            kind = "Click" if share < _CLICKED else kind
            term = placement.terms[int(random() * len(placement.terms))]
            utm = placement.tags(creative, term)
    head = (moment, day_of(moment), kind, conversion.device, False)
    return (*head, *where, *utm, *media, *_NO_ORDER, *conversion.origin)


def _rows(
    conversion: _Conversion, touches: Sequence[Row], random: _Draw
) -> Iterator[Row]:
    """The rows of a path."""
    distinct = list(dict.fromkeys(touches))
    chances = [random() for _ in distinct]
    facts = []
    for touch in touches:
        rank = distinct.index(touch)
        day = datetime.fromisoformat(str(touch[TIME])).date()
        age = (conversion.moment.date() - day).days
        facts.append(Touch(rank, len(distinct) - 1, age, chances[rank]))
    weights = zip(*weigh(facts), strict=True)
    for number, (touch, shares) in enumerate(zip(touches, weights, strict=True), 1):
        place = (conversion.device, number, len(touches))
        made = (*touch, *place, *conversion.target, *shares, None)
        yield tuple(made[column] for column in _ORDER)
