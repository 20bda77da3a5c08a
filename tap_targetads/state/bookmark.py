"""What the state records for a stream and project: the period that is complete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import StateError
from tap_targetads.reports.days import ONE_DAY, Window

if TYPE_CHECKING:
    from datetime import date

    from tap_targetads.reports.days import Calendar

_KEY = "replication_key"
_VALUE = "replication_key_value"
_FROM = "complete_from"
_FINGERPRINT = "row_key_fingerprint"


class Bookmark:
    """The state entry of one stream and project: a period without a gap.

    The SDK's own bookmark is the greatest value of a record: it does not move over days
    without rows, and moves back when a lookback finds nothing new. This one is the end
    of the last window whose rows have all been written, and `complete_from` beside it
    is the beginning of the first. Both are instants in UTC. The end never moves
    backwards.

    Args:
        entry: The writable state of the partition; updated in place.
        replication_key: Name of the replication key.
        calendar: Knows where days begin.
        start: The first day that is wanted. A state without `complete_from`, as other
            versions write it, counts as complete from there.
        subject: Stream and project, for error lines.
        fingerprint: What the row keys depend on; kept beside the period. Empty for
            streams without row keys.
    """

    def __init__(  # noqa: PLR0913
        self,
        entry: dict[str, Any],
        replication_key: str,
        calendar: Calendar,
        start: date,
        subject: str,
        *,
        fingerprint: str = "",
    ) -> None:
        self._entry = entry
        self._replication_key = replication_key
        self._calendar = calendar
        self._start = start
        self._subject = subject
        self._fingerprint = fingerprint
        self._earlier: list[Window] = []

    @property
    def covered(self) -> Window | None:
        """The period; None before the first window.

        It may end the day before it begins: a bookmark in the middle of a day leaves
        that day to be read again.

        Raises:
            StateError: If the state has something that is not a time.
        """
        value = self._instant(_VALUE)
        if value is None:
            return None
        after = self._calendar.first_day_after(value)
        begin = self._instant(_FROM)
        if begin is None:
            first = min(self._start, after)
        else:
            first = self._calendar.day_of(begin)
            if self._calendar.begin(first) < begin:
                first += ONE_DAY
        return Window(first, after - ONE_DAY)

    @property
    def value(self) -> str:
        """The instant up to which all rows have been written; empty for none."""
        return str(self._entry.get(_VALUE) or "")

    @property
    def has_other_keys(self) -> bool:
        """Whether the rows that the state covers have row keys of another kind.

        A state of an older version does not say.
        """
        known = self._entry.get(_FINGERPRINT)
        return known is not None and known != self._fingerprint

    def cover(self, window: Window) -> None:
        """Move the bookmark: all rows of a window have been written.

        Windows before the period are kept until they touch it, since the state holds
        one period only. A window behind a gap begins a new period; `start_date` decides
        whether what lies before it is read.
        """
        covered = self.covered
        if covered is None or window.start > covered.end + ONE_DAY:
            covered = Window(window.start, window.start - ONE_DAY)
        first = covered.start
        if window.start < first:
            self._earlier.append(window)
            first = self._joined(first)
        self._entry[_KEY] = self._replication_key
        if self._fingerprint:
            self._entry[_FINGERPRINT] = self._fingerprint
        self._entry[_FROM] = self._calendar.begin(first).isoformat()
        if window.start <= covered.end + ONE_DAY <= window.end:
            self._entry[_VALUE] = self._calendar.bookmark(window.end).isoformat()

    def _joined(self, first: date) -> date:
        """The first day, extended by the kept windows that touch it."""
        for window in sorted(self._earlier, key=lambda w: w.start, reverse=True):
            if window.end + ONE_DAY >= first:
                first = min(first, window.start)
        self._earlier = [w for w in self._earlier if w.start < first]
        return first

    def _instant(self, key: str) -> datetime | None:
        text = self._entry.get(key)
        if text is None:
            return None
        try:
            value = datetime.fromisoformat(text)
            value = value if value.tzinfo else value.replace(tzinfo=UTC)
            # The days around it must exist, too.
            day = self._calendar.day_of(value)
            self._calendar.begin(day - ONE_DAY)
            self._calendar.begin(day + 2 * ONE_DAY)
        except (AttributeError, OverflowError, TypeError, ValueError):
            message = (
                f"{self._subject}: the state's bookmark {text!r} is not a time like "
                "2024-01-31T20:59:59+00:00. Correct it, or remove the stream's entry "
                "from the state to read everything again."
            )
            raise StateError(message) from None
        return value
