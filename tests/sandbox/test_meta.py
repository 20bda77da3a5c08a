from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import requests

from targetads_sandbox import (
    DOCUMENTED,
    LIVE,
    Sandbox,
    World,
    expected_campaigns,
    expected_creatives,
    expected_records,
    expected_target_events,
)
from tests.sandbox.asking import OTHER_PROJECT, PROJECT, TOKEN, ask, errors

CAMPAIGNS = "/v1/meta/campaigns"
TARGET_EVENTS = "/v1/meta/target_event"
PLACEMENT = ["placement_id", "placement_name", "placement_created", "placement_status"]
DOCUMENTED_NAMES = [
    "source_id", "source_name", "marketing_campaign_id", "marketing_name",
]  # fmt: skip
LIVE_NAMES = ["media_source_id", "media_source_name", "campaign_id", "campaign_name"]


def get(sandbox: Sandbox, **params: str) -> requests.Response:
    return requests.get(
        sandbox.url + CAMPAIGNS,
        {"project_id": str(PROJECT), **params},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    )


def test_the_documented_answer_looks_as_documented(sandbox: Sandbox) -> None:
    answer = get(sandbox).json()
    assert list(answer) == ["campaigns", "count"]
    assert answer["count"] == len(answer["campaigns"])
    assert answer["campaigns"][0] == {
        "placement_id": 1248601,
        "placement_name": "Весенняя распродажа — Яндекс.Директ",
        "placement_created": "2023-01-11 10:04:00",
        "placement_status": "active",
        "source_id": 124861,
        "source_name": "Яндекс.Директ",
        "marketing_campaign_id": 124861,
        "marketing_name": "Весенняя распродажа",
    }


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("documented", DOCUMENTED_NAMES),
        ("live", LIVE_NAMES),
        ("both", DOCUMENTED_NAMES + LIVE_NAMES),
    ],
)
def test_the_names_of_the_fields_depend_on_the_dialect(
    sandbox: Sandbox, choice: Any, names: list[str]
) -> None:
    documented = get(sandbox).json()["campaigns"]
    sandbox.dialect = replace(LIVE, campaign_fields=choice)
    found = get(sandbox).json()["meta"]
    assert {tuple(row) for row in found} == {(*PLACEMENT, *names)}
    for row, other in zip(found, documented, strict=True):
        assert [row[name] for name in names[-4:]] == [
            other[name] for name in DOCUMENTED_NAMES
        ]


def test_active_campaigns_are_some_of_all_and_the_default(sandbox: Sandbox) -> None:
    by_default, active, everything = (
        get(sandbox, **params).json()["campaigns"]
        for params in ({}, {"active": "true"}, {"active": "false"})
    )
    assert (
        by_default
        == active
        == [row for row in everything if row["placement_status"] == "active"]
    )
    assert (len(active), len(everything)) == (8, 12)


def test_campaigns_and_creatives_are_those_of_the_raw_data() -> None:
    world = World()
    names = ("PlacementId", "MediaCampaignName", "CreativeId")
    records = expected_records(
        world,
        project_id=PROJECT,
        stream="impressions",
        types=["Impression"],
        start=date(2024, 1, 1),
        end=date(2024, 1, 31),
        fields=[f"Interaction{name}" for name in names],
    )
    campaigns = expected_campaigns(world, project_id=PROJECT, active=False)
    creatives = expected_creatives(world, project_id=PROJECT, active=False)
    by_id = {row["placement_id"]: row["placement_name"] for row in campaigns}
    assert {tuple(r[f"Interaction{n}"] for n in names) for r in records} == {
        (row["placement_id"], by_id[row["placement_id"]], row["creative_id"])
        for row in creatives
    }


@pytest.mark.parametrize("active", [True, False])
def test_what_is_served_is_the_truth(sandbox: Sandbox, *, active: bool) -> None:
    params = {"active": str(active).lower(), "include_creative": "true"}
    served = get(sandbox, **params).json()["campaigns"]
    world = sandbox.world
    creatives = [
        {"project_id": PROJECT, "placement_id": row["placement_id"], **creative}
        for row in served
        for creative in row.pop("creatives")
    ]
    campaigns = [{"project_id": PROJECT, **row} for row in served]
    wanted: dict[str, Any] = {"project_id": PROJECT, "active": active}
    assert campaigns == expected_campaigns(world, **wanted)
    assert creatives == expected_creatives(world, **wanted)


def test_ids_differ_between_projects() -> None:
    world = World()
    one, other = (
        expected_campaigns(world, project_id=project)
        for project in (PROJECT, OTHER_PROJECT)
    )
    for name in ("placement_id", "source_id", "marketing_campaign_id"):
        assert not {row[name] for row in one} & {row[name] for row in other}


def test_a_token_may_have_no_access_to_campaigns() -> None:
    dialects = (DOCUMENTED, LIVE)
    with Sandbox(World(rows_per_day=10), without_campaigns=[PROJECT]) as sandbox:
        access = ask(sandbox, "/v1/meta/token_validate").json()["campaign_access"]
        for sandbox.dialect in dialects:
            assert get(sandbox).json() == {"campaigns": [], "count": 0}
    assert access == []


def test_a_flag_is_true_or_false(sandbox: Sandbox) -> None:
    response = get(sandbox, active="maybe")
    assert response.status_code == 400
    assert errors(response) == [("active", "boolean", "maybe")]


def test_target_events_are_those_of_the_conversions(sandbox: Sandbox) -> None:
    answer = ask(sandbox, TARGET_EVENTS).json()
    events = answer["target_events"]
    assert list(answer) == ["target_events", "count"]
    assert answer["count"] == len(events) == 3
    assert {event["event_type"] for event in events} <= set(sandbox.world.event_types)
    assert [
        {"project_id": PROJECT, **{n: v or None for n, v in event.items()}}
        for event in events
    ] == expected_target_events(sandbox.world, project_id=PROJECT)


@pytest.mark.parametrize("path", [CAMPAIGNS, TARGET_EVENTS])
def test_without_a_right_token_nothing_is_told(sandbox: Sandbox, path: str) -> None:
    assert ask(sandbox, path, token="wrong").status_code == 401  # noqa: S106
    assert ask(sandbox, path, project_id=OTHER_PROJECT).status_code == 403


def test_there_is_no_truth_about_an_unknown_project() -> None:
    with pytest.raises(ValueError, match="99"):
        expected_campaigns(World(), project_id=99)
    with pytest.raises(ValueError, match="99"):
        expected_target_events(World(), project_id=99)
