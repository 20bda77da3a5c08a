from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from tests.conftest import PROJECT
from tests.support.batch_files import BOTH, batches, records_in
from tests.support.running import bookmark, discover, run_tap, select

if TYPE_CHECKING:
    from targetads_sandbox.server.sandbox import Sandbox


@pytest.mark.parametrize(
    "setting",
    [
        {"stream_maps": {"clicks": {"InteractionDeviceID": "'hidden'"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_where_records_are_mapped_messages_are_written_and_no_file_holds_the_original(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any], setting: dict[str, Any]
) -> None:
    in_messages = run_tap(tmp_path, {**config, **setting})

    output = run_tap(tmp_path, {**config, **setting, **batches(batch_folder, BOTH[0])})

    assert output.records == in_messages.records
    assert not batch_folder.exists()
    assert "the setting `batch_config` is ignored" in output.log
    assert "skips BATCH messages" not in output.log


def test_that_a_target_may_skip_batches_and_lose_their_rows_is_said(
    tmp_path: Path, batch_folder: Path, clicks: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**clicks, **batches(batch_folder, BOTH[0])})

    assert output.of_type("BATCH")
    assert output.log.count("A target that skips BATCH messages loses them") == 1
    assert "BATCH" not in run_tap(tmp_path, clicks).log


def test_where_versions_are_written_lists_are_messages_and_reports_files(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=["clicks", "campaigns"])
    config |= {"emit_activate_version_messages": True, **batches(batch_folder, BOTH[0])}

    output = run_tap(tmp_path, config, catalog=catalog)

    assert set(records_in(output.messages)) == {"clicks"}
    assert set(output.records) == {"campaigns"}
    versions = {m["version"] for m in output.of_type("ACTIVATE_VERSION")}
    assert {m.get("version") for m in output.of_type("RECORD")} == versions


def test_a_test_of_the_connection_writes_no_files(
    batch_folder: Path, config: dict[str, Any]
) -> None:
    tap = TapTargetADS(config={**config, **batches(batch_folder, BOTH[0])})

    with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        assert tap.run_connection_test()

    assert not batch_folder.exists()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"storage": {"root": "file:///x"}}, "needs `encoding.format`"),
        ({"encoding": {"format": "jsonl"}}, "and `storage.root`"),
        # The SDK's schema says so before 0.55, the tap itself from then on.
        (batches(Path("/x"), {"format": "csv"})["batch_config"], "parquet"),
        (
            {"encoding": {"format": "jsonl", "level": 3}},
            "know `encoding.level`. Remove",
        ),
        ({"size": 3}, "does not know `size`. Remove"),
        ({**batches(Path("/x"), BOTH[0])["batch_config"], "batch_size": 0}, "is 0"),
        ({**batches(Path("/x"), BOTH[0])["batch_config"], "batch_size": "9"}, "is '9'"),
    ],
)
def test_a_batch_config_that_cannot_work_is_one_clear_line_before_any_request(
    tmp_path: Path,
    sandbox: Sandbox,
    config: dict[str, Any],
    wrong: dict[str, Any],
    line: str,
) -> None:
    output = run_tap(tmp_path, {**config, "batch_config": wrong})

    assert output.exit_code == 1
    assert "batch_config" in output.log
    assert line in output.log
    assert "Traceback" not in output.log
    assert not sandbox.requests


def test_parquet_without_its_library_is_one_line_that_says_what_to_install(
    tmp_path: Path,
    batch_folder: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_targetads.output.batches.find_spec", lambda _: None)

    output = run_tap(
        tmp_path, {**config, **batches(batch_folder, {"format": "parquet"})}
    )

    assert output.exit_code == 1
    assert "pip install 'tap-targetads[parquet]'" in output.log
    assert "Traceback" not in output.log


@pytest.mark.parametrize("root", ["file://{file}", "nosuchstorage://bucket"])
def test_a_storage_that_takes_no_files_is_one_clear_line(
    tmp_path: Path, config: dict[str, Any], root: str
) -> None:
    file = tmp_path / "no-folder"
    file.touch()
    storage = {"root": root.format(file=file)}
    setting = {"encoding": {"format": "jsonl"}, "storage": storage}

    output = run_tap(tmp_path, {**config, "batch_config": setting})

    assert output.exit_code == 1
    assert "Setting `batch_config`: the file " in output.log.splitlines()[-1]
    assert "Traceback" not in output.log
    assert not output.of_type("BATCH")
    assert all(not bookmark(s, "clicks", PROJECT) for s in output.states)
