"""Downloads the files of jobs until they are whole, the next one ahead of its turn."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from tap_targetads.api.background import in_background
from tap_targetads.api.downloads import DownloadError, Downloads
from tap_targetads.errors import ApiError, TapError
from tap_targetads.rows.csv_files import CorruptFileError, check_file

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from concurrent.futures import Future

    from tap_targetads.api.answers import JobStatus

MAX_DOWNLOADS = 3
"""How often a file is downloaded before giving up."""

_SHORTEST_WAIT = 1.0


class JobFiles:
    """Gets the files of jobs.

    Args:
        downloads: Downloads them.
        sleep: Waits between two attempts.
        logger: Where warnings go.
    """

    def __init__(
        self,
        downloads: Downloads,
        sleep: Callable[[float], None],
        logger: logging.Logger,
    ) -> None:
        self._downloads = downloads
        self._sleep = sleep
        self._logger = logger
        self._ahead = FileAhead()

    def get_ready(
        self, job_id: str, subject: str, status: Callable[[], JobStatus]
    ) -> None:
        """Begin to download the file that is needed next.

        Whatever hinders it is left to the file's turn, when all is tried again; only
        what was downloaded and is not right counts as an attempt.

        Args:
            job_id: The job.
            subject: What is being read, as error lines name it.
            status: Tells the status of the job; called in another thread.
        """

        def make() -> IO[bytes] | None:
            try:
                done = status()
                if done.status != "DONE" or done.row_count == 0:
                    return None
                return self._checked(done, subject)
            except TapError:
                return None

        self._ahead.start(job_id, make)

    def forget(self) -> None:
        """Drop what was got ready, since nobody will read it."""
        self._ahead.forget()

    def whole(
        self,
        job_id: str,
        subject: str,
        done: JobStatus,
        again: Callable[[], tuple[str, JobStatus]],
    ) -> IO[bytes]:
        """Download a job's file until it is whole, a bounded number of times.

        Args:
            job_id: The job.
            subject: What is being read, as error lines name it.
            done: The status of the job.
            again: Asks for the job once more, or for the one that took its place, and
                so for a fresh address.

        Raises:
            ApiError: If it never is.
        """
        problem: Exception | None = None
        for attempt in range(1, MAX_DOWNLOADS + 1):
            if attempt > 1:
                self._sleep(_SHORTEST_WAIT * 2**attempt)
                job_id, done = again()
            try:
                return self._ahead.take(job_id) or self._checked(done, subject)
            except (CorruptFileError, DownloadError) as error:
                problem = error
            self._logger.warning(
                "%s: the job's file is not right: %s. Try %d of %d failed.",
                subject,
                problem,
                attempt,
                MAX_DOWNLOADS,
            )
        raise wrong_file(subject, problem)

    def _checked(self, done: JobStatus, subject: str) -> IO[bytes]:
        file = self._downloads.fetch(done.download_url or "", subject)
        try:
            check_file(file, done.row_count)
        except CorruptFileError:
            file.close()
            raise
        return file


def wrong_file(subject: str, problem: Exception | None) -> ApiError:
    """The error for a file that is not right.

    Args:
        subject: What is being read.
        problem: What is not right.
    """
    return ApiError(
        f"{subject}: the job's file is not right: {problem}. Nothing of this window "
        "counts as read: run the tap again."
    )


class FileAhead:
    """Makes one file ready before its turn, in a thread.

    It only ever saves time, as `Prefetch` does: who takes the file gets what it would
    have got without it, failures included.
    """

    def __init__(self) -> None:
        self._job_id = ""
        self._file: Future[IO[bytes] | None] | None = None

    def start(self, job_id: str, make: Callable[[], IO[bytes] | None]) -> None:
        """Begin with a file, and forget the one before it.

        Args:
            job_id: The job that the file is of.
            make: Makes the file; None if it cannot be there yet.
        """
        self.forget()
        self._job_id, self._file = job_id, in_background(make, "file")

    def take(self, job_id: str) -> IO[bytes] | None:
        """The file of a job, when it is ready; None if it was not begun.

        Raises:
            Exception: What was raised when it was made.
        """
        if self._file is None or self._job_id != job_id:
            return None
        file, self._file = self._file, None
        return file.result()

    def forget(self) -> None:
        """Close the file that nobody took, now or when it is ready."""
        file, self._file = self._file, None
        if file is not None:
            file.add_done_callback(_close)


def _close(file: Future[IO[bytes] | None]) -> None:
    if file.exception() is None and (opened := file.result()):
        opened.close()
