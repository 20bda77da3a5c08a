from __future__ import annotations

import io
import json
from collections import Counter
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pyarrow import parquet
from singer_sdk import Target
from singer_sdk.sinks import BatchSink
from typing_extensions import override

from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.batch_files import (
    BOTH,
    ENCODINGS,
    as_json,
    assert_truth_in_files,
    batches,
    paths_of,
    read,
    records_in,
)
from tests.support.records import STREAMS, in_order, truth
from tests.support.running import Record, discover, run_tap, select

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.world.world import World


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_hold_the_records_that_messages_would(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any], encoding: dict[str, str]
) -> None:
    catalog = select(discover(config))
    in_messages = run_tap(tmp_path, config, catalog=catalog)

    in_files = run_tap(
        tmp_path, {**config, **batches(batch_folder, encoding)}, catalog=catalog
    )

    assert in_files.exit_code == 0
    assert not in_files.records
    assert records_in(in_files.messages) == in_messages.records
    assert in_files.state == in_messages.state
    values = [v for r in in_messages.records["page_views"] for v in r.values()]
    assert None in values
    assert any(letter >= "\u0430" for v in values for letter in str(v)), "Cyrillic"


@pytest.mark.usefixtures("february")
@pytest.mark.parametrize("encoding", BOTH)
def test_files_hold_what_jobs_deliver(
    tmp_path: Path,
    batch_folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    config |= {"api_version": "v2", **batches(batch_folder, encoding)}

    output = run_tap(tmp_path, config)

    assert_truth_in_files(output, world)
    assert output.bookmark("clicks", PROJECT) == END_OF_JANUARY


def test_files_are_compressed_as_the_setting_says(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any]
) -> None:
    found = {}
    for encoding in ENCODINGS:
        output = run_tap(tmp_path, {**config, **batches(batch_folder, encoding)})
        (file, *_) = paths_of(output.of_type("BATCH")[0])
        if encoding["format"] == "parquet":
            how = parquet.ParquetFile(file).metadata.row_group(0).column(0).compression
        else:
            how = {b"\x1f\x8b": "GZIP", b'{"': "TEXT"}[file.read_bytes()[:2]]
        found[file.suffixes[-1], encoding.get("compression")] = how

    assert found == {
        (".gz", "gzip"): "GZIP",
        (".json", "none"): "TEXT",
        (".json", None): "TEXT",
        (".parquet", "gzip"): "GZIP",
        (".parquet", "none"): "UNCOMPRESSED",
        (".parquet", None): "SNAPPY",
    }


def test_the_types_of_parquet_columns_are_those_of_the_schema_in_every_file(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any]
) -> None:
    catalog = select(discover(config))
    config |= batches(batch_folder, {"format": "parquet"}, batch_size=9)

    output = run_tap(tmp_path, config, catalog=catalog)

    types: dict[str, set[str]] = {}
    for message in output.of_type("BATCH"):
        for file in paths_of(message):
            schema = parquet.read_schema(file)
            columns = {f.name: str(f.type) for f in schema}
            types.setdefault(message["stream"], set()).add(str(columns))
            if message["stream"] == "conversion_paths":
                paths = columns
            elif message["stream"] == "purchases":
                purchases = columns
    assert {len(different) for different in types.values()} == {1}
    assert purchases["_row_key"] == "string"
    assert purchases["project_id"] == "int64"
    assert purchases["InteractionTime"] == "timestamp[us, tz=UTC]"
    assert purchases["InteractionDate"] == "date32[day]"
    assert purchases["InteractionEcomAmount"] == "double"
    assert paths["conversion_date"] == "date32[day]"
    assert paths["PathPosition"] == "int64"
    declared = {
        m["stream"]: m["schema"]["properties"] for m in output.of_type("SCHEMA")
    }
    assert set(purchases) == set(declared["purchases"])
    assert set(paths) == set(declared["conversion_paths"])


@pytest.mark.parametrize("encoding", BOTH)
def test_files_hold_only_what_is_selected(
    tmp_path: Path, batch_folder: Path, config: dict[str, Any], encoding: dict[str, str]
) -> None:
    fields = ["InteractionDeviceID", "placement_name"]
    streams = ["clicks", "campaigns"]
    catalog = select(discover(config), streams=streams, fields=fields)

    output = run_tap(
        tmp_path, {**config, **batches(batch_folder, encoding)}, catalog=catalog
    )

    found = records_in(output.messages)
    names = {stream: {frozenset(r) for r in found[stream]} for stream in streams}
    own = {"_row_key", "InteractionTime", "InteractionDeviceID"}
    assert names["clicks"] == {frozenset(own)}
    keys = {"project_id", "placement_id", "placement_name"}
    assert names["campaigns"] == {frozenset(keys)}


@pytest.mark.parametrize("encoding", BOTH)
def test_a_catalog_with_another_key_than_the_settings_still_holds(
    tmp_path: Path,
    batch_folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    catalog = select(discover(config), streams=list(STREAMS))
    without_keys = {**config, "row_key": False, **batches(batch_folder, encoding)}

    old = run_tap(tmp_path, without_keys, catalog=catalog)
    new = run_tap(tmp_path, without_keys)

    assert_truth_in_files(old, world)
    assert_truth_in_files(new, world, row_key=False)


@pytest.mark.parametrize("encoding", BOTH)
def test_a_file_has_as_many_rows_as_the_setting_allows_from_any_number_of_pages(
    tmp_path: Path,
    batch_folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    config |= {"page_size": 7, "window_days": 1}

    output = run_tap(
        tmp_path, {**config, **batches(batch_folder, encoding, batch_size=10)}
    )

    for stream in STREAMS:
        days = Counter(r["InteractionDate"] for r in truth(world, stream))
        expected = [min(10, n - k) for n in days.values() for k in range(0, n, 10)]
        sizes = [
            len(read(file, message["encoding"]))
            for message in output.of_type("BATCH")
            if message["stream"] == stream
            for file in paths_of(message)
        ]
        assert sorted(sizes) == sorted(expected)


class _Sink(BatchSink):
    """Keeps what the SDK reads for it."""

    found: ClassVar[list[Record]] = []

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        for record in context["records"]:
            self.found.append({n: as_json(v) for n, v in record.items()})


class _Target(Target):
    """As little as a target of the SDK needs."""

    name = "target-test"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    default_sink_class = _Sink


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_target_of_the_sdk_reads_the_files(
    *,
    tmp_path: Path,
    batch_folder: Path,
    world: World,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    encoding: dict[str, str],
) -> None:
    found: list[Record] = []
    monkeypatch.setattr(_Sink, "found", found)
    output = run_tap(tmp_path, {**config, **batches(batch_folder, encoding)})
    lines = "\n".join(map(json.dumps, output.messages))

    with redirect_stdout(io.StringIO()) as states:
        _Target().listen(io.StringIO(lines))

    expected = [record for stream in STREAMS for record in truth(world, stream)]
    assert in_order(found) == in_order(expected)
    assert json.loads(states.getvalue().splitlines()[-1]) == output.state
