from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from tap_targetads.cli.display import display_of, live_line
from tap_targetads.progress import Part, Progress
from tap_targetads.reports.days import Window
from targetads_sandbox.server.faults import Fault
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.records import STREAMS
from tests.support.running import Output, command_for, parse, run_tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox

SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    """A run over four streams and projects."""
    progress = Progress(clock)
    progress.parts = 4
    return progress


END = "2024-01-31T20:59:59+00:00"
WEEKS = [Window(date(2024, 1, 1 + 7 * n), date(2024, 1, 7 + 7 * n)) for n in range(4)]


def read_weeks(part: Part, clock: Clock, weeks: int, rows: int, seconds: float) -> None:
    for n in range(weeks):
        part.begin_window(WEEKS[n], WEEKS[n + 1 :])
        clock.now += seconds
        part.end_window(WEEKS[n], rows, WEEKS[n + 1 :])


def test_rate_and_time_left_follow_from_the_windows_that_are_done(
    progress: Progress, clock: Clock
) -> None:
    part = progress.begin("clicks", PROJECT)
    before = part.seconds_left

    read_weeks(part, clock, 1, rows=500, seconds=10)

    assert before is None
    assert part.rows_per_second == 50
    assert part.seconds_left == 30
    clock.now += 4
    assert part.seconds_left == 26
    # One of four weeks of one of four parts, in 14 seconds.
    assert progress.seconds_left == 14 * 15


def test_the_time_left_is_never_less_than_nothing(
    progress: Progress, clock: Clock
) -> None:
    part = progress.begin("clicks", PROJECT)
    read_weeks(part, clock, 3, rows=1, seconds=1)

    clock.now += 100

    assert part.seconds_left == 0


class PageOf:
    """A page with some rows."""

    def __init__(self, rows: int) -> None:
        self.rows = [None] * rows


def test_rows_count_page_by_page_and_those_of_a_window_that_is_read_again_once(
    progress: Progress,
) -> None:
    part = progress.begin("clicks", PROJECT)

    def read() -> Iterator[int]:
        pages: Iterator[Any] = iter([PageOf(10), PageOf(5)])
        part.begin_window(WEEKS[0], WEEKS[1:])
        for _ in part.counted(pages):
            yield part.rows

    # What is not written yet does not count.
    assert list(read()) == [0, 10]
    assert part.rows == 15
    assert list(read()) == [0, 10]
    part.end_window(WEEKS[0], 15, WEEKS[1:])
    assert part.rows == 15


