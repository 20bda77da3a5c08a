from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.running import run_tap
from tests.support.state_of_clicks import state_at

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 17, ["x"], ""])
def test_a_bookmark_that_is_no_time_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], value: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state_at(value))

    assert output.exit_code == 1
    assert "Stream clicks, project 12486: the state's bookmark" in output.log
    assert "Traceback" not in output.log
    assert not output.records


BROKEN: list[Any] = [
    {"bookmarks": None},
    {"bookmarks": []},
    {"bookmarks": {"clicks": []}},
    {"bookmarks": {"clicks": {"partitions": {}}}},
    {"bookmarks": {"clicks": {"partitions": [1]}}},
    {"bookmarks": {"clicks": {"partitions": [{"context": 5}]}}},
    {"bookmarks": {"clicks": {"partitions": [{}]}}},
    {"type": "STATE", "value": {"bookmarks": {}}},
    {"bookmarks": {"clicks": {"partitions": [{"context": {"project_id": 1}}] * 2}}},
]


@pytest.mark.parametrize("state", BROKEN)
def test_a_state_without_the_form_of_one_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], sandbox: Sandbox, state: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state)

    assert output.exit_code == 1
    assert "The state is not one of this tap" in output.log
    assert "Traceback" not in output.log
    assert not sandbox.requests


@pytest.mark.parametrize("option", ["--state", "--catalog"])
@pytest.mark.parametrize(
    "text", ["", "{", "nonsense", "[1,", "[]", "17", "{\udcff}", "\ufeff{}x"]
)
def test_a_file_that_is_no_json_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], option: str, text: str
) -> None:
    # A surrogate stands for a byte that is no UTF-8.
    content = text.encode(errors="surrogateescape")
    (tmp_path / "file").write_bytes(content)

    output = run_tap(tmp_path, clicks, option, str(tmp_path / "file"))

    assert output.exit_code == 1
    assert f"Setting `{option}`: the file cannot be used" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize(
    "catalog", [{"streams": None}, {"streams": [1]}, {"streams": [{"schema": {}}]}]
)
def test_a_catalog_without_the_form_of_one_is_one_clear_line(
    tmp_path: Path, clicks: dict[str, Any], catalog: Any
) -> None:
    output = run_tap(tmp_path, clicks, catalog=catalog)

    assert output.exit_code == 1
    assert "Setting `--catalog`: the file cannot be used" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize("state", [{}, {"bookmarks": {}}])
def test_an_empty_state_is_none(
    tmp_path: Path, clicks: dict[str, Any], state: Any
) -> None:
    output = run_tap(tmp_path, clicks, state=state)

    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY
