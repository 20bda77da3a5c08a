"""Joins the states of ranges into the one with which the nightly run goes on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FROM, TO = "complete_from", "replication_key_value"
"""The two ends of what has been read, in the tap's state (decision 4)."""

_SECOND = timedelta(seconds=1)


class NotCompleteError(RuntimeError):
    """Some days have not been read. The message says which."""


class _Read(NamedTuple):
    """What a state says of one stream and project."""

    stream: str
    entry: Mapping[str, Any]

    @property
    def first(self) -> datetime:
        return datetime.fromisoformat(self.entry[FROM])

    @property
    def last(self) -> datetime:
        return datetime.fromisoformat(self.entry[TO])


def joined(
    states: Mapping[str, Any], parts: Mapping[int, Mapping[str, str]], nightly: str
) -> dict[str, Any]:
    """Join states.

    Args:
        states: All states, by their ids, as `meltano state export` prints them.
        parts: The names of the ranges of each project, and the ids of their states.
        nightly: The id of the nightly run's state. If there is one already, what it
            says counts as well: the nightly run may be ahead of the backfill.

    Returns:
        A Singer state.

    Raises:
        NotCompleteError: If a range has no state, or there are days between two states
            that neither of them has.
    """
    bookmarks: dict[str, Any] = {}
    for project_id, names in parts.items():
        if missing := [name for name, state in names.items() if state not in states]:
            message = f"Project {project_id}: {', '.join(missing)} not loaded yet."
            raise NotCompleteError(message)
        found = [
            read
            for state_id in (*names.values(), nightly)
            for read in _reads(states.get(state_id, {}), project_id)
        ]
        for stream in sorted({read.stream for read in found}):
            entry = _joined(read for read in found if read.stream == stream)
            entries = bookmarks.setdefault(stream, {"partitions": []})
            entries["partitions"].append(entry)
    return {"bookmarks": bookmarks}


def _reads(state: Mapping[str, Any], project_id: int) -> Iterator[_Read]:
    """What a state says of a project: Meltano keeps runs that failed as `partial`."""
    bookmarks: dict[str, Any] = {}
    for part in ("completed", "partial"):
        singer = state.get(part, {}).get("singer_state", {})
        bookmarks.update(singer.get("bookmarks", {}))
    for stream, bookmark in bookmarks.items():
        for entry in bookmark.get("partitions", []):
            if entry["context"] == {"project_id": project_id} and TO in entry:
                yield _Read(stream, entry)


def _joined(reads: Iterable[_Read]) -> dict[str, Any]:
    first, *others = sorted(reads, key=lambda read: read.first)
    last = first
    for read in others:
        if read.first > last.last + _SECOND:
            message = (
                f"Stream {read.stream}, project {read.entry['context']['project_id']}: "
                f"nothing has been read between {last.entry[TO]} and "
                f"{read.entry[FROM]}. Load those days again."
            )
            raise NotCompleteError(message)
        last = max(last, read, key=lambda read: read.last)
    return {**last.entry, FROM: first.entry[FROM]}
