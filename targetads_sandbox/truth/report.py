"""The records of aggregated reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from targetads_sandbox.truth.rows import check_fields, check_project
from targetads_sandbox.world.aggregate import GROUPINGS, AggregateQuery
from targetads_sandbox.world.fields import (
    DIMENSIONS,
    MEDIA_METRICS,
    MODELS,
    TARGET_METRICS,
    WINDOWS,
)
from targetads_sandbox.world.query import InteractionFilter, TargetFilter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping

    from targetads_sandbox.world.rows import Value
    from targetads_sandbox.world.world import World

NAMELESS: Mapping[Value, Value] = {None: "(null)", "": "(empty)"}
"""What keys have in place of names that are null or empty, which stay two."""


def expected_report(  # noqa: PLR0913 - all by name
    world: World,
    *,
    project_id: int,
    start: dt.date,
    end: dt.date,
    dimensions: Collection[str],
    media_metrics: Collection[str],
    target_metrics: Collection[str],
    date_grouping: str = "day",
    attribution_model: str | None = None,
    attribution_window: str | int | None = None,
    media_campaign_ids: Collection[int] | None = None,
    event_types: Collection[str] | None = None,
    categories: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """The records of an aggregated report of one project, in no particular order.

    The period applies to both filters. Filters that are None let everything through.

    Args:
        world: The world that is served.
        project_id: The project.
        start: The first day.
        end: The last day, inclusive.
        dimensions: What to group by.
        media_metrics: Metrics of interactions.
        target_metrics: Metrics of conversions.
        date_grouping: The days of one group.
        attribution_model: As in requests, in lower case; `mli` if None.
        attribution_window: In days; no window if None.
        media_campaign_ids: The media campaigns.
        event_types: The types of conversions.
        categories: The first categories of the items.

    Returns:
        Records with `project_id` first, then the dimensions and metrics in the order
        given. A ratio is null where the divisor is zero. Dimensions are keys: none of
        them is null or empty.

    Raises:
        ValueError: If there is no such project, field, model, window or grouping.
    """
    check_project(world, project_id)
    check_fields(dimensions, DIMENSIONS)
    check_fields(media_metrics, MEDIA_METRICS)
    check_fields(target_metrics, TARGET_METRICS)
    model = (attribution_model or "mli").upper()
    window = None if attribution_window is None else int(attribution_window)
    choices = ((model, MODELS), (window, (None, *WINDOWS)), (date_grouping, GROUPINGS))
    for choice, known in choices:
        if choice not in known:
            message = f"There is no {choice} to choose."
            raise ValueError(message)
    query = AggregateQuery(
        project_id=project_id,
        dimensions=tuple(dimensions),
        media_metrics=tuple(media_metrics),
        target_metrics=tuple(target_metrics),
        interactions=InteractionFilter(
            start,
            end,
            placements=None
            if media_campaign_ids is None
            else frozenset(media_campaign_ids),
        ),
        targets=TargetFilter(
            start,
            end,
            None if event_types is None else tuple(event_types),
            None if categories is None else tuple(categories),
        ),
        model=model,
        window=window,
        grouping=date_grouping,
    )
    records = []
    for row in query.rows(world):
        values: dict[str, Value] = dict(zip(query.fields, row, strict=True))
        keys = {n: NAMELESS.get(values[n], values[n]) for n in query.dimensions}
        records.append({"project_id": project_id, **values, **keys})
    return records
