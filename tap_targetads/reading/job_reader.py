"""Reads the asynchronous reports of the API's version 2: jobs that leave a CSV file.

API reference: v2 reports.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from tap_targetads.api.transport import Request
from tap_targetads.errors import ApiError
from tap_targetads.reading.job_files import JobFiles, wrong_file
from tap_targetads.reading.job_queue import JobQueue
from tap_targetads.reading.job_requests import JobRequests
from tap_targetads.reading.job_status import Job, JobLostError, JobOptions, JobStatus
from tap_targetads.reading.reader import Reader, Reading
from tap_targetads.reports.fields import v2_name
from tap_targetads.rows.csv_files import CorruptFileError, csv_pages
from tap_targetads.rows.row_type import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_targetads.api.downloads import Downloads
    from tap_targetads.reports.days import Window
    from tap_targetads.rows.row_type import Table

ATTEMPTS = 3
"""How often a job is made before giving up."""

_SHORTEST_POLL, _LONGEST_POLL = 1.0, 30.0
_LOST = frozenset({"FAILED", "EXPIRED", "CANCELLED"})


class JobReader(Reader):
    """Reads windows by jobs, several of them under way on the server at once.

    Args:
        jobs: How jobs are made and waited for.
        storage: Where their files are.
        options: What every reader needs.
    """

    def __init__(self, *, jobs: JobOptions, storage: Downloads, **options: Any) -> None:
        """Prepare reading. No job is made yet."""
        super().__init__(**options)
        self._jobs = jobs
        self._files = JobFiles(storage, jobs.sleep, self.logger)
        self._names = {v2_name(f.name): f.name for f in self.asked}
        fields = [msgspec.structs.replace(f, name=v2_name(f.name)) for f in self.asked]
        self._bodies = JobRequests(self.parts, fields, jobs, self.logger)

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        try:
            yield from self._read(project_id, windows)
        finally:
            self._files.forget()

    def _read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        queue = JobQueue(
            windows,
            at_once=self._jobs.at_once,
            cut=self._cut,
            bodies=self._bodies,
            make=partial(self._make, project_id),
        )
        while queue:
            try:
                done = self._all_done(queue)
            except ApiError as error:
                self.ask_for_fewer_days(queue.window, error)
                queue.begin_again()
                continue
            self.days.succeeded()
            window = queue.window
            queue.finish()
            queue.make_ahead()  # the server works while the files are read
            yield Reading(window, self._pieces(done, queue), queue.left)

    def _cut(self, window: Window) -> list[Window]:
        rest = deque([window])
        return [self.next_window(rest), *rest]

    def _all_done(self, queue: JobQueue) -> list[tuple[Job, JobStatus]]:
        """Wait for all jobs of the window whose turn it is."""
        done = []
        while job := queue.take_job():
            done.append(self._done(job))
        return done

    @override
    def probe(self, project_id: int, window: Window) -> None:
        """Do nothing: a job would be paid for, and the token has been checked."""

    def _pieces(
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
        """Let the file that is read next come while the current one is read.

        Nobody waits for a job here: if it is not done, its turn will tell.
        """
        if done is None and self._jobs.clock() - job.since < job.estimate:
            return

        def status() -> JobStatus:
            return done or self._status(job)

        self._files.get_ready(job.id, self._subject(job), status)

    def _make(self, project_id: int, window: Window, body: dict[str, Any]) -> Job:
        call = Request(
            "POST",
            f"/v2/{self.report.path}",
            project_id,
            self.subject(project_id, window),
            body,
            stream=self.report.name,
            can_shrink=self.is_divisible(window),
        )
        status = self.client.send(call, JobStatus.decode)
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
        """The rows of a job's file."""
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
        """Wait for a job; make it anew if it gets lost, a bounded number of times.

        Returns:
            The job, or the one that took its place, and its status.

        Raises:
            ApiError: If no job is done.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return job, self._wait(job)
            except JobLostError as error:
                self.logger.warning(
                    "%s: the job is lost: %s. Try %d of %d failed.",
                    self._subject(job),
                    error,
                    attempt,
                    ATTEMPTS,
                )
                problem = str(error)
                if attempt < ATTEMPTS:
                    job = self._make(job.project_id, job.window, job.body)
        message = (
            f"{self._subject(job)}: {ATTEMPTS} jobs were lost, the last "
            f"one because {problem}. Run the tap again, or raise `job_timeout`."
        )
        raise ApiError(message, too_much=True)

    def _status(self, job: Job) -> JobStatus:
        call = Request(
            "GET",
            f"/v2/jobs/{job.id}",
            job.project_id,
            self._subject(job),
            stream=self.report.name,
            endpoint="/v2/jobs",
        )
        return self.client.send(call, JobStatus.decode)

    def _wait(self, job: Job) -> JobStatus:
        """Ask for a job's status until it is done, less often the longer it takes."""
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
