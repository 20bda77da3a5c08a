"""The records of paths to conversions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from targetads_sandbox.truth.rows import (
    TIMEZONE,
    Keys,
    Values,
    check_fields,
    record_of,
    zone_named,
)
from targetads_sandbox.world.days import days_between
from targetads_sandbox.world.fields import PATH_FIELDS
from targetads_sandbox.world.rows import PATH_COLUMNS, PATH_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from targetads_sandbox.world.rows import Value
    from targetads_sandbox.world.world import World

TOUCH_DAYS = 90
"""Default of how many days before its conversion a touch may be."""


def expected_paths(  # noqa: PLR0913 - all by name
    world: World,
    *,
    project_id: int,
    stream: str = "conversion_paths",
    start: dt.date,
    end: dt.date,
    fields: Collection[str],
    interaction_types: Collection[str] | None = None,
    touch_days: int = TOUCH_DAYS,
    event_types: Collection[str] | None = None,
    categories: Collection[str] | None = None,
    media_campaign_ids: Collection[int] | None = None,
    timezone: str = TIMEZONE,
    row_key: bool = True,
) -> list[dict[str, Any]]:
    """The records of one stream of paths and one project, in no particular order.

    Filters that are None let everything through.

    Args:
        world: The world that is served.
        project_id: The project.
        stream: The stream's name, which is part of the keys.
        start: The first day of conversions.
        end: The last one, inclusive.
        fields: The selected fields, by their names in v1.
        interaction_types: The types of touches.
        touch_days: How many days before its conversion a touch may be.
        event_types: The types of conversions.
        categories: The first categories of the items.
        media_campaign_ids: The media campaigns of touches.
        timezone: IANA name of the zone of the API's times.
        row_key: Whether records have a `_row_key`. Equal records are numbered within
            the day of their conversions.

    Returns:
        Records with `_row_key`, `project_id` and `conversion_date` first, then the
        fields in alphabetical order.

    Raises:
        ValueError: If there is no such project, field or zone.
    """
    check_fields(fields, PATH_FIELDS)
    zone = zone_named(timezone)
    records = []
    for day in days_between(start, end):
        context = {"project_id": project_id, "conversion_date": day.isoformat()}
        prefix = f"{project_id}\0{stream}\0{day.isoformat()}\0"
        keys = Keys(prefix) if row_key else None
        wanted = {
            "InteractionType": interaction_types,
            "InteractionPlacementId": media_campaign_ids,
            "TargetEventType": event_types,
            "TargetEcomItemsCategory1": categories,
        }
        earliest = day - dt.timedelta(days=touch_days)
        for part in world.conversions(project_id, day).parts.values():
            for row in part.rows:
                touch = dict(zip(PATH_COLUMNS, row, strict=True))
                moment = dt.date.fromisoformat(str(touch["InteractionDate"]))
                if earliest <= moment <= day and _is_wanted(touch, wanted):
                    values = Values(row, PATH_POSITIONS, PATH_FIELDS, zone).of(fields)
                    records.append(record_of(context, values, keys))
    return records


def _is_wanted(
    touch: Mapping[str, Value], wanted: Mapping[str, Collection[Value] | None]
) -> bool:
    return all(
        values is None or touch[name] in values for name, values in wanted.items()
    )
