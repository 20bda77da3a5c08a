"""The records of campaigns, creatives and target events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from targetads_sandbox.truth.rows import check_project
from targetads_sandbox.world.campaigns import campaign_rows, creative_rows
from targetads_sandbox.world.vocabulary import TARGET_EVENTS

if TYPE_CHECKING:
    from targetads_sandbox.dialect import CampaignFields
    from targetads_sandbox.world.world import World


def expected_campaigns(
    world: World,
    *,
    project_id: int,
    active: bool = True,
    names: CampaignFields = "documented",
) -> list[dict[str, Any]]:
    """The records of a project's campaigns; times are local, as in the API.

    Args:
        world: The world that is served.
        project_id: The project.
        active: Omit those without recent impressions.
        names: Which names the fields have.

    Raises:
        ValueError: If there is no such project.
    """
    check_project(world, project_id)
    rows = campaign_rows(world, project_id, active=active, names=names)
    return [{"project_id": project_id, **row} for row in rows]


def expected_creatives(
    world: World, *, project_id: int, active: bool = True
) -> list[dict[str, Any]]:
    """The records of a project's creatives, each with its `placement_id`.

    Ids are texts, as in the rows of interactions, even where the API sends numbers.
    `active` omits those of campaigns without recent impressions.

    Raises:
        ValueError: If there is no such project.
    """
    shown = expected_campaigns(world, project_id=project_id, active=active)
    ids = {row["placement_id"] for row in shown}
    return [
        {
            "project_id": project_id,
            "placement_id": placement.placement_id,
            **row,
            "creative_id": str(row["creative_id"]),
        }
        for placement in world.placements(project_id)
        if placement.placement_id in ids
        for row in creative_rows(world, placement)
    ]


def expected_target_events(world: World, *, project_id: int) -> list[dict[str, Any]]:
    """The records of a project's conversion events; empty descriptions are null.

    Raises:
        ValueError: If there is no such project.
    """
    check_project(world, project_id)
    return [
        {
            "project_id": project_id,
            **{name: text or None for name, text in event.items()},
        }
        for event in TARGET_EVENTS
    ]
