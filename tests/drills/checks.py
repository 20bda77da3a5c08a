"""What has to hold of every single run, whatever happens in it."""

from __future__ import annotations

from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox
    from tests.drills.drill import Drill
    from tests.drills.pipeline import Outcome

_CODES = {
    ("tap", SIGKILL): -SIGKILL,
    ("tap", SIGTERM): 128 + SIGTERM,
    ("target", SIGKILL): 1,
}
"""The tap's exit code after each blow, by its victim and signal."""

_CLOSED = "The target has closed the pipe"
_STOPPING = f"Signal {SIGTERM:d}: stopping"
_SIGNATURE = "X-Signature"


def problems_of(
    outcome: Outcome, drill: Drill, temporary: Path, *, limited: bool
) -> list[str]:
    """What was wrong with a run.

    Args:
        outcome: What the run left behind.
        drill: The drill.
        temporary: The folder for the tap's temporary files.
        limited: Whether its files could not become as large as they are.
    """
    return list(_problems(outcome, drill, temporary, limited=limited))


def _problems(
    outcome: Outcome, drill: Drill, temporary: Path, *, limited: bool
) -> Iterator[str]:
    code = outcome.tap_code
    if "Traceback" in outcome.tap_log:
        yield f"a traceback that ends with: {outcome.tap_log.splitlines()[-1]}"
    if left := list(temporary.iterdir()):
        yield f"{len(left)} temporary files are left"
    if outcome.struck and drill.blow:
        expected = _CODES[drill.blow.victim, drill.blow.signal]
        # One signal more may hit a process that is ending already. A shell tells no
        # difference.
        again = drill.blow.stalls and _STOPPING in outcome.tap_log
        if code != expected and not (again and 128 - code == expected):
            yield f"exit code {code} instead of {expected}"
        told = outcome.tap_log.count(_CLOSED)
        if drill.blow.victim == "target" and told != 1:
            yield f"that the target has died was told {told} times"
    elif code != 0:
        last = (outcome.tap_log.splitlines() or [""])[-1]
        if code != 1 or "ERROR" not in last:
            yield f"exit code {code} and the last line: {last}"
    elif outcome.target_code:
        last = (outcome.target_log.splitlines() or [""])[-1]
        yield f"the target has failed: {last}"
    if limited and code == 0:
        yield "a run whose files did not fit on the disk has ended as a success"


def leaks_of(outcome: Outcome, sandbox: Sandbox) -> list[str]:
    """Where secrets are that must be nowhere: tokens, and signatures of addresses.

    Args:
        outcome: What the run left behind.
        sandbox: What it read from; knows its requests.
    """
    secrets = {"a token": set(sandbox.tokens.values()), "a signature": {_SIGNATURE}}
    secrets["a signature"].update(
        request.params[_SIGNATURE]
        for request in sandbox.requests
        if _SIGNATURE in request.params
    )
    places = {
        "the tap's messages": outcome.messages.decode(errors="replace"),
        "the tap's log": outcome.tap_log,
        "the target's log": outcome.target_log,
        "the state": outcome.confirmed,
        "the command line": "\n".join(outcome.arguments),
    }
    problems = [
        f"{what} is in {where}"
        for where, text in places.items()
        for what, values in secrets.items()
        if any(value in text for value in values)
    ]
    if not any(outcome.arguments):
        problems.append("nobody saw the command line")
    return problems


def beliefs_of(outcome: Outcome, refused: str) -> list[str]:
    """What a run has believed of answers that are all wrong.

    Args:
        outcome: What the run left behind.
        refused: What its error has to say.
    """
    problems = []
    if outcome.tap_code == 0:
        problems.append("wrong answers have ended as a success")
    elif not any(
        " ERROR " in line and refused in line for line in outcome.tap_log.splitlines()
    ):
        problems.append(f"no error says {refused!r}")
    if "replication_key_value" in (outcome.state or ""):
        problems.append("wrong answers have moved the state")
    return problems
