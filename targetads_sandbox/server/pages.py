"""Builds pages of JSON from rows, serialising each row once per query."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from targetads_sandbox.server.packed import Packed, pack
from targetads_sandbox.world.aggregate import AggregateQuery
from targetads_sandbox.world.lru import LruCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from random import Random

    from targetads_sandbox.dialect import Dialect
    from targetads_sandbox.world.query import Query, Slice
    from targetads_sandbox.world.rows import Row, Value
    from targetads_sandbox.world.world import World

_CACHED_BYTES = 96 << 20
_MANY_ROWS = 50_000
"""Larger results are built one at a time.

Several would need the memory of all, and none would be ready sooner.
"""


_SEEN_NAMES = {"PartOfGIVT": "PartOfGivt"}
"""How columns are called in responses, where not as in requests."""


class Page(NamedTuple):
    """The body of a response, built while it is sent: `length` bytes, iterable once."""

    length: int
    pieces: Iterable[bytes]


class Wrong(NamedTuple):
    """What is wrong with a page.

    Attributes:
        more: What to say about further rows, in every dialect; the truth if None.
        short: Leave out half of the rows and all that follow, but count them.
        shuffle: Shuffles all rows of the query first.
        ties: Sorts them by time, and shuffles those of the same time.
    """

    more: bool | None = None
    short: bool = False
    shuffle: Random | None = None
    ties: Random | None = None


RIGHT = Wrong()


class Pages:
    """Answers queries of one world, from any thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._alone = threading.Lock()
        self._results = LruCache[Packed](_CACHED_BYTES, lambda rows: rows.weight)

    def page(
        self,
        query: Query,
        page: Slice,
        dialect: Dialect,
        wrong: Wrong = RIGHT,
    ) -> Page:
        """The body of a response: a page of a query's rows, right or `wrong`."""
        if wrong.ties is None or query.time is None:
            key = query, dialect, self._world.edition
            rows = self._results.get(key, partial(self._rows, query, dialect))
        else:
            rows = self._rows(query, dialect, wrong.ties)
        if wrong.shuffle is not None:
            rows = rows.shuffled(wrong.shuffle)
        stop = min(page.offset + page.limit, rows.count)
        start = min(page.offset, stop)
        count = stop - start if dialect.count == "page" else rows.count
        more = wrong.more
        if more is None and dialect.has_more:
            more = stop < rows.count and not wrong.short
        if wrong.short:
            stop -= (stop - start + 1) // 2
        head, tail = _frame(_names(query, dialect), count, more, dialect)
        pieces = _around(head, rows.pieces(start, stop), tail)
        if dialect.pretty:
            body = msgspec.json.format(b"".join(pieces), indent=2)
            return Page(len(body), [body])
        return Page(len(head) + rows.length(start, stop) + len(tail), pieces)

    def _rows(
        self, query: Query, dialect: Dialect, ties: Random | None = None
    ) -> Packed:
        """All rows of a query, in paging order, or by time and otherwise by chance."""
        places: list[float] = []
        rows: list[Row] = []
        with ExitStack() as held:
            for part, numbers in query.selections(self._world):
                if len(rows) <= _MANY_ROWS < len(rows) + len(numbers):
                    held.enter_context(self._alone)
                places += [part.places[number] for number in numbers]
                rows += [part.rows[number] for number in numbers]
            order = sorted(range(len(rows)), key=places.__getitem__)
            if ties is not None and query.time is not None:
                time, draw = query.time, ties.random
                order.sort(key=lambda number: (str(rows[number][time]), draw()))
            return pack(_serialised((rows[n] for n in order), query, dialect))


def _around(head: bytes, pieces: Iterable[bytes], tail: bytes) -> Iterator[bytes]:
    yield head
    yield from pieces
    yield tail


def _serialised(rows: Iterable[Row], query: Query, dialect: Dialect) -> Iterator[bytes]:
    """The JSON of each row."""
    fields, columns = _names(query, dialect), query.columns
    form = _value_form(dialect)
    # Null and empty names are two groups.
    kept = len(query.dimensions) if isinstance(query, AggregateQuery) else 0
    encode = msgspec.json.Encoder().encode
    for row in rows:
        values: Sequence[Value] = [row[column] for column in columns]
        if form is not None:
            values = [*values[:kept], *map(form, values[kept:])]
        yield encode(_row_form(fields, values, dialect))


def _names(query: Query, dialect: Dialect) -> Sequence[str]:
    """The names of the columns in the response."""
    if dialect.column_names == "asked":
        return query.fields
    return [_SEEN_NAMES.get(name, name) for name in query.fields]


def _row_form(
    fields: Sequence[str], values: Sequence[Value], dialect: Dialect
) -> Sequence[Value] | dict[str, Value]:
    if dialect.shape == "rows_arrays":
        return values
    pairs = zip(fields, values, strict=True)
    if dialect.omit_empty:
        return {name: value for name, value in pairs if value not in {None, ""}}
    return dict(pairs)


def _value_form(dialect: Dialect) -> Callable[[Value], Value] | None:
    """How a dialect changes values; None if it keeps them."""
    if dialect.numbers == "numbers" and dialect.nulls == "null":
        return None
    as_text = dialect.numbers == "strings"
    missing = "" if dialect.nulls == "empty" else None

    def form(value: Value) -> Value:
        if value is None:
            return missing
        if as_text and isinstance(value, (int, float)) and not isinstance(value, bool):
            return repr(value)
        return value

    return form


def _frame(
    fields: Sequence[str],
    count: int,
    more: bool | None,  # noqa: FBT001
    dialect: Dialect,
) -> tuple[bytes, bytes]:
    """What comes before and after the rows of a response."""
    if dialect.shape == "data":
        head, tail = b'{"data":[', b'],"count":%d' % count
    else:
        columns: Sequence[str] | list[dict[str, str]] = fields
        if dialect.columns == "objects":
            columns = [{"Name": name} for name in fields]
        head = b'{"Columns":%b,"CountRows":%d' % (msgspec.json.encode(columns), count)
        head, tail = head + b',"Rows":[', b"]"
    if more is not None:
        tail += b',"has_more":%b' % (b"true" if more else b"false")
    return head, tail + b"}"
