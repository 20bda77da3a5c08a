"""Keeps the JSON of many rows in little memory."""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

_ROWS = 2_000
"""Rows per chunk: usually some MB of JSON at most."""

_LEVEL = 1
"""Rows are so similar that even this level shrinks them to a twelfth, in no time."""


class _Chunk(NamedTuple):
    """Some rows.

    Attributes:
        packed: Their JSON, compressed; each row is followed by a comma.
        ends: Where each row ends in it, including its comma.
    """

    packed: bytes
    ends: Sequence[int]


@dataclass(frozen=True, slots=True)
class Packed:
    """The JSON of rows in order.

    Attributes:
        chunks: The rows; all chunks but the last have the same number of them.
        count: The number of rows.
    """

    chunks: Sequence[_Chunk]
    count: int

    @property
    def weight(self) -> int:
        """Its rough size in bytes."""
        return sum(len(packed) + 4 * len(ends) for packed, ends in self.chunks)

    def length(self, start: int, stop: int) -> int:
        """The number of bytes of all `pieces`."""
        found = self._ranges(start, stop)
        return max(sum(last - first for _, first, last in found) - 1, 0)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The rows from `start` up to before `stop`, with commas between them."""
        ranges = list(self._ranges(start, stop))
        for number, (chunk, first, last) in enumerate(ranges, 1):
            end = last - 1 if number == len(ranges) else last
            yield zlib.decompress(chunk.packed)[first:end]

    def shuffled(self, random: Random) -> Packed:
        """The same rows in another order."""
        rows = [row for chunk in self.chunks for row in _rows(chunk)]
        places = [random.random() for _ in rows]
        order = sorted(range(len(rows)), key=places.__getitem__)
        return pack(rows[number] for number in order)

    def _ranges(self, start: int, stop: int) -> Iterator[tuple[_Chunk, int, int]]:
        """The chunks with these rows, and where the rows begin and end in each."""
        for number in range(start // _ROWS, -(-stop // _ROWS)):
            chunk, before = self.chunks[number], number * _ROWS
            first, last = max(start - before, 0), min(stop - before, len(chunk.ends))
            if first < last:
                begin = chunk.ends[first - 1] if first else 0
                yield chunk, begin, chunk.ends[last - 1]


def pack(rows: Iterable[bytes]) -> Packed:
    """Pack the JSON of rows."""
    remaining = iter(rows)
    chunks = []
    while some := list(islice(remaining, _ROWS)):
        content = b",".join([*some, b""])
        ends = array("I", accumulate(len(row) + 1 for row in some))
        chunks.append(_Chunk(zlib.compress(content, _LEVEL), ends))
    return Packed(chunks, sum(len(chunk.ends) for chunk in chunks))


def _rows(chunk: _Chunk) -> Iterator[bytes]:
    content = zlib.decompress(chunk.packed)
    begin = 0
    for end in chunk.ends:
        yield content[begin : end - 1]
        begin = end
