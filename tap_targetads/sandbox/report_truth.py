"""What a right tap must deliver of paths, aggregates and meta data."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from xxhash import xxh3_128_hexdigest

from tap_targetads.sandbox.aggregates import aggregate
from tap_targetads.sandbox.fields import MEDIA_METRICS, PATH_FIELDS, TARGET_METRICS
from tap_targetads.sandbox.meta import TARGET_EVENTS, campaigns_of
from tap_targetads.sandbox.paths import Paths
from tap_targetads.sandbox.truth import TIMEZONE, days, record_value

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Sequence

    from tap_targetads.sandbox.world import World

Record = dict[str, Any]


def expected_paths(  # noqa: PLR0913 - all by name
    world: World,
    *,
    project_id: int,
    start: dt.date,
    end: dt.date,
    fields: Collection[str],
    stream: str = "conversion_paths",
    touch_days: int = 90,
    timezone: str = TIMEZONE,
) -> list[Record]:
    """The records of paths, in no particular order.

    Args:
        world: The world that is served, its weights as they were made.
        project_id: The project.
        start: The first day of the conversions.
        end: Their last day, inclusive.
        fields: The selected fields.
        stream: The stream's name, which is part of the keys.
        touch_days: How many days before the conversion touches count.
        timezone: IANA name of the zone of the API's times.

    Returns:
        Records whose keys are made of everything but the weights. Which of two touches
        that differ in nothing else has which key is left open.
    """
    zone, paths, records = ZoneInfo(timezone), Paths(world), []
    for day in days(start, end):
        seen = Counter[str]()
        for touch in paths.of_day(project_id, day):
            if (day - touch.day).days > touch_days:
                continue
            values = {
                name: record_value(touch.row[name], PATH_FIELDS[name], zone)
                for name in sorted(set(fields))
            }
            what = {n: v for n, v in values.items() if not n.startswith("Weight_")}
            line = json.dumps(what, ensure_ascii=False, separators=(",", ":"))
            if len(what) < len(values):
                line = line[:-1]  # the weights follow, and do not count
            parts = (project_id, stream, day.isoformat(), line)
            content = "\0".join(map(str, parts)).encode()
            records.append(
                {
                    "_row_key": xxh3_128_hexdigest(content, seed=seen[line]),
                    "project_id": project_id,
                    "conversion_date": day.isoformat(),
                    **values,
                }
            )
            seen[line] += 1
    return records


def expected_report(  # noqa: PLR0913 - all by name
    world: World,
    *,
    project_id: int,
    start: dt.date,
    end: dt.date,
    dimensions: Sequence[str],
    media_metrics: Sequence[str],
    target_metrics: Sequence[str],
    date_grouping: str = "day",
    attribution_model: str | None = None,
) -> list[Record]:
    """The records of an aggregate.

    Args:
        world: The world that is served.
        project_id: The project.
        start: The first day.
        end: The last day, inclusive.
        dimensions: The dimensions.
        media_metrics: The media metrics.
        target_metrics: The target metrics.
        date_grouping: What one `EventDate` stands for.
        attribution_model: The attribution model.
    """
    kinds = {**MEDIA_METRICS, **TARGET_METRICS}
    names = sorted([*dimensions, *media_metrics, *target_metrics])
    rows = aggregate(
        world,
        Paths(world),
        project_id=project_id,
        start=start,
        end=end,
        dimensions=dimensions,
        grouping=date_grouping,
        model=attribution_model,
    )
    zone = ZoneInfo(TIMEZONE)
    return [
        {
            "project_id": project_id,
            **{n: record_value(row[n], kinds.get(n, "string"), zone) for n in names},
        }
        for row in rows
    ]


def expected_campaigns(world: World, *, project_id: int) -> list[Record]:
    """All campaigns of a project, their times still as the API has them."""
    return [
        {"project_id": project_id, **{k: v for k, v in c.items() if k != "creatives"}}
        for c in campaigns_of(world.placements(project_id))
    ]


def expected_creatives(world: World, *, project_id: int) -> list[Record]:
    """All creatives of a project."""
    return [
        {"project_id": project_id, "placement_id": c["placement_id"], **creative}
        for c in campaigns_of(world.placements(project_id))
        for creative in c["creatives"]
    ]


def expected_target_events(world: World, *, project_id: int) -> list[Record]:
    """The target events, which are the same in all worlds and projects."""
    del world
    return [{"project_id": project_id, **event} for event in TARGET_EVENTS]
