from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.places import ROOT
from tests.support.running import discover, errors, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox

HASHED = {"InteractionDeviceID": "md5(InteractionDeviceID or '')"}
REPORT = {"name": "mine", "report": "raw", "interaction_types": ["Click"]}

WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"page_view": HASHED},
        "there is no stream `page_view`. Do you mean `page_views`?",
    ),
    ({"pageviews*": HASHED}, "there is no stream `pageviews*`. Do you mean"),
    ({"xyz": None}, "there is no stream `xyz`. There are `campaigns`, `clicks`,"),
    (
        {"copy": {"__source__": "click", **HASHED}},
        "there is no stream `click`. Do you mean `clicks`?",
    ),
    (
        {"copy": {"__source__": 5}},
        "Setting `stream_maps.copy.__source__`: must be a text.",
    ),
    (
        {"clicks": {"InteractionDeviceId": "md5(InteractionDeviceID or '')"}},
        "`clicks` has no property `InteractionDeviceId`. Do you mean `InteractionDe",
    ),
    (
        {"*": {"InteractionDeviceIDs": None}},
        "`*` has no property `InteractionDeviceIDs`. Do you mean `InteractionDeviceID`",
    ),
    ({"clicks": {"Xyz": "__NULL__"}}, "`clicks` has no property `Xyz`. Remove it."),
    (
        {"clicks": {"InteractionDeviceID": "md5("}},
        "the map of stream `clicks` does not work ('(' was never closed",
    ),
    (
        {"clicks": {"Fee": []}},
        "`stream_maps.clicks.Fee`: must be `__NULL__` or a text.",
    ),
    ({"clicks": {"InteractionDeviceID": ""}}, "the map of stream `clicks` does not"),
    (
        {"clicks": {"__else__": "all"}},
        "`stream_maps.clicks.__else__`: must be `__NULL__`.",
    ),
    ({"clicks": {"_row_key": None}}, "the map of stream `clicks` does not work (Rem"),
    ({"clicks": "none"}, "`stream_maps.clicks`: must be `__NULL__` or an object: {…}."),
    ({"__els__": None}, "it does not work (Option '__els__:None' is not expected)"),
    ({"__else__": "all"}, "`stream_maps.__else__`: must be `__NULL__`."),
]


@pytest.mark.parametrize(("maps", "line"), WRONG)
def test_a_stream_map_that_cannot_work_is_one_line_before_the_first_request(
    tmp_path: Path,
    config: dict[str, Any],
    sandbox: Sandbox,
    maps: dict[str, Any],
    line: str,
) -> None:
    catalog = select(discover(config))

    output = run_tap(tmp_path, {**config, "stream_maps": maps}, catalog=catalog)

    assert output.exit_code == 1
    (error,) = errors(output.log)
    assert error.startswith("Setting `stream_maps")
    assert line in error
    assert "Traceback" not in output.log
    assert not output.messages
    assert not sandbox.requests


RIGHT: list[dict[str, Any]] = [
    {"*": {"Seen": "__stream_name__"}},
    {"c*": {"InteractionDeviceID": None}},
    {"clicks": HASHED, "__else__": None},
    {"clicks": HASHED, "__else__": "__NULL__"},
    {"copy_of_clicks": {"__source__": "clicks", **HASHED}},
    {"clicks": {"__alias__": "'touches'", **HASHED}},
    {"clicks": {"__alias__": "touches", **HASHED}},
    {"clicks": {"InteractionDeviceID": "__NULL__"}},
    {"clicks": {"Year": "int(InteractionTime[:4])"}},
    {"clicks": {"__filter__": "int(InteractionDeviceID) > 5"}},
    {"mine": HASHED},
    {"page_views": HASHED, "clicks": None},
    {},
]


@pytest.mark.parametrize("maps", RIGHT)
def test_whatever_the_sdk_takes_as_a_stream_map_works(
    tmp_path: Path, clicks: dict[str, Any], maps: dict[str, Any]
) -> None:
    # `page_views` is left out by `interaction_types`: its map does no harm.
    clicks |= {"reports": [REPORT], "stream_maps": maps}

    output = run_tap(tmp_path, clicks, catalog={"streams": []})

    assert output.exit_code == 0, output.log


def test_a_map_of_a_stream_that_is_not_selected_need_not_work(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=["clicks"])
    maps = {"*": {"InteractionDeviceID": "md5(InteractionDeviceID or '')"}}

    output = run_tap(tmp_path, {**config, "stream_maps": maps}, catalog=catalog)

    assert output.exit_code == 0, output.log
    assert all(len(r["InteractionDeviceID"]) == 32 for r in output.records["clicks"])


