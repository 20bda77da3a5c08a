"""Encodes rows as records: RECORD lines in blocks, or JSON objects for batches."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from tap_targetads.reports.fields import ROW_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_targetads.rows.keys import RowKeys
    from tap_targetads.rows.row_type import Row

BLOCK_ROWS = 2_000
"""Rows encoded and written together: about a megabyte."""

ENCODER = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class RecordEncoder:
    """Encodes typed rows: RECORD lines, JSON for batches, or records for the SDK.

    Args:
        stream: Name of the stream.
        constants: Fields with the same value in all records.
    """

    def __init__(self, stream: str, constants: Mapping[str, Any]) -> None:
        name = ENCODER.encode(stream)
        self._head = b'{"type":"RECORD","stream":' + name + b',"record":'
        inside = ENCODER.encode(constants)[1:-1]
        self._constants = inside + b"," if inside else b""

    def blocks(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[tuple[int, bytes]]:
        """Encode rows as blocks of RECORD lines, each with its number of rows."""
        now = datetime.now(UTC)
        tail = b',"time_extracted":' + ENCODER.encode(now) + b"}\n"
        for opening, row_keys, after_key, fields in self._columns(rows, keys):
            head = self._head + opening
            # One list, joined once, copies nothing twice.
            if row_keys is None:
                parts = [tail + head, b""] * len(fields)
                parts[1::2] = fields
            else:
                parts = [tail + head, b"", after_key, b""] * len(fields)
                parts[1::4] = row_keys
                parts[3::4] = fields
            parts[0] = head
            parts.append(tail)
            yield len(fields), b"".join(parts)

    def objects(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[list[bytes]]:
        """The JSON of the same records, in blocks, without the messages around them."""
        for opening, row_keys, after_key, fields in self._columns(rows, keys):
            if row_keys is None:
                yield [opening + rest for rest in fields]
            else:
                pairs = zip(row_keys, fields, strict=True)
                yield [opening + after_key.join(pair) for pair in pairs]

    def records(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[dict[str, Any]]:
        """The same records, one dictionary each."""
        for block in self.objects(rows, keys):
            yield from map(msgspec.json.decode, block)

    def _columns(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[tuple[bytes, list[bytes] | None, bytes, list[bytes]]]:
        """Per block: how records begin, row keys, what follows them, the rest."""
        for start in range(0, len(rows), BLOCK_ROWS):
            fields = self._fields(rows[start : start + BLOCK_ROWS])
            constants, comma = self._constants, b","
            if fields[0] == b"}":  # nothing but constants is selected
                constants, comma = constants[:-1], b"," if constants else b""
            if keys is None:
                yield b"{" + constants, None, b"", fields
            else:
                after_key = b'"' + comma + constants
                yield b'{"%s":"' % ROW_KEY.encode(), keys.of(fields), after_key, fields

    def _fields(self, rows: Sequence[Row]) -> list[bytes]:
        """The compact JSON of each row, without its opening brace."""
        # Encoding all at once and splitting afterwards takes half the time.
        lines = ENCODER.encode_lines(rows)
        if b"\\" in lines:
            lines = _cleaned(lines)
        return [line[1:-1] for line in io.BytesIO(lines)]


def encode_records(records: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The compact JSON of finished records."""
    return [ENCODER.encode(record) for record in records]


def _cleaned(lines: bytes) -> bytes:
    """Remove NUL characters, and replace CSV's word for null by null.

    PostgreSQL has no NUL, and JSON and CSV must agree on nulls. The encoder writes no
    spaces, and escapes quotes and backslashes in strings, so that replacing bytes is
    exact.
    """
    if b"\\u0000" in lines:
        lines = _NUL.sub(rb"\1", lines).replace(b':""', b":null")
    return lines.replace(rb':"\\N"', b":null")
