"""Which windows of a stream and project a run reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_targetads.errors import SettingsError
from tap_targetads.reports.days import ONE_DAY, Window
from tap_targetads.reports.kinds import HISTORY_DAYS, oldest_job_day

if TYPE_CHECKING:
    import logging
    from datetime import date

    from tap_targetads.config.settings import Settings
    from tap_targetads.reports.kinds import Report
    from tap_targetads.state.bookmark import Bookmark


@dataclass(frozen=True, slots=True)
class Plan:
    """Plans what to read."""

    settings: Settings
    report: Report
    last_complete_day: date
    logger: logging.Logger
    subject: str

    @property
    def period(self) -> Window | None:
        """All days that are wanted; None if there are none."""
        end = min(self.settings.end_date or self._last_day, self._last_day)
        return _window(*self.report.period(self.settings.start_date, end))

    def windows(self, bookmark: Bookmark | None) -> list[Window]:
        """The windows to read, in this order.

        First those before the period that the state covers, if `start_date` was moved
        back, the latest first, so that the covered period grows without a gap. Then
        those after it.

        Args:
            bookmark: What the state covers; None if the state does not count.

        Raises:
            SettingsError: If the start is too far back for v2.
            StateError: If the state's bookmark is not a time.
        """
        self._warn_of_the_future()
        period = self.period
        if period is None:
            self.logger.warning(
                "%s: nothing to read. `start_date` is %s, but the last day to read is "
                "%s.",
                self.subject,
                self.settings.start_date,
                min(self.settings.end_date or self._last_day, self._last_day),
            )
            return []
        covered = bookmark.covered if bookmark else None
        earlier, later = self._missing(period, covered)
        windows = self._before(covered.start, earlier) if covered and earlier else []
        if later:
            return windows + self._tiled(later)
        if covered and covered.end > self._last_day:
            self.logger.warning(
                "%s: the state says that everything up to %s was delivered, which is "
                "in the future: nothing is read before then. Correct the state, or "
                "remove the stream's entry from it to read everything again.",
                self.subject,
                covered.end,
            )
        elif covered and not windows:
            self.logger.info(
                "%s: nothing to read. The state is complete up to %s.",
                self.subject,
                covered.end,
            )
        return windows

    def check(self, bookmark: Bookmark | None) -> None:
        """Check that the API can read as far back as requested, without reading.

        Raises:
            SettingsError: If the start is too far back for v2.
            StateError: If the state's bookmark is not a time.
        """
        if self.period is None:
            return
        covered = bookmark.covered if bookmark else None
        for missing in self._missing(self.period, covered):
            if missing:
                self._first_readable(missing)

    def _missing(
        self, period: Window, covered: Window | None
    ) -> tuple[Window | None, Window | None]:
        """What to read before the period that the state covers, and after it."""
        if covered is None:
            return None, period
        earlier = _window(period.start, min(covered.start - ONE_DAY, period.end))
        after = covered.end + ONE_DAY
        again = after - self.report.lookback_days * ONE_DAY
        if self.report.api_version == "v2":
            # v2 may no longer reach what earlier runs have read.
            again = max(again, min(after, oldest_job_day(self.last_complete_day)))
        later = self.report.period(max(period.start, again), period.end)
        return earlier, _window(*later)

    @property
    def _last_day(self) -> date:
        today = self.settings.include_today
        return self.last_complete_day + (ONE_DAY if today else 0 * ONE_DAY)

    def _before(self, first: date, period: Window) -> list[Window]:
        """The windows before the first day that the state covers."""
        windows = self._tiled(period, quiet=True)
        if windows:
            self.logger.info(
                "%s: the state is complete from %s, but `start_date` is %s: reading "
                "what is missing before it.",
                self.subject,
                first,
                self.settings.start_date,
            )
        return windows[::-1]

    def _tiled(self, period: Window, *, quiet: bool = False) -> list[Window]:
        """The windows of a period, or of the part of it that the API can read."""
        start = self._first_readable(period)
        if start > period.start and not quiet:
            self.logger.warning(
                "%s: v2 reads at most %d days back: beginning on %s instead of %s.",
                self.subject,
                HISTORY_DAYS,
                start,
                period.start,
            )
        return list(self.report.windows(start, period.end))

    def _first_readable(self, period: Window) -> date:
        """The first day of a period that the API can read, if clipping is allowed."""
        oldest = oldest_job_day(self.last_complete_day)
        if self.report.api_version != "v2" or period.start >= oldest:
            return period.start
        if self.settings.clip_history:
            return oldest
        raise SettingsError(
            "start_date",
            f"{self.subject} begins on {period.start}, but v2 reads at most "
            f"{HISTORY_DAYS} days back, to {oldest}. Move it, set "
            '`clip_history` to begin there, or set `api_version` to "v1".',
        )

    def _warn_of_the_future(self) -> None:
        end = self.settings.end_date
        if end and end > self._last_day:
            self.logger.warning(
                "%s: `end_date` %s is not over yet; reading up to %s.",
                self.subject,
                end,
                self._last_day,
            )


def _window(start: date, end: date) -> Window | None:
    return Window(start, end) if start <= end else None