UNDEFINED: list[tuple[dict[str, Any], str]] = [
    (
        {"clicks": {"InteractionDeviceID": "md5(foo)"}},
        "`clicks` does not work ('foo' is not defined for expression 'md5(foo)'). Cor",
    ),
    (
        {"clicks": {"InteractionDeviceID": "md6(InteractionDeviceID)"}},
        "the map of stream `clicks` does not work (Function 'md6' not defined",
    ),
    (
        {"clicks": {"__filter__": "Sum > 5"}},
        "the map of stream `clicks` does not work ('Sum' is not defined",
    ),
]


@pytest.mark.parametrize(("maps", "line"), UNDEFINED)
def test_an_expression_with_an_unknown_name_is_one_line_before_any_record_is_written(
    tmp_path: Path, clicks: dict[str, Any], maps: dict[str, Any], line: str
) -> None:
    output = run_tap(tmp_path, {**clicks, "stream_maps": maps})

    assert output.exit_code == 1
    error = errors(output.log)[-1]
    assert error.startswith("Setting `stream_maps`: ")
    assert line in error
    assert "Traceback" not in output.log
    assert not output.records


@pytest.mark.parametrize(
    "maps",
    [
        {"clicks": {"Number": "int('device ' + InteractionTime)"}},
        {"clicks": {"__filter__": "int('device ' + InteractionTime)"}},
    ],
)
def test_a_map_that_fails_for_a_record_is_one_line_without_the_records_values(
    tmp_path: Path, clicks: dict[str, Any], maps: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, "stream_maps": maps})

    assert output.exit_code == 1
    assert errors(output.log)[-1] == (
        "Setting `stream_maps`: the map of stream `clicks` does not work "
        "(ValueError). Correct it."
    )
    assert "Traceback" not in output.log
    assert "device 2024" not in output.log


PATHS = {**HASHED, "PathDeviceID": "md5(PathDeviceID)"}


@pytest.mark.parametrize(
    ("maps", "bare"),
    [
        ({"clicks": HASHED, "conversion_paths": PATHS}, ""),
        (
            {"clicks": HASHED},
            "`conversion_paths.InteractionDeviceID`, `conversion_paths.PathDeviceID`",
        ),
        ({"c[lo]*s": HASHED}, "`conversion_paths.PathDeviceID`"),
        ({"clicks": {"InteractionDeviceID": None}, "conversion_paths": None}, ""),
        ({"clicks": HASHED, "__else__": None}, ""),
        (
            {
                "clicks": HASHED,
                "conversion_paths": {"__else__": None, "_row_key": "_row_key"},
            },
            "",
        ),
        (
            {"copy": {"__source__": "clicks", **HASHED}, "conversion_paths": PATHS},
            "`clicks.InteractionDeviceID`",
        ),
        ({"clicks": {"Year": "int(InteractionTime[:4])"}}, ""),
    ],
)
def test_device_ids_that_no_map_changes_while_others_are_changed_are_a_warning(
    tmp_path: Path, clicks: dict[str, Any], maps: dict[str, Any], bare: str
) -> None:
    streams = ["clicks", "conversion_paths", "campaigns"]
    catalog = select(discover(clicks), streams=streams)
    clicks |= {"stream_maps": maps, "end_date": "2024-01-01"}

    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert output.exit_code == 0, output.log
    warnings = re.findall(r"delivered as they are in (.*)\. Add maps", output.log)
    assert warnings == ([bare] if bare else [])


def test_device_ids_that_are_not_selected_need_no_map(
    tmp_path: Path, clicks: dict[str, Any]
) -> None:
    catalog = select(
        discover(clicks),
        streams=["clicks", "conversion_paths"],
        fields=["_row_key", "InteractionTime", "conversion_date"],
    )
    clicks |= {"stream_maps": {"clicks": HASHED}, "end_date": "2024-01-01"}

    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert "delivered as they are" not in output.log


def test_the_recipe_leaves_no_device_id_in_any_stream(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(config:\n  stream_maps:.*?)```", page, re.DOTALL)
    config["end_date"] = "2024-01-03"
    everything = select(discover(config))
    plain = run_tap(tmp_path, config, catalog=everything)
    ids = {
        value
        for records in plain.records.values()
        for record in records
        for name, value in record.items()
        if "DeviceID" in name and value
    }

    hashed = run_tap(
        tmp_path, {**config, **yaml.safe_load(recipe)["config"]}, catalog=everything
    )

    assert len(ids) > 10
    assert hashed.exit_code == 0
    assert "delivered as they are" not in hashed.log
    assert not [i for i in ids if f'"{i}"'.encode() in hashed.stdout]
    assert {s: len(r) for s, r in hashed.records.items()} == {
        s: len(r) for s, r in plain.records.items()
    }
    paths = hashed.records["conversion_paths"]
    touched = {r["InteractionDeviceID"] for r in hashed.records["interactions"]}
    assert {r["PathDeviceID"] for r in paths} & touched