def shown(progress: Progress, width: int) -> str:
    """What the live line says on a terminal of some width."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    with live_line(progress, console):
        screen = without_styles(written(console)).removeprefix(HIDE_CURSOR)
    assert "\n" not in screen
    return screen.rpartition("\x1b[2K")[2].strip()


def test_the_line_tells_stream_project_window_rows_rate_time_left_and_the_whole(
    progress: Progress, clock: Clock
) -> None:
    progress.end(progress.begin("campaigns", PROJECT))
    part = progress.begin("conversion_paths", PROJECT)
    read_weeks(part, clock, 1, rows=62_000, seconds=20)
    part.begin_window(WEEKS[1], WEEKS[2:])

    numbers = "12486 window 2/4 62,000 rows 3,100/s 0:01:00 | all 1/4 0:00:44 left"
    assert shown(progress, width=100) == f"conversion_paths {numbers}"
    # The name is cut before any number is.
    assert shown(progress, width=80) == f"conversion_… {numbers}"


def test_before_the_first_stream_the_line_tells_what_there_is_to_do(
    progress: Progress,
) -> None:
    assert shown(progress, width=80) == "all 0/4"


@pytest.fixture
def terminal() -> Console:
    """A console that takes itself for a terminal; the log goes there too."""
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        force_interactive=True,
        color_system=None,
        width=100,
    )


def written(terminal: Console) -> str:
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_every_stream_and_project_leaves_a_line_and_the_run_a_sum(
    progress: Progress, clock: Clock, terminal: Console
) -> None:
    with live_line(progress, terminal):
        part = progress.begin("clicks", PROJECT)
        read_weeks(part, clock, 4, rows=250, seconds=5)
        progress.end(part)
        part = progress.begin("clicks", OTHER_PROJECT)
        read_weeks(part, clock, 1, rows=250, seconds=5)
        progress.end(part, failed=True)

    lines = [line.rpartition("\x1b[2K")[2] for line in written(terminal).splitlines()]
    assert (
        "clicks, project 12486: 1,000 rows, 2024-01-01 to 2024-01-28, 0:00:20" in lines
    )
    assert (
        "clicks, project 12487: not complete, 250 rows, 2024-01-01 to 2024-01-07, "
        "0:00:05" in lines
    )
    assert lines[-1] == (
        "all: 2 of 4 streams and projects, 1,250 rows, 0:00:25, 1 not complete"
    )


def test_lines_of_the_log_stand_above_the_display_as_they_are(
    progress: Progress, terminal: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.file)
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("tap-targetads.test")
    logger.addHandler(handler)
    line = "[bold]A line[/bold]" + " that is wider than the terminal" * 9
    try:
        with live_line(progress, terminal):
            logger.warning(line)
            inside = written(terminal)
        logger.warning("afterwards")
    finally:
        logger.removeHandler(handler)

    assert inside.endswith(f"\r\x1b[2K{line}\n all 0/4")
    assert written(terminal).endswith("afterwards\n")


def test_nothing_but_the_line_itself_is_erased(
    progress: Progress, clock: Clock, terminal: Console
) -> None:
    # A target writes to the same terminal: going up would erase its last lines.
    with live_line(progress, terminal) as display:
        part = progress.begin("conversion_paths", PROJECT)
        read_weeks(part, clock, 3, rows=10**9, seconds=10**6)
        terminal.width = 40
        display.refresh()
        assert "\x1b[1A" not in written(terminal)
        assert "\n" not in written(terminal)


def test_the_display_gives_the_terminal_back_when_a_run_breaks(
    progress: Progress, terminal: Console
) -> None:
    def run() -> None:
        with live_line(progress, terminal):
            progress.begin("clicks", PROJECT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()

    text = written(terminal)
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert progress.on_end is None


@pytest.mark.parametrize(
    ("variables", "interactive"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "TTY_INTERACTIVE": "0"}, False),
    ],
)
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    monkeypatch: pytest.MonkeyPatch,
    progress: Progress,
    variables: dict[str, str],
    *,
    interactive: bool,
) -> None:
    for name in ("NO_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", _Screen())

    assert is_shown(progress) == interactive


def is_shown(progress: Progress) -> bool:
    with display_of(progress):
        return progress.on_end is not None


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdout", "stderr", "displayed"),
    [
        (io.StringIO, _Screen, True),
        (_Screen, _Screen, False),
        (io.StringIO, io.StringIO, False),
        (_Screen, io.StringIO, False),
    ],
)
def test_there_is_a_display_where_only_the_log_goes_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
    progress: Progress,
    stdout: type[io.StringIO],
    stderr: type[io.StringIO],
    *,
    displayed: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    # Some set this in pipelines, to have colours there.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", stdout())
    monkeypatch.setattr(sys, "stderr", stderr())

    assert is_shown(progress) == displayed


def progress_lines(log: str, stream: str) -> list[dict[str, str]]:
    """The fields of the progress lines of a stream."""
    lines = [line.partition("Progress: ")[2] for line in log.splitlines()]
    fields = [dict(f.split("=") for f in line.split()) for line in lines if line]
    return [f for f in fields if f["stream"] == stream]


def test_in_a_pipeline_every_window_is_one_line_of_fields(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config)

    lines = progress_lines(output.log, "clicks")
    assert [line["window_number"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert {line["window_count"] for line in lines} == {"5"}
    assert {line["project_id"] for line in lines} == {str(PROJECT)}
    assert (lines[1]["window_start"], lines[1]["window_end"]) == (
        "2024-01-08",
        "2024-01-14",
    )
    rows = [int(line["window_rows"]) for line in lines]
    assert sum(rows) == len(output.records["clicks"]) == int(lines[-1]["rows"])
    assert all(int(line["rows_per_second"]) > 0 for line in lines)
    assert lines[-1]["seconds_left"] == "0"
    assert "\x1b" not in output.log


def test_in_a_structured_log_the_fields_are_values(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Meltano configures the log of a plugin with the capability structured-logging.
    logging_config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stderr",
            }
        },
        "root": {"handlers": ["console"], "level": "INFO"},
    }
    file = tmp_path / "logging.json"
    file.write_text(json.dumps(logging_config))
    monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", str(file))

    output = run_tap(tmp_path, {**config, "interaction_types": ["Click"]})

    logged = [json.loads(x) for x in output.log.splitlines() if x.startswith("{")]
    lines = [line for line in logged if line["message"].startswith("Progress: ")]
    assert len(lines) == 5
    assert {line["stream_name"] for line in lines} == {"clicks"}
    extra = lines[-1]["extra"]
    assert extra["rows"] == len(output.records["clicks"])
    assert extra["window_number"] == extra["window_count"] == 5
    assert extra["window_end"] == "2024-01-31"
    assert extra["project_id"] == PROJECT
    assert extra["seconds_left"] == 0


def test_a_run_in_a_pipeline_does_not_load_what_displays(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    code = (
        "import sys; from tap_targetads.tap import TapTargetADS as tap\n"
        "try: tap.cli()\n"
        "finally: assert 'rich' not in sys.modules, 'rich'"
    )
    arguments = command_for(tmp_path, config)

    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr.decode()
    assert len(parse(done.stdout)) > 100


def run_on_terminal(
    folder: Path,
    config: dict[str, Any],
    number: signal.Signals | None = None,
    **variables: str,
) -> tuple[Output, str]:
    """Run the tap with its log on a terminal; after the first window, send a signal.

    Returns:
        What it left behind, and what the terminal was sent.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 140, 0, 0))
    own = {"PYTHONWARNINGS", "NO_COLOR", "COLUMNS", "TTY_INTERACTIVE"}
    inherited = {k: v for k, v in os.environ.items() if k not in own}
    process = subprocess.Popen(
        [sys.executable, "-m", "tap_targetads", *command_for(folder, config)],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**inherited, "TERM": "xterm", **variables},
    )
    os.close(slave)
    screen: list[bytes] = []

    def watch() -> None:
        with suppress(OSError):  # once nobody writes to it any more
            while True:
                screen.append(os.read(master, 65536))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout
    lines = []
    with process:
        for line in process.stdout:
            lines.append(line)
            if number and b'"type":"RECORD"' in line:
                process.send_signal(number)
                number = None
    watcher.join()
    os.close(master)
    text = b"".join(screen).decode().replace("\r\n", "\n")
    return Output(process.returncode, text, parse(b"".join(lines))), text


