"""Reads the asynchronous reports of the API's version 2: jobs that leave a CSV file.

API reference: v2 reports.
"""

from __future__ import annotations

from collections import deque
from typing import IO, TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from tap_targetads.catalogue import v2_name
from tap_targetads.csv_pages import CorruptFileError, csv_pages
from tap_targetads.errors import ApiError
from tap_targetads.exchange import Call
from tap_targetads.job_files import JobFiles, wrong_file
from tap_targetads.job_status import BodyShape, Job, JobLostError, JobOptions, JobStatus
from tap_targetads.reader import Reader, Reading
from tap_targetads.rows import Piece
from tap_targetads.windows import tile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_targetads.reports import Report
    from tap_targetads.rows import Table
    from tap_targetads.storage import Storage
    from tap_targetads.windows import Window

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

    def __init__(self, *, jobs: JobOptions, storage: Storage, **options: Any) -> None:
        """Prepare reading. No job is made yet."""
        super().__init__(**options)
        self._jobs = jobs
        self._files = JobFiles(storage, jobs.sleep, self.logger)
        self._told_of_flat_paths = False
        self._names = {v2_name(f.name): f.name for f in self.asked}
        self._asked = [
            msgspec.structs.replace(f, name=v2_name(f.name)) for f in self.asked
        ]

    @override
    def read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        try:
            yield from self._read(project_id, windows)
        finally:
            self._files.forget()

    def _read(self, project_id: int, windows: Iterable[Window]) -> Iterator[Reading]:
        todo = deque(windows)
        made: deque[tuple[Window, list[Job] | ApiError]] = deque()

        def make_ahead() -> None:
            while todo and len(made) < self._jobs.at_once:
                window = self.next_window(todo)
                try:
                    made.append((window, self._make_all(project_id, window)))
                except ApiError as error:
                    # Its turn has not come: what was made before is read first.
                    made.append((window, error))
                    return

        make_ahead()
        while made:
            window, jobs = made.popleft()
            try:
                if isinstance(jobs, ApiError):
                    raise jobs
                done = [self._done(project_id, window, job) for job in jobs]
            except ApiError as error:
                self.ask_for_fewer_days(window, error)
                # Windows stay in order: its parts come before those already made.
                parts = tile(window.start, window.end, self.days.value)
                again = [(part, self._make_all(project_id, part)) for part in parts]
                made.extendleft(reversed(again))
                continue
            self.days.succeeded()
            make_ahead()  # the server works while the files are read
            left = [later for later, _ in made] + list(todo)
            pieces = self._pieces(project_id, window, done, made)
            yield Reading(window, pieces, left)

    @override
    def probe(self, project_id: int, window: Window) -> None:
        """Do nothing: a job would be paid for, and the token has been checked."""

    def _pieces(
        self,
        project_id: int,
        window: Window,
        jobs: list[tuple[Job, JobStatus]],
        later: Sequence[tuple[Window, list[Job] | ApiError]],
    ) -> Iterator[Piece]:
        for number, (job, done) in enumerate(jobs, start=1):
            if done.row_count == 0:
                continue
            with self._file(project_id, window, job, done) as file:
                if number < len(jobs):
                    self._get_ready(project_id, window, *jobs[number])
                elif later and isinstance(later[0][1], list):
                    self._get_ready(project_id, later[0][0], later[0][1][0])
                for table in self._tables(project_id, window, file):
                    yield Piece(self.converter.rows_of(table))

    def _get_ready(
        self, project_id: int, window: Window, job: Job, done: JobStatus | None = None
    ) -> None:
        """Let the file that is read next come while the current one is read.

        Nobody waits for a job here: if it is not done, its turn will tell.
        """
        if done is None and self._jobs.clock() - job.since < job.estimate:
            return

        def status() -> JobStatus:
            return done or self._status(project_id, window, job)

        self._files.get_ready(job.id, self.subject(project_id, window), status)

    def _make_all(self, project_id: int, window: Window) -> list[Job]:
        """Make the jobs of a window, in the form of body that the server wants."""
        try:
            bodies = self._bodies(window)
            return [self._make(project_id, window, body) for body in bodies]
        except ApiError as error:
            other: BodyShape = "flat" if self._jobs.shape == "nested" else "nested"
            missing = "DateFrom" if other == "flat" else "InteractionFilter"
            if missing not in error.failed_fields:
                raise
            self.logger.info("The API wants the %s form of v2 requests.", other)
            self._jobs.shape = other
        return [self._make(project_id, window, body) for body in self._bodies(window)]

    def _bodies(self, window: Window) -> list[dict[str, Any]]:
        """The request bodies for a window: one for each part of the report."""
        return [body for part in self.parts for body in self._bodies_of(part, window)]

    def _bodies_of(self, report: Report, window: Window) -> list[dict[str, Any]]:
        """One request body, or one for each type if flat."""
        nested = report.body(self._asked, window)
        if self._jobs.stable and "TargetFilter" not in nested:
            nested["Stable"] = 1
        if self._jobs.shape == "nested":
            return [nested]
        if "TargetFilter" in nested and (
            report.filters.interaction_types or report.filters.media_campaign_ids
        ):
            message = (
                f"Stream {report.name}: the API wants the flat form of v2 requests, "
                "which cannot limit the touches of paths. Remove `interaction_types` "
                'and `media_campaign_ids` from it, or read it with `api_version` "v1".'
            )
            raise ApiError(message)
        if "TargetFilter" in nested and not self._told_of_flat_paths:
            self._told_of_flat_paths = True
            self.logger.warning(
                "Stream %s: the flat form of v2 requests cannot say how far back paths "
                "begin: not `path_days`, but the API decides.",
                report.name,
            )
        own = nested.pop("TargetFilter", None) or nested["InteractionFilter"]
        nested.pop("InteractionFilter")
        one_by_one = next((k for k in ("InteractionType", "EventType") if k in own), "")
        values = own.pop(one_by_one, [None])
        return [
            {**nested, **own, **({one_by_one: value} if value else {})}
            for value in values
        ]

    def _make(self, project_id: int, window: Window, body: dict[str, Any]) -> Job:
        status = self._send("POST", f"/v2/{self.report.path}", project_id, window, body)
        estimate = status.estimated_seconds
        return Job(
            body,
            status.job_id,
            self._jobs.clock(),
            _SHORTEST_POLL if estimate is None else estimate,
        )

    def _send(
        self,
        method: str,
        path: str,
        project_id: int,
        window: Window,
        body: dict[str, Any] | None = None,
    ) -> JobStatus:
        subject = self.subject(project_id, window)
        call = Call(
            method,
            path,
            project_id,
            subject,
            body,
            stream=self.report.name,
            endpoint="/v2/jobs" if body is None else None,
            can_shrink=body is not None and self.is_divisible(window),
        )
        return self.client.send(call, JobStatus.decode)

    def _file(
        self, project_id: int, window: Window, job: Job, done: JobStatus
    ) -> IO[bytes]:
        def again() -> tuple[str, JobStatus]:
            job_, done = self._done(project_id, window, job)
            return job_.id, done

        subject = self.subject(project_id, window)
        return self._files.whole(job.id, subject, done, again)

    def _tables(
        self, project_id: int, window: Window, file: IO[bytes]
    ) -> Iterator[Table]:
        """The rows of a job's file."""
        try:
            yield from csv_pages(
                file,
                self.row_type,
                names=self._names,
                on_unselected=self.report_unselected,
            )
        except CorruptFileError as error:
            raise wrong_file(self.subject(project_id, window), error) from error

    def _done(self, project_id: int, window: Window, job: Job) -> tuple[Job, JobStatus]:
        """Wait for a job; make it anew if it gets lost, a bounded number of times.

        Returns:
            The job, or the one that took its place, and its status.

        Raises:
            ApiError: If no job is done.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return job, self._wait(project_id, window, job)
            except JobLostError as error:  # noqa: PERF203 - minutes pass in between
                self.logger.warning(
                    "%s: the job is lost: %s. Try %d of %d failed.",
                    self.subject(project_id, window),
                    error,
                    attempt,
                    ATTEMPTS,
                )
                problem = str(error)
                if attempt < ATTEMPTS:
                    job = self._make(project_id, window, job.body)
        message = (
            f"{self.subject(project_id, window)}: {ATTEMPTS} jobs were lost, the last "
            f"one because {problem}. Run the tap again, or raise `job_timeout`."
        )
        raise ApiError(message, too_much=True)

    def _status(self, project_id: int, window: Window, job: Job) -> JobStatus:
        return self._send("GET", f"/v2/jobs/{job.id}", project_id, window)

    def _wait(self, project_id: int, window: Window, job: Job) -> JobStatus:
        """Ask for a job's status until it is done, less often the longer it takes."""
        jobs = self._jobs
        waited = False
        while True:
            elapsed = jobs.clock() - job.since
            if waited or elapsed < job.estimate:
                rest = (job.estimate - elapsed) / 2
                jobs.sleep(min(_LONGEST_POLL, max(_SHORTEST_POLL, elapsed / 10, rest)))
            waited = True
            status = self._status(project_id, window, job)
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
                self.subject(project_id, window),
                status.status.lower(),
                elapsed,
                job.estimate,
            )
