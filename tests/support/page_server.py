"""An API of pages with habits of its own, on loopback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.upgrades.server import RecordedApi, Row

Answer = Callable[[Sequence[Row], Row], Row]

BEYOND: Row = {"ErrorCode": 400, "ErrorMessage": "validate error"}
"""What some servers answer where there are no more rows."""


class PageServer(RecordedApi):
    """Answers reports from its rows, in the way that a test gives it.

    Args:
        rows: All rows, each with a `InteractionTime` or an `EventDate`.
        answer: Makes the answer from the rows of the days that are asked for, in their
            order, and from the request.

    Attributes:
        requests: The bodies of all requests for reports.
    """

    def __init__(self, rows: list[Row], answer: Answer) -> None:
        super().__init__({"1": {"campaigns": [], "target_events": []}})
        self.rows = rows
        self.requests: list[Row] = []
        self._answer = answer

    def answer(self, path: str, project_id: str, body: Row | None) -> Row:
        if body is None:
            return super().answer(path, project_id, body)
        self.requests.append(body)
        days = body["InteractionFilter"]
        names = [*body["Fields"], *body.get("MediaMetrics", ())]
        rows = [
            {name: row.get(name) for name in names}
            for row in list(self.rows)
            if days["DateFrom"] <= _day(row) <= days["DateTo"]
        ]
        return self._answer(rows, body)


def _day(row: Row) -> str:
    day: str = row.get("InteractionTime") or row["EventDate"]
    return day[:10]


def page_of(rows: Sequence[Row], body: Row) -> Any:
    """The rows that a request asks for."""
    return rows[body["Offset"] : body["Offset"] + body["Limit"]]


def documented(rows: Sequence[Row], body: Row) -> Row:
    """A page as the documentation has it."""
    page = page_of(rows, body)
    more = body["Offset"] + len(page) < len(rows)
    return {"data": page, "count": len(page), "has_more": more}


def in_arrays(rows: Sequence[Row], body: Row) -> Row:
    """A page as the live API has it."""
    page = page_of(rows, body)
    names = body["Fields"]
    values = [[row[name] for name in names] for row in page]
    return {"Columns": names, "CountRows": len(page), "Rows": values}
