"""The campaigns and creatives of a project, as the API describes them.

API reference: v1 meta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from targetads_sandbox.world.vocabulary import SHOP_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from targetads_sandbox.dialect import CampaignFields
    from targetads_sandbox.world.vocabulary import Placement
    from targetads_sandbox.world.world import World

_IDS_PER_PROJECT = 10
_IDLE = 3
"""Every third placement has no recent impressions."""

_PLACEMENT_FIELDS = (
    "placement_id",
    "placement_name",
    "placement_created",
    "placement_status",
)
_FIELDS: Mapping[str, Sequence[str]] = {
    "documented": (
        "source_id",
        "source_name",
        "marketing_campaign_id",
        "marketing_name",
    ),
    "live": (
        "media_source_id",
        "media_source_name",
        "campaign_id",
        "campaign_name",
    ),
}
"""The names of the same four facts, as the documentation has them and as met live."""


def campaign_rows(
    world: World,
    project_id: int,
    *,
    active: bool = True,
    names: CampaignFields = "documented",
) -> list[dict[str, Any]]:
    """The placements of a project.

    `active` omits those without recent impressions; `names` chooses the field names.
    """
    known = world.placements(project_id)
    sources = _ids(project_id, [placement.source for placement in known])
    campaigns = _ids(project_id, [placement.campaign for placement in known])
    chosen = ("documented", "live") if names == "both" else (names,)
    rows = []
    for number, placement in enumerate(known, 1):
        idle = number % _IDLE == 0
        if idle and active:
            continue
        created = f"2023-{number:02}-{number + 10:02} 10:{number * 4:02}:00"
        status = "stopped" if idle else "active"
        what = (placement.placement_id, placement.name, created, status)
        row: dict[str, Any] = dict(zip(_PLACEMENT_FIELDS, what, strict=True))
        facts = (
            sources[placement.source],
            placement.source,
            campaigns[placement.campaign],
            placement.campaign,
        )
        for name in chosen:
            row |= zip(_FIELDS[name], facts, strict=True)
        if world.live:
            row["landing_page"] = _landing_page(placement)
        rows.append(row)
    return rows


def creative_rows(world: World, placement: Placement) -> list[dict[str, Any]]:
    """The creatives of a placement; live ids are integers here, as nowhere else."""
    rows: list[dict[str, Any]] = []
    for creative in placement.creatives:
        name = placement.creative_name(creative)
        row: dict[str, Any] = {"creative_id": creative, "creative_name": name}
        if world.live:
            page = f"{_landing_page(placement)}&utm_content={creative}"
            row |= {"creative_id": int(creative), "landing_page": page}
        rows.append(row)
    return rows


def _landing_page(placement: Placement) -> str:
    source, medium, campaign = placement.utm
    utm = f"utm_source={source}&utm_medium={medium}&utm_campaign={campaign}"
    return f"https://{SHOP_DOMAIN}/?{utm}"


def _ids(project_id: int, names: Sequence[str]) -> Mapping[str, int]:
    """Ids for names, different in each project."""
    first = project_id * _IDS_PER_PROJECT + 1
    return {name: first + n for n, name in enumerate(dict.fromkeys(names))}
