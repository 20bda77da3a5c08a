"""Serves the measured pages from a separate process."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

PROJECT = 12486
ROWS_PER_PAGE_VIEW = 21 / 8
"""Rows of all types per page view, roughly."""

SATURDAY = 5


@dataclass(frozen=True)
class World:
    """What is served.

    Attributes:
        page_views: About how many a day has.
        made: How many days are generated before serving.
        delay: Seconds before each response.
        job_seconds: Seconds that each v2 job takes at least.
    """

    page_views: int
    made: int = 0
    delay: float = 0
    job_seconds: float = 0


@dataclass(frozen=True)
class Served:
    """A server that is ready.

    Attributes:
        token: The token of the project.
        day: The latest working day with rows.
    """

    url: str
    token: str
    day: date

    def settings(self, days: int = 1) -> dict[str, object]:
        """The settings that all contenders share, for some days up to `day`."""
        return {
            "api_url": self.url,
            "auth_token": self.token,
            "project_id": PROJECT,
            "start_date": (self.day - timedelta(days=days - 1)).isoformat(),
            "end_date": self.day.isoformat(),
        }


@contextmanager
def served(world: World) -> Iterator[Served]:
    """Serve a world until the end of the block."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(theirs, world))
    process.start()
    theirs.close()  # so that the end of the process is noticed
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def _serve(pipe: Connection, world: World) -> None:
    """Serve, in a separate process, until the other end of the pipe is closed.

    The measuring process must stay small: a child's peak memory is never less than its
    parent's at the start. So only this process loads the sandbox.
    """
    import targetads_sandbox as sandbox  # noqa: PLC0415

    served_world = sandbox.World(
        projects=(PROJECT,), rows_per_day=round(world.page_views * ROWS_PER_PAGE_VIEW)
    )
    late = [
        sandbox.Fault("slow", rate=1, path=path, seconds=world.delay)
        for path in ("/v1/reports/", "/v2/", "/storage/")
    ]
    with sandbox.Sandbox(
        served_world,
        faults=late if world.delay else (),
        job_seconds=world.job_seconds,
    ) as server:
        ready = Served(server.url, server.tokens[PROJECT], latest_day())
        for back in range(world.made):
            served_world.day(PROJECT, ready.day - timedelta(days=back))
        pipe.send(ready)
        try:
            pipe.recv()
        except EOFError:
            return


def latest_day() -> date:
    """The latest working day with rows that is over everywhere.

    A recent one, since v2 reads at most 90 days back.
    """
    from targetads_sandbox import World, counts  # noqa: PLC0415

    small = World(projects=(PROJECT,), rows_per_day=100)
    day = date.today() - timedelta(days=2)  # noqa: DTZ011 - the clock of the machine
    while day.weekday() >= SATURDAY or not counts(small, PROJECT, day, day).get(
        day.isoformat()
    ):
        day -= timedelta(days=1)
    return day
