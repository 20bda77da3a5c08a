"""Singer messages: RECORD lines in blocks, everything else one at a time."""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message
from typing_extensions import override

from tap_targetads.catalogue import ROW_KEY
from tap_targetads.errors import TargetGoneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_targetads.keys import RowKeys
    from tap_targetads.rows import Row

BLOCK_ROWS = 2_000
"""Rows that are encoded and written together: about a megabyte."""

_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="number")
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class BlockWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages, and whole blocks of finished RECORD lines, to stdout.

    A signal that arrives in the middle of a write waits for its end, so that no
    message is ever cut in two.
    """

    def __init__(self) -> None:
        """Start with no write under way."""
        super().__init__()
        self._writing = False
        self._pending_exit: int | None = None

    @override
    def serialize_message(self, message: Message) -> bytes:
        return _encoder.encode(message.to_dict()) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        self.write_block(self.format_message(message))

    def write_block(self, block: bytes) -> None:
        """Write finished lines, and flush.

        Args:
            block: One or more messages, each with its line break.

        Raises:
            TargetGoneError: If nobody reads any more.
        """
        self._writing = True
        try:
            rest = memoryview(block)
            while rest:  # without a buffer, a write may stop short
                rest = rest[sys.stdout.buffer.write(rest) :]
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            # Python flushes stdout once more when it ends, and would complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            message = (
                "The target has closed the pipe, and says above why. What it had not "
                "written is read again by the next run."
            )
            raise TargetGoneError(message) from error
        except OSError as error:
            message = f"The messages cannot be written ({error.strerror})."
            raise TargetGoneError(message) from error
        finally:
            self._writing = False
        if self._pending_exit is not None:
            raise SystemExit(self._pending_exit)

    def exit(self, code: int) -> None:
        """End the program, after the write that may be under way.

        Args:
            code: The exit code.

        Raises:
            SystemExit: At once, if nothing is being written.
        """
        if not self._writing:
            raise SystemExit(code)
        self._pending_exit = code


class RecordEncoder:
    """Encodes typed rows as RECORD lines, or as records for the SDK.

    Args:
        stream: Name of the stream.
        constants: Fields that have the same value in all records.
        never_null: Fields whose empty texts stay texts: those of a primary key, where
            databases have no place for null.
    """

    def __init__(
        self,
        stream: str,
        constants: Mapping[str, Any],
        never_null: Iterable[str] = (),
    ) -> None:
        """Encode what all lines of a block have in common."""
        names = [_encoder.encode(name) for name in never_null]
        self._never_null = [(name + b":null", name + b':""') for name in names]
        name = _encoder.encode(stream)
        self._head = b'{"type":"RECORD","stream":' + name + b',"record":{'
        inside = _encoder.encode(constants)[1:-1]
        self._constants = inside + b"," if inside else b""

    def blocks(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[tuple[int, bytes]]:
        """Encode rows as blocks of RECORD lines.

        Args:
            rows: Converted rows.
            keys: Gives the row keys; None for none.

        Yields:
            The number of rows of a block, and the block.
        """
        now = datetime.now(timezone.utc)
        tail = b',"time_extracted":' + _encoder.encode(now) + b"}\n"
        for fields in self._fields(rows, keys):
            yield len(fields), b"".join([self._head + f + tail for f in fields])

    def objects(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[list[bytes]]:
        """The JSON of the same records, without the messages around it.

        Args:
            rows: Converted rows.
            keys: Gives the row keys; None for none.
        """
        for fields in self._fields(rows, keys):
            yield [b"{" + record for record in fields]

    def records(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[dict[str, Any]]:
        """The same records, one dictionary each.

        Args:
            rows: Converted rows.
            keys: Gives the row keys; None for none.
        """
        for block in self.objects(rows, keys):
            yield from map(msgspec.json.decode, block)

    def _fields(
        self, rows: Sequence[Row], keys: RowKeys | None
    ) -> Iterator[list[bytes]]:
        """The inside of the records' objects, with the closing brace."""
        key = b'"%s":"' % ROW_KEY.encode()
        for start in range(0, len(rows), BLOCK_ROWS):
            lines = encode_lines(rows[start : start + BLOCK_ROWS], self._never_null)
            constants, comma = self._constants, b","
            if lines[0] == b"{}":  # nothing but constants is selected
                constants, comma = constants[:-1], b"," if constants else b""
            if keys is None:
                yield [constants + line[1:] for line in lines]
            else:
                after_key = b'"' + comma + constants
                yield [
                    key + row_key.encode() + after_key + line[1:]
                    for row_key, line in zip(keys.of(lines), lines, strict=True)
                ]


def encode_records(records: Iterable[Mapping[str, Any]]) -> list[bytes]:
    """The compact JSON of finished records."""
    return [_encoder.encode(record) for record in records]


def encode_lines(
    rows: Sequence[Row], replacements: Iterable[tuple[bytes, bytes]] = ()
) -> list[bytes]:
    """The compact JSON of each row, as the row keys are made from it.

    Empty strings become null, and so does CSV's word for it, since JSON and CSV cannot
    both tell them apart; NUL characters are dropped, since PostgreSQL has no place for
    them. On the encoder's output, which has no spaces and escapes quotes and
    backslashes inside texts, all of these are exact replacements of bytes.

    Args:
        rows: Converted rows.
        replacements: Members of the objects, each with what takes its place.
    """
    block = _encoder.encode_lines(rows)
    if b"\\" in block:  # seldom; this look costs a fiftieth of the others
        if b"\\u0000" in block:
            block = _NUL.sub(rb"\1", block)
        block = block.replace(rb':"\\N"', b":null")
    block = block.replace(b':""', b":null")
    for member, other in replacements:
        block = block.replace(member, other)
    return block.split(b"\n")[:-1]
