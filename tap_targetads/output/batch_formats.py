"""The formats of batch files: JSON lines and Parquet, made from the records' JSON."""

from __future__ import annotations

import gzip
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, Protocol

import msgspec

from tap_targetads.rows.row_type import RowType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_targetads.reports.fields import FieldType

_GZIP_LEVEL = 6
"""Half the time of the SDK's level 9, for files that are a twentieth larger."""

_ROW_GROUP = 100_000
"""Rows kept in memory, as columns, until they become a row group."""


class _Out(Protocol):
    """Writes records into an open file."""

    def write(self, records: Sequence[bytes]) -> None: ...

    def close(self) -> None: ...


class Jsonl:
    """JSON lines of RECORD messages' records; any compression but `gzip` is none."""

    def __init__(self, compression: str | None) -> None:
        self._compressed = compression == "gzip"
        self.suffix = ".json.gz" if self._compressed else ".json"

    def open(self, file: IO[bytes]) -> _Out:
        """Start to write records into a file."""
        if not self._compressed:
            return _Lines(file)
        return _Lines(gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0), own=True)


class _Lines:
    def __init__(self, file: Any, *, own: bool = False) -> None:
        self._file = file
        self._own = own

    def write(self, records: Sequence[bytes]) -> None:
        self._file.write(b"\n".join(records) + b"\n")

    def close(self) -> None:
        if self._own:
            self._file.close()


class Parquet:
    """Parquet, with the types of the stream's schema in every file.

    `properties` are the JSON schemas of the records' fields, by name.
    """

    suffix = ".parquet"

    def __init__(
        self, properties: Mapping[str, Mapping[str, Any]], compression: str | None
    ) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra

        columns = {
            "boolean": pa.bool_(),
            "date": pa.date32(),
            "date-time": pa.timestamp("us", tz="UTC"),
            "integer": pa.int64(),
            "number": pa.float64(),
            "string": pa.string(),
        }
        types = {name: _type(schema) for name, schema in properties.items()}
        self._row_type = RowType(types)
        self._schema = pa.schema((name, columns[t]) for name, t in types.items())
        self._compression = compression or "snappy"

    def open(self, file: IO[bytes]) -> _Out:
        """Start to write records into a file."""
        return _Columns(file, self._row_type, self._schema, self._compression)


def _type(schema: Mapping[str, Any]) -> FieldType:
    (json_type,) = [name for name in schema["type"] if name != "null"]
    field_type: FieldType = schema.get("format", json_type)
    return field_type


class _Columns:
    """Turns the records' JSON into columns.

    Decoding it again costs less than a tenth of the whole. In return a file holds
    exactly what RECORD messages would, whatever was done to their bytes.
    """

    def __init__(
        self, file: IO[bytes], row_type: RowType, schema: Any, compression: str
    ) -> None:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415

        self._arrow = pa
        self._schema = schema
        self._decoder = msgspec.json.Decoder(list[row_type.lenient])  # type: ignore[name-defined]
        # Times and dates are strings in JSON.
        self._columns = [
            (
                attrgetter(row_type.attributes[f.name]),
                pa.string() if pa.types.is_temporal(f.type) else f.type,
            )
            for f in schema
        ]
        self._writer = parquet.ParquetWriter(file, schema, compression=compression)
        self._tables: list[Any] = []
        self._rows = 0

    def write(self, records: Sequence[bytes]) -> None:
        rows = self._decoder.decode(b"[" + b",".join(records) + b"]")
        arrays = [
            self._arrow.array(list(map(get, rows)), kind).cast(field.type)
            for field, (get, kind) in zip(self._schema, self._columns, strict=True)
        ]
        self._tables.append(self._arrow.table(arrays, schema=self._schema))
        self._rows += len(rows)
        if self._rows >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(self._arrow.concat_tables(self._tables))
        self._tables.clear()
        self._rows = 0
