"""What limits the rows of a report.

API reference: v1 reports, v1 aggregated report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_targetads.reports.days import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What limits the rows of a report, apart from dates; empty means all.

    Attributes:
        media_campaign_ids: Placement ids.
        target_event_types: Types of conversions.
        ecom_item_categories: First categories of the purchased items.
    """

    interaction_types: Sequence[str] = ()
    media_campaign_ids: Sequence[int] = ()
    target_event_types: Sequence[str] = ()
    ecom_item_categories: Sequence[str] = ()

    def interactions(self, window: Window) -> dict[str, Any]:
        """The `InteractionFilter` of a request."""
        return without_empty(
            **_dates(window),
            InteractionType=list(self.interaction_types),
            MediaCampaignId=list(self.media_campaign_ids),
        )

    def targets(self, window: Window) -> dict[str, Any]:
        """The `TargetFilter` of a request."""
        return without_empty(
            **_dates(window),
            EventType=list(self.target_event_types),
            EcomItemCategory1=list(self.ecom_item_categories),
        )


NO_FILTERS = Filters()


def _dates(window: Window) -> dict[str, str]:
    return {"DateFrom": window.start.isoformat(), "DateTo": window.end.isoformat()}


def without_empty(**entries: Any) -> dict[str, Any]:
    """Entries of a request, without those that limit nothing."""
    return {name: value for name, value in entries.items() if value}
