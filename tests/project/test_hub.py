from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from scripts.hub import HUB, PROJECT, as_yaml, definition, project
from tap_targetads.tap import TapTargetADS

SCHEMAS = Path(__file__).with_name("hub_schemas")
FOLDERS = ("common", "plugin_definitions")


@pytest.fixture(scope="module")
def hub() -> Draft7Validator:
    """What the hub checks definitions of extractors with."""
    schemas = {
        schema["$id"]: schema
        for folder in FOLDERS
        for file in SCHEMAS.joinpath(folder).glob("*.json")
        for schema in [json.loads(file.read_text(encoding="utf-8"))]
    }
    # Their names, and their references to each other, are relative to two folders.
    resources = [
        (prefix + name, Resource.from_contents(schema))
        for name, schema in schemas.items()
        for prefix in ("", "../")
    ]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft7Validator(schemas["extractors.schema.json"], registry=registry)


def test_the_definition_is_what_meltano_yml_says() -> None:
    assert HUB.read_text(encoding="utf-8") == as_yaml(definition())


def test_meltano_yml_has_all_settings_as_the_tap_declares_them() -> None:
    names = [setting["name"] for setting in definition()["settings"]]

    assert PROJECT.read_text(encoding="utf-8") == project()
    assert names == sorted(TapTargetADS.all_settings()["properties"])


@pytest.mark.parametrize("repo", [None, "https://github.com/Owner/tap-targetads.git"])
def test_the_hub_accepts_the_definition(hub: Draft7Validator, repo: str | None) -> None:
    hub.validate(yaml.safe_load(as_yaml(definition(repo))))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("maintenance_status", "fine"),
        ("capabilities", ["telepathy"]),
        ("settings", [{"name": "start_date", "kind": "day"}]),
        ("surprise", True),
        ("supported_python_versions", ["three"]),
    ],
)
def test_the_hub_would_refuse_another_one(
    hub: Draft7Validator, key: str, wrong: object
) -> None:
    assert not hub.is_valid({**definition(), key: wrong})


def test_the_definition_names_settings_and_streams_that_there_are() -> None:
    hub = definition()
    tap = TapTargetADS(config={"sandbox": True, "start_date": "2024-01-01"})
    settings = {setting["name"] for setting in hub["settings"]}

    assert {name for group in hub["settings_group_validation"] for name in group} <= (
        settings
    )
    selected = {rule.lstrip("!").partition(".")[0] for rule in hub["select"]}
    assert selected <= {"*", *tap.streams}


def test_a_repository_of_ones_own_is_where_it_is_installed_from() -> None:
    hub = definition("https://github.com/Owner/tap-targetads.git")

    assert hub["variant"] == "owner"
    assert hub["repo"] == "https://github.com/Owner/tap-targetads"
    # Meltano splits at spaces.
    assert hub["pip_url"] == f"tap-targetads[sandbox]@git+{hub['repo']}.git"