def without_times(output: Output) -> list[dict[str, Any]]:
    """The messages, without the instants at which they were made."""
    return [
        {k: v for k, v in message.items() if k != "time_extracted"}
        for message in output.messages
    ]


def test_on_a_terminal_the_run_shows_itself_and_delivers_the_same(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    expected = run_tap(tmp_path, config)

    output, screen = run_on_terminal(tmp_path, config)

    assert output.exit_code == 0
    assert without_times(output) == without_times(expected)
    for stream in STREAMS:
        rows = len(expected.records[stream])
        assert (
            f"{stream}, project 12486: {rows:,} rows, 2024-01-01 to 2024-01-31, "
            f"state {END}, 0:00:"
        ) in screen
    assert (
        f"all: {len(STREAMS)} of {len(STREAMS)} streams and projects"
        in (without_styles(screen).splitlines()[-1])
    )
    assert screen.count(HIDE_CURSOR) == screen.count(SHOW_CURSOR) == 1
    # The display has the same figures.
    assert "METRIC: " not in screen
    assert "Progress: " not in screen


def without_styles(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", screen)


def test_a_dumb_terminal_gets_the_lines(tmp_path: Path, config: dict[str, Any]) -> None:
    output, screen = run_on_terminal(tmp_path, config, TERM="dumb")

    assert output.exit_code == 0
    assert len(progress_lines(screen, "clicks")) == 5
    assert "\x1b" not in screen


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_signal_ends_the_display_too(
    tmp_path: Path, config: dict[str, Any], number: signal.Signals, exit_code: int
) -> None:
    config |= {"page_size": 5, "window_days": 1}

    output, screen = run_on_terminal(tmp_path, config, number)

    assert output.exit_code == exit_code
    assert f"Signal {number.value}: stopping" in screen
    assert "clicks, project 12486: not complete" in without_styles(screen)
    assert screen.rindex(SHOW_CURSOR) > screen.rindex(HIDE_CURSOR)
    assert without_styles(screen).splitlines()[-1].endswith("1 not complete")
    assert "Traceback" not in screen


def test_a_terminal_that_goes_away_does_not_end_the_run(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tap_targetads", *command_for(tmp_path, config)],
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(slave)
    os.read(master, 1)
    os.close(master)

    output = Output(0, "", parse(process.communicate()[0]))

    assert process.returncode == 0
    assert without_times(output) == without_times(run_tap(tmp_path, config))


def test_without_a_stderr_the_run_delivers_the_same(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    expected = run_tap(tmp_path, config)
    arguments = command_for(tmp_path, config)
    command = shlex.join([sys.executable, "-m", "tap_targetads", *arguments])

    done = subprocess.run(
        ["sh", "-c", f"{command} 2>&-"],  # noqa: S607 - any shell will do
        stdout=subprocess.PIPE,
        check=False,
    )

    output = Output(done.returncode, "", parse(done.stdout))
    assert output.exit_code == 0
    assert without_times(output) == without_times(expected)


def test_an_error_is_told_on_a_terminal_as_elsewhere(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    sandbox.faults.set([Fault("forbidden", times=1)])

    output, screen = run_on_terminal(tmp_path, config)

    assert output.exit_code == 1
    assert "clicks, project 12486: not complete" in without_styles(screen)
    assert (
        "Not delivered completely: clicks of project 12486" in (screen.splitlines()[-1])
    )
    assert screen.rindex(SHOW_CURSOR) > screen.rindex(HIDE_CURSOR)


def test_the_time_of_the_whole_is_not_told_before_anything_is_known(
    progress: Progress, clock: Clock
) -> None:
    clock.now = timedelta(minutes=1).total_seconds()

    assert progress.seconds_left is None
