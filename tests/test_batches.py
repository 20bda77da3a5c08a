from __future__ import annotations

import gzip
import io
import json
import signal
from collections import Counter
from contextlib import redirect_stdout
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.request import url2pathname

import pytest
from pyarrow import parquet
from singer_sdk import Target
from singer_sdk.sinks import BatchSink
from typing_extensions import override

from tap_targetads.sandbox.faults import Fault
from tap_targetads.tap import TapTargetADS
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.running import Output, Record, bookmark, run_tap, select
from tests.test_kill import run_and_kill
from tests.test_records import STREAMS, discover, in_order, truth

if TYPE_CHECKING:
    from tap_targetads.sandbox.server import Sandbox
    from tap_targetads.sandbox.world import World

END = "2024-01-31T20:59:59+00:00"
ENCODINGS = [
    {"format": "jsonl", "compression": "gzip"},
    {"format": "jsonl", "compression": "none"},
    {"format": "jsonl"},
    {"format": "parquet", "compression": "gzip"},
    {"format": "parquet", "compression": "none"},
    {"format": "parquet"},
]
BOTH = [ENCODINGS[0], ENCODINGS[-1]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where batch files go."""
    return tmp_path / "batches"


def batches(folder: Path, encoding: dict[str, str], **options: Any) -> dict[str, Any]:
    storage = {"root": folder.as_uri()}
    return {
        "batch_config": {"encoding": encoding, "storage": storage, **options},
    }


def paths_of(message: dict[str, Any]) -> list[Path]:
    """The files of a BATCH message."""
    urls = message["manifest"]
    return [Path(url2pathname(url.removeprefix("file://"))) for url in urls]


def read(file: Path, encoding: dict[str, Any]) -> list[Record]:
    """The records of a file, read as its message says."""
    if encoding["format"] == "parquet":
        rows = parquet.read_table(file).to_pylist()
        return [{n: as_json(v) for n, v in row.items()} for row in rows]
    content = file.read_bytes()
    if encoding.get("compression") == "gzip":
        content = gzip.decompress(content)
    assert content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def as_json(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def records_in(messages: list[dict[str, Any]]) -> dict[str, list[Record]]:
    """The records of each stream in the files of BATCH messages."""
    result: dict[str, list[Record]] = {}
    for message in messages:
        if message["type"] == "BATCH":
            for file in paths_of(message):
                found = read(file, message["encoding"])
                result.setdefault(message["stream"], []).extend(found)
    return result


def assert_truth_in_files(output: Output, world: World, **options: Any) -> None:
    found = records_in(output.messages)
    assert set(found) == set(STREAMS)
    for stream in STREAMS:
        assert in_order(found[stream]) == in_order(truth(world, stream, **options))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_hold_the_records_that_messages_would(
    tmp_path: Path, folder: Path, config: dict[str, Any], encoding: dict[str, str]
) -> None:
    catalog = select(discover(config))
    in_messages = run_tap(tmp_path, config, catalog=catalog)

    in_files = run_tap(
        tmp_path, {**config, **batches(folder, encoding)}, catalog=catalog
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
    folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    config |= {"api_version": "v2", **batches(folder, encoding)}

    output = run_tap(tmp_path, config)

    assert_truth_in_files(output, world)
    assert output.bookmark("clicks", PROJECT) == END


def test_files_are_compressed_as_the_setting_says(
    tmp_path: Path, folder: Path, config: dict[str, Any]
) -> None:
    found = {}
    for encoding in ENCODINGS:
        output = run_tap(tmp_path, {**config, **batches(folder, encoding)})
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
    tmp_path: Path, folder: Path, config: dict[str, Any]
) -> None:
    catalog = select(discover(config))
    config |= batches(folder, {"format": "parquet"}, batch_size=9)

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
    tmp_path: Path, folder: Path, config: dict[str, Any], encoding: dict[str, str]
) -> None:
    fields = ["InteractionDeviceID", "placement_name"]
    streams = ["clicks", "campaigns"]
    catalog = select(discover(config), streams=streams, fields=fields)

    output = run_tap(tmp_path, {**config, **batches(folder, encoding)}, catalog=catalog)

    found = records_in(output.messages)
    names = {stream: {frozenset(r) for r in found[stream]} for stream in streams}
    own = {"_row_key", "InteractionTime", "InteractionDeviceID"}
    assert names["clicks"] == {frozenset(own)}
    keys = {"project_id", "placement_id", "placement_name"}
    assert names["campaigns"] == {frozenset(keys)}


@pytest.mark.parametrize("encoding", BOTH)
def test_a_catalog_with_another_key_than_the_settings_still_holds(
    tmp_path: Path,
    folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    catalog = select(discover(config), streams=list(STREAMS))
    without_keys = {**config, "row_key": False, **batches(folder, encoding)}

    old = run_tap(tmp_path, without_keys, catalog=catalog)
    new = run_tap(tmp_path, without_keys)

    assert_truth_in_files(old, world)
    assert_truth_in_files(new, world, row_key=False)


@pytest.mark.parametrize("encoding", BOTH)
def test_a_file_has_as_many_rows_as_the_setting_allows_from_any_number_of_pages(
    tmp_path: Path,
    folder: Path,
    world: World,
    config: dict[str, Any],
    encoding: dict[str, str],
) -> None:
    config |= {"page_size": 7, "window_days": 1}

    output = run_tap(tmp_path, {**config, **batches(folder, encoding, batch_size=10)})

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


@pytest.mark.parametrize("batch_size", [5, 100_000])
def test_the_state_moves_with_every_window_and_only_behind_its_files(
    tmp_path: Path,
    folder: Path,
    world: World,
    config: dict[str, Any],
    batch_size: int,
) -> None:
    config |= {"window_days": 1, **batches(folder, BOTH[0], batch_size=batch_size)}

    output = run_tap(tmp_path, config)

    for stream in STREAMS:
        keys: set[str] = set()
        days = set()
        for message in output.messages:
            if message["type"] == "BATCH" and message["stream"] == stream:
                keys |= {r["_row_key"] for r in records_in([message])[stream]}
            mark = message["type"] == "STATE" and bookmark(
                message["value"], stream, PROJECT
            )
            if mark and mark not in days:
                days.add(mark)
                last = date.fromisoformat(mark[:10])
                due = truth(world, stream, end=last)
                assert {r["_row_key"] for r in due} <= keys
        assert len(days) == 31


@pytest.mark.parametrize("encoding", BOTH)
def test_a_failure_in_the_middle_leaves_a_true_state_and_no_unfinished_file(
    *,
    tmp_path: Path,
    folder: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    encoding: dict[str, str],
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    config |= {"page_size": 7, "interaction_types": ["PageView"], "max_retries": 0}
    config |= batches(folder, encoding)
    sandbox.faults.set([Fault("forbidden", rate=1, date="2024-01-18", min_offset=7)])

    failed = run_tap(tmp_path, config)
    on_disk = set(folder.iterdir())
    sandbox.faults.set([])
    resumed = run_tap(tmp_path, config, state=failed.state)

    assert failed.exit_code == 1
    assert failed.bookmark("page_views", PROJECT) == "2024-01-17T20:59:59+00:00"
    announced = {f for m in failed.of_type("BATCH") for f in paths_of(m)}
    assert on_disk == announced
    assert not list(temporary.iterdir())
    found = [records_in(o.messages)["page_views"] for o in (failed, resumed)]
    assert in_order(found[0] + found[1]) == in_order(truth(world, "page_views"))


def test_killed_and_resumed_a_run_equals_one_that_was_not(
    tmp_path: Path, folder: Path, world: World, config: dict[str, Any]
) -> None:
    config |= {"window_days": 3, "page_size": 25}
    config |= batches(folder, BOTH[0], batch_size=20)
    state: dict[str, Any] = {}
    found: dict[str, dict[str, Record]] = {stream: {} for stream in STREAMS}

    for after in (25, 60, -1):
        output = run_and_kill(tmp_path, config, state, after)
        assert output.exit_code == (-signal.SIGKILL if after > 0 else 0)
        for stream, records in records_in(output.messages).items():
            found[stream].update((r["_row_key"], r) for r in records)
        state = output.state if output.states else state

    for stream in STREAMS:
        expected = truth(world, stream)
        assert in_order(list(found[stream].values())) == in_order(expected)


def test_of_several_projects_one_that_fails_does_not_keep_the_other_from_arriving(
    tmp_path: Path,
    folder: Path,
    sandbox: Sandbox,
    world: World,
    config: dict[str, Any],
) -> None:
    del config["project_id"], config["auth_token"]
    tokens = {PROJECT: "4f3c-expired", OTHER_PROJECT: sandbox.tokens[OTHER_PROJECT]}
    projects = [{"project_id": p, "auth_token": t} for p, t in tokens.items()]
    config |= {"projects": projects, **batches(folder, BOTH[0])}

    failed = run_tap(tmp_path, config)
    projects[0]["auth_token"] = sandbox.tokens[PROJECT]
    whole = run_tap(tmp_path, config)

    assert failed.exit_code == 1
    assert_truth_in_files(failed, world, project=OTHER_PROJECT)
    assert failed.bookmark("clicks", OTHER_PROJECT) == END
    assert failed.bookmark("clicks", PROJECT) is None
    found = records_in(whole.messages)["clicks"]
    counts = Counter(record["project_id"] for record in found)
    assert counts == {
        project: len(truth(world, "clicks", project=project)) for project in tokens
    }


def test_the_sdks_metrics_count_records_and_batches(
    tmp_path: Path, folder: Path, world: World, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, {**config, **batches(folder, BOTH[0], batch_size=10)})

    files = [m for m in output.of_type("BATCH") if m["stream"] == "clicks"]
    counts = {"record_count": len(truth(world, "clicks")), "batch_count": len(files)}
    for metric, count in counts.items():
        assert any(
            f'"metric":"{metric}"' in line and f'"value":{count},' in line
            for line in output.log.splitlines()
            if '"stream":"clicks"' in line
        )


@pytest.mark.parametrize(
    "setting",
    [
        {"stream_maps": {"clicks": {"InteractionDeviceID": "'hidden'"}}},
        {"flattening_enabled": True, "flattening_max_depth": 1},
    ],
)
def test_where_records_are_mapped_messages_are_written_and_no_file_holds_the_original(
    tmp_path: Path, folder: Path, config: dict[str, Any], setting: dict[str, Any]
) -> None:
    in_messages = run_tap(tmp_path, {**config, **setting})

    output = run_tap(tmp_path, {**config, **setting, **batches(folder, BOTH[0])})

    assert output.records == in_messages.records
    assert not folder.exists()
    assert "the setting `batch_config` does not apply" in output.log


def test_where_versions_are_written_lists_are_messages_and_reports_files(
    tmp_path: Path, folder: Path, config: dict[str, Any]
) -> None:
    catalog = select(discover(config), streams=["clicks", "campaigns"])
    config |= {"emit_activate_version_messages": True, **batches(folder, BOTH[0])}

    output = run_tap(tmp_path, config, catalog=catalog)

    assert set(records_in(output.messages)) == {"clicks"}
    assert set(output.records) == {"campaigns"}
    versions = {m["version"] for m in output.of_type("ACTIVATE_VERSION")}
    assert {m.get("version") for m in output.of_type("RECORD")} == versions


def test_a_test_of_the_connection_writes_no_files(
    folder: Path, config: dict[str, Any]
) -> None:
    tap = TapTargetADS(config={**config, **batches(folder, BOTH[0])})

    with redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        assert tap.run_connection_test()

    assert not folder.exists()


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"storage": {"root": "file:///x"}}, "needs `encoding.format`"),
        ({"encoding": {"format": "jsonl"}}, "and `storage.root`"),
        ({"encoding": {"format": "csv"}}, "'csv' is not one of"),
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
    folder: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_targetads.batches.find_spec", lambda _: None)

    output = run_tap(tmp_path, {**config, **batches(folder, {"format": "parquet"})})

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
    folder: Path,
    world: World,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    encoding: dict[str, str],
) -> None:
    found: list[Record] = []
    monkeypatch.setattr(_Sink, "found", found)
    output = run_tap(tmp_path, {**config, **batches(folder, encoding)})
    lines = "\n".join(map(json.dumps, output.messages))

    with redirect_stdout(io.StringIO()) as states:
        _Target().listen(io.StringIO(lines))

    expected = [record for stream in STREAMS for record in truth(world, stream)]
    assert in_order(found) == in_order(expected)
    assert json.loads(states.getvalue().splitlines()[-1]) == output.state
