"""Conversions and the paths that lead to them (API reference: path fields).

Every order of the raw data is a conversion of the type `Purchase`; some clicks lead to
a `Lead`. The touches of a path are made for it: they need not stand in the raw data.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from tap_targetads.sandbox.fields import PATH_FIELDS, weight_of
from tap_targetads.sandbox.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_targetads.sandbox.vocabulary import Placement
    from tap_targetads.sandbox.world import World

PathRow = dict[str, Any]
"""One touch of a path: a value for each of the fields, and what filters need."""

EVENT_TYPES = ("Purchase", "Lead")
CATEGORIES = ("Books", "Обувь", "Дом, сад", "Electronics")

WEIGHTS = tuple(name for name in PATH_FIELDS if name.startswith("Weight_"))

_LONGEST_PATH = 6
_OLDEST_TOUCH_DAYS = 60
_LEADS = 5
"""Of so many clicks, one leads to a `Lead`."""

_REPEATED = 0.04
"""The share of paths of which one touch is there twice."""

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Touch:
    """One row of a path.

    Attributes:
        place: Its place in the paging order.
        day: The day of the interaction.
        conversion_day: The day of the conversion.
        event_type: The type of the conversion.
        category: The first category of its item.
        row: The values of the fields.
    """

    place: float
    day: date
    conversion_day: date
    event_type: str
    category: str | None
    row: PathRow


class Paths:
    """The paths of a world, made when somebody asks for them.

    Args:
        world: Where the orders are.
    """

    def __init__(self, world: World) -> None:
        """Begin with nothing changed by hand."""
        self._world = world
        self._lock = threading.RLock()
        self._made: dict[tuple[int, date, int], list[Touch]] = {}
        self._changes: Counter[tuple[int, date]] = Counter()

    def change_weights(self, project_id: int, day: date) -> None:
        """Let the weights of a day's conversions change, as young ones do."""
        with self._lock:
            self._changes[project_id, day] += 1

    def of_day(self, project_id: int, day: date) -> list[Touch]:
        """All touches of the conversions of a day."""
        with self._lock:
            version = self._world.day(project_id, day).edition
            version += 1000 * self._changes[project_id, day]
            key = (project_id, day, version)
            if key not in self._made:
                self._made[key] = list(self._touches(project_id, day))
            return self._made[key]

    def _touches(self, project_id: int, day: date) -> Iterator[Touch]:
        change = self._changes[project_id, day]
        for number, conversion in enumerate(self._conversions(project_id, day)):
            text = f"{self._world.seed}:{project_id}:{day}:path:{number}"
            rng = Random(text)  # noqa: S311 - reproducible, not secret
            path = _Path(rng, conversion, self._world.placements(project_id))
            yield from path.touches(day, change)

    def _conversions(self, project_id: int, day: date) -> Iterator[dict[str, Any]]:
        """What happened: the rows of orders, and of clicks that led somewhere."""
        parts = self._world.day(project_id, day).parts
        orders: set[Any] = set()
        for row in parts["Purchase"].rows if "Purchase" in parts else ():
            values = dict(zip(COLUMNS, row, strict=True))
            if values["InteractionEcomId"] not in orders:
                orders.add(values["InteractionEcomId"])
                yield {**values, "event": "Purchase"}
        for row in parts["Click"].rows[::_LEADS] if "Click" in parts else ():
            yield {**dict(zip(COLUMNS, row, strict=True)), "event": "Lead"}


