"""The windows that jobs read, in order, with a limited number of jobs in flight."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
        error: Why a job could not be created; raised when the window's turn comes.
    """

    window: Window
    bodies: list[Body] | None = None
    created: int = 0
    jobs: deque[Job] = field(default_factory=deque)
    error: ApiError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all jobs have been created."""
        return self.bodies is not None and self.created == len(self.bodies)


class JobQueue:
    """Creates the jobs of windows in order, a limited number in advance.

    Args:
        windows: The windows.
        at_once: How many jobs may be in flight; one is, until it has been waited for.
        cut: Splits a window into those that may be requested at once.
        bodies: The request bodies of a window, one per job.
        change_over: Switches to the other form of bodies, if an error asks for it.
        create: Creates a job.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        windows: Iterable[Window],
        *,
        at_once: int,
        cut: Callable[[Window], list[Window]],
        bodies: Callable[[Window], list[Body]],
        change_over: Callable[[ApiError], bool],
        create: Callable[[Window, Body], Job],
    ) -> None:
        self._pending = [PendingWindow(window) for window in windows]
        self._at_once = at_once
        self._cut = cut
        self._bodies = bodies
        self._change_over = change_over
        self._create = create

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

        Stops at a failure: what it means for later windows is known when its turn
        comes.
        """
        index = 0
        while index < len(self._pending) and self._has_room:
            pending = self._pending[index]
            if pending.error:
                return
            if pending.is_complete:
                index += 1
                continue
            if pending.bodies is None:
                windows = self._cut(pending.window)
                self._pending[index : index + 1] = [
                    PendingWindow(window) for window in windows
                ]
                pending = self._pending[index]
            self._create_next(pending)

    def take_job(self) -> Job | None:
        """The next job of the current window to wait for; None if there are no more.

        Raises:
            ApiError: If one of the window's jobs cannot be created.
        """
        self.create_ahead()
        current = self._pending[0]
        if current.error:
            raise current.error
        return current.jobs.popleft() if current.jobs else None

    def finish(self) -> None:
        """Go on to the next window."""
        self._pending.pop(0)

    def begin_again(self) -> None:
        """Recreate the jobs of the current window; those of later windows stay."""
        self._pending[0] = PendingWindow(self.window)

    @property
    def _has_room(self) -> bool:
        return sum(len(pending.jobs) for pending in self._pending) < self._at_once

    def _create_next(self, pending: PendingWindow) -> None:
        try:
            job = self._created(pending)
        except ApiError as error:
            pending.error = error
            return
        pending.jobs.append(job)
        pending.created += 1

    def _created(self, pending: PendingWindow) -> Job:
        if pending.bodies is None:
            pending.bodies = self._bodies(pending.window)
        try:
            return self._create(pending.window, pending.bodies[pending.created])
        except ApiError as error:
            if pending.created or not self._change_over(error):
                raise
        pending.bodies = self._bodies(pending.window)
        return self._create(pending.window, pending.bodies[0])
