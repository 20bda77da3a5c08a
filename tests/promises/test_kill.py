from __future__ import annotations

import io
import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.output.writer import BlockWriter
from targetads_sandbox.server.sandbox import Sandbox
from tests.conftest import PROJECT
from tests.support.records import STREAMS, assert_is_truth
from tests.support.running import (
    Output,
    Record,
    bookmark,
    parse,
    run_and_kill,
    run_tap,
    start_tap,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from targetads_sandbox.world.world import World


@pytest.mark.slow
def test_killed_at_random_and_resumed_a_run_equals_one_that_was_not(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    chance = random.Random(20240131)  # noqa: S311 - to be the same every time
    config |= {"window_days": 3, "page_size": 25}
    state: dict[str, Any] = {}
    marks = dict.fromkeys(STREAMS, "")
    records: dict[str, dict[str, Record]] = {stream: {} for stream in STREAMS}
    moments = [*(chance.randint(1, 120) for _ in range(10)), -1]

    for after in moments:
        output = run_and_kill(tmp_path, config, state, after)
        assert output.exit_code == (-signal.SIGKILL if after > 0 else 0)
        for stream, found in output.records.items():
            records[stream].update((r["_row_key"], r) for r in found)
        for later in output.states:
            for stream, mark in marks.items():
                now = bookmark(later, stream, PROJECT) or ""
                assert now >= mark, "the state went back"
                marks[stream] = now
            state = later

    everything = Output(
        0,
        "",
        [
            {"type": "RECORD", "stream": stream, "record": record}
            for stream, found in records.items()
            for record in found.values()
        ],
    )
    assert_is_truth(everything, world)


def test_a_kill_costs_at_most_the_window_in_hand(
    tmp_path: Path, world: World, config: dict[str, Any]
) -> None:
    clicks = {**config, "interaction_types": ["Click"], "window_days": 1}
    killed = run_and_kill(tmp_path, {**clicks, "page_size": 5}, {}, 60)

    # The requests of the one that was killed may still arrive at its server.
    with Sandbox(world) as other:
        clicks["api_url"] = other.url
        resumed = run_tap(tmp_path, clicks, state=killed.state)
        asked = [r.body["InteractionFilter"] for r in other.requests if r.body]
        whole = run_tap(tmp_path, clicks)

    done = (killed.bookmark("clicks", PROJECT) or "")[:10]
    first = min(asked, key=lambda window: window["DateFrom"])
    assert first["DateFrom"] > done
    keys = [{r["_row_key"] for r in o.records["clicks"]} for o in (killed, resumed)]
    again = [r for r in killed.records["clicks"] if r["_row_key"] in keys[1]]
    assert {r["InteractionDate"] for r in again} <= {first["DateFrom"]}
    assert keys[0] | keys[1] == {r["_row_key"] for r in whole.records["clicks"]}


def test_a_target_that_dies_ends_the_run_with_one_line(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    with start_tap(tmp_path, {**config, "page_size": 5, "window_days": 1}) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        log = process.stderr.read().decode()

    assert process.returncode == 1
    assert "The target has closed the pipe" in log.splitlines()[-1]
    assert "Traceback" not in log
    assert "BrokenPipeError" not in log


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_signal_ends_the_run_between_messages_and_not_as_a_success(
    tmp_path: Path, config: dict[str, Any], number: signal.Signals, exit_code: int
) -> None:
    config |= {"page_size": 5, "window_days": 1}
    with start_tap(tmp_path, config) as process:
        assert process.stdout
        assert process.stderr
        lines = [process.stdout.readline() for _ in range(100)]
        process.send_signal(number)
        lines += process.stdout.readlines()
        log = process.stderr.read().decode()

    assert process.returncode == exit_code
    assert lines[-1].endswith(b"\n")
    assert parse(b"".join(lines))
    assert f"Signal {number.value}: stopping" in log
    assert "Traceback" not in log


class Forgotten(io.RawIOBase):
    """A file that is only closed when it is thrown away, and is told to stop then."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop

    def close(self) -> None:
        self.stop()


# From Python 3.13 on, what is dropped is at least told.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_python_drops_takes_effect_after_the_next_write(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    writer = BlockWriter()
    Forgotten(lambda: writer.exit(143))

    with pytest.raises(SystemExit, match="143"):
        writer.write_block(b"{}\n")

    assert capfdbinary.readouterr().out == b"{}\n"
