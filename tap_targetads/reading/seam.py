"""Where a page of a report is cut, and what the next one must repeat."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from operator import ne
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tap_targetads.rows.json_pages import Page
    from tap_targetads.rows.row_type import Row

OVERLAP = 1_000
"""Most rows that a page usually shares with the one before it."""

FEW_ROWS = 100
"""Fewer rows than these may be equal by chance."""


def usual_overlap(rows: int) -> int:
    """How many rows pages of that length share: a tenth, of small pages up to half."""
    return min(max(rows // 10, min(rows // 2, FEW_ROWS)), OVERLAP)


@dataclass(frozen=True, slots=True)
class Seam:
    """Where a page is cut, and what the next one must repeat.

    A server may sort by time only, and rows of one time otherwise at each request. So a
    page is cut where the time changes, and what is compared begins at such a place:
    then rows that come in or go before it cannot leave the compared ones the same.

    Attributes:
        start: Offset of the first row that is compared.
        cut: Offset of the first row that is left to the next page.
        end: Offset behind the last row of the page.
        lines: The rows from `start` to `cut`.
        by_time: Whether the time changes at both places. Otherwise, only rows that are
            the same in the same order show that the server has an order at all.
    """

    start: int = 0
    cut: int = 0
    end: int = 0
    lines: Sequence[bytes] = ()
    by_time: bool = False

    @classmethod
    def behind(
        cls,
        page: Page,
        offset: int,
        delivered: int,
        time_of: Callable[[Row], Any] | None,
    ) -> Self:
        """Cut a page that others follow: at its end, if times do not help.

        Args:
            page: The page.
            offset: The offset of its first row.
            delivered: The offset before which all rows have been delivered.
            time_of: The time of a row, if it is known.
        """
        cut = len(page.rows)
        start = cut - usual_overlap(cut)
        by_time, changes = False, _changes_of_time(page, start, time_of)
        if changes is not None and len(changes) <= 1:  # seldom: look further back
            changes = (_changes_of_time(page, 0, time_of) or [])[-2:]
        if changes and len(changes) > 1 and offset + changes[-1] > delivered:
            start, cut, by_time = changes[0], changes[-1], True
        lines = page.lines(page.rows[start:cut])
        return cls(
            offset + start, offset + cut, offset + len(page.rows), lines, by_time
        )

    @property
    def is_telling(self) -> bool:
        """Whether rows that come in before would be noticed for certain."""
        return self.by_time or 1 < len(self.lines) == len(set(self.lines))

    def continues(self, offset: int, head: list[bytes]) -> bool:
        """Whether the rows from an offset to the cut are those of this page."""
        expected = list(self.lines[max(0, offset - self.start) :])
        found = head[max(0, self.start - offset) :]
        if self.by_time and offset <= self.start:
            expected.sort()
            found.sort()
        return expected == found


def _changes_of_time(
    page: Page, begin: int, time_of: Callable[[Row], Any] | None
) -> list[int] | None:
    """Where the time changes from there on; None if rows are not sorted by it."""
    if time_of is None:
        return None
    times: list[str] = []
    for first in range(begin, len(page.rows), OVERLAP):
        rows = page.decode(page.rows[first : first + OVERLAP]).rows
        times += map(str, map(time_of, rows))
    changes = [begin + i for i, two in enumerate(pairwise(times), 1) if ne(*two)]
    return changes if len(set(times)) == len(changes) + 1 else None
