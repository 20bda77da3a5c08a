"""The routes about a project: its token, campaigns and target events.

API reference: base, auth, project; v1 meta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from targetads_sandbox.server.checks import parse_flag
from targetads_sandbox.server.responses import json_response
from targetads_sandbox.world.campaigns import campaign_rows, creative_rows
from targetads_sandbox.world.vocabulary import TARGET_EVENTS, placements

if TYPE_CHECKING:
    from targetads_sandbox.server.calls import Call

_EXPIRES_AT = "2099-12-31T23:59:59Z"


async def campaigns(call: Call) -> Response:
    """The campaigns of a project; none, if its token may not see them."""
    sandbox, project_id = call.sandbox, call.project_id()
    active = parse_flag(call.params, "active", default=True)
    nested = parse_flag(call.params, "include_creative", default=False)
    dialect = sandbox.dialect
    if not sandbox.sees_campaigns(project_id):
        # The documented response; no other is known.
        return json_response({"campaigns": [], "count": 0}, dialect=dialect)
    world = sandbox.world
    rows = campaign_rows(
        world, project_id, active=active, names=dialect.campaign_fields
    )
    if nested:
        by_id = {p.placement_id: p for p in world.placements(project_id)}
        for row in rows:
            creatives = creative_rows(world, by_id[row["placement_id"]])
            if creatives:
                row["creatives"] = creatives
    content = {dialect.campaigns_key: rows, "count": len(rows)}
    return json_response(content, dialect=dialect)


async def target_events(call: Call) -> Response:
    """The events that count as conversions."""
    call.project_id()
    rows = [dict(event) for event in TARGET_EVENTS]
    content = {"target_events": rows, "count": len(rows)}
    return json_response(content, dialect=call.sandbox.dialect)


async def token_validate(call: Call) -> Response:
    """What the token may do; the live API only sends status 200."""
    project_id = call.project_id()
    if not call.sandbox.dialect.token_body:
        return Response()
    seen = placements(project_id) if call.sandbox.sees_campaigns(project_id) else ()
    content = {
        "valid": True,
        "project_id": project_id,
        "is_admin": False,
        "campaign_access": [placement.placement_id for placement in seen],
        "expires_at": _EXPIRES_AT,
    }
    return json_response(content, dialect=call.sandbox.dialect)
