"""What a request asks for, as far as faults depend on it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATHS_END = "/path_to_conversion"


class Asked(NamedTuple):
    """What a request asks for, as far as it can be parsed.

    Attributes:
        start: The first day of its window: of the interactions or, for paths, of the
            conversions.
        end: The last day, inclusive.
        campaigns: How many media campaigns it lists.
    """

    path: str
    project_id: int | None = None
    start: date | None = None
    end: date | None = None
    limit: int | None = None
    offset: int | None = None
    campaigns: int = 0

    @property
    def days(self) -> int | None:
        """The number of days of the window."""
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start).days + 1

    def covers(self, day: date) -> bool:
        """Whether a day is in the window."""
        if self.start is None or self.end is None:
            return False
        return self.start <= day <= self.end


def read_asked(path: str, project_id: int | None, body: bytes) -> Asked:
    """Parse what a request asks for; never fails, whatever the body is.

    The filters may be objects, or at the top level, as in the flat form of jobs.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        return Asked(path, project_id)
    touches = _filter(content, "InteractionFilter")
    window = touches
    if path.endswith(_PATHS_END):
        window = _filter(content, "TargetFilter")
    campaigns = touches.get("MediaCampaignId")
    return Asked(
        path=path,
        project_id=project_id,
        start=_day(window.get("DateFrom")),
        end=_day(window.get("DateTo")),
        limit=_number(content.get("Limit")),
        offset=_number(content.get("Offset", 0)),
        campaigns=len(campaigns) if isinstance(campaigns, list) else 0,
    )


def _filter(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A filter object, or the whole body if the filters are at the top level."""
    value = content.get(name, content)
    return value if isinstance(value, dict) else {}


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
