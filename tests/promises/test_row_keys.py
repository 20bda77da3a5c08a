"""Settings and catalogs that change row keys, and what the tap says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.reports import fields
from tap_targetads.reports.fields import Field
from tap_targetads.tap import TapTargetADS
from tests.conftest import PROJECT
from tests.support.running import run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

SOME_FIELDS = ["_row_key", "project_id", "InteractionTime", "InteractionDeviceID"]
WARNING = "so that rows get other row keys"


def test_row_keys_are_as_long_as_their_schema_says_so_that_a_database_can_index_them(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = select(TapTargetADS(config=config).catalog_dict)
    output = run_tap(tmp_path, {**config, "end_date": "2024-01-05"}, catalog=catalog)

    lengths = {
        message["stream"]: message["schema"]["properties"]["_row_key"]["maxLength"]
        for message in output.of_type("SCHEMA")
        if "_row_key" in message["key_properties"]
    }
    assert {"clicks", "interactions", "conversion_paths"} <= lengths.keys()
    for stream, length in lengths.items():
        assert {len(r["_row_key"]) for r in output.records[stream]} == {length}


def test_another_selection_of_fields_is_a_warning_before_it_doubles_rows(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    whole = select(TapTargetADS(config=clicks).catalog_dict, streams=["clicks"])
    fewer = select(whole, streams=["clicks"], fields=SOME_FIELDS)
    again = {**clicks, "lookback_days": 2}
    first = run_tap(tmp_path, clicks, catalog=whole)

    same = run_tap(tmp_path, again, catalog=whole, state=first.state)
    other = run_tap(tmp_path, again, catalog=fewer, state=first.state)
    settled = run_tap(tmp_path, again, catalog=fewer, state=other.state)

    assert WARNING not in same.log + settled.log
    assert other.log.count(WARNING) == 1
    assert f"Stream clicks, project {PROJECT}:" in other.log
    assert other.exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        {"timezone": "Asia/Vladivostok"},
        {"extra_fields": [{"name": "InteractionPlacementId", "type": "string"}]},
    ],
)
def test_another_zone_or_type_is_a_warning(
    tmp_path: Path, clicks: dict[str, Any], change: dict[str, Any]
) -> None:
    first = run_tap(tmp_path, {**clicks, "end_date": "2024-01-20"})

    assert WARNING in run_tap(tmp_path, {**clicks, **change}, state=first.state).log


def test_a_state_that_does_not_say_what_keys_depend_on_is_no_warning(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    first = run_tap(tmp_path, {**clicks, "end_date": "2024-01-20"})
    (entry,) = first.state["bookmarks"]["clicks"]["partitions"]
    del entry["row_key_fingerprint"]

    output = run_tap(tmp_path, clicks, state=first.state)

    assert WARNING not in output.log
    (entry,) = output.state["bookmarks"]["clicks"]["partitions"]
    assert entry["row_key_fingerprint"]


def test_a_bookmark_in_the_future_is_a_warning(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    first = run_tap(tmp_path, clicks)
    (entry,) = first.state["bookmarks"]["clicks"]["partitions"]
    entry["replication_key_value"] = "2124-01-31T20:59:59+00:00"

    output = run_tap(tmp_path, clicks, state=first.state)

    (line,) = [line for line in output.log.splitlines() if "WARNING" in line]
    assert "in the future" in line
    assert output.exit_code == 0


def test_a_field_that_the_catalogue_gets_later_changes_no_key(
    tmp_path: Path, clicks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_tap(tmp_path, clicks)
    later = Field(
        name="InteractionUtmTerm",
        type="string",
        group="UTM",
        description="The search term.",
        source="live",
        reports=("raw",),
        in_row_key=False,
    )
    more = (*fields.known_fields(), later)
    monkeypatch.setattr(fields, "known_fields", lambda: more)

    after = run_tap(tmp_path, clicks)

    assert all("InteractionUtmTerm" in r for r in after.records["clicks"])
    assert [r["_row_key"] for r in after.records["clicks"]] == [
        r["_row_key"] for r in before.records["clicks"]
    ]
    assert after.state == before.state
