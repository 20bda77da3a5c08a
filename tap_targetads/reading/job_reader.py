"""Reads version 2: jobs that write CSV files (API reference: v2 reports)."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, Any

from typing_extensions import override

from tap_targetads.api.answers import JobStatus
from tap_targetads.api.endpoints import create_job, job_status
from tap_targetads.errors import ApiError
from tap_targetads.reading.job_files import JobFiles, wrong_file
from tap_targetads.reading.job_queue import Job, JobQueue
from tap_targetads.reading.job_requests import JobOptions, JobRequests
from tap_targetads.reading.reader import Reader, Reading, Source
from tap_targetads.reading.splitter import Splitter
from tap_targetads.reports.fields import v2_name
from tap_targetads.rows.csv_files import CorruptFileError, csv_pages
from tap_targetads.rows.row_type import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.api.downloads import Downloads
    from tap_targetads.reports.days import Window
    from tap_targetads.rows.row_type import Table

MAX_JOBS = 3
"""Jobs created for the same rows before giving up."""

_SHORTEST_POLL, _LONGEST_POLL = 1.0, 30.0
_LOST = frozenset({"FAILED", "EXPIRED", "CANCELLED"})


class JobLostError(Exception):
    """A job that will not finish."""


class JobReader(Reader):
    """Reads windows by jobs, several of them in flight at once."""

    def __init__(
        self, source: Source, *, jobs: JobOptions, downloads: Downloads
    ) -> None:
        super().__init__(source)
        self.splitter = Splitter(self.report, self.logger)
        self._jobs = jobs
        self._files = JobFiles(downloads, jobs.sleep, self.logger)
        self._names = {v2_name(f.name): f.name for f in source.asked}
        self._requests = JobRequests(source, jobs)

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        self.splitter.begin_project()
        queue = JobQueue(
            windows,
            at_once=self._jobs.at_once,
            cut=self.splitter.windows_of,
            bodies=self._bodies,
            change_over=self._requests.change_over,
            create=partial(self._create, project_id),
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
        yield Reading(window, self._chunks(done, queue), queue.left)

    def _bodies(self, window: Window) -> list[dict[str, Any]]:
        reports = self.splitter.requests
        return [b for report in reports for b in self._requests.of(report, window)]

    def _all_done(self, queue: JobQueue) -> list[tuple[Job, JobStatus]]:
        done = []
        while job := queue.take_job():
            done.append(self._done(job))
        return done

    @override
    def probe(self, project_id: int, window: Window) -> None:
        """Do nothing: a job would be paid for, and the token has been checked."""

    def _chunks(
        self, jobs: list[tuple[Job, JobStatus]], later: JobQueue
    ) -> Iterator[Chunk]:
        for number, (job, done) in enumerate(jobs, start=1):
            if done.row_count == 0:
                continue
            with self._file(job, done) as file:
                if number < len(jobs):
                    self._get_ready(*jobs[number])
                elif later.next_job:
                    self._get_ready(later.next_job)
                for table in self._tables(job, file):
                    yield Chunk(self.converter.rows_of(table))

    def _get_ready(self, job: Job, done: JobStatus | None = None) -> None:
        """Start to download the next file, unless its job may not be done yet."""
        if done is None and self._jobs.clock() - job.since < job.estimate:
            return

        def status() -> JobStatus:
            return done or self._status(job)

        self._files.get_ready(job.id, self._subject(job), status)

    def _create(self, project_id: int, window: Window, body: dict[str, Any]) -> Job:
        subject = self.subject(project_id, window)
        status = self.client.send(
            create_job(
                self.report.endpoint, project_id, subject, self.report.name, body
            ),
            JobStatus.decode,
            splittable=self.splitter.step(window) is not None,
        )
        estimate = status.estimated_seconds
        return Job(
            project_id,
            window,
            body,
            status.job_id,
            self._jobs.clock(),
            _SHORTEST_POLL if estimate is None else estimate,
        )

    def _subject(self, job: Job) -> str:
        return self.subject(job.project_id, job.window)

    def _file(self, job: Job, done: JobStatus) -> IO[bytes]:
        def again() -> tuple[str, JobStatus]:
            job_, done = self._done(job)
            return job_.id, done

        return self._files.whole(job.id, self._subject(job), done, again)

    def _tables(self, job: Job, file: IO[bytes]) -> Iterator[Table]:
        try:
            yield from csv_pages(
                file,
                self.row_type,
                names=self._names,
                on_unselected=self.report_unselected,
            )
        except CorruptFileError as error:
            raise wrong_file(self._subject(job), error) from error

    def _done(self, job: Job) -> tuple[Job, JobStatus]:
        """Wait for a job, or for its replacement if it is lost."""
        for attempt in range(1, MAX_JOBS + 1):
            try:
                return job, self._wait(job)
            except JobLostError as error:
                self.logger.warning(
                    "%s: the job is lost: %s. Try %d of %d failed.",
                    self._subject(job),
                    error,
                    attempt,
                    MAX_JOBS,
                )
                problem = str(error)
                if attempt < MAX_JOBS:
                    job = self._create(job.project_id, job.window, job.body)
        message = (
            f"{self._subject(job)}: {MAX_JOBS} jobs were lost, the last "
            f"one because {problem}. Run the tap again, or raise `job_timeout`."
        )
        raise ApiError(message, too_much=True)

    def _status(self, job: Job) -> JobStatus:
        subject = self._subject(job)
        request = job_status(job.id, job.project_id, subject, self.report.name)
        return self.client.send(request, JobStatus.decode)

    def _wait(self, job: Job) -> JobStatus:
        """Poll a job until it is done, less often the longer it takes."""
        jobs = self._jobs
        waited = False
        while True:
            elapsed = jobs.clock() - job.since
            if waited or elapsed < job.estimate:
                rest = (job.estimate - elapsed) / 2
                jobs.sleep(min(_LONGEST_POLL, max(_SHORTEST_POLL, elapsed / 10, rest)))
            waited = True
            status = self._status(job)
            if status.status == "DONE":
                return status
            if status.status in _LOST:
                reason = self.client.clean(status.error_message or "no reason")
                message = f"it is {status.status} ({reason})"
                raise JobLostError(message)
            elapsed = jobs.clock() - job.since
            if elapsed > jobs.timeout:
                message = f"it is not done after {elapsed:.0f} s"
                raise JobLostError(message)
            self.logger.info(
                "%s: the job is %s for %.0f s, of about %.0f s.",
                self._subject(job),
                status.status.lower(),
                elapsed,
                job.estimate,
            )
