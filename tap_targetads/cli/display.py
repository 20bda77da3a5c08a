"""What a run shows to somebody at a terminal."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from singer_sdk.metrics import get_metrics_logger

from tap_targetads.plurals import count_of
from tap_targetads.progress import shown_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.console import Console
    from rich.progress import Progress as Display

    from tap_targetads.progress import Progress


def display_of(progress: Progress) -> AbstractContextManager[object]:
    """Show a run: in a live line, if stderr is a terminal that can move its cursor.

    TERM=dumb and TTY_INTERACTIVE=0 say that it cannot. There is none either if the
    messages go to the terminal too: the log has a line for every window.
    """
    on_terminal = [stream and stream.isatty() for stream in (sys.stderr, sys.stdout)]
    if on_terminal != [True, False]:
        return summary_at_end(progress)
    # Importing rich takes longer than a run in a pipeline should wait.
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_interactive:
        return summary_at_end(progress)
    return live_line(progress, console)


@contextmanager
def summary_at_end(progress: Progress) -> Iterator[None]:
    """End the log of a run with what has been delivered, and what has not."""
    try:
        yield
    finally:
        logger = logging.getLogger("tap-targetads")
        for part in progress.ended:
            logger.info("Summary: %s", part.summary)
        logger.info("Summary: %s", progress.summary)


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
            console.print(text, highlight=False, markup=False)

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
    # The lines that parts leave have the same figures.
    metrics_logger = get_metrics_logger()
    level = metrics_logger.level
    metrics_logger.setLevel(logging.WARNING)
    progress.on_end = lambda part: leave(part.summary)
    try:
        yield display
    finally:
        progress.on_end = None
        metrics_logger.setLevel(level)
        with suppress(OSError):
            display.stop()
        for handler in handlers:
            handler.setStream(stderr)
        leave(progress.summary)


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
                words.append(shown_time(left))
            words.append("|")
        words.append(f"all {len(progress.ended)}/{progress.parts}")
        if (left := progress.seconds_left) is not None:
            words.append(f"{shown_time(left)} left")
        return " ".join(words)


def _handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler
