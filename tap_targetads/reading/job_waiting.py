"""Waits for jobs (API reference: v2 reports)."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_targetads.api.answers import DONE, JobStatus
from tap_targetads.api.endpoints import job_status
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from tap_targetads.api.client import Client
    from tap_targetads.reading.job_queue import Job
    from tap_targetads.reading.job_requests import JobOptions

SHORTEST_POLL, _LONGEST_POLL = 1.0, 30.0
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


class JobLostError(Exception):
    """A job that will not finish."""


class JobHangsError(JobLostError):
    """A job that takes too long."""


class JobWaiting:
    """Polls the status of jobs.

    Args:
        client: Sends requests.
        stream: Name of the stream.
        options: How jobs are waited for.
        subject: What a job reads, for log and error lines.
        logger: Where warnings go.
    """

    def __init__(
        self,
        client: Client,
        stream: str,
        options: JobOptions,
        subject: Callable[[Job], str],
        logger: logging.Logger,
    ) -> None:
        self._client = client
        self._stream = stream
        self._jobs = options
        self._subject = subject
        self._logger = logger

    def status(self, job: Job) -> JobStatus:
        """Ask how far a job is; one that the API does not know has expired."""
        subject = self._subject(job)
        request = job_status(job.id, job.project_id, subject, self._stream)
        try:
            return self._client.send(request, JobStatus.decode)
        except ApiError as error:
            if error.status not in _MISSING:
                raise
            return JobStatus(status="EXPIRED", error_message="the API has no such job")

    def until_done(self, job: Job) -> JobStatus:
        """Poll a job until it is done, less often the longer it takes.

        Raises:
            JobLostError: If it will not finish.
            ApiError: If the API refuses, or nobody knows what its status means.
        """
        jobs = self._jobs
        waited = False
        while True:
            elapsed = jobs.clock() - job.since
            if waited or elapsed < job.estimate:
                rest = (job.estimate - elapsed) / 2
                jobs.sleep(min(_LONGEST_POLL, max(SHORTEST_POLL, elapsed / 10, rest)))
            waited = True
            status = self.status(job)
            if status.status == DONE:
                jobs.hung = 0
                return status
            if status.is_lost:
                reason = self._client.clean(status.error_message or "no reason")
                message = f"it is {status.status} ({reason})"
                raise JobLostError(message)
            word = self._client.clean(status.status.lower())
            elapsed = jobs.clock() - job.since
            if elapsed > jobs.timeout:
                raise self._hangs(job, status, elapsed)
            self._logger.info(
                "%s: the job is %s for %.0f s, of about %.0f s.",
                self._subject(job),
                word,
                elapsed,
                job.estimate,
            )

    def _hangs(self, job: Job, status: JobStatus, elapsed: float) -> Exception:
        """What to raise for a job that takes too long."""
        if status.is_unknown:
            message = (
                f"{self._subject(job)}: the job has the unknown status "
                f"{self._client.clean(status.status)!r} after {elapsed:.0f} s. Report "
                "it, and raise `job_timeout` if it only means that it takes longer."
            )
            return ApiError(message)
        self._jobs.hung += 1
        return JobHangsError(f"it is not done after {elapsed:.0f} s")

    def until_ended(self, job: Job) -> None:
        """Wait for a job that need not succeed."""
        with suppress(JobLostError):
            self.until_done(job)
