"""Runs the loaders of examples/bulk, and reads what they have loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running import Output, Record

EXAMPLE = ROOT / "examples" / "bulk"
ENGINES = ("duckdb", "clickhouse")

ASK = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as connection:
    for line in connection.execute(sys.stdin.read()).fetchall():
        print(line[0])
"""
KILLED = """
import os, runpy, signal, sys
script, when, number = sys.argv[1:4]
del sys.argv[1:4]
sys.path.insert(0, os.path.dirname(script))
import messages
messages.ENOUGH_BYTES = 1
main = messages.main

def dying(engine):
    load, calls = engine.load, []
    def load_and_die(files, state):
        calls.append(state)
        if when == "before" and len(calls) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        load(files, state)
        if when == "after" and len(calls) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
    engine.load = load_and_die
    main(engine)

messages.main = dying
runpy.run_path(script, run_name="__main__")
"""


@dataclass
class Bulk:
    """A loader, its database, and the folder for the tap's files."""

    engine: str
    folder: Path

    @property
    def script(self) -> Path:
        return EXAMPLE / f"to_{self.engine}.py"

    @property
    def database(self) -> Path:
        return self.folder / self.engine

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def batches(self) -> dict[str, Any]:
        """The tap's settings, with files of few rows, so that there are many."""
        return {
            "batch_config": {
                "encoding": {"format": "jsonl", "compression": "none"},
                "storage": {"root": self.files.as_uri()},
                "batch_size": 500,
            }
        }

    @property
    def settings(self) -> dict[str, str]:
        """The loader's settings."""
        if self.engine == "duckdb":
            return {"database": str(self.database)}
        client = f"{EXAMPLE / 'engine.py'} --path {self.database}"
        return {"client": client, "database": "targetads"}

    @property
    def config(self) -> str:
        file = self.folder / "loader.json"
        file.write_text(json.dumps(self.settings))
        return str(file)

    def load(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Load what the tap wrote; the states that the loader printed."""
        done = self.try_to_load(messages)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def load_all(self, output: Output) -> dict[str, Any]:
        """Load a run of the tap that has come to its end; its state."""
        assert output.exit_code == 0, output.log
        assert not output.records
        state = self.load(output.messages)[-1]
        assert state == output.state
        assert not [*self.files.iterdir()]
        return state

    def try_to_load(
        self, messages: list[dict[str, Any]]
    ) -> subprocess.CompletedProcess[str]:
        command = [str(self.script), "--config", self.config]
        return _run(command, lines(messages))

    def load_and_die(
        self, messages: list[dict[str, Any]], when: str, number: int
    ) -> list[dict[str, Any]]:
        """Kill the loader before or after a load; the states printed until then."""
        python = ["uv", "run", "--no-project", "--with", "duckdb", "python"]
        arguments = [str(self.script), when, str(number), "--config", self.config]
        # uv turns what a signal has ended into an exit code of its own.
        done = _run([*python, "-c", KILLED, *arguments], lines(messages))
        assert done.returncode in {-9, 137}, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def noted(self) -> dict[str, Any]:
        """The state that the database holds."""
        done = _run([str(self.script), "--config", self.config, "--state"], "")
        state: dict[str, Any] = json.loads(done.stdout)
        return state

    def tables(self, *names: str, once: bool = True) -> dict[str, list[Record]]:
        """The rows of some tables, in the forms that the tap's records have."""
        found: dict[str, list[Record]] = {name: [] for name in names}
        for name, rows in zip(names, self._ask(names, once=once), strict=True):
            found[name] = [plain(row) for row in rows]
        return found

    def _ask(self, names: tuple[str, ...], *, once: bool) -> list[list[Record]]:
        python = ["uv", "run", "--no-project", "--with", "duckdb", "python", "-c", ASK]
        result = []
        for name in names:
            if self.engine == "duckdb":
                query = f"SELECT to_json(t) FROM {name} AS t"  # noqa: S608
                done = _run([*python, str(self.database)], query)
            else:
                file = self.folder / "query.sql"
                final = "FINAL" if once else ""
                file.write_text(f"SELECT * FROM targetads.{name} {final}")  # noqa: S608
                client = self.settings["client"].split()
                done = _run([*client, "--queries-file", str(file)], "")
            assert done.returncode == 0, done.stderr
            # Not `splitlines`: values have other ends of lines than these.
            rows = done.stdout.removesuffix("\n").split("\n")
            result.append([json.loads(row) for row in rows if row])
        return result


def lines(messages: list[dict[str, Any]]) -> str:
    """Messages as the tap writes them."""
    return "".join(json.dumps(message) + "\n" for message in messages)


def plain(row: Record) -> Record:
    """A row with its times as the tap writes them."""
    return {
        name: _utc(value)
        if value is not None and name.endswith(("Time", "_created", "_at"))
        else value
        for name, value in row.items()
    }


def _utc(value: str) -> str:
    time = datetime.fromisoformat(value)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time.astimezone(UTC).isoformat()


def _run(command: list[str], given: str) -> subprocess.CompletedProcess[str]:
    # As of a machine elsewhere; and beside this Python stands uv's, perhaps.
    variables = {**os.environ, "TZ": "America/New_York"}
    variables["PATH"] += os.pathsep + os.path.dirname(sys.executable)  # noqa: PTH120
    variables.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        command,
        input=given,
        env=variables,
        check=False,
        capture_output=True,
        text=True,
    )
