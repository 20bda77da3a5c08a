"""Faults of a server that does not read its requests rightly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from targetads_sandbox.world.query import PathQuery, RawQuery

if TYPE_CHECKING:
    from targetads_sandbox.server.faults import Fault
    from targetads_sandbox.world.query import Query

_DAY = timedelta(days=1)


def misread(query: Query, fault: Fault | None) -> Query:
    """What a server takes a query for; the query itself, if it reads it rightly."""
    if fault is None or not isinstance(query, RawQuery | PathQuery):
        return query
    wanted = query.interactions
    if fault.kind == "ignore_types":
        return replace(query, interactions=replace(wanted, types=None))
    if fault.kind == "ignore_dates":
        # There is no first day: a day more on both sides stands for all of them.
        start, end = date.min, date.max
        if isinstance(query, RawQuery):
            start, end = wanted.start - _DAY, wanted.end + _DAY
        return replace(query, interactions=replace(wanted, start=start, end=end))
    if fault.kind == "shifted_days" and isinstance(query, RawQuery):
        return replace(query, hours=fault.hours)
    return query
