"""What a run shows to somebody at a terminal."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TextIO

from tap_targetads.plurals import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console
    from rich.progress import Progress as Display

    from tap_targetads.progress import Part, Progress


def display_of(progress: Progress) -> AbstractContextManager[object]:
    """The live line, if stderr is a terminal that can move its cursor.

    TERM=dumb and TTY_INTERACTIVE=0 say that it cannot. There is none either if the
    messages go to the terminal too: the log has a line for every window.
    """
    if not (sys.stderr and sys.stderr.isatty()) or sys.stdout.isatty():
        return nullcontext()
    # Importing rich takes longer than a run in a pipeline should wait.
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    return live_line(progress, console) if console.is_interactive else nullcontext()


@contextmanager
def live_line(progress: Progress, console: Console) -> Iterator[Display]:
    """Show a run in one line below the log; what has ended leaves a line above it.

    One line only, since nothing else is erased to draw it again: a target at the end
    of the pipe writes to the same terminal, and none of its lines may be lost.
    """
    import rich.progress  # noqa: PLC0415 - as above
    import rich.table  # noqa: PLC0415

    def leave(text: str) -> None:
        # The run goes on although somebody has closed the terminal.
        with suppress(OSError):
            console.print(text, highlight=False)

    console.soft_wrap = True  # lines of the log are not broken
    display = rich.progress.Progress(
        # A narrow terminal cuts the name, which has no blanks to wrap at.
        rich.progress.TextColumn(
            "[bold]{task.fields[line].stream}", table_column=rich.table.Column()
        ),
        rich.progress.TextColumn("{task.fields[line].numbers}"),
        console=console,
        refresh_per_second=4,
        transient=True,
        redirect_stdout=False,
    )
    display.add_task("", line=_Line(progress))
    stderr = sys.stderr
    with suppress(OSError):
        display.start()
    # Handlers keep the stream that they were made with.
    handlers = [handler for handler in _handlers() if handler.stream is stderr]
    for handler in handlers:
        handler.setStream(sys.stderr)
    progress.on_end = lambda part: leave(_ended(part))
    try:
        yield display
    finally:
        progress.on_end = None
        with suppress(OSError):
            display.stop()
        for handler in handlers:
            handler.setStream(stderr)
        leave(_summary(progress))


class _Line:
    """What the line says at the moment; a thread asks for it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @property
    def stream(self) -> str:
        part = self._progress.current
        return part.stream if part else ""

    @property
    def numbers(self) -> str:
        """Project, window, rows, rate and time left; then the whole run."""
        progress, words = self._progress, []
        if part := progress.current:
            words.append(f"{part.project_id}")
            if part.left:
                count = part.windows + len(part.left)
                words.append(f"window {part.windows + 1}/{count}")
            words.append(f"{count_of(part.rows, 'row')} {part.rows_per_second:,.0f}/s")
            if (left := part.seconds_left) is not None:
                words.append(_time(left))
            words.append("|")
        words.append(f"all {len(progress.ended)}/{progress.parts}")
        if (left := progress.seconds_left) is not None:
            words.append(f"{_time(left)} left")
        return " ".join(words)


def _ended(part: Part) -> str:
    failed = "[red]not complete[/], " if part.failed else ""
    windows = f"{count_of(part.windows, 'window')}, " if part.windows else ""
    return (
        f"[bold]{part.stream}, project {part.project_id}[/]: {failed}{windows}"
        f"{count_of(part.rows, 'row')}, {part.rows_per_second:,.0f} rows/s "
        f"in {_time(part.seconds)}"
    )


def _summary(progress: Progress) -> str:
    ended = progress.ended
    failed = sum(part.failed for part in ended)
    return (
        f"[bold]all[/]: {len(ended)} of {progress.parts} streams and projects, "
        f"{count_of(sum(part.rows for part in ended), 'row')} "
        f"in {_time(progress.seconds)}"
        + (f", [red]{failed} not complete[/]" if failed else "")
    )


def _handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler


def _time(seconds: float) -> str:
    return f"{timedelta(seconds=round(seconds))}"
