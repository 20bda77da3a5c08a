"""The table of common mistakes in docs/operations.md, made by making them.

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

from scripts.tables import ROOT
from scripts.tables import table as as_markdown
from tap_targetads.config.environment import PREFIX
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = ROOT / "docs" / "operations.md"
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


def table() -> str:
    """The table, as Markdown."""
    with Sandbox(World(rows_per_day=10)) as sandbox:
        rows = ([mistake, line(sandbox, wrong)] for mistake, wrong in MISTAKES.items())
        return as_markdown(["Mistake", "What the tap says"], rows)


def main() -> None:
    """Write the table, or check it."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mistakes")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    current = f"{before}{BEGIN}\n{table()}\n\n{END}{after}"
    if not options.check:
        PAGE.write_text(current, encoding="utf-8")
    elif text != current:
        sys.exit("Not current: operations.md. Run: uv run python -m scripts.mistakes")


if __name__ == "__main__":
    main()
