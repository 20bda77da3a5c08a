"""How far a run has come, and the log line of a finished window."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_targetads.plurals import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from tap_targetads.reports.days import Window
    from tap_targetads.rows.row_type import Chunk


@dataclass
class Part:
    """One stream of one project: what has arrived, and what is left."""

    stream: str
    project_id: int
    clock: Callable[[], float]
    windows: int = 0
    """How many windows are done."""
    left: Collection[Window] = ()
    """The windows that are not done, including the current one."""
    rows: int = 0
    """The rows that have arrived."""
    state: str = ""
    """How far the state has come; empty if there is none."""
    failed: bool = False
    """Whether it could not be read to the end."""

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = self._last = self.clock()
        self._ended: float | None = None
        self._first = self._latest = ""
        self._days_done = 0
        self._rows_done = 0

    @property
    def seconds(self) -> float:
        """How long it has been read."""
        ended = self.clock() if self._ended is None else self._ended
        return max(ended - self._began, 1e-9)

    @property
    def rows_per_second(self) -> float:
        """Rows per second since its beginning."""
        return self.rows / self.seconds

    @property
    def done(self) -> float:
        """The share of its days that is done, from 0 to 1."""
        left = sum(window.days for window in self.left)
        return self._days_done / max(1, self._days_done + left)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take; None before the first window is done."""
        if not self._days_done:
            return None
        needed = (self._last - self._began) * (1 / self.done - 1)
        return max(0.0, needed - (self.clock() - self._last))

    def begin_window(self, window: Window, left: Collection[Window]) -> None:
        """Begin with a window, perhaps again; `left` are those after it."""
        self.rows = self._rows_done
        self.left = (window, *left)

    def counted(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """Pass on the rows of the current window; they count once written."""
        for chunk in chunks:
            yield chunk
            self.arrived(len(chunk.rows))

    def arrived(self, rows: int) -> None:
        """Count rows of the current window, or of a stream that has no windows."""
        self.rows += rows

    def end_window(self, window: Window, rows: int, left: Collection[Window]) -> None:
        """Finish a window of so many rows; `left` are those after it."""
        self.windows += 1
        self.left = tuple(left)
        self._rows_done += rows
        self.rows = self._rows_done
        self._days_done += window.days
        self._first = self._first or f"{window.start}"
        self._latest = f"{window.end}"
        self._last = self.clock()

    def end(self, *, failed: bool) -> None:
        """Stop the clock."""
        self.failed = failed
        self._ended = self.clock()

    @property
    def summary(self) -> str:
        """What it came to, in one line."""
        words = ["not complete"] if self.failed else []
        words.append(count_of(self.rows, "row"))
        if self._first:
            words.append(f"{self._first} to {self._latest}")
        if self.state:
            words.append(f"state {self.state}")
        words.append(shown_time(self.seconds))
        return f"{self.stream}, project {self.project_id}: {', '.join(words)}"


@dataclass
class Progress:
    """How far a run has come: streams one after the other, project by project."""

    clock: Callable[[], float] = time.monotonic
    """Seconds; tests pass their own."""
    parts: int = 0
    """How many parts there are: streams times projects."""
    ended: list[Part] = field(default_factory=list)
    """The parts that have been read, or have failed."""
    current: Part | None = None
    """The part that is being read."""
    on_end: Callable[[Part], None] | None = None
    """Called with every part that ends; set by a display."""

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return self.clock() - self._began

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take, if parts take equally long; None at first."""
        current = self.current
        done = len(self.ended) + (current.done if current else 0.0)
        return self.seconds * max(0.0, self.parts / done - 1) if done else None

    def begin(self, stream: str, project_id: int) -> Part:
        """Begin with one stream of one project."""
        self.current = Part(stream, project_id, self.clock)
        return self.current

    def end(self, part: Part, *, failed: bool = False) -> None:
        """Note that a part has been read, or has failed."""
        part.end(failed=failed)
        self.ended.append(part)
        self.current = None
        if self.on_end:
            self.on_end(part)

    @property
    def failed(self) -> list[Part]:
        """The parts that could not be read to the end."""
        return [part for part in self.ended if part.failed]

    def delivered(self, stream: str) -> set[int]:
        """The projects of which a stream has been read to the end."""
        parts = (part for part in self.ended if part.stream == stream)
        return {part.project_id for part in parts if not part.failed}

    @property
    def summary(self) -> str:
        """What the run came to, in one line."""
        failed = len(self.failed)
        words = [
            f"{len(self.ended)} of {self.parts} streams and projects",
            count_of(sum(part.rows for part in self.ended), "row"),
            shown_time(self.seconds),
            *([f"{failed} not complete"] if failed else []),
        ]
        return f"all: {', '.join(words)}"

    def log(
        self, logger: logging.Logger, part: Part, window: Window, rows: int
    ) -> None:
        """Log a finished window: for people, and as fields for a structured log.

        Where a display shows the same, the line is for debugging only.
        """
        fields = {
            "stream": part.stream,
            "project_id": part.project_id,
            "window_start": f"{window.start}",
            "window_end": f"{window.end}",
            "window_rows": rows,
            "window_number": part.windows,
            "window_count": part.windows + len(part.left),
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


def shown_time(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return f"{timedelta(seconds=round(seconds))}"
