"""Groups of days: weeks, months, quarters, years."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, get_args

from tap_targetads.windows import ONE_DAY, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

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
