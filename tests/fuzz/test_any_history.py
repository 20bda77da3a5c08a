"""Any sequence of runs, faults, kills and changed settings, against a model."""

from __future__ import annotations

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tap_targetads.config.settings import Settings
from targetads_sandbox.server.faults import Fault
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.records import truth
from tests.support.running import bookmark, run_tap

if TYPE_CHECKING:
    from targetads_sandbox.server.faults import Kind

MOSCOW = ZoneInfo("Europe/Moscow")
FIRST, LAST = date(2024, 1, 1), date(2024, 1, 20)
DAYS = st.integers(0, (LAST - FIRST).days).map(lambda n: FIRST + timedelta(days=n))
PERIODS = st.tuples(DAYS, DAYS).map(sorted)
ENDING: list[Kind] = ["forbidden", "unauthorized", "empty_page"]
PASSING: list[Kind] = [
    "server_error",
    "cut",
    "malformed",
    "rate_limit",
    "gateway_timeout",
    "too_large",
]


def day_of(record: dict[str, Any]) -> date:
    time = datetime.fromisoformat(record["InteractionTime"])
    return time.astimezone(MOSCOW).date()


class AnyHistory(RuleBasedStateMachine):
    """A warehouse that upserts, and the state that it confirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(rows_per_day=30)
        self.sandbox = Sandbox(self.world)
        self.sandbox.start()
        self.folder = tempfile.TemporaryDirectory()
        # It is February 2024: January is within the history of version 2.
        self.clock = patch.object(
            Settings, "last_complete_day", lambda *_: date(2024, 2, 9)
        )
        self.clock.start()
        self.state: dict[str, Any] = {}
        self.mark = ""
        self.keys: set[str] = set()

    def teardown(self) -> None:
        self.clock.stop()
        self.sandbox.stop()
        self.folder.cleanup()

    @initialize(
        version=st.sampled_from(["auto", "v1"]),
        page_size=st.sampled_from([1, 3, 1000]),
    )
    def begin(self, version: str, page_size: int) -> None:
        self.config = {
            "api_url": self.sandbox.url,
            "auth_token": self.sandbox.tokens[PROJECT],
            "project_id": PROJECT,
            "interaction_types": ["Click"],
            "api_version": version,
            "page_size": page_size,
        }

    def run_tap(
        self,
        period: list[date],
        *,
        window: int = 7,
        lookback: int = 0,
        written: float = 1,
    ) -> int:
        """Run; of what the tap says, only a part arrives where it is killed."""
        changes = {
            "start_date": period[0].isoformat(),
            "end_date": period[1].isoformat(),
            "window_days": window,
            "lookback_days": lookback,
        }
        config = {**self.config, **changes}
        output = run_tap(Path(self.folder.name), config, state=self.state)
        end = round(len(output.messages) * written)
        for message in output.messages[:end]:
            if message["type"] == "RECORD":
                self.keys.add(message["record"]["_row_key"])
            elif message["type"] == "STATE":
                self.state = message["value"]
                now = bookmark(self.state, "clicks", PROJECT) or ""
                assert now >= self.mark, "the bookmark went back"
                self.mark = now
        return output.exit_code

    @rule(period=PERIODS, window=st.integers(1, 9), lookback=st.integers(0, 9))
    def a_night(self, period: list[date], window: int, lookback: int) -> None:
        assert self.run_tap(period, window=window, lookback=lookback) == 0

    @rule(period=PERIODS, window=st.integers(1, 9), written=st.floats(0, 1))
    def a_kill(self, period: list[date], window: int, written: float) -> None:
        self.run_tap(period, window=window, written=written)

    @rule(
        period=PERIODS, kind=st.sampled_from(PASSING), rate=st.sampled_from([0.1, 0.5])
    )
    def a_bad_night(self, period: list[date], kind: Kind, rate: float) -> None:
        self.sandbox.faults.set([Fault(kind, rate=rate)])
        self.run_tap(period)
        self.sandbox.faults.clear()

    @rule(period=PERIODS, kind=st.sampled_from(ENDING), after=st.integers(0, 5))
    def a_night_that_fails(self, period: list[date], kind: Kind, after: int) -> None:
        self.sandbox.faults.set([Fault(kind, times=1, after=after)])
        self.run_tap(period, window=2)
        self.sandbox.faults.clear()

    @precondition(lambda self: self.state)
    @invariant()
    def all_that_the_state_covers_is_there(self) -> None:
        for entry in self.state["bookmarks"].get("clicks", {}).get("partitions", []):
            if "complete_from" not in entry:
                continue
            ends = (entry["complete_from"], entry["replication_key_value"])
            first, last = (
                datetime.fromisoformat(end).astimezone(MOSCOW).date() for end in ends
            )
            expected = {
                record["_row_key"]
                for record in truth(self.world, "clicks", start=first, end=last)
            }
            assert expected <= self.keys

    def whole(self) -> set[str]:
        records = truth(self.world, "clicks", start=FIRST, end=LAST)
        return {record["_row_key"] for record in records}

    @rule()
    def a_night_for_everything(self) -> None:
        assert self.run_tap([FIRST, LAST]) == 0
        assert self.keys == self.whole(), "lost or made up"


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=8,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
