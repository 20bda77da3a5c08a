"""Campaigns and creatives, as the live API lists them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PROJECT
from tests.support.running import discover, errors, only, run_tap, select
from tests.support.strange_server import StrangeServer
from tests.upgrades.server import RecordedApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAMPAIGN = {
    "landing_page": "https://shop.example/sale",
    "marketing_campaign_id": 7,
    "marketing_name": "Sale",
    "placement_created": "2024-01-15 10:30:00",
    "placement_name": "Sale on VK",
    "placement_status": "active",
    "source_id": 3,
    "source_name": "VK",
}
CREATIVE = {"creative_name": "Banner", "landing_page": "https://shop.example/banner"}


@pytest.fixture
def live(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Settings that read the meta calls of a server that answers as the live API."""
    campaigns: list[dict[str, Any]] = [
        {**CAMPAIGN, "placement_id": number} for number in (1, 2, 3)
    ]
    campaigns[0]["creatives"] = [{**CREATIVE, "creative_id": 123}]
    campaigns[1]["creatives"] = [{**CREATIVE, "creative_id": "123"}]
    with RecordedApi({str(PROJECT): {"campaigns": campaigns}}) as api:
        yield {**config, "api_url": api.url}


def test_landing_pages_are_delivered_and_a_placement_may_have_no_creatives(
    tmp_path: Path, live: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, live, catalog=only(live, "campaigns", "creatives"))

    assert output.exit_code == 0, output.log
    assert "undeclared" not in output.log
    campaigns = output.records["campaigns"]
    assert [r["placement_id"] for r in campaigns] == [1, 2, 3]
    assert {r["landing_page"] for r in campaigns} == {CAMPAIGN["landing_page"]}
    creatives = output.records["creatives"]
    assert [r["placement_id"] for r in creatives] == [1, 2]
    assert {r["landing_page"] for r in creatives} == {CREATIVE["landing_page"]}


def test_what_no_live_row_has_is_null(tmp_path: Path, live: dict[str, Any]) -> None:
    output = run_tap(tmp_path, live, catalog=only(live, "campaigns"))

    unseen = {"media_source_id", "media_source_name", "campaign_id", "campaign_name"}
    for record in output.records["campaigns"]:
        assert {name for name, value in record.items() if value is None} == unseen


def test_the_id_of_a_creative_is_the_same_text_as_number_and_as_text(
    tmp_path: Path, live: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, live, catalog=only(live, "creatives"))

    one, other = output.records["creatives"]
    assert one["creative_id"] == "123"
    assert {**one, "placement_id": 2} == other


def test_a_catalog_from_before_a_field_was_known_delivers_what_it_lists(
    tmp_path: Path, live: dict[str, Any]
) -> None:
    catalog = select(discover(live), streams=["campaigns", "creatives"])
    for entry in catalog["streams"]:
        entry["schema"]["properties"].pop("landing_page", None)
        about = entry["metadata"]
        entry["metadata"] = [a for a in about if "landing_page" not in a["breadcrumb"]]

    output = run_tap(tmp_path, live, catalog=catalog)

    assert output.exit_code == 0, output.log
    for stream, records in output.records.items():
        (schema,) = (m for m in output.of_type("SCHEMA") if m["stream"] == stream)
        assert {tuple(sorted(r)) for r in records} == {
            tuple(sorted(schema["schema"]["properties"]))
        }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"data": [CAMPAIGN]}, "Its keys: data"),
        ({"campaigns": [CAMPAIGN], "count": 50}, "it has 1 entry instead of 50"),
        ({"campaigns": [CAMPAIGN], "has_more": True}, "more entries follow"),
        ({"campaigns": [], "error": "quota"}, "the API failed (200 quota)"),
    ],
)
def test_a_list_that_is_not_complete_is_no_short_list(
    tmp_path: Path, config: dict[str, Any], answer: dict[str, Any], said: str
) -> None:
    body = json.dumps(answer).encode()
    with StrangeServer(lambda exchange: exchange.send(200, body)) as server:
        settings = {**config, "api_url": server.url, "max_retries": 0}
        output = run_tap(tmp_path, settings, catalog=only(config, "campaigns"))

    assert output.exit_code == 1
    assert not output.records
    assert said in errors(output.log)[0]


@pytest.mark.parametrize("empty", [{}, {"meta": None}, {"campaigns": [], "count": 0}])
def test_a_project_without_campaigns_is_no_error(
    tmp_path: Path, config: dict[str, Any], empty: dict[str, Any]
) -> None:
    body = json.dumps(empty).encode()
    with StrangeServer(lambda exchange: exchange.send(200, body)) as server:
        settings = {**config, "api_url": server.url}
        output = run_tap(tmp_path, settings, catalog=only(config, "campaigns"))

    assert output.exit_code == 0
    assert "the API lists no campaigns" in output.log


@pytest.mark.parametrize("creatives", ["[]", [5, 6], {"5": CREATIVE}])
def test_creatives_of_another_form_are_one_line_and_stop_no_other_stream(
    tmp_path: Path, config: dict[str, Any], creatives: Any
) -> None:
    campaign = {**CAMPAIGN, "placement_id": 1, "creatives": creatives}
    with RecordedApi({str(PROJECT): {"campaigns": [campaign]}}) as api:
        settings = {**config, "api_url": api.url}
        catalog = only(config, "campaigns", "creatives", "projects")
        output = run_tap(tmp_path, settings, catalog=catalog)

    assert output.exit_code == 1
    assert {*output.records} == {"campaigns", "projects"}
    assert "the creatives of placement 1 are no list" in errors(output.log)[0]
    assert "Traceback" not in output.log
