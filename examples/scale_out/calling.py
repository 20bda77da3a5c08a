"""Calls Meltano as a process of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MELTANO_PROJECT = Path(__file__).resolve().parents[2]
"""Where `meltano.yml` is."""


class CallError(RuntimeError):
    """A call of Meltano failed. What Meltano printed says why."""


def call(
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> None:
    """Let Meltano do something. What it prints goes where this process prints.

    Args:
        arguments: What it shall do.
        variables: Environment variables, besides those of this process.
        given: What it reads from its standard input.

    Raises:
        CallError: If it cannot be found, or fails.
    """
    _meltano(arguments, variables or {}, given, None)


def output_of(*arguments: str) -> bytes:
    """What Meltano prints.

    Args:
        arguments: What it shall do.

    Raises:
        CallError: If it cannot be found, or fails.
    """
    return _meltano(arguments, {}, None, subprocess.PIPE)


def _meltano(
    arguments: tuple[str, ...],
    variables: Mapping[str, str],
    given: bytes | None,
    stdout: int | None,
) -> bytes:
    # Plugins start four times slower when Python may not keep its bytecode.
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    try:
        process = subprocess.Popen(
            ["meltano", *arguments],  # noqa: S607 - the one on the PATH
            cwd=MELTANO_PROJECT,
            env={**inherited, **variables},
            stdin=subprocess.PIPE,
            stdout=stdout,
        )
    except FileNotFoundError:
        message = "There is no meltano on the PATH: `uv tool install meltano`."
        raise CallError(message) from None
    with process:
        try:
            output, _ = process.communicate(given)
        except BaseException:  # who stops the engine's task stops Meltano, too
            process.terminate()
            raise
    if process.returncode:
        message = f"meltano {' '.join(arguments)} ended with {process.returncode}."
        raise CallError(message)
    return output or b""
