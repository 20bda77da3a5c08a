"""What the data of the live API have been seen to have, and the documented lack."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from targetads_sandbox.world.vocabulary import placements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from targetads_sandbox.world.rows import Row, Value

_ODD = 20
"""One in so many moments without a placement has the placement 0."""

_NAMES = (
    "InteractionTime",
    "InteractionDeviceID",
    "InteractionPlacementId",
    "InteractionCreativeId",
)


def as_live(
    project_id: int, rows: Iterable[Row], positions: Mapping[str, int]
) -> list[Row]:
    """Rows with what live ones have: numbers of creatives, or none, and placements 0.

    Equal rows stay equal.
    """
    time, device, placement, creative = (positions[name] for name in _NAMES)
    creatives = _live_creatives(project_id)
    result = []
    for row in rows:
        values = list(row)
        moment = f"{row[device]} {row[time]}".encode()
        if row[placement] is None and zlib.crc32(moment) % _ODD == 0:
            values[placement] = 0
        values[creative] = creatives.get(row[creative], row[creative])
        result.append(tuple(values))
    return result


def _live_creatives(project_id: int) -> Mapping[Value, Value]:
    """The ids of the live creatives, by those of the documented ones; or none."""
    pairs = zip(placements(project_id), placements(project_id, live=True), strict=True)
    return {
        documented: live.creatives[number] if live.creatives else None
        for placement, live in pairs
        for number, documented in enumerate(placement.creatives)
    }
