"""Reads by pages, and the days that do not fit into one by jobs."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_targetads.errors import ApiError
from tap_targetads.reading.reader import Reader, Reading, Source
from tap_targetads.reading.splitter import DayTooLargeError
from tap_targetads.reports.days import ONE_DAY, Window, tile
from tap_targetads.reports.kinds import HISTORY_DAYS, oldest_job_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.reading.job_reader import JobReader
    from tap_targetads.reading.job_requests import JobOptions
    from tap_targetads.reading.page_reader import PageReader
    from tap_targetads.rows.row_type import Chunk

MAX_FAILED_DAYS = 2
"""Days in a row whose jobs fail, before a project is read without jobs."""

_NO_JOBS = frozenset({404, 405, 410, 501, *range(300, 400)})
"""Answers to the first job that mean that the API has no jobs."""


class AutoReader(Reader):
    """Reads by pages until a day does not fit into one, then day by day by jobs.

    Days that are too old for jobs, or whose jobs fail, are read by pages. Both readers
    give the same rows, so that it does not matter which one reads a day.

    Args:
        source: What is read.
        pages: Reads pages; must split windows that do not fit into one.
        jobs: Reads jobs.
        options: Knows whether the API has jobs.
        has_keys: Whether records have a primary key, so that reading rows again
            replaces them.
    """

    def __init__(
        self,
        source: Source,
        pages: PageReader,
        jobs: JobReader,
        options: JobOptions,
        *,
        has_keys: bool,
    ) -> None:
        super().__init__(source)
        self._pages = pages
        self._jobs = jobs
        self._options = options
        self._has_keys = has_keys
        self._oldest = oldest_job_day(source.last_complete_day)
        self._warned_of_age = False
        pages.splitter.hand_over = self._hand_over
        # One converter counts the bad values of both.
        pages.converter = jobs.converter = self.converter
        self._begin_project(0, ())

    def _begin_project(self, project_id: int, windows: Iterable[Window]) -> None:
        self._project_id = project_id
        self._left = [part for w in windows for part in self._by_age(w)]
        self._is_large = False
        self._failures = 0
        self._given_up: set[Window] = set()

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        self._begin_project(project_id, windows)
        while self._left:
            if days := self._days_for_jobs():
                yield from self._by_jobs(days)
            else:
                yield from self._by_pages()

    @override
    def probe(self, project_id: int, window: Window) -> None:
        self._pages.probe(project_id, window)

    def _by_pages(self) -> Iterator[Reading]:
        """Read what is left, up to a day that is for a job."""
        try:
            for reading in self._pages.read(self._project_id, self._left):
                left = [*reading.left]
                yield reading
                # Where rows moved, the same window follows again.
                self._left = [reading.window, *left] if reading.moved else left
                if not reading.moved and self._days_for_jobs():
                    break
            else:
                self._left = []
        except DayTooLargeError:
            pass  # nothing of it was delivered
        self.client.expect_nothing()

    def _by_jobs(self, days: list[Window]) -> Iterator[Reading]:
        """Read days by jobs, up to one whose job fails."""
        rest = self._left[len(days) :]
        try:
            for reading in self._jobs.read(self._project_id, days):
                reading.left = [*reading.left, *rest]
                reading.chunks = self._until_failed(reading, reading.chunks)
                yield reading
                if reading.window in self._given_up:
                    return
                if reading.moved:  # the reader of jobs reads it once more
                    continue
                self._left = [*reading.left]
                self._failures = 0
        except ApiError as error:
            self._give_up(error)

    def _until_failed(
        self, reading: Reading, chunks: Iterator[Chunk]
    ) -> Iterator[Chunk]:
        """The chunks of a job, until its file fails; then the day follows again."""
        begun = False
        try:
            for chunk in chunks:
                yield chunk
                begun = True
        except ApiError as error:
            if begun and not self._has_keys:
                raise
            reading.moved = error.problem
            self._give_up(error)

    def _give_up(self, error: ApiError) -> None:
        """Read the next day by pages, since its job failed."""
        day = self._left[0]
        subject = self.subject(self._project_id, day)
        if self._options.exist is None and error.status in _NO_JOBS:
            self._options.exist = False
            self.logger.warning(
                "%s: the API has no version 2 (%s). Everything is read page by page. "
                'Set `api_version` to "v1" to do so from the beginning.',
                subject,
                error.status,
            )
            return
        self._given_up.add(day)
        self._failures += 1
        last = self._failures == MAX_FAILED_DAYS
        self.logger.warning(
            "%s The job failed: reading %s page by page instead.",
            error.problem,
            "this and all later days" if last else "the day",
        )

    def _hand_over(self, day: Window) -> bool:
        """Note that a day does not fit into one page; whether a job reads it."""
        subject = self.subject(self._project_id, day)
        if self._has_job(day):
            self.logger.info(
                "%s: more rows than one page holds. Reading by jobs (v2).", subject
            )
            self._is_large = True
            return True
        if day.start < self._oldest:
            self._is_large = True
            if not self._warned_of_age:
                self._warned_of_age = True
                self.logger.info(
                    "%s: more rows than one page holds, but v2 reads at most %d days "
                    "back. Reading page by page.",
                    subject,
                    HISTORY_DAYS,
                )
        return False

    def _days_for_jobs(self) -> list[Window]:
        """Split the next windows into days, as far as jobs read them; these days."""
        if not self._is_large:
            return []
        windows = list(takewhile(self._has_job, self._left))
        days = [day for w in windows for day in tile(w.start, w.end, 1)]
        self._left[: len(windows)] = days
        return days

    def _has_job(self, window: Window) -> bool:
        return (
            self._options.exist is not False
            and self._failures < MAX_FAILED_DAYS
            and window.start >= self._oldest
            and window not in self._given_up
        )

    def _by_age(self, window: Window) -> list[Window]:
        """Split a window of which only the end is for jobs."""
        if not window.start < self._oldest <= window.end:
            return [window]
        return [
            Window(window.start, self._oldest - ONE_DAY),
            Window(self._oldest, window.end),
        ]
