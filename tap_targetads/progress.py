"""How far a run has come: what the display shows, and the line of a finished window."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from contextlib import AbstractContextManager

    from tap_targetads.reports.days import Window
    from tap_targetads.rows.row_type import Chunk


class Part:
    """One stream of one project: what has arrived, and what is left.

    Args:
        stream: Name of the stream.
        project_id: The project.
        clock: Seconds.

    Attributes:
        windows: How many windows are done.
        windows_left: How many are not, with the one in hand.
        failed: Whether it could not be read to the end.
    """

    def __init__(
        self, stream: str, project_id: int, clock: Callable[[], float]
    ) -> None:
        """Start the clock."""
        self.stream = stream
        self.project_id = project_id
        self.windows = 0
        self.windows_left = 0
        self.failed = False
        self._clock = clock
        self._began = self._last = clock()
        self._days = 0
        self._days_left = 0
        self._rows_done = 0
        self._rows_in_hand = 0

    @property
    def rows(self) -> int:
        """The rows that have arrived."""
        return self._rows_done + self._rows_in_hand

    @property
    def seconds(self) -> float:
        """How long it has been read."""
        return max(self._clock() - self._began, 1e-9)

    @property
    def rows_per_second(self) -> float:
        """Rows per second since it was begun."""
        return self.rows / self.seconds

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take; None before the first window is done."""
        if not self._days:
            return None
        needed = (self._last - self._began) / self._days * self._days_left
        return max(0.0, needed - (self._clock() - self._last))

    @property
    def done(self) -> float:
        """Which share of its days is done, from 0 to 1."""
        return self._days / max(1, self._days + self._days_left)

    def begin_window(self, window: Window, left: Collection[Window]) -> None:
        """Note what is read next, perhaps once more.

        Args:
            window: The window.
            left: The windows after it.
        """
        self._rows_in_hand = 0
        self.windows_left = 1 + len(left)
        self._days_left = window.days + sum(later.days for later in left)

    def counted(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The rows of the window in hand; they count once they are written."""
        for chunk in chunks:
            yield chunk
            self.arrived(len(chunk.rows))

    def arrived(self, rows: int) -> None:
        """Note rows of the window in hand, or of a stream that has no windows."""
        self._rows_in_hand += rows

    def end_window(self, window: Window, rows: int, left: Collection[Window]) -> None:
        """Note that a window is done.

        Args:
            window: The window.
            rows: Its rows.
            left: The windows after it.
        """
        self.windows += 1
        self.windows_left = len(left)
        self._days += window.days
        self._days_left = sum(later.days for later in left)
        self._rows_done += rows
        self._rows_in_hand = 0
        self._last = self._clock()


class Progress:
    """How far a run has come, over all streams and projects.

    Streams are read one after the other, and their projects likewise.

    Args:
        clock: Seconds; tests pass their own.

    Attributes:
        parts: How many parts there are: streams, for each project.
        ended: How many have been read, or have failed.
        failed: How many have failed.
        current: The part that is being read.
        on_end: Told of every part that ends; a display, if there is one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock."""
        self.parts = 0
        self.ended = 0
        self.failed = 0
        self.current: Part | None = None
        self.on_end: Callable[[Part], None] | None = None
        self._clock = clock
        self._began = clock()
        self._rows = 0

    @property
    def rows(self) -> int:
        """The rows that have arrived."""
        return self._rows + (self.current.rows if self.current else 0)

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return self._clock() - self._began

    @property
    def done(self) -> float:
        """Which share of all parts is done, from 0 to 1."""
        current = self.current.done if self.current else 0.0
        return min(1.0, (self.ended + current) / max(1, self.parts))

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take, if parts take equally long; None at first."""
        done = self.done
        return self.seconds / done * (1 - done) if done else None

    def begin(self, stream: str, project_id: int) -> Part:
        """Begin with one stream of one project.

        Args:
            stream: Name of the stream.
            project_id: The project.
        """
        self.current = Part(stream, project_id, self._clock)
        return self.current

    def end(self, part: Part, *, failed: bool = False) -> None:
        """Note that a part has been read, or has failed."""
        part.failed = failed
        self.current = None
        self._rows += part.rows
        self.ended += 1
        self.failed += failed
        if self.on_end:
            self.on_end(part)

    def log(
        self, logger: logging.Logger, part: Part, window: Window, rows: int
    ) -> None:
        """Write the line of a finished window.

        Its fields are in the message, `name=value`, and for a structured log as
        values of their own. Where a display tells the same, the line is for
        debugging only.

        Args:
            logger: Where the line goes: stderr, never stdout.
            part: The part that the window belongs to.
            window: The window.
            rows: Its rows.
        """
        fields = {
            "stream": part.stream,
            "project_id": part.project_id,
            "window_start": f"{window.start}",
            "window_end": f"{window.end}",
            "window_rows": rows,
            "window_number": part.windows,
            "window_count": part.windows + part.windows_left,
            "rows": part.rows,
            "rows_per_second": round(part.rows_per_second),
            "seconds_left": round(part.seconds_left or 0),
        }
        logger.log(
            logging.DEBUG if self.on_end else logging.INFO,
            "Progress: %s",
            " ".join(f"{name}={value}" for name, value in fields.items()),
            extra={"stream_name": part.stream, **fields},
        )


def display_of(progress: Progress) -> AbstractContextManager[object]:
    """What shows a run to somebody who watches it.

    Returns:
        A live display, if stderr is a terminal that can move its cursor, and the
        messages do not go to it too. Otherwise nothing: the log has the lines.
    """
    if not (sys.stderr and sys.stderr.isatty()) or sys.stdout.isatty():
        return nullcontext()
    # Loading it takes longer than a run in a pipeline should wait.
    from tap_targetads.cli.display import Display, watching  # noqa: PLC0415

    console = watching()
    return Display(progress, console) if console else nullcontext()
