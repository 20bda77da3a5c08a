"""Downloads the files of jobs and unpacks them, the next one in the background."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Protocol

from tap_targetads.api.answers import DONE
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
"""Downloads of a file before giving up."""

_SHORTEST_WAIT = 1.0


class Again(Protocol):
    """Gets the id and the status of a finished job, or of its replacement."""

    def __call__(self, *, recreate: bool) -> tuple[str, JobStatus]:
        """Poll the job, or recreate it first."""


class JobFiles:
    """Downloads the files of jobs, and checks that they arrive undamaged.

    Args:
        downloads: Fetches the files.
        sleep: Waits for some seconds.
        logger: Gets the warnings.
        unpack: Whether a gzip must be whole before its first row is delivered.
    """

    def __init__(
        self,
        downloads: Downloads,
        sleep: Callable[[float], None],
        logger: logging.Logger,
        *,
        unpack: bool,
    ) -> None:
        self._unpack = unpack
        self._downloads = downloads
        self._sleep = sleep
        self._logger = logger
        self._ahead = FileAhead()

    def get_ready(
        self, job_id: str, subject: str, status: Callable[[], JobStatus]
    ) -> None:
        """Start to download the file that is needed next.

        Errors are raised when the file's turn comes; only a damaged file counts as an
        attempt. `status` is called in another thread.
        """

        def fetch() -> IO[bytes] | None:
            try:
                done = status()
                if done.status != DONE or not has_file(done):
                    return None
                return self._checked(done, subject)
            except TapError:
                return None

        self._ahead.start(job_id, fetch)

    def forget(self) -> None:
        """Drop the download that nobody will read."""
        self._ahead.forget()

    def whole(
        self,
        job_id: str,
        subject: str,
        done: JobStatus,
        again: Again,
    ) -> IO[bytes]:
        """Download a job's file until it is complete, at most `MAX_DOWNLOADS` times.

        Args:
            job_id: The job.
            subject: What is being read, for error lines.
            done: The status of the job.
            again: Waits for the job's, or a new job's, file to have a new URL. The
                last download is of a new job: the first may have lost its file.

        Raises:
            ApiError: If no download was complete.
        """
        problem: Exception | None = None
        for attempt in range(1, MAX_DOWNLOADS + 1):
            if attempt > 1:
                self.wait(attempt)
                job_id, done = again(recreate=attempt == MAX_DOWNLOADS)
            try:
                return self._ahead.take(job_id) or self._checked(done, subject)
            except (CorruptFileError, DownloadError) as error:
                if done.row_count == 0 and isinstance(error, DownloadError):
                    return io.BytesIO()
                problem = error
            self.warn(subject, problem, attempt)
        raise wrong_file(subject, problem)

    def warn(self, subject: str, problem: Exception | str, attempt: int) -> None:
        """Tell that a file is of no use."""
        self._logger.warning(
            "%s: the job's file is not right: %s. Try %d of %d failed.",
            subject,
            problem,
            attempt,
            MAX_DOWNLOADS,
        )

    def wait(self, attempt: int) -> None:
        """Wait before a try that is not the first, longer each time."""
        self._sleep(_SHORTEST_WAIT * 2**attempt)

    def _checked(self, done: JobStatus, subject: str) -> IO[bytes]:
        if not done.download_url:
            message = "the job is done, but the API names no `download_url`"
            raise DownloadError(message)
        file = self._downloads.fetch(done.download_url, subject)
        try:
            check_file(file, done.row_count, done.file_size_bytes, unpack=self._unpack)
        except CorruptFileError:
            file.close()
            raise
        return file


def has_file(done: JobStatus) -> bool:
    """Whether a finished job has a file: a count of 0 may only mean "not counted"."""
    return done.row_count != 0 or bool(done.download_url)


def wrong_file(subject: str, reason: Exception | str | None) -> ApiError:
    """The error for a damaged file."""
    problem = f"{subject}: the job's file is not right: {reason}."
    return ApiError(
        f"{problem} Nothing of this window counts as read: run the tap again.",
        problem=problem,
    )


class FileAhead:
    """Fetches one file in a thread before it is needed.

    It only saves time, like `Prefetch`: the caller gets what it would have got without
    it, errors included.
    """

    def __init__(self) -> None:
        self._job_id = ""
        self._file: Future[IO[bytes] | None] | None = None

    def start(self, job_id: str, fetch: Callable[[], IO[bytes] | None]) -> None:
        """Start to fetch a file, and forget the one before it."""
        self.forget()
        self._job_id, self._file = job_id, in_background(fetch, "file")

    def take(self, job_id: str) -> IO[bytes] | None:
        """The file of a job, once it is there; None if it was not started.

        Raises:
            Exception: What fetching it raised.
        """
        if self._file is None or self._job_id != job_id:
            return None
        file, self._file = self._file, None
        return file.result()

    def forget(self) -> None:
        """Close the file that nobody took, now or once it is there."""
        file, self._file = self._file, None
        if file is not None:
            file.add_done_callback(_close)


def _close(file: Future[IO[bytes] | None]) -> None:
    if file.exception() is None and (opened := file.result()):
        opened.close()
