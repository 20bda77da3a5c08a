"""Attributes a conversion to the touches of its path.

The vendor does not document how its models decide, so these decide as their names
suggest. What matters: every model's weights over a whole path sum to 1, they have at
most six decimals, and a window gives nothing to older touches.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from targetads_sandbox.world.fields import WINDOWS
from targetads_sandbox.world.rows import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_UNIT = 1_000_000
_HALF_LIFE = 7


class Touch(NamedTuple):
    """What determines the weights of a touch.

    Attributes:
        rank: Its position in the path, from 0; identical touches share one.
        last: The greatest rank of the path.
        age: How many days before the conversion it was.
        chance: A number from 0 to 1, the same for identical touches.
    """

    rank: int
    last: int
    age: int
    chance: float


_SCORES: Mapping[str, Callable[[Touch], float]] = {
    "MLI": lambda touch: touch.rank + 1,
    "FL": lambda touch: float(touch.rank in {0, touch.last}) + 1e-3,
    "MFI": lambda touch: touch.last - touch.rank + 1,
    "ML": lambda touch: touch.chance + 0.05,
    "FTDM": lambda touch: 2 ** (-touch.age / _HALF_LIFE),
}
"""How much a touch matters to each model, before chance is applied."""


def weigh(touches: Sequence[Touch]) -> list[list[float]]:
    """The weights of a path's touches, for each of `WEIGHTS`.

    `touches` is the whole path; the last one is on the day of the conversion.
    """
    result: dict[tuple[str, int | None], list[float]] = {}
    oldest = max(touch.age for touch in touches)
    for _, model, days in WEIGHTS:
        # A window that covers the whole path changes nothing.
        same = next((known for known in WINDOWS if known >= oldest), None)
        if days is not None and same is not None and days >= same:
            result[model, days] = result[model, None]
        else:
            result[model, days] = _shares(model, days, touches)
    return list(result.values())


def _shares(model: str, days: int | None, touches: Sequence[Touch]) -> list[float]:
    score = _SCORES[model]
    scores = [
        score(touch) * (0.5 + touch.chance) if days is None or touch.age <= days else 0
        for touch in touches
    ]
    # `sum` rounds differently since Python 3.12; `fsum` is the same everywhere.
    total = fsum(scores)
    units = [int(value / total * _UNIT) for value in scores]
    # The rounding error goes to a touch that has no identical twin.
    ranks = [touch.rank for touch in touches]
    single = [n for n, rank in enumerate(ranks) if ranks.count(rank) == 1 and scores[n]]
    units[single[-1] if single else -1] += _UNIT - sum(units)
    return [unit / _UNIT for unit in units]
