"""Jobs of the API's version 2, as far as they are known here.

API reference: v2 reports.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from typing_extensions import override

from tap_targetads.api.answers import Answer, MalformedAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_targetads.api.bodies import Body
    from tap_targetads.reports.days import Window


class JobStatus(Answer, kw_only=True):
    """What the API says about a job."""

    job_id: str = ""
    status: str = ""
    estimated_seconds: float | None = None
    error_message: str | None = None
    row_count: int | None = None
    download_url: str | None = None

    @classmethod
    @override
    def decode(cls, body: Body) -> Self:
        status = super().decode(body)
        if not status.is_error and not status.status:
            message = "the answer has no `status`"
            raise MalformedAnswerError(message)
        return status


class JobLostError(Exception):
    """A job will not be done."""


BodyShape = Literal["nested", "flat"]


@dataclass(slots=True)
class JobOptions:
    """How jobs are made and waited for; one for all streams of a run.

    Attributes:
        shape: The form of the request's body: with filter objects as in version 1, or
            with dates and type at the top. Corrected for the rest of the run when the
            server asks for the other one.
        stable: The flag `Stable` of raw data.
        at_once: How many jobs of a stream are under way at most.
        timeout: Seconds that a job may take.
        sleep: Waits; replaced where nobody should wait.
        clock: Seconds.
    """

    shape: BodyShape
    stable: bool
    at_once: int
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Job:
    """A job that was made.

    Attributes:
        project_id: The project.
        window: The days.
        body: What was asked.
        id: The API's id; a secret together with the file's address, so never logged.
        since: When it was made, by the clock of the options.
        estimate: Seconds that the API expects it to take.
    """

    project_id: int
    window: Window
    body: dict[str, Any]
    id: str = field(repr=False)
    since: float
    estimate: float
