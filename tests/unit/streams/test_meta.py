from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from requests_mock import Mocker

from tap_targetads.tap import TapTargetADS
from tests.support.running import Output, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

API = "https://api.example.test"
CONFIG = {
    "api_url": API,
    "auth_token": "secret",
    "project_id": 1,
    "start_date": "2024-01-01",
    "end_date": "2024-01-01",
}


def read(folder: Path, stream: str, answer: Any, **config: Any) -> Output:
    """Read a meta stream whose call is answered like that."""
    catalog = select(TapTargetADS(config=CONFIG).catalog_dict, streams=[stream])
    call = "target_event" if stream == "target_events" else "campaigns"
    with Mocker() as mocker:
        mocker.get(f"{API}/v1/meta/{call}?project_id=1", json=answer)
        return run_tap(folder, {**CONFIG, **config}, catalog=catalog)


def test_a_campaign_that_the_api_calls_by_its_other_id_has_the_same_key(
    tmp_path: Path,
) -> None:
    live = {"campaign_id": 7, "campaign_name": "Spring", "media_source_id": 3}
    creatives = [{"creative_id": "a", "creative_name": "Tulip"}]
    answer = {"meta": [{**live, "creatives": creatives}]}

    campaigns = read(tmp_path, "campaigns", answer)
    found = read(tmp_path, "creatives", answer)

    (campaign,) = campaigns.records["campaigns"]
    assert campaign["placement_id"] == campaign["campaign_id"] == 7
    (creative,) = found.records["creatives"]
    assert (creative["placement_id"], creative["creative_id"]) == (7, "a")
    assert "undeclared" not in campaigns.log + found.log


def test_a_campaign_without_any_id_is_one_clear_line(tmp_path: Path) -> None:
    output = read(tmp_path, "campaigns", {"campaigns": [{"placement_name": "x"}]})

    assert output.exit_code == 1
    assert "Stream campaigns, field placement_id: a row has no value" in output.log
    assert "Traceback" not in output.log


def test_rows_that_share_a_key_are_told_unless_they_are_the_same(
    tmp_path: Path,
) -> None:
    same = {"placement_id": 1, "placement_name": "x"}
    other = {"placement_id": 1, "placement_name": "y"}

    quiet = read(tmp_path, "campaigns", {"campaigns": [same, same]})
    loud = read(tmp_path, "campaigns", {"campaigns": [same, other, same]})

    assert len(quiet.records["campaigns"]) == 1
    assert "key of another row" not in quiet.log
    (campaign,) = loud.records["campaigns"]
    assert campaign["placement_name"] == "x"
    assert (
        "project 1: rows have the key of another row, but other values (1)." in loud.log
    )


def test_a_field_that_nobody_declared_is_told(tmp_path: Path) -> None:
    row = {"placement_id": 1, "budget": 5, "creatives": []}

    output = read(tmp_path, "campaigns", {"campaigns": [row]})

    assert "undeclared fields, which are not delivered: budget." in (output.log)


def test_texts_are_as_clean_as_those_of_reports(tmp_path: Path) -> None:
    event = {"event_type": "Purchase", "event_name": "a\0b", "description": ""}

    output = read(tmp_path, "target_events", {"target_events": [event]})

    (found,) = output.records["target_events"]
    assert found["event_name"] == "ab"
    assert found["description"] is None


def test_a_key_is_never_null(tmp_path: Path) -> None:
    output = read(tmp_path, "target_events", {"target_events": [{"event_name": None}]})

    (found,) = output.records["target_events"]
    assert (found["event_type"], found["event_name"]) == ("(null)", "(null)")


@pytest.mark.parametrize(("on_bad_value", "exit_code"), [("error", 1), ("null", 0)])
def test_a_bad_value_is_treated_as_in_reports(
    tmp_path: Path, on_bad_value: str, exit_code: int
) -> None:
    row = {"placement_id": 1, "placement_created": "soon"}

    output = read(
        tmp_path, "campaigns", {"campaigns": [row]}, on_bad_value=on_bad_value
    )

    assert output.exit_code == exit_code
    if exit_code:
        assert "field placement_created: 'soon' is not a date-time" in output.log
    else:
        assert output.records["campaigns"][0]["placement_created"] is None
        assert "1 values of placement_created" in output.log


def test_null_and_empty_stay_two_in_the_key_of_an_aggregate(
    tmp_path: Path,
) -> None:
    row = {"EventDate": "2024-01-01", "MediaSource": None, "MediaCampaign": ""}
    other = {**row, "MediaCampaign": None}
    catalog = select(TapTargetADS(config=CONFIG).catalog_dict, streams=["media_report"])
    with Mocker() as mocker:
        mocker.post(
            f"{API}/v1/reports/agg_report?project_id=1",
            json={"data": [{**row, "Clicks": "3"}, other], "has_more": False},
        )
        output = run_tap(tmp_path, CONFIG, catalog=catalog)

    record, second = output.records["media_report"]
    assert (record["MediaSource"], record["MediaCampaign"]) == ("(null)", "(empty)")
    assert (second["MediaSource"], second["MediaCampaign"]) == ("(null)", "(null)")
    assert record["Clicks"] == 3
    assert record["CTR"] is None
