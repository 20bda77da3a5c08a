"""Runs processes, and measures each of them alone."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Run:
    """One run of a process.

    Attributes:
        user: User CPU seconds of the process alone.
        cpu: User and system CPU seconds.
        wall: Seconds from start to end.
        memory: Its peak resident memory, in MB; None if it stayed below this process's
            own peak, which children inherit on Linux.
        records: How many Singer records it wrote; None if they were not counted.
    """

    user: float
    cpu: float
    wall: float
    memory: float | None
    records: int | None = None


class Started:
    """A process that was started, with its log kept aside.

    Args:
        command: The command line.
        stdin: Its input; none if None.
        stdout: A file, or `subprocess.PIPE`; discarded if None.
        variables: Additional environment variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start it."""
        own = ("TAP_", "TARGET_", "PYTHONDONTWRITEBYTECODE")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        self._command = command
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._begin = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.DEVNULL if stdout is None else stdout,
            stderr=self._log,
            env={**inherited, **(variables or {})},
        )

    @property
    def output(self) -> IO[bytes]:
        """Its output, if that is a pipe."""
        assert self.process.stdout is not None  # noqa: S101 - asked for by the caller
        return self.process.stdout

    def end(self, records: int | None = None) -> Run:
        """Wait for its end; exit with its log if it failed."""
        _, status, usage = os.wait4(self.process.pid, 0)
        wall = time.perf_counter() - self._begin
        self.process.returncode = os.waitstatus_to_exitcode(status)
        with self._log as log:
            if self.process.returncode:
                log.seek(0)
                text = log.read().decode(errors="replace")[-5000:]
                sys.exit(f"{' '.join(map(str, self._command))} failed:\n{text}")
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory = usage.ru_maxrss / 1024 if usage.ru_maxrss > own else None
        cpu = usage.ru_utime + usage.ru_stime
        return Run(usage.ru_utime, cpu, wall, memory, records)


def run(
    command: Sequence[str],
    *,
    stdout: IO[bytes] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Run:
    """Run a process to its end."""
    return Started(command, stdout=stdout, variables=variables).end()


def run_and_count(command: Sequence[str]) -> Run:
    """Run a tap to its end, and count its records as they arrive."""
    started = Started(command, stdout=subprocess.PIPE)
    with started.output as output:
        return started.end(count_records(output))


def run_piped(
    first: Sequence[str],
    second: Sequence[str],
    variables: Mapping[str, str] | None = None,
) -> tuple[Run, Run]:
    """Run a tap and a target, connected by a pipe; `variables` are the target's."""
    tap = Started(first, stdout=subprocess.PIPE)
    with tap.output as output:
        target = Started(second, stdin=output, variables=variables)
    return tap.end(), target.end()


def count_records(lines: IO[bytes]) -> int:
    """The number of RECORD messages, however the JSON is spaced."""
    return sum(b'"RECORD"' in line[:20] for line in lines)


def interleaved(
    runners: Mapping[str, Callable[[], Run]], runs: int
) -> dict[str, list[Run]]:
    """Run all in turn, several times, every second time in reverse order.

    So noise affects all alike.
    """
    results: dict[str, list[Run]] = {name: [] for name in runners}
    for number in range(runs):
        names = list(runners)
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(runners[name]())
    return results


def median(values: Sequence[float | None]) -> float | None:
    """The median; None if most values are None."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if 2 * len(known) > len(values) else None


@dataclass(frozen=True)
class Ratio:
    """How one measure compares with another: ratio of medians, and the range of pairs.

    Pairs are runs of the same round.
    """

    value: float
    least: float
    most: float

    @classmethod
    def of(cls, mine: Sequence[float], other: Sequence[float]) -> Ratio:
        """Compare two measures of the same rounds."""
        pairs = [a / b for a, b in zip(mine, other, strict=True)]
        value = statistics.median(mine) / statistics.median(other)
        return cls(value, min(pairs), max(pairs))

    def __str__(self) -> str:
        """For a table: `9.81 (9.52 to 10.3)`."""
        return f"{self.value:.3g} ({self.least:.3g} to {self.most:.3g})"
