"""Ninety nights in a row: `python -m tests.drills.nights [--seed N]`.

The clock moves on, rows arrive a day late, servers fail, processes are killed, and the
settings change. After every night PostgreSQL is compared with what could be read then.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from targetads_sandbox.server.faults import decode_faults
from targetads_sandbox.server.sandbox import Sandbox
from tests.drills.comparison import compare, true_rows
from tests.drills.drill import OTHER_PROJECT, PROJECT, STREAMS, Drill
from tests.drills.harness import catalog, environment, selected, tap_command
from tests.drills.pipeline import Strike, run_pipeline
from tests.drills.tap import LAST_DAY
from tests.drills.warehouse import Warehouse
from tests.support.places import ROOT
from tests.support.postgres import database

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NIGHTS = 90
FIRST = date(2024, 2, 1)
"""The first day; on 31 March, clocks go forward in Berlin."""
EARLIER = FIRST - timedelta(days=7)
STREAM_NAMES = ("page_views", "clicks")
NEW_FIELDS = ("InteractionUtmCampaign",)
"""What is selected only later on."""

OLD_CATALOG = ROOT / "tests" / "upgrades" / "v0_1" / "usual.catalog.json"

CHANGES: Mapping[float, str] = {
    0.2: "upgrade from 0.1",
    0.35: "project added",
    0.45: "token expired",
    0.6: "field added",
    0.7: "start moved back",
}
"""What changes once, and after which part of the nights."""

FAULTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "outage": [{"kind": "bad_gateway", "rate": 1}],
    "storm of 429": [
        {"kind": "rate_limit_retry_after", "rate": 0.3},
        {"kind": "rate_limit", "rate": 0.2},
    ],
}
KILLED = ("tap killed", "target killed")
MAY_FAIL = ("outage", "token expired", *KILLED)
KINDS = ("quiet",) * 10 + (*FAULTS, *FAULTS, *KILLED, *KILLED)


@dataclass
class Tally:
    """What came of the nights of one kind."""

    nights: int = 0
    failed: int = 0
    lost: int = 0
    doubled: int = 0


@dataclass
class Nights:
    """Night after night, from the state that the last one left.

    Attributes:
        late: How many rows have arrived a day late.
        tallies: What came of the nights, by what happened.
        problems: What should not have been, a line each.
    """

    sandbox: Sandbox
    warehouse: Warehouse
    folder: Path
    chance: Random
    count: int = NIGHTS
    late: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.drill = Drill(
            "nights",
            "auto",
            settings={"timezone": "Europe/Berlin"},
            streams=STREAM_NAMES,
            start=FIRST,
            end=FIRST,
        )
        self.state: dict[str, Any] | None = None
        self.without: Sequence[str] = NEW_FIELDS
        self.is_old = True
        self.changes = {
            int(share * self.count): change for share, change in CHANGES.items()
        }

    def all(self) -> None:
        """Let all nights pass."""
        for number in range(self.count):
            self.drill = replace(self.drill, end=FIRST + timedelta(days=number))
            last = number == self.count - 1
            kind = "quiet" if last else self.chance.choice(KINDS)
            kind = self.changes.get(number, kind)
            self._change(kind)
            self._night(number, kind)
            self._arrive_late()

    def _change(self, kind: str) -> None:
        match kind:
            case "upgrade from 0.1":
                self.is_old = False
            case "project added":
                projects = (PROJECT, OTHER_PROJECT)
                self.drill = replace(self.drill, projects=projects)
            case "field added":
                # As the documentation says: keys change, so begin with an empty table.
                self.without = ()
                self.state = None
                self.warehouse.clear()
            case "start moved back":
                self.drill = replace(self.drill, start=EARLIER)

    def _night(self, number: int, kind: str) -> None:
        self.sandbox.faults.set(decode_faults(FAULTS.get(kind, ())))
        strike = None
        if kind in KILLED:
            after = self.chance.randint(1, 12_000)
            strike = Strike(kind.split(maxsplit=1)[0], SIGKILL, after, cut=True)
        outcome = run_pipeline(
            self._command(expired=kind == "token expired"),
            self.warehouse.target_command(self.folder),
            tap_environment={**environment(), LAST_DAY: f"{self.drill.end}"},
            target_environment={**environment(), "PGTZ": "UTC"},
            strike=strike,
        )
        if outcome.state:
            self.state = json.loads(outcome.state)
        tally = self.tallies.setdefault(kind, Tally())
        tally.nights += 1
        tally.failed += not outcome.finished
        if "Traceback" in outcome.tap_log:
            self.problems.append(f"night {number}, {kind}: a traceback")
        if not outcome.finished and kind not in MAY_FAIL:
            last = outcome.tap_log.splitlines()[-1]
            self.problems.append(f"night {number}, {kind}, has failed: {last}")
        for stream in STREAM_NAMES:
            found = compare(
                true_rows(self.drill, self.sandbox.world, stream, self.without),
                self.warehouse.rows(stream),
            )
            tally.doubled += found.doubled
            if outcome.finished:
                tally.lost += found.lost

    def _arrive_late(self) -> None:
        """Add rows to the day that the night has read last."""
        for _ in range(self.chance.randint(0, 3)):
            stream = self.chance.choice(STREAM_NAMES)
            self.late += 1
            row = {
                "InteractionTime": f"{self.drill.end} 13:14:{self.late % 60:02}",
                "InteractionType": STREAMS[stream],
                "InteractionDeviceID": f"late {self.late}",
            }
            project = self.chance.choice(self.drill.projects)
            self.sandbox.world.add_rows(project, [row])

    def _command(self, *, expired: bool) -> list[str]:
        files: dict[str, Any] = {
            "config": {
                "api_url": self.sandbox.url,
                "projects": [
                    {
                        "project_id": project,
                        "auth_token": "4f3c-expired"
                        if expired
                        else self.sandbox.tokens[project],
                    }
                    for project in self.drill.projects
                ],
                "start_date": f"{self.drill.start}",
                "lookback_days": 2,
                "max_retries": 20,
                **self.drill.settings,
            },
            "catalog": selected(self._catalog(), STREAM_NAMES, self.without),
        }
        if self.state:
            files["state"] = old_form(self.state) if self.is_old else self.state
        return tap_command(self.folder, files)

    def _catalog(self) -> Mapping[str, Any]:
        if not self.is_old:
            return catalog()
        old: dict[str, Any] = json.loads(OLD_CATALOG.read_text(encoding="utf-8"))
        return old


def old_form(state: dict[str, Any]) -> dict[str, Any]:
    """A state as version 0.1 has left it: without what the row keys depend on."""
    for stream in state["bookmarks"].values():
        for entry in stream.get("partitions", ()):
            entry.pop("row_key_fingerprint", None)
    return state


def run(url: str, seed: int = 1, count: int = NIGHTS) -> Nights:
    """Let nights pass, in a schema of their own.

    Args:
        url: The database.
        seed: What all chances are drawn from.
        count: How many nights.
    """
    chance = Random(seed)  # noqa: S311 - the same every time
    warehouse = Warehouse(url, "drill_nights")
    warehouse.clear()
    world = Drill("nights", "auto", projects=(PROJECT, OTHER_PROJECT)).world()
    with (
        tempfile.TemporaryDirectory(prefix="tap-targetads-nights-") as folder,
        Sandbox(world, seed=chance.getrandbits(32)) as sandbox,
    ):
        nights = Nights(sandbox, warehouse, Path(folder), chance, count)
        nights.all()
    return nights


def table(nights: Nights, rows: Counter[str]) -> str:
    """What came of the nights, as Markdown."""
    lines = [
        "| What happened | Nights | Not complete | Lost | Doubled |",
        "|:--|--:|--:|--:|--:|",
    ]
    total = Tally()
    for kind, tally in sorted(nights.tallies.items()):
        lines.append(_line(kind, tally))
        total.nights += tally.nights
        total.failed += tally.failed
        total.lost += tally.lost
        total.doubled += tally.doubled
    loaded = ", ".join(f"{count:,} {stream}" for stream, count in rows.items())
    lines += [
        _line("**all**", total),
        "",
        f"In the end there are {loaded}; {nights.late:,} rows arrived a day late.",
        *nights.problems,
    ]
    return "\n".join(lines)


def _line(kind: str, tally: Tally) -> str:
    cells = (kind, tally.nights, tally.failed, tally.lost, tally.doubled)
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    """Let ninety nights pass, and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.nights")
    parser.add_argument("--seed", type=int, default=1, help="for other chances")
    parser.add_argument("--nights", type=int, default=NIGHTS)
    options = parser.parse_args()
    with database() as url:
        nights = run(url, options.seed, options.nights)
        rows = Counter({s: len(nights.warehouse.rows(s)) for s in STREAM_NAMES})
        print(table(nights, rows))
    wrong = any(tally.lost or tally.doubled for tally in nights.tallies.values())
    return 1 if wrong or nights.problems else 0


if __name__ == "__main__":
    sys.exit(main())
