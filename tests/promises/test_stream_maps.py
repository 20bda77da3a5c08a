from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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
