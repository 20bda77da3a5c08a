"""States of the stream `clicks`, and what a run made of one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tests.conftest import PROJECT

if TYPE_CHECKING:
    from targetads_sandbox.server.sandbox import Sandbox
    from tests.support.running import Output


def state_at(value: Any, stream: str = "clicks") -> dict[str, Any]:
    partition = {
        "context": {"project_id": PROJECT},
        "replication_key": "InteractionTime",
        "replication_key_value": value,
    }
    return {"bookmarks": {stream: {"partitions": [partition]}}}


def days_read(sandbox: Sandbox) -> set[str]:
    """The days that were asked for since the log of requests was cleared."""
    days = set()
    for request in sandbox.requests:
        if request.body:
            window = request.body["InteractionFilter"]
            day = date.fromisoformat(window["DateFrom"])
            while day <= date.fromisoformat(window["DateTo"]):
                days.add(day.isoformat())
                day += timedelta(days=1)
    sandbox.clear_requests()
    return days


def ids(output: Output) -> set[str]:
    return {r["_row_key"] for r in output.records.get("clicks", [])}
