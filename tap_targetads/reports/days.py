"""Days: windows and groups of them, and the instants at which they begin."""

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
        """Number of days in the window, at least 1."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        """The window as log lines show it."""
        return f"{self.start}" if self.days == 1 else f"{self.start}..{self.end}"


def tile(start: date, end: date, days: int) -> Iterator[Window]:
    """Cut a period into windows without gap or overlap.

    Args:
        start: First day of the period, included.
        end: Last day of the period, included. Before `start` there is no window.
        days: Length of a window, at least 1. The last window may be shorter.

    Yields:
        The windows in order. Together they hold every day of the period once.
    """
    while start <= end:
        last = min(start + timedelta(days=days - 1), end)
        yield Window(start, last)
        start = last + ONE_DAY


Group = Literal["day", "week", "month", "quarter", "year"]
"""What the API sums up under one date (API reference: `DateGrouping`)."""

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
    """The whole groups of a period.

    The first group is taken from its beginning, even if that lies before `start`; the
    last one counts only if it is over by `end`. So no half week or month is ever
    counted as a whole one.

    Returns:
        The first and the last day. The last may lie before the first: nothing is over.
    """
    last = group_of(group, end)
    if last.end > end:
        end = last.start - ONE_DAY
    return group_of(group, start).start, end


def tile_groups(group: Group, start: date, end: date) -> Iterator[Window]:
    """Cut a period of whole groups into one window for each.

    Args:
        group: The kind of group.
        start: First day of a group.
        end: Last day of a group.
    """
    while start <= end:
        window = group_of(group, start)
        yield window
        start = window.end + ONE_DAY


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days of a time zone, as instants in UTC.

    A bookmark is the last whole second of a day: all rows up to it were written.
    """

    zone: ZoneInfo

    def begin(self, day: date) -> datetime:
        """The first instant of a day, in UTC.

        Where midnight is skipped or happens twice because of daylight saving, it is
        the instant at which the date begins.
        """
        midnight = datetime.combine(day, time.min, tzinfo=self.zone)
        return midnight.astimezone(UTC)

    def bookmark(self, day: date) -> datetime:
        """The last whole second of a day, in UTC."""
        return self.begin(day + ONE_DAY) - ONE_SECOND

    def first_day_after(self, bookmark: datetime) -> date:
        """The first day that a bookmark does not cover completely.

        Args:
            bookmark: Any instant, with its zone. One in the middle of a day leaves
                that whole day to be read again.
        """
        return (bookmark + ONE_SECOND).astimezone(self.zone).date()

    def day_of(self, instant: datetime) -> date:
        """The date of an instant in this zone."""
        return instant.astimezone(self.zone).date()
