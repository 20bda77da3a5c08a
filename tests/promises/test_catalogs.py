"""Catalogs that ask for what is not there: an error before the first request."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from tests.support.running import run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox


@pytest.fixture
def catalog(clicks: dict[str, Any]) -> dict[str, Any]:
    """A catalog that selects clicks."""
    discovered = TapTargetADS(config=clicks).catalog_dict
    return select(discovered, streams=["clicks"])


def clicks_of(catalog: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any]
    (entry,) = (e for e in catalog["streams"] if e["tap_stream_id"] == "clicks")
    return entry


def metadata_of(catalog: dict[str, Any], *breadcrumb: str) -> dict[str, Any]:
    items = clicks_of(catalog)["metadata"]
    found: dict[str, Any]
    (found,) = (i["metadata"] for i in items if i["breadcrumb"] == list(breadcrumb))
    return found


def assert_refused(
    tmp_path: Path,
    sandbox: Sandbox,
    config: dict[str, Any],
    catalog: dict[str, Any],
    *parts: str,
) -> None:
    output = run_tap(tmp_path, config, catalog=catalog)

    (line,) = [line for line in output.log.splitlines() if "ERROR" in line]
    assert all(part in line for part in ("Setting `catalog`", *parts)), line
    assert output.exit_code == 1
    assert not output.messages
    assert not sandbox.requests


def test_a_selected_stream_that_the_settings_do_not_make(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    without = {**clicks, "interaction_types": ["Purchase"]}

    assert_refused(
        tmp_path, sandbox, without, catalog, "`clicks`", "`interaction_types`"
    )


def test_a_misspelt_stream(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    clicks_of(catalog)["tap_stream_id"] = "click"

    assert_refused(
        tmp_path, sandbox, clicks, catalog, "`click`", "Do you mean `clicks`?"
    )


def test_a_stream_that_is_not_selected_may_be_missing(
    tmp_path: Path, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    entry = deepcopy(clicks_of(catalog))
    entry["tap_stream_id"] = "sessions"
    for item in entry["metadata"]:
        item["metadata"]["selected"] = False
    catalog["streams"].append(entry)

    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert output.exit_code == 0, output.log
    assert output.records["clicks"]


@pytest.mark.parametrize("in_schema", [True, False])
def test_a_selected_field_that_is_gone(
    tmp_path: Path,
    sandbox: Sandbox,
    clicks: dict[str, Any],
    catalog: dict[str, Any],
    *,
    in_schema: bool,
) -> None:
    entry = clicks_of(catalog)
    if in_schema:
        entry["schema"]["properties"]["InteractionCity"] = {"type": ["string", "null"]}
    entry["metadata"].append(
        {
            "breadcrumb": ["properties", "InteractionCity"],
            "metadata": {"selected": True, "inclusion": "available"},
        }
    )

    assert_refused(
        tmp_path, sandbox, clicks, catalog, "`InteractionCity`", "`extra_fields`"
    )


@pytest.mark.parametrize("key", ["_row_key", "InteractionTime"])
def test_a_key_that_is_deselected_by_hand(
    tmp_path: Path,
    sandbox: Sandbox,
    clicks: dict[str, Any],
    catalog: dict[str, Any],
    key: str,
) -> None:
    metadata = metadata_of(catalog, "properties", key)
    metadata.update(selected=False, inclusion="available")

    assert_refused(tmp_path, sandbox, clicks, catalog, f"deselects its key `{key}`")


def test_a_type_that_the_settings_have_changed_since(
    tmp_path: Path, sandbox: Sandbox, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    field = {"name": "InteractionPlacementId", "type": "string"}

    assert_refused(
        tmp_path,
        sandbox,
        {**clicks, "extra_fields": [field]},
        catalog,
        "`InteractionPlacementId` is integer, but it is string now",
        "--discover",
    )


def test_lengths_that_a_user_adds_to_a_catalog_are_no_other_type(
    tmp_path: Path, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    properties = clicks_of(catalog)["schema"]["properties"]
    properties["InteractionDomain"] = {"type": "string", "maxLength": 255}

    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert output.exit_code == 0, output.log


def test_nothing_selected_is_a_warning(
    tmp_path: Path, clicks: dict[str, Any], catalog: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, clicks, catalog=select(catalog, streams=[]))

    assert output.exit_code == 0
    assert "Nothing is selected" in output.log
