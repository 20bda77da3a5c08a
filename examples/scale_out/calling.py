"""Calls Meltano as a process of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MELTANO_PROJECT = Path(__file__).resolve().parents[2]
"""Where `meltano.yml` is."""


class CallError(RuntimeError):
    """A call of Meltano failed. What Meltano printed says why."""


@contextmanager
def meltano(
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
    stdout: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Meltano at work. Leaving the block waits for its end.

    Args:
        arguments: What it shall do.
        variables: Environment variables, besides those of this process.
        stdin: What it reads.
        stdout: Where its output goes, as for `subprocess.Popen`.

    Yields:
        The process.

    Raises:
        CallError: If it cannot be found, or fails.
    """
    # Plugins start four times slower when Python may not keep its bytecode.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    try:
        process = subprocess.Popen(
            ["meltano", *arguments],  # noqa: S607 - the one on the PATH
            cwd=MELTANO_PROJECT,
            env={**inherited, **(variables or {})},
            stdin=stdin,
            stdout=stdout,
        )
    except FileNotFoundError:
        message = "There is no meltano on the PATH: `uv tool install meltano`."
        raise CallError(message) from None
    with process:
        try:
            yield process
            process.wait()
        except BaseException:  # who stops the engine's task stops Meltano, too
            process.terminate()
            raise
    if process.returncode:
        message = f"meltano {' '.join(arguments)} ended with {process.returncode}."
        raise CallError(message)


def call(*arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Let Meltano do something.

    Args:
        arguments: What it shall do.
        variables: Environment variables, besides those of this process.

    Raises:
        CallError: If it fails.
    """
    with meltano(*arguments, variables=variables):
        pass


def output_of(*arguments: str) -> bytes:
    """What Meltano prints.

    Args:
        arguments: What it shall do.

    Raises:
        CallError: If it fails.
    """
    with meltano(*arguments, stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
    return output
