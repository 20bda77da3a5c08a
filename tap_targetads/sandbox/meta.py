"""What a project consists of (API reference: v1 meta)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_targetads.sandbox.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from tap_targetads.sandbox.calls import Call, Routes
    from tap_targetads.sandbox.vocabulary import Placement

TARGET_EVENTS: tuple[dict[str, str | None], ...] = (
    {
        "event_type": "Purchase",
        "event_category": "ecommerce",
        "event_name": "Покупка",
        "description": "An order, as the shop reports it",
    },
    {
        "event_type": "Lead",
        "event_category": None,
        "event_name": "Заявка",
        "description": 'A request through the form, "call me"',
    },
)

_ACTIVE_EVERY = 3


def campaigns_of(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """All campaigns of a project, with what both forms of the answer can hold."""
    names = list(dict.fromkeys(p.campaign for p in placements))
    sources = list(dict.fromkeys(p.source for p in placements))
    return [
        {
            "placement_id": p.placement_id,
            "placement_name": p.name,
            "placement_created": f"2023-11-{number % 28 + 1:02} 10:30:00",
            "placement_status": "active" if number % _ACTIVE_EVERY else "archived",
            "source_id": sources.index(p.source) + 1,
            "source_name": p.source,
            "marketing_campaign_id": names.index(p.campaign) + 101,
            "marketing_name": p.campaign,
            "media_source_id": sources.index(p.source) + 1,
            "media_source_name": p.source,
            "campaign_id": names.index(p.campaign) + 101,
            "campaign_name": p.campaign,
            "creatives": [
                {"creative_id": creative, "creative_name": f"Баннер {creative}"}
                for creative in p.creatives
            ],
        }
        for number, p in enumerate(placements)
    ]


def campaigns(call: Call) -> Response:
    """The campaigns; by default those with recent impressions only."""
    project_id = call.project_id()
    placements = call.sandbox.world.placements(project_id)
    rows = campaigns_of(placements)
    if call.params.get("active", "true") == "true":
        rows = [row for row in rows if row["placement_status"] == "active"]
    if call.params.get("include_creative", "false") != "true":
        for row in rows:
            del row["creatives"]
    if project_id in call.sandbox.without_campaigns:
        rows = []
    content = {call.sandbox.dialect.campaigns_key: rows, "count": len(rows)}
    return json_response(content, dialect=call.sandbox.dialect)


def target_event(call: Call) -> Response:
    """The target events."""
    call.project_id()
    content = {"target_events": TARGET_EVENTS, "count": len(TARGET_EVENTS)}
    return json_response(content, dialect=call.sandbox.dialect)


META_ROUTES: Routes = (
    ("/v1/meta/campaigns", ["GET"], campaigns),
    ("/v1/meta/target_event", ["GET"], target_event),
)
