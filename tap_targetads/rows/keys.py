r"""Row keys: a hash of what a row is, and of which of several equals it is.

The API gives rows no identity, so the tap makes one from their values. A key is
`xxh3_128(project \0 stream \0 line, seed=ordinal)` in hex, where `line` is the
compact JSON of the selected fields in alphabetical order, and `ordinal` counts the
equals before it. Fields that do not count (`Field.identifies`) are left out of the
line, at whose end they would stand.

Reading the same rows again, in any order and with any paging, gives the same set of
keys, and two equal rows stay two.
"""

from __future__ import annotations

from binascii import hexlify
from collections import Counter
from struct import Struct
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest, xxh3_128_digest, xxh3_128_hexdigest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_FEW = 500_000
"""That many digests take 50 MB."""
_BUCKETS = 1 << 19
_PARTS = Struct("<I5x7s")
"""The parts of a digest that are kept: the number of a bucket, and what is in it."""


def fingerprint(types: Mapping[str, str], zone: str) -> str:
    """What the keys of a stream's rows depend on, besides the rows, as a short text.

    Args:
        types: The types of the fields that count for the key, by name.
        zone: The zone of the API's times, which the rows carry in UTC.
    """
    return xxh3_64_hexdigest(repr((sorted(types.items()), zone)).encode())


class RowKeys:
    """Gives the rows of one window their keys.

    Equal rows have equal times, so that they lie in one window, and only its rows have
    to be remembered.

    Args:
        project_id: The project that the rows belong to.
        stream: The stream that the rows belong to.
        constants: What all of these rows have in common besides.
        apart: The first field that does not count, nor do those behind it.
    """

    def __init__(
        self, project_id: int, stream: str, *constants: str, apart: str | None = None
    ) -> None:
        # Inside a text, the quotes would be escaped.
        self._apart = apart and f'"{apart}":'.encode()
        owner = "".join(f"{part}\0" for part in (project_id, stream, *constants))
        self._prefix = owner.encode() + b"{"
        self._seen = _Digests()
        self._counts: dict[bytes, int] = {}

    def of(self, lines: Sequence[bytes]) -> list[bytes]:
        """The keys of some rows, as hex digits.

        Args:
            lines: The JSON lines of the rows, without their opening braces.
        """
        prefix = self._prefix
        if self._apart:
            lines = [_before(self._apart, line) for line in lines]
        digests = [xxh3_128_digest(prefix + line) for line in lines]
        keys = list(map(hexlify, digests))
        known, repeated = self._seen.add(digests)
        for place, digest in enumerate(digests) if repeated else ():
            if digest in repeated:
                ordinal = self._counts.get(digest, int(digest in known))
                self._counts[digest] = ordinal + 1
                seeded = xxh3_128_hexdigest(prefix + lines[place], seed=ordinal)
                keys[place] = seeded.encode()
        return keys


class _Digests:
    """A set of digests that is fast while it is small, and small when it is large.

    Python's own set needs about 100 bytes for each. From a certain size on they are
    packed, which needs 10, and three times as long.
    """

    def __init__(self) -> None:
        self._few: set[bytes] = set()
        # Seven bytes of each, end to end, by 19 bits of the rest: so few in a bucket
        # that Python's own allocator has room for it (512 bytes), which wastes less.
        # A digest that seems to be known and is not, since it matches another or across
        # two of them, would give its row a key that depends on the order. Among 20
        # million rows, the chance of one is 1 in 20 million.
        self._many: list[bytes] = []

    def add(self, digests: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
        """Add some digests.

        Returns:
            Those that were there before; and all that are there more than once now.
        """
        new = set(digests)
        if self._many:
            known = self._add_to_many(new)
        else:
            known = self._few & new
            self._few |= new
            if len(self._few) > _FEW:
                self._many = [b""] * _BUCKETS
                self._add_to_many(self._few)
                self._few.clear()
        if len(new) == len(digests):
            return known, known
        return known, known | {d for d, n in Counter(digests).items() if n > 1}

    def _add_to_many(self, digests: Collection[bytes]) -> set[bytes]:
        """Add digests that differ from each other; those that were there before."""
        many, known = self._many, set()
        parts = _PARTS.iter_unpack(b"".join(digests))
        for digest, (number, part) in zip(digests, parts, strict=True):
            place = number % _BUCKETS
            bucket = many[place]
            if part in bucket:
                known.add(digest)
            else:
                many[place] = bucket + part
        return known


def _before(name: bytes, line: bytes) -> bytes:
    """The part of a line before a field, which is there even if it is null."""
    if line.startswith(name):
        return b"}"
    lasting, _, _ = line.partition(b"," + name)
    return lasting + b"}"