class _Path:
    """One conversion, and the touches before it."""

    def __init__(
        self,
        rng: Random,
        conversion: Mapping[str, Any],
        placements: Sequence[Placement],
    ) -> None:
        self._random = rng.random
        self._conversion = conversion
        self._placements = placements
        self._event = str(conversion["event"])
        category = CATEGORIES[int(rng.random() * len(CATEGORIES))]
        self._category = category if self._event == "Purchase" else None

    def touches(self, day: date, change: int) -> Iterator[Touch]:
        end = datetime.fromisoformat(str(self._conversion["InteractionTime"]))
        length = 1 + int(self._random() * _LONGEST_PATH)
        ages = sorted(
            (int(self._random() * _OLDEST_TOUCH_DAYS * 86_400) for _ in range(length)),
            reverse=True,
        )
        ages[-1] = 0  # the last touch is the one that converts
        times = [end - timedelta(seconds=age) for age in ages]
        weights = self._weights([age / 86_400 for age in ages], change)
        repeated = self._random() < _REPEATED and length < _LONGEST_PATH
        rows = [
            self._row(time, position, length + repeated, weights[position - 1])
            for position, time in enumerate(times, start=1)
        ]
        if repeated:
            rows.append(dict(rows[0]))
            for name in WEIGHTS:
                half = round(rows[0][name] / 2, 6)
                rows[0][name] = round(rows[0][name] - half, 6)
                rows[-1][name] = half
        for row in rows:
            touched = date.fromisoformat(row["InteractionDate"])
            yield Touch(self._random(), touched, day, self._event, self._category, row)

    def _row(
        self,
        time: datetime,
        position: int,
        length: int,
        weights: Mapping[str, float],
    ) -> PathRow:
        conversion, sale = self._conversion, self._event == "Purchase"
        kind = ("Impression", "Click", "PageView")[int(self._random() * 3)]
        row: PathRow = dict.fromkeys(PATH_FIELDS)
        if kind != "PageView" or self._random() < 0.5:  # noqa: PLR2004 - half of them
            row.update(self._media())
        row.update(
            InteractionTime=time.isoformat(" "),
            InteractionDate=time.date().isoformat(),
            InteractionType=kind,
            InteractionDeviceID=conversion["InteractionDeviceID"],
            InteractionNewCookie=position == 1,
            InteractionDomain=conversion["InteractionDomain"],
            InteractionUrlPath=f"/product/{1000 + int(self._random() * 9000)}",
            PathDeviceID=conversion["InteractionDeviceID"],
            PathPosition=position,
            PathLength=length,
            TargetEventName="Покупка" if sale else "Заявка",
            TargetEcomId=conversion["InteractionEcomId"] if sale else None,
            TargetEcomAmount=conversion["InteractionEcomAmount"] if sale else None,
            TargetEcomItemsName=(
                conversion["InteractionEcomItemsName"] if sale else None
            ),
            TargetEcomItemsCategory1=self._category,
            **weights,
        )
        return row

    def _media(self) -> PathRow:
        placement = self._placements[int(self._random() * len(self._placements))]
        source, medium, campaign = placement.utm
        return {
            "InteractionUtmSource": source,
            "InteractionUtmMedium": medium,
            "InteractionUtmCampaign": campaign,
            "InteractionMediaCampaignName": placement.name,
            "InteractionPlacementId": placement.placement_id,
            "InteractionCreativeId": placement.creatives[0],
        }

    def _weights(self, ages: Sequence[float], change: int) -> list[dict[str, float]]:
        """The weights of each touch: each model's sum to 1 over the path.

        Args:
            ages: Days before the conversion, of each touch in order.
            change: How often the weights have changed.
        """
        result: list[dict[str, float]] = [{} for _ in ages]
        for name in WEIGHTS:
            model, days = weight_of(name)
            shares = [
                _share(model, number, len(ages), age, change)
                if days is None or age <= days
                else 0.0
                for number, age in enumerate(ages)
            ]
            for touch, millionths in zip(result, _millionths(shares), strict=True):
                touch[name] = millionths / _MILLION
        return result


def _share(model: str, number: int, length: int, age: float, change: int) -> float:
    """What a touch counts under a model, before the sum is made 1."""
    if model == "MFI":
        return 1.0 if number == 0 else 0.1
    if model == "ML":
        return 1.0 if number == length - 1 else 0.1
    if model == "FL":
        return 1.0 if number in {0, length - 1} else 0.0
    if model == "FTDM":
        return 2 ** (-age / 7)
    return 1.0 + (number * 7 + change * 3) % 5


def _millionths(shares: Sequence[float]) -> Iterable[int]:
    """Shares as whole millionths that sum to a million exactly."""
    total = sum(shares)
    if total == 0:  # all touches of the model lie outside its window
        shares = [0.0] * (len(shares) - 1) + [1.0]
        total = 1.0
    parts = [int(share / total * _MILLION) for share in shares]
    parts[-1] += _MILLION - sum(parts)
    return parts
