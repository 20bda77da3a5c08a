"""The table of common mistakes in operations.md, made by making them.

uv run python -m scripts.mistakes           # write it
uv run python -m scripts.mistakes --check   # exit 1 if it is not current
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from scripts.tables import ROOT, RUSSIAN
from scripts.tables import table as as_markdown
from tap_targetads.config.environment import PREFIX
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES = {"docs/operations.md": False, "docs/ru/operations.md": True}
"""Where the table is, and whether it is Russian."""
BEGIN, END = "<!-- mistakes -->\n", "<!-- /mistakes -->\n"
NOBODY = "127.0.0.1:9"
"""Where nobody listens."""

MISTAKES: Mapping[str, Mapping[str, str]] = {
    "No token": {"AUTH_TOKEN": ""},
    "A token with its quotes": {"AUTH_TOKEN": '"eyJhbGciOi…"'},
    "A wrong or expired token": {"AUTH_TOKEN": "4f3c-expired"},
    "A project that the token is not for": {"PROJECT_ID": "777"},
    "A typo in a setting": {"WINDOW_DAY": "1"},
    "A date in another format": {"START_DATE": "01/31/2024"},
    "The start after the end": {"START_DATE": "2024-02-01"},
    "A zone without its continent": {"TIMEZONE": "Moscow"},
    "A host that is not there": {"API_URL": f"http://{NOBODY}"},
    "A proxy that is not there": {
        "API_URL": "https://api.targetads.io",
        "HTTPS_PROXY": f"http://{NOBODY}",
    },
}
"""What a new user gets wrong: the variables that differ from right ones."""


def variables(sandbox: Sandbox, mistake: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run with a mistake.

    Args:
        sandbox: What it reads from, if it comes so far.
        mistake: What is wrong, without the prefix of the tap's variables.
    """
    right = {
        "API_URL": sandbox.url,
        "PROJECT_ID": "12486",
        "AUTH_TOKEN": sandbox.tokens[12486],
        "START_DATE": "2024-01-01",
        "END_DATE": "2024-01-31",
    }
    return {
        name if name.endswith("PROXY") else PREFIX + name: value
        for name, value in {**right, **mistake}.items()
        if value
    }


def errors(log: str) -> list[str]:
    """The errors in the tap's log."""
    return re.findall(r" \| ERROR +\|[^|]*\| (.*)", log)


def line(sandbox: Sandbox, mistake: Mapping[str, str]) -> str:
    """What the tap says to a mistake, on the command line."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tap_targetads", "--config=ENV", "--test"],
            check=False,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**kept, **variables(sandbox, mistake)},
        )
    return errors(done.stderr)[0].replace(sandbox.url, "https://api.targetads.io")


def said() -> dict[str, str]:
    """What the tap says to each mistake."""
    with Sandbox(World(rows_per_day=10)) as sandbox:
        return {mistake: line(sandbox, wrong) for mistake, wrong in MISTAKES.items()}


def filled(text: str, answers: Mapping[str, str], *, russian: bool) -> str:
    """A page with its table filled."""
    headers = ["Mistake", "What the tap says"]
    names = {mistake: mistake for mistake in answers}
    if russian:
        headers, names = RUSSIAN["headers"]["mistakes"], RUSSIAN["mistakes"]
    table = as_markdown(headers, ([names[m], answer] for m, answer in answers.items()))
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table}\n\n{END}{after}"


def main() -> None:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mistakes")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args()
    answers, stale = said(), []
    for name, russian in PAGES.items():
        file = ROOT / name
        text = file.read_text(encoding="utf-8")
        current = filled(text, answers, russian=russian)
        if not options.check:
            file.write_text(current, encoding="utf-8")
        elif text != current:
            stale.append(name)
    if stale:
        sys.exit(
            f"Not current: {', '.join(stale)}. Run: uv run python -m scripts.mistakes"
        )


if __name__ == "__main__":
    main()
