"""Checks the bodies of requests for paths and aggregates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_targetads.sandbox.aggregates import GROUPS, models
from tap_targetads.sandbox.fields import (
    DIMENSIONS,
    MEDIA_METRICS,
    PATH_FIELDS,
    TARGET_METRICS,
)
from tap_targetads.sandbox.paths import EVENT_TYPES
from tap_targetads.sandbox.query import Check, Slice, ValidationError, decode_body

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from tap_targetads.sandbox.paths import Touch

_ATTRIBUTION_WINDOWS = ("7", "15", "30", "60", "90")


@dataclass(frozen=True, slots=True)
class PathQuery:
    """Which touches a client asks for.

    Attributes:
        fields: The fields, in the order of the request.
        start: The first day of the conversions.
        end: Their last day, inclusive.
        touched: The first and the last day of the touches; any, if None.
        types: The interaction types of the touches.
        placements: Ids of their media campaigns.
        event_types: The types of the conversions.
        categories: The first categories of their items.
    """

    fields: tuple[str, ...]
    start: date
    end: date
    touched: tuple[date, date] | None = None
    types: Collection[str] | None = None
    placements: Collection[int] | None = None
    event_types: Collection[str] | None = None
    categories: Collection[str] | None = None

    def has(self, touch: Touch) -> bool:
        """Whether a touch, of a conversion of the right day, is asked for."""
        row = touch.row
        wanted = (
            (self.types, row["InteractionType"]),
            (self.placements, row["InteractionPlacementId"]),
            (self.event_types, touch.event_type),
            (self.categories, touch.category),
        )
        if self.touched and not self.touched[0] <= touch.day <= self.touched[1]:
            return False
        return all(chosen is None or value in chosen for chosen, value in wanted)


@dataclass(frozen=True, slots=True)
class AggregateQuery:
    """What a client wants to have summed up.

    Attributes:
        dimensions: The dimensions.
        metrics: The metrics, in the order of the request.
        start: The first day.
        end: The last day, inclusive.
        grouping: What one `EventDate` stands for.
        model: The attribution model.
        placements: Ids of media campaigns.
    """

    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]
    start: date
    end: date
    grouping: str
    model: str | None
    placements: Collection[int] | None


def parse_path_query(body: bytes, types: Collection[str]) -> tuple[PathQuery, Slice]:
    """Read the body of a request for paths.

    Raises:
        ValidationError: If anything is wrong.
    """
    content = decode_body(body)
    check = Check()
    check.response_type(content)
    page = Slice(check.offset(content), check.limit(content))
    query = path_query(check, content, types)
    if check.failures:
        raise ValidationError(check.failures)
    return query, page


def path_query(
    check: Check, content: Mapping[str, Any], types: Collection[str]
) -> PathQuery:
    """Read what both versions have in common."""
    interactions = check.filters(content)
    targets = check.filters(content, "TargetFilter")
    start, end = check.period(targets)
    dated = interactions.get("DateFrom") or interactions.get("DateTo")
    return PathQuery(
        fields=check.fields(content, PATH_FIELDS),
        start=start,
        end=end,
        touched=check.period(interactions) if dated else None,
        types=check.types(interactions, types),
        placements=check.placements(interactions),
        event_types=check.fields(targets, EVENT_TYPES, "EventType", required=False)
        or None,
        categories=tuple(targets.get("EcomItemCategory1") or ()) or None,
    )


def parse_aggregate_query(body: bytes) -> tuple[AggregateQuery, Slice]:
    """Read the body of a request for an aggregated report.

    Raises:
        ValidationError: If anything is wrong.
    """
    content = decode_body(body)
    check = Check()
    check.response_type(content)
    page = Slice(check.offset(content), check.limit(content))
    interactions = check.filters(content)
    start, end = check.period(interactions)
    grouping = _one_of(check, content, "DateGrouping", GROUPS) or "day"
    model = _one_of(check, content, "AttributionModel", models())
    _one_of(check, content, "AttributionWindow", _ATTRIBUTION_WINDOWS)
    metrics = (
        *check.fields(content, MEDIA_METRICS, "MediaMetrics", required=False),
        *check.fields(content, TARGET_METRICS, "TargetMetrics", required=False),
    )
    query = AggregateQuery(
        dimensions=check.fields(content, DIMENSIONS),
        metrics=metrics,
        start=start,
        end=end,
        grouping=grouping,
        model=model,
        placements=check.placements(interactions),
    )
    if check.failures:
        raise ValidationError(check.failures)
    return query, page


def _one_of(
    check: Check, content: Mapping[str, Any], name: str, known: Collection[str]
) -> str | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        check.fail(name, "oneof", value)
        return None
    return value
