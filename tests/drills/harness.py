"""Runs a drill: run after run until one ends well, and then the comparison."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

from targetads_sandbox.dialect import Dialect
from targetads_sandbox.server.sandbox import Sandbox
from tests.drills.checks import beliefs_of, leaks_of, problems_of
from tests.drills.comparison import compare, true_rows
from tests.drills.drill import LASTING, PATHS, Drill, Result
from tests.drills.pipeline import Outcome, Strike, run_pipeline
from tests.drills.tap import FILE_BYTES, LAST_DAY
from tests.drills.warehouse import Warehouse
from tests.support.places import ROOT
from tests.support.strange_server import StrangeServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from targetads_sandbox.server.faults import Fault

_MOST_IDLE_RUNS = 5
"""A drill that has got nowhere in so many runs never will."""

_FOREIGN = ("TAP_", "TARGET_", "MELTANO_", "VIRTUAL_ENV", "PYTHONWARN", "LOGLEVEL")
_TAP = (sys.executable, "-m", "tests.drills.tap")


def run_drill(drill: Drill, url: str, seed: int = 1) -> Result:
    """Run a drill.

    Args:
        drill: The drill.
        url: The database.
        seed: What all chances are drawn from.

    Returns:
        What came of it; nothing, if the sandbox knows none of its faults.
    """
    began = monotonic()
    faults, unknown = drill.decoded_faults()
    if drill.faults and not faults:
        return Result(drill, notes=unknown)
    world, warehouse = drill.world(), Warehouse(url, f"drill_{drill}")
    warehouse.clear()
    dialect = Dialect.named(drill.dialect)
    chance = Random(f"{seed} {drill}")  # noqa: S311 - the same every time
    with (
        tempfile.TemporaryDirectory(prefix="tap-targetads-drill-") as folder,
        Sandbox(
            world, dialect=dialect, faults=faults, seed=chance.getrandbits(32)
        ) as sandbox,
    ):
        runs = _Runs(drill, sandbox, warehouse, Path(folder), chance)
        runs.to_the_end(faults)
    result = runs.result
    result.notes += unknown
    for stream in drill.streams:
        difference = compare(
            true_rows(drill, world, stream),
            warehouse.rows(stream),
            keys_apart=stream == PATHS,
        )
        result.expected += difference.expected
        result.found += difference.found
        result.lost += difference.lost
        result.doubled += difference.doubled
    result.seconds = monotonic() - began
    return result


@dataclass
class _Runs:
    """The runs of a drill, each from the state that the last one left."""

    drill: Drill
    sandbox: Sandbox
    warehouse: Warehouse
    folder: Path
    chance: Random
    state: str | None = None
    result: Result = field(init=False)
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.result = Result(self.drill)
        self.settings = {
            "projects": [
                {"project_id": p, "auth_token": self.sandbox.tokens[p]}
                for p in self.drill.projects
            ],
            "start_date": self.drill.start.isoformat(),
            "end_date": self.drill.end.isoformat(),
            "api_version": self.drill.version,
            "window_days": 1,
            **self.drill.settings,
        }

    def to_the_end(self, faults: Sequence[Fault]) -> None:
        """Run until a run ends well that nothing was done to."""
        problems = self.result.problems
        idle = 0
        while True:
            before = self.state
            outcome = self._run()
            if outcome.finished and not outcome.struck:
                break
            happened = Counter[str](self.sandbox.faults.happened)
            over = {kind for kind in LASTING if happened[kind]}
            if over and not outcome.struck:
                self.result.happened.update(happened)
                faults = [fault for fault in faults if fault.kind not in over]
                self.sandbox.faults.set(faults)
            moved = outcome.struck or over or self.state != before
            idle = 0 if moved else idle + 1
            if idle == _MOST_IDLE_RUNS:
                last = outcome.tap_log.splitlines()[-1:]
                problems.append(f"{idle} runs got nowhere: {last}")
                break
        self.result.happened.update(self.sandbox.faults.happened)
        if self.drill.again:
            self._again()
        problems += self._undone()

    def _again(self) -> None:
        """Run once more over the whole period, with a server that is well."""
        self.sandbox.faults.clear()
        days = (self.drill.end - self.drill.start).days + 1
        self.settings["lookback_days"] = days
        if not self._run().finished:
            self.result.problems.append("the run with a lookback has failed")

    def _undone(self) -> Iterator[str]:
        """What was declared, but has not happened: it proves nothing."""
        known, _ = self.drill.decoded_faults()
        for kind in dict.fromkeys(fault.kind for fault in known):
            if not self.result.happened[kind]:
                yield f"{kind} never happened"
        rounds = self.drill.blow.rounds if self.drill.blow else 0
        if self.result.blows < rounds:
            yield f"{self.result.blows} blows fell instead of {rounds}"

    def _run(self) -> Outcome:
        first = self.result.runs == 0
        self.result.runs += 1
        temporary = self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        variables = {
            "TMPDIR": str(temporary),
            LAST_DAY: self.drill.end.isoformat(),
        }
        limited = first and self.drill.file_bytes is not None
        if limited:
            variables[FILE_BYTES] = str(self.drill.file_bytes)
        if self.drill.search:
            variables["TAP_TARGETADS_LOGLEVEL"] = "DEBUG"
        with self._api(self.drill.first_url if first else None) as url:
            outcome = run_pipeline(
                self._tap_command(url),
                self.warehouse.target_command(self.folder),
                tap_environment={**environment(), **variables},
                target_environment={**environment(), "PGTZ": "UTC"},
                strike=self._strike(),
            )
        self.result.blows += outcome.struck
        self.state = outcome.state or self.state
        problems = problems_of(outcome, self.drill, temporary, limited=limited)
        if self.drill.search:
            problems += leaks_of(outcome, self.sandbox)
        if first and self.drill.refused is not None:
            problems += beliefs_of(outcome, self.drill.refused)
        number = self.result.runs
        self.result.problems += [f"run {number}: {problem}" for problem in problems]
        self.result.requests += len(self.sandbox.requests)
        self.sandbox.clear_requests()
        return outcome

    @contextmanager
    def _api(self, instead: str | None) -> Iterator[str]:
        """Where the API is, or what is there instead."""
        if instead == "nowhere":
            yield "http://127.0.0.1:9"
        elif instead == "untrusted":
            with StrangeServer(lambda e: e.send(200, b"{}"), certificate=True) as other:
                yield other.url
        else:
            yield self.sandbox.url

    def _strike(self) -> Strike | None:
        blow = self.drill.blow
        if blow is None or self.result.blows == blow.rounds:
            return None
        after = self.chance.randint(*blow.within)
        cut = self.chance.choice([True, False])
        return Strike(blow.victim, blow.signal, after, cut, blow.stalls)

    def _tap_command(self, url: str) -> list[str]:
        files: dict[str, Any] = {
            "config": {**self.settings, "api_url": url},
            "catalog": selected(catalog(), self.drill.streams),
        }
        if self.state is not None:
            files["state"] = json.loads(self.state)
        return tap_command(self.folder, files)


def tap_command(folder: Path, files: Mapping[str, Any]) -> list[str]:
    """The tap's command, with files that it is given.

    Args:
        folder: Where they are written.
        files: What is in them, by the option that names each.
    """
    command = list(_TAP)
    for name, content in files.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(content))
        command += [f"--{name}", str(file)]
    return command


@cache
def catalog() -> Mapping[str, Any]:
    """The tap's catalog, as it says itself."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.json")
        config.write_text(json.dumps({"sandbox": True, "start_date": "2024-01-01"}))
        done = subprocess.run(
            [*_TAP, "--config", str(config), "--discover"],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            cwd=ROOT,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def selected(
    whole: Mapping[str, Any], streams: Sequence[str], without: Sequence[str] = ()
) -> dict[str, Any]:
    """A catalog that selects some streams, with all of their fields but some."""
    result: dict[str, Any] = json.loads(json.dumps(whole))
    for entry in result["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["tap_stream_id"] in streams
            elif item["breadcrumb"][-1] in without:
                item["metadata"]["selected"] = False
    return result


def environment() -> dict[str, str]:
    """The environment, without what is set for somebody's own runs."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
