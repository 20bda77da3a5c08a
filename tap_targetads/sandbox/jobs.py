"""Jobs of version 2, and the files that they leave (API reference: v2 reports)."""

from __future__ import annotations

import csv
import gzip
import io
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_targetads.sandbox.dialect import Dialect
    from tap_targetads.sandbox.faults import Fault

_BOM = b"\xef\xbb\xbf"
_LEVEL = 1


@dataclass(slots=True)
class Job:
    """A job.

    Attributes:
        project_id: The project that it belongs to.
        fields: The columns of its file.
        rows: Makes its rows.
        since: When it was made.
        fault: What goes wrong with it, if anything.
        id: Its id.
        signature: What the address of its file has to hold.
        signed: When the address was last given out.
        file: Its file, once it is made.
        row_count: The number of rows in it.
    """

    project_id: int
    fields: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Any]]]
    since: float
    fault: Fault | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    signed: float = 0.0
    file: Path | None = None
    row_count: int = 0


class Jobs:
    """All jobs of a sandbox.

    Args:
        seconds: How long a job takes.
        url_seconds: How long the address of a file is valid.
        clock: Seconds.
    """

    def __init__(
        self,
        seconds: float = 0.0,
        url_seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without jobs."""
        self.seconds = seconds
        self._url_seconds = url_seconds
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._folder: Path | None = None
        self._lock = threading.RLock()

    def make(
        self,
        project_id: int,
        fields: Sequence[str],
        rows: Callable[[], Iterable[Sequence[Any]]],
        fault: Fault | None,
    ) -> Job:
        """Make a job."""
        job = Job(project_id, fields, rows, self._clock(), fault)
        with self._lock:
            self._jobs[job.id] = job
        return job

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        return self._jobs.get(job_id)

    def is_done(self, job: Job) -> bool:
        """Whether a job's time is over."""
        slow = job.fault.delay if job.fault and job.fault.kind == "slow_job" else 0
        return self._clock() - job.since >= self.seconds + slow

    def sign(self, job: Job) -> str:
        """A fresh signature for the address of a job's file."""
        job.signature, job.signed = secrets.token_urlsafe(16), self._clock()
        return job.signature

    def is_signed(self, job: Job, signature: str) -> bool:
        """Whether a signature is the last one, and still valid."""
        fresh = self._clock() - job.signed <= self._url_seconds
        return fresh and secrets.compare_digest(signature, job.signature)

    def file(self, job: Job, dialect: Dialect) -> Path:
        """A job's file, which is written when it is first needed."""
        with self._lock:
            if job.file is None:
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="tap-targetads-jobs-"))
                path = self._folder / job.id
                job.row_count = _write(path, job, dialect)
                job.file = path
            return job.file

    def clear(self) -> None:
        """Forget all jobs, and remove their files."""
        with self._lock:
            self._jobs.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _write(path: Path, job: Job, dialect: Dialect) -> int:
    """Write a job's rows as CSV; return how many there are."""
    count = 0
    with path.open("wb") as plain:
        packed: IO[bytes] = plain
        if dialect.csv_gzip:
            zipped = gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=_LEVEL)
            packed = cast("IO[bytes]", zipped)
        if dialect.csv_bom:
            packed.write(_BOM)
        order = list(range(len(job.fields)))
        if dialect.csv_order == "other":
            order.reverse()
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow([job.fields[number] for number in order])
        for row in job.rows():
            writer.writerow([_cell(row[number]) for number in order])
            count += 1
        text.flush()
        text.detach()
        if packed is not plain:
            packed.close()
    return count


def _cell(value: Any) -> Any:
    """A value as the file has it: null is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
