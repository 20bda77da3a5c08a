"""What a drill is: the world, what goes wrong in it, and what came of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from signal import SIGKILL, Signals
from typing import TYPE_CHECKING, Any, Literal

from targetads_sandbox.server.faults import decode_faults
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from targetads_sandbox.server.faults import Fault

PROJECT, OTHER_PROJECT = 12486, 12487

LASTING = frozenset(
    {
        "ignore_offset",
        "unstable_order",
        "empty_page",
        "too_large",
        "unauthorized",
        "forbidden",
        "firewall",
        "wrong_row_count",
        "short_page",
        "ignore_dates",
        "ignore_types",
        "shifted_days",
    }
)
"""Faults that end a run with an error, and that somebody fixes before the next one.

`too_large` does so where the request cannot become smaller.
"""

STREAMS: Mapping[str, str] = {
    "page_views": "PageView",
    "clicks": "Click",
    "impressions": "Impression",
    "purchases": "Purchase",
}
"""The interaction type of each stream of interactions."""

PATHS = "conversion_paths"
"""The stream of paths to conversions."""


@dataclass(frozen=True)
class Blow:
    """What is done to a process in the middle of a run.

    Attributes:
        victim: Which one it is done to.
        signal: The signal that it gets.
        rounds: How often that happens, once in a run.
        within: The moment, drawn by chance: when this many bytes, from and to, have
            gone from the tap to the target.
        stalls: Whether the target stops reading at that moment, and the signal is sent
            until the process ends.
    """

    victim: Literal["tap", "target"]
    signal: Signals = SIGKILL
    rounds: int = 20
    within: tuple[int, int] = (1, 200_000)
    stalls: bool = False


@dataclass(frozen=True)
class Drill:
    """A drill.

    Attributes:
        name: Its name; together with the version, no other drill has it.
        version: The version of the API, as in the setting `api_version`.
        faults: What goes wrong at the server, in the sandbox's own words. Faults that
            end a run (`LASTING`) are over when the run has ended.
        blow: What is done to the processes.
        settings: Settings of the tap.
        streams: The streams to read.
        start: The first day.
        end: The last day, inclusive.
        rows_per_day: About how many rows a project has.
        projects: The projects.
        dialect: The form of the answers.
        extra_rows: Rows that the world has besides, for the first project.
        file_bytes: How large the tap's files may become in the first run: less than
            it needs.
        first_url: Where the first run looks for the API instead: `nowhere`, or at a
            server whose certificate is `untrusted`.
        refused: What the error of the first run has to say, which must not have moved
            the state: not one of the faulty answers may have been believed. None, if
            the run need not fail.
        again: When all is done, run once more without faults, with a lookback over
            the whole period.
        search: Search everything that is left behind for secrets.
        short: Whether the drill is part of the short form.
        full: Whether it is part of the full form.
    """

    name: str
    version: Literal["v1", "v2", "auto"]
    faults: Sequence[Mapping[str, Any]] = ()
    blow: Blow | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    streams: Sequence[str] = tuple(STREAMS)
    start: date = date(2024, 1, 1)
    end: date = date(2024, 2, 29)
    rows_per_day: int = 10
    projects: Sequence[int] = (PROJECT,)
    dialect: str = "documented"
    extra_rows: Sequence[Mapping[str, Any]] = ()
    file_bytes: int | None = None
    first_url: Literal["nowhere", "untrusted"] | None = None
    refused: str | None = None
    again: bool = False
    search: bool = False
    short: bool = False
    full: bool = True

    def __str__(self) -> str:
        """Its name and version in one word."""
        return "-".join(re.findall(r"\w+", f"{self.name} {self.version}"))

    @property
    def timezone(self) -> str:
        """The zone of the API's times."""
        return str(self.settings.get("timezone", "Europe/Moscow"))

    def decoded_faults(self) -> tuple[list[Fault], list[str]]:
        """The faults, and why others are not among them: the sandbox has no such."""
        known, unknown = [], []
        for fault in self.faults:
            try:
                known += decode_faults([fault])
            except ValueError as error:
                unknown.append(f"without {fault['kind']} ({error})")
        return known, unknown

    def world(self) -> World:
        """The world that is served."""
        live = self.dialect == "live"
        world = World(tuple(self.projects), rows_per_day=self.rows_per_day, live=live)
        if self.extra_rows:
            world.add_rows(self.projects[0], self.extra_rows)
        return world


@dataclass
class Result:
    """What came of a drill.

    Attributes:
        drill: The drill.
        requests: How many requests the sandbox got.
        happened: How often each fault has happened.
        blows: How often a blow has fallen.
        runs: How many runs it took until one ended well.
        expected: How many rows there are in truth.
        found: How many rows the warehouse has.
        lost: Rows of the truth that are not there.
        doubled: Rows there that the truth does not have, or not so often.
        seconds: How long it took.
        problems: What else was not as it should be, a line each.
        notes: What was left out, and why.
    """

    drill: Drill
    requests: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    blows: int = 0
    runs: int = 0
    expected: int = 0
    found: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was lost or doubled, and everything happened as declared."""
        return not (self.lost or self.doubled or self.problems)

    @property
    def skipped(self) -> bool:
        """Whether it could not be run."""
        return self.runs == 0
