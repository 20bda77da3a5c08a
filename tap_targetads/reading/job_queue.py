"""The windows that jobs read, in order, with no more jobs under way than allowed."""

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
        project_id: The project.
        window: The days.
        body: What was asked.
        id: The API's id; a secret together with the file's address, so never logged.
        since: When it was created, by the clock of the options.
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
        window: The window.
        bodies: The request bodies, one for each job; None before the first is made.
        made: How many jobs have been made.
        jobs: Those of them that have not been waited for yet, in order.
        error: Why one could not be made. It counts when the window's turn comes.
    """

    window: Window
    bodies: list[Body] | None = None
    made: int = 0
    jobs: deque[Job] = field(default_factory=deque)
    error: ApiError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether all jobs have been made."""
        return self.bodies is not None and self.made == len(self.bodies)


class JobQueue:
    """Makes the jobs of windows in order, a limited number ahead of their turn.

    A job is under way from when it is made until it is waited for.

    Args:
        windows: The windows.
        at_once: How many jobs are under way at most.
        cut: Cuts a window into those that may be asked for at once.
        bodies: The request bodies of a window, one for each job.
        change_over: Takes another form of bodies, if that is what an error asks for.
        make: Creates a job for a window.
    """

    def __init__(  # noqa: PLR0913 - all by name
        self,
        windows: Iterable[Window],
        *,
        at_once: int,
        cut: Callable[[Window], list[Window]],
        bodies: Callable[[Window], list[Body]],
        change_over: Callable[[ApiError], bool],
        make: Callable[[Window, Body], Job],
    ) -> None:
        self._turns = [PendingWindow(window) for window in windows]
        self._at_once = at_once
        self._cut = cut
        self._bodies = bodies
        self._change_over = change_over
        self._make = make

    def __bool__(self) -> bool:
        """Whether there is a window left."""
        return bool(self._turns)

    @property
    def window(self) -> Window:
        """The window whose turn it is."""
        return self._turns[0].window

    @property
    def left(self) -> list[Window]:
        """The windows that are left, in order."""
        return [turn.window for turn in self._turns]

    @property
    def next_job(self) -> Job | None:
        """The job that is waited for next, if it has been made."""
        return next((job for turn in self._turns[:1] for job in turn.jobs), None)

    def make_ahead(self) -> None:
        """Make as many jobs as may be under way, those of the first window first.

        After a failure nothing is made for the windows behind it: what it means for
        them shows when its turn comes.
        """
        place = 0
        while place < len(self._turns) and self._may_make_one:
            turn = self._turns[place]
            if turn.error:
                return
            if turn.is_complete:
                place += 1
                continue
            if turn.bodies is None:
                windows = self._cut(turn.window)
                self._turns[place : place + 1] = [
                    PendingWindow(window) for window in windows
                ]
                turn = self._turns[place]
            self._make_next(turn)

    def take_job(self) -> Job | None:
        """The next job of the window whose turn it is, to be waited for.

        Returns:
            None if all of them have been taken.

        Raises:
            ApiError: If one of the window's jobs cannot be made.
        """
        self.make_ahead()
        turn = self._turns[0]
        if turn.error:
            raise turn.error
        return turn.jobs.popleft() if turn.jobs else None

    def finish(self) -> None:
        """Go on with the next window."""
        self._turns.pop(0)

    def begin_again(self) -> None:
        """Make the jobs of the window anew; those of later windows stay."""
        self._turns[0] = PendingWindow(self.window)

    @property
    def _may_make_one(self) -> bool:
        return sum(len(turn.jobs) for turn in self._turns) < self._at_once

    def _make_next(self, turn: PendingWindow) -> None:
        try:
            job = self._made(turn)
        except ApiError as error:
            turn.error = error
            return
        turn.jobs.append(job)
        turn.made += 1

    def _made(self, turn: PendingWindow) -> Job:
        if turn.bodies is None:
            turn.bodies = self._bodies(turn.window)
        try:
            return self._make(turn.window, turn.bodies[turn.made])
        except ApiError as error:
            if turn.made or not self._change_over(error):
                raise
        turn.bodies = self._bodies(turn.window)
        return self._make(turn.window, turn.bodies[0])
