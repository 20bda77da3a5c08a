"""Reads version 2: jobs that write CSV files (API reference: v2 reports)."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import override

from tap_targetads.api.answers import JobStatus
from tap_targetads.api.endpoints import create_job
from tap_targetads.errors import ApiError
from tap_targetads.plurals import count_of
from tap_targetads.reading.job_files import (
    MAX_DOWNLOADS,
    JobFiles,
    has_file,
    wrong_file,
)
from tap_targetads.reading.job_queue import Job, JobQueue
from tap_targetads.reading.job_requests import JobOptions, JobRequests
from tap_targetads.reading.job_waiting import (
    SHORTEST_POLL,
    JobHangsError,
    JobLostError,
    JobWaiting,
)
from tap_targetads.reading.reader import Reader, Reading, Source
from tap_targetads.reading.splitter import Splitter
from tap_targetads.reports.fields import v2_name
from tap_targetads.rows.csv_files import CorruptFileError, csv_pages
from tap_targetads.rows.lists import with_lists
from tap_targetads.rows.row_type import Chunk

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from tap_targetads.api.downloads import Downloads
    from tap_targetads.reports.days import Window
    from tap_targetads.rows.row_type import Table

    _Finished = tuple[Job, JobStatus]

MAX_JOBS = 3
"""Jobs created for the same rows before giving up."""


class JobReader(Reader):
    """Reads windows by jobs, several of them in flight at once.

    Args:
        source: What is read.
        jobs: How jobs are made and waited for.
        downloads: Fetches their files.
        has_keys: Whether records have a primary key, so that reading rows again
            replaces them.
    """

    def __init__(
        self, source: Source, *, jobs: JobOptions, downloads: Downloads, has_keys: bool
    ) -> None:
        super().__init__(source)
        self.splitter = Splitter(self.report, self.logger)
        self._jobs = jobs
        self._has_keys = has_keys
        # With keys, rows of a file that turns out damaged are replaced when they come
        # again.
        self._files = JobFiles(downloads, jobs.sleep, self.logger, unpack=not has_keys)
        self._names = {v2_name(f.name): f.name for f in source.asked}
        self._texts = [f.name for f in source.fields if f.type == "string"]
        self._requests = JobRequests(source, jobs)
        self._waiting = JobWaiting(
            self.client, self.report.name, jobs, self._subject, self.logger
        )

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        self.splitter.begin_project()
        queue = JobQueue(
            windows,
            options=self._jobs,
            cut=self.splitter.windows_of,
            bodies=self._bodies,
            change_over=self._requests.change_over,
            create=partial(self._create, project_id),
            wait=self._waiting.until_ended,
        )
        try:
            while queue:
                yield from self._next(queue)
        finally:
            self._files.forget()

    def _next(self, queue: JobQueue) -> Iterator[Reading]:
        """Read the next window, or fall back to smaller requests for it."""
        try:
            done = self._all_done(queue)
        except ApiError as error:
            step = self.splitter.step(queue.window)
            self.splitter.ask_for_less(step, queue.window, error)
            queue.begin_again()
            return
        window = queue.window
        self.splitter.days.succeeded()
        queue.finish()
        queue.create_ahead()  # the server works while the files are read
        yield from self._readings(window, done, queue)

    def _readings(
        self, window: Window, jobs: list[_Finished], queue: JobQueue
    ) -> Iterator[Reading]:
        """Read the files of a window; all of them again if one turns out to be wrong.

        Raises:
            ApiError: If a file stays wrong.
        """
        subject = self._subject(jobs[0][0])
        for attempt in range(1, MAX_DOWNLOADS + 1):
            if attempt > 1:
                self._files.wait(attempt)
                recreate = attempt == MAX_DOWNLOADS
                jobs = [self._again(job, queue, recreate=recreate) for job, _ in jobs]
            reading = Reading(window, iter(()), queue.left)
            reading.chunks = chunks = self._until_wrong(subject, reading, jobs, queue)
            try:
                yield reading
            finally:
                chunks.close()  # and the file, if its rows are not what was asked for
            if not reading.moved:
                return
            self._files.warn(subject, reading.moved, attempt)
        raise wrong_file(subject, reading.moved)

    def _until_wrong(
        self, subject: str, reading: Reading, jobs: list[_Finished], queue: JobQueue
    ) -> Generator[Chunk, None, None]:
        """The rows of a window, until a file is wrong; `reading.moved` then says why.

        Raises:
            ApiError: If it is wrong after rows were delivered that have no key: reading
                them again would double them.
        """
        begun = False
        try:
            for chunk in self._chunks(jobs, queue):
                yield chunk
                begun = True
        except CorruptFileError as error:
            if begun and not self._has_keys:
                raise wrong_file(subject, error) from error
            reading.moved = str(error)

    def _bodies(self, window: Window) -> list[dict[str, Any]]:
        reports = self.splitter.requests
        return [b for report in reports for b in self._requests.of(report, window)]

    def _all_done(self, queue: JobQueue) -> list[_Finished]:
        done = []
        while job := queue.take_job():
            done.append(self._done(job, queue))
        return done

    @override
    def probe(self, project_id: int, window: Window) -> None:
        """Do nothing: a job would be paid for, and the token has been checked."""

    def _chunks(self, jobs: list[_Finished], queue: JobQueue) -> Iterator[Chunk]:
        for number, (job, done) in enumerate(jobs, start=1):
            if not has_file(done):
                continue
            with self._file(job, done, queue) as file:
                if number < len(jobs):
                    self._get_ready(*jobs[number])
                elif queue.next_job:
                    self._get_ready(queue.next_job)
                for table in self._tables(job, done, file):
                    yield Chunk(self.converter.rows_of(with_lists(table, self._texts)))

    def _get_ready(self, job: Job, done: JobStatus | None = None) -> None:
        """Start to download the next file, unless its job may not be done yet."""
        if done is None and self._jobs.clock() - job.since < job.estimate:
            return

        def status() -> JobStatus:
            return done or self._waiting.status(job)

        self._files.get_ready(job.id, self._subject(job), status)

    def _create(
        self, project_id: int, window: Window, body: dict[str, Any], *, once: bool
    ) -> Job:
        subject = self.subject(project_id, window)
        try:
            created = self.client.send(
                create_job(
                    self.report.endpoint, project_id, subject, self.report.name, body
                ),
                JobStatus.decode_created,
                splittable=self.splitter.step(window) is not None,
                once=once,
            )
        except ApiError as error:
            if once or not (longer := self._requests.if_too_long(error, window)):
                raise
            raise longer from error
        self._jobs.exist = True
        if not created.job_id:
            message = (
                f"{subject}: the API created a job, but its answer has no `job_id`. "
                'Report it to the vendor, or read with `api_version` "v1".'
            )
            raise ApiError(message)
        estimate = created.estimated_seconds
        return Job(
            project_id,
            window,
            body,
            created.job_id,
            self._jobs.clock(),
            SHORTEST_POLL if estimate is None else estimate,
        )

    def _subject(self, job: Job) -> str:
        return self.subject(job.project_id, job.window)

    def _file(self, job: Job, done: JobStatus, queue: JobQueue) -> IO[bytes]:
        def again(*, recreate: bool) -> tuple[str, JobStatus]:
            nonlocal job
            job, done = self._again(job, queue, recreate=recreate)
            return job.id, done

        return self._files.whole(job.id, self._subject(job), done, again)

    def _again(self, job: Job, queue: JobQueue, *, recreate: bool) -> _Finished:
        """Get a fresh address of a job's file, or make the job once more."""
        return self._done(queue.recreate(job) if recreate else job, queue)

    def _tables(self, job: Job, done: JobStatus, file: IO[bytes]) -> Iterator[Table]:
        found = 0
        for table in csv_pages(
            file,
            self.row_type,
            rows=done.row_count,
            names=self._names,
            on_unselected=self.report_unselected,
        ):
            found += table.length
            yield table
        if done.row_count == 0 and found:
            self.logger.warning(
                "%s: the API counted no rows, but the job's file has %s: they are "
                "read.",
                self._subject(job),
                count_of(found, "row"),
            )

    def _done(self, job: Job, queue: JobQueue) -> _Finished:
        """Wait for a job, or for its replacement if it is lost.

        One that hangs is replaced by smaller ones where that is possible, and what
        hangs three times in a row will hang for hours.
        """
        subject = self._subject(job)
        for attempt in range(1, MAX_JOBS + 1):
            try:
                return job, self._waiting.until_done(job)
            except JobLostError as error:
                self.logger.warning(
                    "%s: the job is lost: %s. Try %d of %d failed.",
                    subject,
                    error,
                    attempt,
                    MAX_JOBS,
                )
                reason = str(error)
                if isinstance(error, JobHangsError) and (
                    self._jobs.hung >= MAX_JOBS or self.splitter.step(job.window)
                ):
                    break
            if attempt < MAX_JOBS:
                job = queue.recreate(job)
        problem = (
            f"{subject}: {count_of(attempt, 'job was', 'jobs were')} lost, the last "
            f"one because {reason}."
        )
        message = f"{problem} Run the tap again, or raise `job_timeout`."
        raise ApiError(message, too_much=self._jobs.hung < MAX_JOBS, problem=problem)
