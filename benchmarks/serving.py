"""Serves the pages that are measured, from a process of its own."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from tap_targetads.sandbox import Sandbox, World, counts

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROJECT = 12486
DAY = date(2024, 1, 16)


def serve(pipe: Connection, rows: int) -> None:
    """Serve the pages, in a process of its own, until told to stop.

    The process that measures has to stay small: a child's peak memory is never less
    than what its parent had when it was started.

    Args:
        pipe: Gets the URL, the token and the number of rows; says when to stop.
        rows: About so many page views.
    """
    # Page views are a little less than half of all rows.
    world = World(projects=(PROJECT,), rows_per_day=2 * rows)
    found = counts(world, PROJECT, DAY, DAY)[DAY.isoformat()]["PageView"]
    with Sandbox(world) as sandbox:
        pipe.send((sandbox.url, sandbox.tokens[PROJECT], found))
        pipe.recv()
