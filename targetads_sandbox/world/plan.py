"""What determines the rows of a day: how many there are, and which are special."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

_WEEKEND = 5
_WEEKEND_TRAFFIC = 0.6
_LONG_VALUE_ROWS = 1_000


class Plan(NamedTuple):
    """What determines the rows of a day; a weekday has about `rows_per_day`.

    Attributes:
        live: Whether the rows have what live ones have: see `live`.
        lifelike: Whether clicks and purchases are as rare as in reality.
    """

    seed: int
    project_id: int
    day: date
    rows_per_day: int
    live: bool = False
    lifelike: bool = False

    def random(self, purpose: str) -> Random:
        """Random numbers that depend only on the project, the day and the purpose."""
        text = f"{self.seed}:{self.project_id}:{self.day.isoformat()}:{purpose}"
        return Random(text)  # noqa: S311 - reproducible, not secret

    def size(self) -> int:
        """The number of rows; none on one day of each month."""
        if self.day.day == self._special_days()[0]:
            return 0
        weekend = self.day.weekday() >= _WEEKEND
        traffic = _WEEKEND_TRAFFIC if weekend else 1.0
        wave = 0.9 + 0.2 * self.random("size").random()
        return round(self.rows_per_day * traffic * wave)

    def has_long_value(self) -> bool:
        """Whether one value of the day is very long.

        That is one day in every second month of a project, or about one row in 50 000
        with a thousand rows a day. Worlds with fewer rows have none: it would be most
        of their bytes.
        """
        month = self.day.year * 12 + self.day.month - 1
        return (
            self.rows_per_day >= _LONG_VALUE_ROWS
            and (self.project_id + month) % 2 == 0
            and self.day.day == self._special_days()[1]
        )

    def _special_days(self) -> tuple[int, int]:
        """Days of the month: the one without rows, and the one with a long value."""
        rng = self._replace(day=self.day.replace(day=1)).random("special")
        empty = 1 + int(rng.random() * 28)
        long = 1 + int(rng.random() * 28)
        return empty, long if long != empty else empty % 28 + 1
