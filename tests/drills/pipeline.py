"""The tap piped into the target, with a blow to one of them in between."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, TYPE_CHECKING

from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from signal import Signals

"""Where the tap's and the drills' packages are."""

_PATIENCE = 20
_PIPE_BYTES = 4096
"""Small pipes, so that a blow falls close to the moment that was drawn for it."""


@dataclass(frozen=True)
class Strike:
    """A blow that is to fall at a known moment.

    Attributes:
        victim: Which process it falls on: `tap` or `target`.
        signal: The signal that it gets.
        after: The moment: when so many bytes have gone to the target.
        cut: Whether the target gets the beginning of a line that a dead tap left
            unfinished, as through a shell's pipe.
        stalls: Whether nothing more is read from the tap, and the signal sent until
            it ends.
    """

    victim: str
    signal: Signals
    after: int
    cut: bool
    stalls: bool = False


@dataclass
class Outcome:
    """What a run left behind.

    Attributes:
        tap_code: The tap's exit code.
        target_code: The target's exit code.
        struck: Whether the blow fell.
        messages: What went from the tap to the target.
        tap_log: The tap's stderr.
        target_log: The target's stderr.
        confirmed: The target's stdout: the states it has confirmed, one a line.
        arguments: The tap's command line, as others on the machine saw it.
    """

    tap_code: int = 0
    target_code: int = 0
    struck: bool = False
    messages: bytearray = field(default_factory=bytearray)
    tap_log: str = ""
    target_log: str = ""
    confirmed: str = ""
    arguments: set[str] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        """Whether everything was read and loaded."""
        return self.tap_code == 0 and self.target_code == 0

    @property
    def state(self) -> str | None:
        """The last state that the target has confirmed, if any."""
        lines = self.confirmed.splitlines()
        return lines[-1] if lines else None


class _Reader(Thread):
    """Reads a stream to its end, beside everything else."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream = stream
        self._content = b""
        self.start()

    def run(self) -> None:
        self._content = self._stream.read()
        self._stream.close()

    @property
    def text(self) -> str:
        self.join()
        return self._content.decode()


def run_pipeline(
    tap: Sequence[str],
    target: Sequence[str],
    *,
    tap_environment: Mapping[str, str],
    target_environment: Mapping[str, str],
    strike: Strike | None = None,
) -> Outcome:
    """Run the tap into the target, to the end of both.

    Args:
        tap: The tap's command.
        target: The target's command.
        tap_environment: The tap's environment variables.
        target_environment: The target's.
        strike: A blow to one of them.
    """
    with (
        subprocess.Popen(
            target,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=target_environment,
        ) as loading,
        subprocess.Popen(
            tap,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=tap_environment,
            cwd=ROOT,
            bufsize=0,
            pipesize=_PIPE_BYTES,
        ) as reading,
    ):
        tap_log, target_log = _Reader(reading.stderr), _Reader(loading.stderr)
        confirmed = _Reader(loading.stdout)
        outcome = Outcome()
        try:
            _pump(reading, loading, strike, outcome)
            outcome.tap_code = reading.wait()
            outcome.target_code = loading.wait()
        finally:  # somebody may have interrupted the drill
            reading.kill()
            loading.kill()
            outcome.tap_log, outcome.target_log = tap_log.text, target_log.text
            outcome.confirmed = confirmed.text
    return outcome


def _pump(
    tap: subprocess.Popen[bytes],
    target: subprocess.Popen[bytes],
    strike: Strike | None,
    outcome: Outcome,
) -> None:
    """Pass whole lines on until the tap ends, or the target does."""
    source, sink = tap.stdout, target.stdin
    assert source is not None
    assert sink is not None
    processes = {"tap": tap, "target": target}
    tail = b""
    # A pipe whose reader is gone. Closing it fails, too, if something is left in it.
    with suppress(BrokenPipeError), source, sink:
        while piece := source.read(_PIPE_BYTES):
            outcome.messages += piece
            outcome.arguments.add(_arguments_of(tap))
            lines, newline, tail = (tail + piece).rpartition(b"\n")
            sink.write(lines + newline)
            sink.flush()
            if strike and not outcome.struck and len(outcome.messages) >= strike.after:
                outcome.struck = True
                if strike.stalls:
                    _insist(processes[strike.victim], strike.signal)
                    break
                processes[strike.victim].send_signal(strike.signal)
        if strike is None or strike.cut:
            sink.write(tail)


def _insist(process: subprocess.Popen[bytes], signal: Signals) -> None:
    """Send a signal until the process ends; somebody waits, but not for long."""
    for _ in range(_PATIENCE):
        process.send_signal(signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
            return


def _arguments_of(process: subprocess.Popen[bytes]) -> str:
    """The command line of a process, as the system shows it to everybody."""
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
    except OSError:
        return ""
