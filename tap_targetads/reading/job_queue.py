"""The windows that jobs read, in order, with a limited number of jobs in flight."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_targetads.reading.job_requests import JobOptions
    from tap_targetads.reports.days import Window

Body = dict[str, Any]


@dataclass(slots=True)
class Job:
    """A job that was created.

    Attributes:
        id: The API's id; a secret like the file's URL, so never logged.
        since: When it was created, by the clock of `JobOptions`.
        estimate: Seconds that the API expects it to take.
    """

    project_id: int
    window: Window
    body: Body
    id: str = field(repr=False)
    since: float
    estimate: float


@dataclass(slots=True)
class PendingWindow:
    """A window, and the jobs that read it.

    Attributes:
        bodies: The request bodies, one per job; None before the first is created.
        created: How many jobs have been created.
        jobs: Those that have not been waited for yet, in order.
    """

    window: Window
    bodies: list[Body] | None = None
    created: int = 0
    jobs: deque[Job] = field(default_factory=deque)

    @property
    def is_complete(self) -> bool:
        """Whether all jobs have been created."""
        return self.bodies is not None and self.created == len(self.bodies)


class Create(Protocol):
    """Creates a job."""

    def __call__(self, window: Window, body: Body, *, once: bool) -> Job:
        """Create a job.

        Args:
            window: Its days.
            body: Its request body.
            once: Neither retry nor wait.

        Raises:
            ApiError: If it cannot be created.
        """


class JobQueue:
    """Creates the jobs of windows in order, a limited number in advance.

    A job that cannot be created in advance is created at its turn, when those before
    it have ended and their files have been read. If that succeeds, the API allows no
    more jobs at once than there were when it refused: `options.at_once` is lowered.

    Args:
        windows: The windows.
        options: How many jobs may be in flight; one is, until it has been waited for.
        cut: Splits a window into those that may be requested at once.
        bodies: The request bodies of a window, one per job.
        change_over: Switches to the other form of bodies, if an error asks for it.
        create: Creates a job.
        wait: Waits until a job has ended, however it ends.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        windows: Iterable[Window],
        *,
        options: JobOptions,
        cut: Callable[[Window], list[Window]],
        bodies: Callable[[Window], list[Body]],
        change_over: Callable[[ApiError], bool],
        create: Create,
        wait: Callable[[Job], object],
    ) -> None:
        self._pending = [PendingWindow(window) for window in windows]
        self._options = options
        self._cut = cut
        self._bodies = bodies
        self._change_over = change_over
        self._create = create
        self._wait = wait
        self._refused_beside: int | None = None
        """How many jobs were in flight when the next one could not be created."""

    def __bool__(self) -> bool:
        """Whether there is a window left."""
        return bool(self._pending)

    @property
    def window(self) -> Window:
        """The window whose turn it is."""
        return self._pending[0].window

    @property
    def left(self) -> list[Window]:
        """The windows that are left, in order."""
        return [pending.window for pending in self._pending]

    @property
    def next_job(self) -> Job | None:
        """The job to wait for next, if it has been created."""
        return next((job for first in self._pending[:1] for job in first.jobs), None)

    def create_ahead(self) -> None:
        """Create as many jobs as may be in flight, those of the first window first.

        Stops at a failure: what it means is known when the job's turn comes.
        """
        index = 0
        while index < len(self._pending) and self._has_room:
            if self._pending[index].is_complete:
                index += 1
                continue
            try:
                self._create_next(index, partial(self._create, once=True))
            except ApiError as error:
                refused = 400 <= (error.status or 0) < 500  # noqa: PLR2004
                at_once = self._options.at_once
                self._refused_beside = len(self._in_flight) if refused else at_once

    def take_job(self) -> Job | None:
        """The next job of the current window to wait for; None if there are no more.

        Raises:
            ApiError: If one of the window's jobs cannot be created.
        """
        first = self._pending[0]
        if not first.jobs and not first.is_complete:
            beside, self._refused_beside = self._refused_beside, None
            if not first.created:  # the size of windows may have changed
                first.bodies = None
            self._create_next(0, self._create_at_its_turn)
            if beside is not None:
                at_once = min(self._options.at_once, max(1, beside))
                self._options.at_once = at_once
        self.create_ahead()
        jobs = self._pending[0].jobs
        return jobs.popleft() if jobs else None

    def recreate(self, job: Job) -> Job:
        """Create a job once more.

        Raises:
            ApiError: If it cannot be created.
        """
        return self._create_at_its_turn(job.window, job.body)

    def finish(self) -> None:
        """Go on to the next window."""
        self._pending.pop(0)

    def begin_again(self) -> None:
        """Recreate the jobs of the current window; those of later windows stay."""
        self._pending[0] = PendingWindow(self.window)

    @property
    def _in_flight(self) -> list[Job]:
        return [job for pending in self._pending for job in pending.jobs]

    @property
    def _has_room(self) -> bool:
        refused = self._refused_beside is not None
        return not refused and len(self._in_flight) < self._options.at_once

    def _create_at_its_turn(self, window: Window, body: Body) -> Job:
        """Create a job now, if need be after jobs of later windows have ended."""
        for other in self._in_flight:
            try:
                return self._create(window, body, once=True)
            except ApiError as error:
                if error.too_much:
                    break
            self._wait(other)
        return self._create(window, body, once=False)

    def _create_next(self, index: int, create: Callable[[Window, Body], Job]) -> None:
        """Create the next job of a window, which may be cut before its first one."""
        if self._pending[index].bodies is None:
            windows = self._cut(self._pending[index].window)
            self._pending[index : index + 1] = map(PendingWindow, windows)
        pending = self._pending[index]
        pending.jobs.append(self._created(pending, create))
        pending.created += 1

    def _created(
        self, pending: PendingWindow, create: Callable[[Window, Body], Job]
    ) -> Job:
        if pending.bodies is None:
            pending.bodies = self._bodies(pending.window)
        try:
            return create(pending.window, pending.bodies[pending.created])
        except ApiError as error:
            if pending.created or not self._change_over(error):
                raise
            refusal = error
        pending.bodies = self._bodies(pending.window)
        try:
            return create(pending.window, pending.bodies[0])
        except ApiError as error:
            if self._change_over(error):  # the form was right: something else is not
                pending.bodies = None
                raise refusal from error
            raise
