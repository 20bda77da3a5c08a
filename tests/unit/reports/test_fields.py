from __future__ import annotations

import re
from typing import Any

import pytest

from tap_targetads.reports.fields import (
    FIELD_TYPES,
    fields_of,
    known_fields,
    stream_schema,
    type_by_name,
)
from tap_targetads.tap import TapTargetADS


def test_every_field_of_the_catalogue_is_complete() -> None:
    fields = known_fields()

    names = [(field.name, kind) for field in fields for kind in field.reports]
    assert len(set(names)) == len(names)
    for field in fields:
        assert field.description.endswith("."), field.name
        assert field.type in FIELD_TYPES
        assert field.group
        assert field.reports


def test_every_property_of_every_stream_has_a_description() -> None:
    for stream in TapTargetADS(validate_config=False).streams.values():
        for name, schema in stream.schema["properties"].items():
            assert schema["description"], f"{stream.name}.{name}"


def test_every_setting_has_a_description_and_secrets_are_marked() -> None:
    settings = TapTargetADS.config_jsonschema["properties"]

    assert all(schema.get("description") for schema in settings.values())
    assert settings["auth_token"]["secret"]
    assert settings["projects"]["items"]["properties"]["auth_token"]["secret"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SessionTime", "date-time"),
        ("CreatedAt", "date-time"),
        ("OrderDate", "date"),
        ("EcomAmount", "number"),
        ("ItemPrice", "number"),
        ("MediaCost", "number"),
        ("ItemsCount", "integer"),
        ("PathPosition", "integer"),
        ("IsBot", "boolean"),
        ("InteractionNewCookie", "boolean"),
        ("PlacementId", "string"),
        ("DeviceID", "string"),
        ("Format", "string"),
        ("Update", "string"),
        ("Island", "string"),
    ],
)
def test_the_naming_rule_types_a_field_by_its_name(name: str, expected: str) -> None:
    assert type_by_name(name) == expected


def test_the_catalogue_agrees_with_the_naming_rule_or_is_an_exception_on_purpose() -> (
    None
):
    exceptions = {
        field.name
        for field in known_fields()
        if field.group not in {"media metric", "target metric", "meta"}
        and field.type != type_by_name(field.name)
    }

    # What `media_campaign_ids` filters by, and campaigns are joined on.
    assert exceptions == {"InteractionPlacementId"}


def test_a_users_field_wins_over_the_catalogues() -> None:
    tap = TapTargetADS(
        config={
            "extra_fields": [{"name": "InteractionPlacementId", "type": "string"}],
        },
        validate_config=False,
    )

    schema = tap.streams["clicks"].schema["properties"]["InteractionPlacementId"]
    assert schema["type"] == ["string", "null"]


def test_values_may_be_null_but_keys_may_not() -> None:
    properties: dict[str, Any] = stream_schema(
        ["_row_key", "project_id"], fields_of("raw").values()
    )["properties"]

    strict = {name for name, s in properties.items() if "null" not in s["type"]}
    assert strict == {"_row_key", "project_id"}


def test_about_is_a_manual_of_settings_streams_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    TapTargetADS.print_about("markdown")

    manual = capsys.readouterr().out
    for field in known_fields():
        assert re.search(rf"\| `{field.name}` \| .+ \| .+ \|", manual)
    for name in TapTargetADS.config_jsonschema["properties"]:
        assert f"| {name} |" in manual
    assert "| `clicks` | `_row_key` | `InteractionTime` | yes |" in manual
    assert "| `interactions` | `_row_key` | `InteractionTime` | no |" in manual


def test_a_new_type_does_not_change_what_a_field_is_part_of() -> None:
    config = {"extra_fields": [{"name": "Clicks", "type": "number"}, "Weight_MLI_90"]}
    streams = TapTargetADS(config=config, validate_config=False).streams

    report = streams["media_report"].schema["properties"]
    assert report["Clicks"]["type"] == ["number", "null"]
    assert streams["media_report"].primary_keys == [
        "project_id",
        "EventDate",
        "MediaSource",
        "MediaCampaign",
    ]
    assert "Clicks" not in streams["clicks"].schema["properties"]
    assert "Weight_MLI_90" in streams["conversion_paths"].schema["properties"]
    assert "Weight_MLI_90" not in streams["clicks"].schema["properties"]
