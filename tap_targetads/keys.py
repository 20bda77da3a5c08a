r"""Row keys: a hash of what a row is, and of which of several equals it is.

The API gives rows no identity, so the tap makes one from their values. A key is
`xxh3_128(project \0 stream \0 line, seed=ordinal)` in hex, where `line` is the
compact JSON of the selected fields in alphabetical order, and `ordinal` counts the
equals before it. Attribution weights are left out of the line, at whose end they
would stand: they change while a path grows older, and what a row is does not.

Reading the same rows again, in any order and with any paging, gives the same set of
keys, and two equal rows stay two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_128_digest, xxh3_128_hexdigest

if TYPE_CHECKING:
    from collections.abc import Iterable


_BUCKETS = 1 << 16
_ONLY_WEIGHTS = b'{"Weight_'
_WEIGHTS = b',"Weight_'
"""Where the weights begin. Inside a text, the quote would be escaped."""


class RowKeys:
    """Gives the rows of one window their keys.

    Equal rows have equal times, so that they lie in one window. The memory is about
    20 bytes per row of the window; a window is one page or one day, whichever is
    larger.

    Args:
        project_id: The project that the rows belong to.
        stream: The stream that the rows belong to.
        constants: What all of these rows have in common besides.
        weights: Whether the rows may have attribution weights.
    """

    def __init__(
        self, project_id: int, stream: str, *constants: str, weights: bool = False
    ) -> None:
        """Start with no row seen."""
        self._weights = weights
        self._prefix = "".join(
            f"{part}\0" for part in (project_id, stream, *constants)
        ).encode()
        # Digests, end to end, by their first two bytes: a quarter of the memory that
        # a set of them would need. That 16 bytes match across two digests is no more
        # likely than that two digests are the same.
        self._seen = [b""] * _BUCKETS
        self._repeats: dict[bytes, int] = {}

    def of(self, lines: Iterable[bytes]) -> list[str]:
        """The keys of rows, given as their JSON lines."""
        prefix, seen = self._prefix, self._seen
        keys = []
        for line in map(_without_weights, lines) if self._weights else lines:
            what = prefix + line
            digest = xxh3_128_digest(what)
            bucket = digest[0] << 8 | digest[1]
            digests = seen[bucket]
            if digest in digests:
                keys.append(self._of_repeat(digest, what))
            else:
                seen[bucket] = digests + digest
                keys.append(digest.hex())
        return keys

    def _of_repeat(self, digest: bytes, what: bytes) -> str:
        ordinal = self._repeats[digest] = self._repeats.get(digest, 0) + 1
        return xxh3_128_hexdigest(what, seed=ordinal)


def _without_weights(line: bytes) -> bytes:
    if line.startswith(_ONLY_WEIGHTS):
        return b"{}"
    lasting, weights, _ = line.partition(_WEIGHTS)
    return lasting + b"}" if weights else line
