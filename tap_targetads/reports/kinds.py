"""The kinds of reports: what a stream requests, and what its records are.

API reference: v1 reports, v1 aggregated report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_targetads.reports.days import (
    ONE_DAY,
    Group,
    Window,
    tile,
    tile_groups,
    whole_groups,
)
from tap_targetads.reports.fields import (
    CONVERSION_DATE,
    EVENT_DATE,
    INTERACTION_TIME,
    PROJECT_ID,
)
from tap_targetads.reports.filters import NO_FILTERS, Filters, without_empty

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from typing import Self

    from tap_targetads.reports.fields import Field, Version


MAX_CAMPAIGN_IDS = 20
"""Most campaigns in a request (API reference: v1 reports, live)."""

MAX_JOB_DAYS = 3
"""Most days of a v2 job (API reference: v2 reports, live)."""

HISTORY_DAYS = 90
"""How far back v2 jobs can read (API reference: v2 reports, live)."""

CAMPAIGN_BATCH = 10
"""Campaigns per request, if they are split (API reference: v1 reports)."""


def oldest_job_day(last_complete_day: date) -> date:
    """The first day that v2 jobs can read."""
    return last_complete_day - (HISTORY_DAYS - 1) * ONE_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(ABC):
    """A stream's report.

    Attributes:
        window_days: Length of its windows, in days.
        lookback_days: Days before the bookmark that every run reads again.
        selected_by_default: Whether it is read if no catalog says otherwise.
        api_version: `v1` reads pages, `v2` uses jobs, `auto` both.
    """

    name: str
    fields: Mapping[str, Field]
    filters: Filters = NO_FILTERS
    window_days: int
    lookback_days: int
    selected_by_default: bool = True
    api_version: Version = "v1"

    endpoint: ClassVar[str]
    replication_key: ClassVar[str]
    has_row_key: ClassVar[bool] = True
    constant_names: ClassVar[tuple[str, ...]] = ()
    """Fields that all records of a window share, besides the project."""
    day_field: ClassVar[str | None] = None
    """The field with the day of a row, for error lines."""

    @property
    def natural_key(self) -> tuple[str, ...]:
        """The primary key of a report without row keys."""
        return ()

    def period(self, start: date, end: date) -> tuple[date, date]:
        """The days to read, of those requested."""
        return start, end

    def windows(self, start: date, end: date) -> Iterator[Window]:
        """The windows of a period."""
        return tile(start, end, self.window_days)

    def constants(self, window: Window) -> dict[str, str]:
        """The values of `constant_names` for a window."""
        del window
        return {}

    @property
    def is_divisible(self) -> bool:
        """Whether the rows of several days are those of each day, put together."""
        return False

    @property
    def tells_campaigns(self) -> bool:
        """Whether the rows of different campaigns stay apart."""
        return True

    def requests(self) -> list[Self]:
        """The report, or several if it has too many campaigns for one request."""
        many = len(self.filters.media_campaign_ids) > MAX_CAMPAIGN_IDS
        return self.by_campaigns() if many else [self]

    def by_campaigns(self) -> list[Self]:
        """Reports of ten campaigns each, which together have the same rows.

        The API recommends ten per request (API reference: v1 reports). A row belongs to
        one campaign at most, so that no row is in two reports.

        Returns:
            An empty list if there are at most ten, or none are named: rows without a
            campaign cannot be requested by campaign.
        """
        ids = self.filters.media_campaign_ids
        if len(ids) <= CAMPAIGN_BATCH or not self.tells_campaigns:
            return []
        batches = [
            ids[first : first + CAMPAIGN_BATCH]
            for first in range(0, len(ids), CAMPAIGN_BATCH)
        ]
        return [
            replace(self, filters=replace(self.filters, media_campaign_ids=batch))
            for batch in batches
        ]

    @abstractmethod
    def body(self, fields: Sequence[Field], window: Window) -> dict[str, Any]:
        """The JSON body of a request, without the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReport(Report):
    """Interactions: page views, clicks, impressions, purchases."""

    endpoint: ClassVar[str] = "raw_reports"
    replication_key: ClassVar[str] = INTERACTION_TIME
    day_field: ClassVar[str | None] = INTERACTION_TIME

    @property
    @override
    def is_divisible(self) -> bool:
        return True

    @override
    def windows(self, start: date, end: date) -> Iterator[Window]:
        longest = MAX_JOB_DAYS if self.api_version == "v2" else self.window_days
        return tile(start, end, min(self.window_days, longest))

    @override
    def body(self, fields: Sequence[Field], window: Window) -> dict[str, Any]:
        return {
            "Fields": [f.name for f in fields],
            "InteractionFilter": self.filters.interactions(window),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport(Report):
    """Paths to conversions, one row per interaction on the path.

    A window is one day of conversions: a path is never in two windows, and its rows can
    say on which day it ended, although the API has no field for that. A path may begin
    `path_days` before the conversion.
    """

    path_days: int

    endpoint: ClassVar[str] = "path_to_conversion"
    replication_key: ClassVar[str] = CONVERSION_DATE
    constant_names: ClassVar[tuple[str, ...]] = (CONVERSION_DATE,)

    @override
    def windows(self, start: date, end: date) -> Iterator[Window]:
        return tile(start, end, 1)

    @override
    def constants(self, window: Window) -> dict[str, str]:
        return {CONVERSION_DATE: window.start.isoformat()}

    @override
    def body(self, fields: Sequence[Field], window: Window) -> dict[str, Any]:
        touches = Window(window.start - timedelta(days=self.path_days), window.end)
        return {
            "Fields": [f.name for f in fields],
            "InteractionFilter": self.filters.interactions(touches),
            "TargetFilter": self.filters.targets(window),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateReport(Report):
    """Metrics by day (or longer), source, campaign.

    Attributes:
        grouping: The period that one `EventDate` stands for.
        attribution_model: How conversions are attributed; None for the API's default.
        attribution_window: Days before a conversion that count.
    """

    grouping: Group = "day"
    attribution_model: str | None = None
    attribution_window: str | None = None

    endpoint: ClassVar[str] = "agg_report"
    replication_key: ClassVar[str] = EVENT_DATE
    has_row_key: ClassVar[bool] = False
    day_field: ClassVar[str | None] = EVENT_DATE

    @property
    @override
    def is_divisible(self) -> bool:
        return self.grouping == "day"

    @property
    @override
    def tells_campaigns(self) -> bool:
        # Without the campaign in the key, sums would overwrite each other.
        return "MediaCampaign" in self.fields

    @property
    @override
    def natural_key(self) -> tuple[str, ...]:
        dimensions = [f.name for f in self.fields.values() if f.group == "dimension"]
        return (PROJECT_ID, *dimensions)

    @override
    def period(self, start: date, end: date) -> tuple[date, date]:
        return whole_groups(self.grouping, start, end)

    @override
    def windows(self, start: date, end: date) -> Iterator[Window]:
        if self.grouping == "day":
            return tile(start, end, self.window_days)
        return tile_groups(self.grouping, start, end)

    @override
    def body(self, fields: Sequence[Field], window: Window) -> dict[str, Any]:
        return without_empty(
            Fields=_of_group(fields, "dimension"),
            MediaMetrics=_of_group(fields, "media metric"),
            TargetMetrics=_of_group(fields, "target metric"),
            InteractionFilter=self.filters.interactions(window),
            TargetFilter=self.filters.targets(window),
            AttributionModel=self.attribution_model,
            AttributionWindow=self.attribution_window,
            DateGrouping=self.grouping,
        )


def _of_group(fields: Sequence[Field], group: str) -> list[str]:
    return [f.name for f in fields if f.group == group]
