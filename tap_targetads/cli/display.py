"""The live display of a run, for somebody at a terminal."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text
from typing_extensions import override

from tap_targetads.plurals import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_targetads.progress import Part, Progress

PER_SECOND = 4
"""How often the line is drawn anew."""


def watching() -> Console | None:
    """The terminal behind stderr, if it can show a line that changes.

    TERM=dumb and TTY_INTERACTIVE=0 say that it cannot.
    """
    console = Console(stderr=True, highlight=False)
    return console if console.is_interactive else None


class Display:
    """A line for what is being read and for the whole, below all other lines.

    Every stream and project that is done leaves a line above it. What changes is one
    line only: to draw it anew, nothing but that line is erased. A target at the end of
    the pipe writes to the same terminal, and none of its lines may be lost.

    Args:
        progress: What to show.
        console: Where.
    """

    def __init__(self, progress: Progress, console: Console) -> None:
        """Prepare the display. Nothing is shown yet."""
        self._progress = progress
        self._console = console
        self._live = Live(
            console=console,
            get_renderable=self.line,
            refresh_per_second=PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._handlers: list[logging.StreamHandler[Any]] = []

    def __enter__(self) -> Self:
        """Show it, and let the log through above it."""
        # Handlers keep the stream that they were made with.
        stderr, above = sys.stderr, _Above(self._console)
        with suppress(OSError):
            self._live.start(refresh=True)
        self._handlers = [h for h in _stream_handlers() if h.stream is stderr]
        for handler in self._handlers:
            handler.setStream(above)
        self._progress.on_end = self._leave_line
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was, and say how far the run has come."""
        self._progress.on_end = None
        with suppress(OSError):
            self._live.stop()
        for handler in self._handlers:
            handler.setStream(sys.stderr)
        self._print(self.summary())

    def refresh(self) -> None:
        """Draw the line anew, now."""
        self._live.refresh()

    def line(self) -> Text:
        """What is being read, and the whole; the short form on a narrow terminal."""
        long = self._text(words=True)
        fits = long.cell_len <= self._console.width
        return long if fits else self._text(words=False)

    def summary(self) -> Text:
        """How far the run has come."""
        run = self._progress
        text = Text.assemble(
            ("all", "bold"),
            f": {run.ended} of {run.parts} streams and projects, "
            f"{count_of(run.rows, 'row')} in {_time(run.seconds)}",
        )
        if run.failed:
            text.append(f", {run.failed} not complete", "red")
        return text

    def _text(self, *, words: bool) -> Text:
        run, part = self._progress, self._progress.current
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        if part:
            text.append(_subject(part, words=words), "bold")
            if part.windows_left:
                number, count = part.windows + 1, part.windows + part.windows_left
                text.append(
                    f": window {number} of {count}" if words else f" {number}/{count}"
                )
            text.append(", " if words else " ")
            text.append(_amount(part, words=words))
            text.append(_left(part.seconds_left, words=words))
            text.append(" | ", "dim")
        text.append("all", "bold")
        text.append(f"{':' if words else ''} {run.ended}")
        text.append(f" of {run.parts}, " if words else f"/{run.parts} ")
        text.append(count_of(run.rows, "row") if words else f"{run.rows:,}")
        return text.append(_left(run.seconds_left, words=words))

    def _leave_line(self, part: Part) -> None:
        text = Text.assemble((_subject(part, words=True), "bold"), ": ")
        if part.failed:
            text.append("not complete", "red").append(", ")
        if part.windows:
            text.append(f"{count_of(part.windows, 'window')}, ")
        text.append(f"{_amount(part, words=True)} in {_time(part.seconds)}")
        self._print(text)

    def _print(self, text: Text) -> None:
        # The run goes on although somebody has closed the terminal.
        with suppress(OSError):
            self._console.print(text, soft_wrap=True)


class _Above(io.TextIOBase):
    """A stream for log handlers, whose lines appear above the display as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @override
    def write(self, text: str) -> int:
        self._console.print(Text(text), end="", soft_wrap=True)
        return len(text)


def _stream_handlers() -> Iterator[logging.StreamHandler[Any]]:
    root = logging.getLogger()
    for logger in (root, *root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler):
                    yield handler


def _subject(part: Part, *, words: bool) -> str:
    return f"{part.stream}{', project' if words else ''} {part.project_id}"


def _amount(part: Part, *, words: bool) -> str:
    rate = f"{part.rows_per_second:,.0f}"
    if not words:
        return f"{part.rows:,} {rate}/s"
    return f"{count_of(part.rows, 'row')}, {rate} rows/s"


def _left(seconds: float | None, *, words: bool) -> str:
    if seconds is None:
        return ""
    return f", {_time(seconds)} left" if words else f" {_time(seconds)}"


def _time(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))
