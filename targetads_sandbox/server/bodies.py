"""Parses the bodies of report requests, v1 and v2.

API reference: v1 reports, v2 reports, v1 aggregated report.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from targetads_sandbox.server.checks import Check
from targetads_sandbox.world.aggregate import GROUPINGS, AggregateQuery
from targetads_sandbox.world.fields import (
    DIMENSIONS,
    MEDIA_METRICS,
    MODELS,
    PATH_FIELDS,
    PATH_JOB_FIELDS,
    RAW_FIELDS,
    TARGET_METRICS,
    WINDOWS,
)
from targetads_sandbox.world.query import (
    InteractionFilter,
    PathQuery,
    Query,
    RawQuery,
    Slice,
    TargetFilter,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from targetads_sandbox.dialect import Dialect
    from targetads_sandbox.world.world import World

JOB_DAYS = 3
"""Most days of a v2 job (API reference: v2 reports, live)."""

JOB_HISTORY_DAYS = 90
"""How far back v2 jobs reach (API reference: v2 reports, live)."""

_MODELS = frozenset(model.lower() for model in MODELS)
_WINDOWS = frozenset(map(str, WINDOWS))
_NO_PERIOD = (date.min, date.min)


class JobRules(NamedTuple):
    """What else makes the body of a v2 job valid.

    Attributes:
        dialect: Decides the form of the body.
        today: The day that ends the history; if None, jobs reach back for ever.
    """

    dialect: Dialect
    today: date | None


def parse_raw(project_id: int, body: bytes, world: World) -> tuple[Query, Slice]:
    """Parse the body of a request for raw data.

    Raises:
        ValidationError: If anything is wrong.
    """
    check = Check(body)
    check.response_type("JSON")
    fields = check.fields(RAW_FIELDS)
    page = _page(check)
    interactions = interaction_filter(check, check.filters("InteractionFilter"), world)
    check.finish()
    return RawQuery(project_id, fields, interactions), page


def parse_paths(project_id: int, body: bytes, world: World) -> tuple[Query, Slice]:
    """Parse the body of a request for paths; see `parse_raw`."""
    check = Check(body)
    check.response_type("JSON")
    fields = check.fields(PATH_FIELDS)
    page = _page(check)
    interactions = interaction_filter(check, check.filters("InteractionFilter"), world)
    targets = target_filter(check, check.filters("TargetFilter"), world)
    check.finish()
    return PathQuery(project_id, fields, interactions, targets), page


def parse_aggregate(project_id: int, body: bytes, world: World) -> tuple[Query, Slice]:
    """Parse the body of a request for an aggregated report; see `parse_raw`."""
    check = Check(body)
    check.response_type("JSON", required=False)
    dimensions = check.fields(DIMENSIONS)
    media = check.fields(MEDIA_METRICS, "MediaMetrics", required=False)
    target = check.fields(TARGET_METRICS, "TargetMetrics", required=False)
    if not media and not target:
        check.fail("MediaMetrics", "required_without")
    model = check.choice("AttributionModel", _MODELS, "mli")
    window = check.choice("AttributionWindow", _WINDOWS, "")
    grouping = check.choice("DateGrouping", GROUPINGS, "day")
    page = _page(check)
    interactions = interaction_filter(check, check.filters("InteractionFilter"), world)
    targets = None
    if target:
        targets = target_filter(check, check.filters("TargetFilter"), world)
    check.finish()
    query = AggregateQuery(
        project_id=project_id,
        dimensions=dimensions,
        media_metrics=media,
        target_metrics=target,
        interactions=interactions,
        targets=targets,
        model=model.upper(),
        window=int(window) if window else None,
        grouping=grouping,
    )
    return query, page


def _page(check: Check) -> Slice:
    limit = check.limit()
    return Slice(check.offset(), limit)


def interaction_filter(
    check: Check, filters: Mapping[str, Any], world: World
) -> InteractionFilter:
    """Parse an `InteractionFilter`."""
    period = check.period(filters) or _NO_PERIOD
    types = check.words(filters, "InteractionType", world.types)
    return InteractionFilter(*period, types, check.placements(filters))


def target_filter(
    check: Check, filters: Mapping[str, Any], world: World
) -> TargetFilter:
    """Parse a `TargetFilter`."""
    period = check.period(filters) or _NO_PERIOD
    types = check.words(filters, "EventType", world.event_types)
    return TargetFilter(*period, types, check.words(filters, "EcomItemCategory1"))


def parse_raw_job(project_id: int, body: bytes, world: World, rules: JobRules) -> Query:
    """Parse the body of a request for a job with raw data; see `parse_raw`."""
    check = _job_check(body)
    fields = check.fields(RAW_FIELDS)
    if rules.dialect.job_body == "flat":
        types = check.word(check.body, "InteractionType", world.types)
        period = check.period(check.body) or _NO_PERIOD
        placements = check.placements(check.body)
        interactions = InteractionFilter(*period, types, placements)
    else:
        filters = _needed(check, "InteractionFilter")
        interactions = InteractionFilter()
        if filters is not None:
            interactions = interaction_filter(check, filters, world)
        stable = check.body.get("Stable", 1)
        if stable not in {0, 1}:
            check.fail("Stable", "oneof", stable)
    _check_period(check, interactions.start, interactions.end, rules)
    check.finish()
    return RawQuery(project_id, fields, interactions)


def parse_path_job(
    project_id: int, body: bytes, world: World, rules: JobRules
) -> Query:
    """Parse the body of a request for a job with paths; see `parse_raw`.

    In either form, the dates are those of the conversions.
    """
    check = _job_check(body)
    fields = check.fields(PATH_JOB_FIELDS)
    interactions, targets = InteractionFilter(), TargetFilter(*_NO_PERIOD)
    if rules.dialect.job_body == "flat":
        period = check.period(check.body) or _NO_PERIOD
        interactions = InteractionFilter(
            types=check.word(check.body, "InteractionType", world.types),
            placements=check.placements(check.body),
        )
        targets = TargetFilter(
            *period,
            check.word(check.body, "EventType", world.event_types),
            check.words(check.body, "EcomItemCategory1"),
        )
    else:
        filters = _needed(check, "InteractionFilter")
        if filters is not None:
            interactions = interaction_filter(check, filters, world)
        filters = _needed(check, "TargetFilter")
        if filters is not None:
            targets = target_filter(check, filters, world)
    _check_period(check, targets.start, targets.end, rules)
    check.finish()
    return PathQuery(project_id, fields, interactions, targets)


def _job_check(body: bytes) -> Check:
    check = Check(body)
    # The documented requests send what v1 requires; live programs send none of it.
    check.response_type("JSON", "CSV", required=False)
    return check


def _needed(check: Check, name: str) -> Mapping[str, Any] | None:
    """A required filter object."""
    value = check.body.get(name)
    if isinstance(value, dict):
        return value
    check.fail(name, "required")
    return None


def _check_period(check: Check, start: date, end: date, rules: JobRules) -> None:
    """Check that a job is neither too long nor too old, if its dates are valid."""
    if check.failures:
        return
    if (end - start).days >= JOB_DAYS:
        check.fail("DateTo", "max", end.isoformat())
    oldest = rules.today and rules.today - timedelta(days=JOB_HISTORY_DAYS)
    if oldest is not None and start < oldest:
        check.fail("DateFrom", "min", start.isoformat())
