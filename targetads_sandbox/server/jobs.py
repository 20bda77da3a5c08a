"""Reports generated in the background (API reference: v2 reports)."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from targetads_sandbox.server.csv_files import StoppedError, write_csv
from targetads_sandbox.server.responses import INTERNAL_ERROR

if TYPE_CHECKING:
    from targetads_sandbox.dialect import Dialect
    from targetads_sandbox.server.faults import Fault
    from targetads_sandbox.world.query import Query
    from targetads_sandbox.world.world import World

_LOGGER = logging.getLogger(__name__)

Status = Literal["CREATED", "PROCESSING", "DONE", "FAILED", "CANCELLED", "EXPIRED"]

ENDS: dict[str, tuple[Status, str]] = {
    "job_failed": ("FAILED", "report generation failed"),
    "job_cancelled": ("CANCELLED", "job was cancelled"),
    "job_expired": ("EXPIRED", "job result has expired"),
}
"""How jobs end that meet a fault."""

_WORKERS = 4
_CREATED_SHARE = 0.25
_PATIENCE = 1.0
"""How many seconds a request may wait for a file that is due.

So a job that takes no time is done on the first request.
"""


@dataclass
class Job:
    """A report that is being generated, or was.

    Attributes:
        seconds: How long the job takes at least.
        lifetime: After how many seconds it has expired; None for never.
        fault: What goes wrong with it: the kind of a fault.
        path: Where its file is.
        file: The number of rows, once the file is complete.
        created_at: When it was created, in the API's format.
        began: When it was created, for measuring.
    """

    project_id: int
    dialect: Dialect
    seconds: float
    lifetime: float | None
    fault: str | None
    path: Path
    file: Future[int]
    job_id: str
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=monotonic)

    @property
    def status(self) -> Status:
        """Its current status."""
        elapsed = monotonic() - self.began
        if self.fault == "job_hangs":
            return "PROCESSING"
        if elapsed < self.seconds:
            early = elapsed < self.seconds * _CREATED_SHARE
            return "CREATED" if early else "PROCESSING"
        if self.fault in ENDS:
            return ENDS[self.fault][0]
        if self.lifetime is not None and elapsed >= self.lifetime:
            return "EXPIRED"
        if not self.file.done():
            return "PROCESSING"
        return "DONE" if self.file.exception() is None else "FAILED"

    @property
    def error_message(self) -> str:
        """Why it has no file."""
        messages = dict(ENDS.values())
        return messages.get(self.status, INTERNAL_ERROR[1])

    async def settle(self) -> None:
        """Wait briefly for the file, if it is due."""
        if self.fault not in ENDS and monotonic() - self.began >= self.seconds:
            future = asyncio.wrap_future(self.file)
            await asyncio.wait([future], timeout=_PATIENCE)

    def described(self) -> dict[str, Any]:
        """What the API says about it, without the URL of its file."""
        status = self.status
        content: dict[str, Any] = {
            "job_id": self.job_id,
            "status": status,
            "created_at": utc_text(self.created_at),
        }
        if status in {"CREATED", "PROCESSING"}:
            content["estimated_seconds"] = ceil(self.seconds)
        elif status == "DONE":
            content["row_count"] = self.file.result() + (
                self.fault == "wrong_row_count"
            )
            content["file_size_bytes"] = self.path.stat().st_size
        else:
            content["error_message"] = self.error_message
        return content


class Jobs:
    """The jobs of one world, and their files in a private directory.

    A job takes at least `seconds`. In some dialects it expires `lifetime` seconds after
    it was made.
    """

    def __init__(self, world: World, seconds: float, lifetime: float) -> None:
        self._world = world
        self._seconds = seconds
        self._lifetime = lifetime
        self._jobs: dict[str, Job] = {}
        self._stopped = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def create(
        self, project_id: int, query: Query, dialect: Dialect, fault: Fault | None
    ) -> Job:
        """Start a job; `fault` is the kind of what goes wrong with it."""
        if self._pool is None or self._directory is None:
            self._pool = ThreadPoolExecutor(_WORKERS, "tap-targetads-sandbox-job")
            self._directory = tempfile.TemporaryDirectory(prefix="targetads-sandbox-")
        job_id = str(uuid4())
        path = Path(self._directory.name, job_id)
        slow = fault is not None and fault.kind == "slow_job"
        job = Job(
            project_id=project_id,
            dialect=dialect,
            seconds=self._seconds + (fault.delay if fault and slow else 0),
            lifetime=self._lifetime if dialect.expiry == "job" else None,
            fault=None if fault is None else fault.kind,
            path=path,
            file=self._pool.submit(self._write, path, query, dialect),
            job_id=job_id,
        )
        self._jobs[job_id] = job
        return job

    def _write(self, path: Path, query: Query, dialect: Dialect) -> int:
        try:
            return write_csv(path, query, self._world, dialect, self._stopped.is_set)
        except StoppedError:
            raise
        except Exception:
            # The response says little, so a bug of the sandbox must be reported here.
            _LOGGER.exception("A job failed")
            raise

    def find(self, job_id: str) -> Job | None:
        """The job with an id."""
        return self._jobs.get(job_id)

    def close(self) -> None:
        """Stop all jobs, and remove their files."""
        self._stopped.set()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if self._directory is not None:
            self._directory.cleanup()


def utc_text(moment: datetime) -> str:
    """A time in the format of API v2: `2024-01-15T10:00:00Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
