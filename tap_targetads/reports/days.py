"""Windows of days, groups of days, and the instants at which days begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole days from `start` to `end`, both included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Number of days, at least 1."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        """The window as log lines show it."""
        return f"{self.start}" if self.days == 1 else f"{self.start}..{self.end}"


def tile(start: date, end: date, days: int) -> Iterator[Window]:
    """Split a period into windows of `days` days; the last one may be shorter.

    `start` and `end` are included. If `end` is before `start`, there is no window.
    """
    while start <= end:
        last = min(start + timedelta(days=days - 1), end)
        yield Window(start, last)
        start = last + ONE_DAY


Group = Literal["day", "week", "month", "quarter", "year"]
"""What the API aggregates under one date (API reference: `DateGrouping`)."""

GROUPS: tuple[str, ...] = get_args(Group)

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def group_of(group: Group, day: date) -> Window:
    """The group that a day belongs to; weeks begin on Monday."""
    if group == "day":
        return Window(day, day)
    if group == "week":
        monday = day - timedelta(days=day.weekday())
        return Window(monday, monday + timedelta(days=6))
    months = _MONTHS[group]
    month = (day.month - 1) // months * months + 1
    start = day.replace(month=month, day=1)
    following = month + months
    if following > 12:  # noqa: PLR2004 - months
        return Window(start, date(day.year, 12, 31))
    return Window(start, date(day.year, following, 1) - ONE_DAY)


def whole_groups(group: Group, start: date, end: date) -> tuple[date, date]:
    """The first and last day of a period's whole groups; reversed if none is over.

    The first group is read from its beginning, even if that is before `start`; the last
    one counts only if it is over by `end`. So half a week or month never counts as a
    whole one.
    """
    last = group_of(group, end)
    if last.end > end:
        end = last.start - ONE_DAY
    return group_of(group, start).start, end


def tile_groups(group: Group, start: date, end: date) -> Iterator[Window]:
    """Split a period of whole groups into one window per group."""
    while start <= end:
        window = group_of(group, start)
        yield window
        start = window.end + ONE_DAY


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a time zone, as instants in UTC.

    A bookmark is the last whole second of a day: all rows up to it have been written.
    """

    zone: ZoneInfo

    def begin(self, day: date) -> datetime:
        """The first instant of a day, even where daylight saving moves midnight."""
        midnight = datetime.combine(day, time.min, tzinfo=self.zone)
        return midnight.astimezone(UTC)

    def bookmark(self, day: date) -> datetime:
        """The last whole second of a day, in UTC."""
        return self.begin(day + ONE_DAY) - ONE_SECOND

    def first_day_after(self, bookmark: datetime) -> date:
        """The first day that a bookmark, an aware time, does not cover completely.

        A bookmark in the middle of a day leaves that whole day to be read again.
        """
        return (bookmark + ONE_SECOND).astimezone(self.zone).date()

    def day_of(self, instant: datetime) -> date:
        """The date of an instant in this zone."""
        return instant.astimezone(self.zone).date()
