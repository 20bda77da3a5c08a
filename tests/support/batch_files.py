"""Settings for batch files, and what such files hold."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import url2pathname

from pyarrow import parquet

from tests.support.records import STREAMS, in_order, truth

if TYPE_CHECKING:
    from targetads_sandbox.world.world import World
    from tests.support.running import Output, Record
ENCODINGS = [
    {"format": "jsonl", "compression": "gzip"},
    {"format": "jsonl", "compression": "none"},
    {"format": "jsonl"},
    {"format": "parquet", "compression": "gzip"},
    {"format": "parquet", "compression": "none"},
    {"format": "parquet"},
]
BOTH = [ENCODINGS[0], ENCODINGS[-1]]


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
