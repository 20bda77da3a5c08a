"""Compares what the API delivers with what was asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import ApiError, DataError
from tap_targetads.reports.days import ONE_DAY
from tap_targetads.reports.fields import (
    EVENT_DATE,
    INTERACTION_TIME,
    INTERACTION_TYPE,
    PLACEMENT_ID,
)
from tap_targetads.reports.kinds import AggregateReport, PathReport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import date

    from tap_targetads.reading.reader import Reading
    from tap_targetads.reports.days import Calendar, Window
    from tap_targetads.reports.kinds import Report
    from tap_targetads.rows.row_type import Chunk, Row, RowType

_SHOWN = 5
_ANOTHER_ZONE = timedelta(hours=26)
"""How far two zones can be apart."""


class DeliveryCheck:
    """Checks days, interaction types, campaigns and keys of converted rows.

    A filter that the server ignores, or days that begin in another zone, would
    otherwise fill the target with rows that nobody asked for, or leave some out.

    Args:
        report: What is asked for.
        row_type: The type of the rows.
        calendar: Where the days begin.
    """

    def __init__(self, report: Report, row_type: RowType, calendar: Calendar) -> None:
        def getter(name: str) -> Callable[[Row], Any] | None:
            attribute = row_type.attributes.get(name)
            return attrgetter(attribute) if attribute else None

        self._report = report
        self._calendar = calendar
        self._time = getter(INTERACTION_TIME)
        by_day = isinstance(report, AggregateReport) and report.is_divisible
        self._date = getter(EVENT_DATE) if by_day else None
        names = [name for name in report.natural_key if name in row_type.attributes]
        attributes = [row_type.attributes[name] for name in names]
        self._key = attrgetter(*attributes) if attributes else None
        self._key_names = names
        filters = report.filters
        self._sets = [
            (get, frozenset(map(str, asked)), what)
            for name, asked, what in (
                (INTERACTION_TYPE, filters.interaction_types, "interaction type"),
                (PLACEMENT_ID, filters.media_campaign_ids, "campaign"),
            )
            if asked and (get := getter(name))
        ]

    def chunks(self, subject: str, reading: Reading) -> Iterator[Chunk]:
        """The rows of a window, as long as they are what was asked for.

        Raises:
            ApiError: If they are not; before the first row that is not.
        """
        begin, end = self._bounds(reading.window)
        keys: set[Any] = set()
        for chunk in reading.chunks:
            if self._time:
                times = set(map(self._time, chunk.rows)) - {None}
                if times and not begin <= min(times) <= max(times) < end:
                    raise self._other_days(subject, reading.window, times)
            if self._date:
                days = set(map(self._date, chunk.rows))
                first, last = map(str, (reading.window.start, reading.window.end))
                if other := [day for day in days if not first <= day <= last]:
                    raise _wrong(subject, "the days", [f"{reading.window}"], other)
            for get, asked, what in self._sets:
                if unasked := {str(v) for v in set(map(get, chunk.rows)) if v} - asked:
                    raise _wrong(subject, f"the {what}", asked, unasked)
            for key in map(self._key, chunk.rows) if self._key else ():
                if key in keys:
                    raise self._same_key(subject, key)
                keys.add(key)
            yield chunk

    def _same_key(self, subject: str, key: Any) -> DataError:
        values = key if isinstance(key, tuple) else (key,)
        named = ", ".join(map("{} {!r}".format, self._key_names, values))
        return DataError(
            f"{subject}: two rows have the same key ({named}): one would replace the "
            "other. Read them by a report of your own under `reports`, with another "
            "dimension in its `fields` that tells them apart."
        )

    def _bounds(self, window: Window) -> tuple[str, str]:
        """Between which times, in the records' form, the rows of a window are."""
        # How far back paths begin is up to the API in one form of its requests.
        begin = (
            "" if isinstance(self._report, PathReport) else self._begin(window.start)
        )
        return begin, self._begin(window.end + ONE_DAY)

    def _begin(self, day: date) -> str:
        return self._calendar.begin(day).isoformat()

    def _other_days(
        self, subject: str, window: Window, times: Collection[str]
    ) -> ApiError:
        first, last = map(datetime.fromisoformat, (min(times), max(times)))
        begin = self._calendar.begin(window.start)
        end = self._calendar.begin(window.end + ONE_DAY)
        remedy = "it ignores the dates. Report it to the vendor"
        if max(begin - first, last - end) < _ANOTHER_ZONE:
            remedy = (
                "if its days begin in another zone, set `timezone`, else report it to "
                "the vendor"
            )
        return ApiError(
            f"{subject}: the API sent rows from {first} to {last}, which are not those "
            f"days: {remedy}. Nothing of this window counts as read."
        )


def _wrong(
    subject: str, what: str, asked: Collection[str], came: Collection[str]
) -> ApiError:
    return ApiError(
        f"{subject}: asked for {what} {_listed(asked)}, but the API sent rows of "
        f"{_listed(came)}: it ignores the filter. Nothing of this window counts as "
        "read. Report it to the vendor."
    )


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    return ", ".join(shown) + (", …" if len(names) > _SHOWN else "")
