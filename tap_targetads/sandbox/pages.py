"""Makes pages of JSON out of rows, each row being serialised once."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tap_targetads.sandbox.lru import LruCache
from tap_targetads.sandbox.rows import COLUMNS, PLACEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.sandbox.dialect import Dialect
    from tap_targetads.sandbox.query import Query, Slice
    from tap_targetads.sandbox.rows import Row, Value
    from tap_targetads.sandbox.world import Part, World

Lines: TypeAlias = "list[bytes]"
"""The JSON of rows, one element for each."""

_CACHED_BYTES = 512 << 20
_CACHED_ROWS = 2_000_000


class Pages:
    """Answers queries of one world.

    Args:
        world: Where the rows are.
    """

    def __init__(self, world: World) -> None:
        """Begin with empty caches."""
        self._world = world
        self._parts = LruCache[Lines](_CACHED_BYTES, lambda rows: sum(map(len, rows)))
        self._results = LruCache[Lines](_CACHED_ROWS, len)

    def page(
        self, query: Query, page: Slice, dialect: Dialect, *, more: bool | None = None
    ) -> bytes:
        """The body of an answer.

        Args:
            query: Which rows.
            page: Which of them.
            dialect: The form of the answer.
            more: What to say instead of the truth about further rows, in every
                dialect; the truth, if None.
        """
        edition = self._world.edition
        rows = self._results.get(
            (query, dialect, edition), partial(self._rows, query, dialect)
        )
        shown = rows[page.offset : page.offset + page.limit]
        count = len(shown) if dialect.count == "page" else len(rows)
        if more is None and dialect.has_more:
            more = page.offset + len(shown) < len(rows)
        body = b"".join(frame(query.fields, shown, count, more, dialect))
        return msgspec.json.format(body, indent=2) if dialect.pretty else body

    def raw_rows(self, query: Query) -> Iterator[Row]:
        """The rows of a query as they are, in no particular order."""
        for ordinal in range(query.start.toordinal(), query.end.toordinal() + 1):
            day = self._world.day(query.project_id, date.fromordinal(ordinal))
            for kind in query.types or day.parts:
                part = day.parts.get(kind)
                if part is not None:
                    for number in _chosen(part, query.placements):
                        yield part.rows[number]

    def _rows(self, query: Query, dialect: Dialect) -> Lines:
        """All rows of a query, in paging order."""
        places: list[float] = []
        rows: Lines = []
        for ordinal in range(query.start.toordinal(), query.end.toordinal() + 1):
            day = self._world.day(query.project_id, date.fromordinal(ordinal))
            for kind in query.types or day.parts:
                part = day.parts.get(kind)
                if part is not None:
                    key = (query.project_id, ordinal, kind, day.edition)
                    lines = self._parts.get(
                        (*key, query.fields, dialect),
                        partial(_serialise, part, query.fields, dialect),
                    )
                    chosen = _chosen(part, query.placements)
                    places += [part.places[number] for number in chosen]
                    rows += [lines[number] for number in chosen]
        order = sorted(range(len(rows)), key=places.__getitem__)
        return [rows[number] for number in order]


def _chosen(part: Part, placements: frozenset[int] | None) -> Sequence[int]:
    """The numbers of the rows that belong to certain media campaigns."""
    if placements is None:
        return range(len(part.rows))
    return [n for n, row in enumerate(part.rows) if row[PLACEMENT] in placements]


def _serialise(part: Part, fields: Sequence[str], dialect: Dialect) -> Lines:
    """The JSON of each row."""
    columns = [COLUMNS.index(name) for name in fields]
    form = value_form(dialect)
    encode = msgspec.json.Encoder().encode
    lines = []
    for row in part.rows:
        values: Sequence[Value] = [row[column] for column in columns]
        if form is not None:
            values = list(map(form, values))
        lines.append(encode(row_form(fields, values, dialect)))
    return lines


def row_form(
    fields: Sequence[str], values: Sequence[Value], dialect: Dialect
) -> Sequence[Value] | dict[str, Value]:
    """A row as a dialect has it: an object, or an array."""
    if dialect.shape == "rows_arrays":
        return values
    pairs = zip(fields, values, strict=True)
    if dialect.omit_empty:
        return {name: value for name, value in pairs if value not in {None, ""}}
    return dict(pairs)


def value_form(dialect: Dialect) -> Callable[[Value], Value] | None:
    """How a dialect changes values; None if it leaves them as they are."""
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


def frame(
    fields: Sequence[str],
    rows: Lines,
    count: int,
    more: bool | None,  # noqa: FBT001
    dialect: Dialect,
) -> Iterator[bytes]:
    """The pieces of an answer around its rows, and the rows.

    A piece is yielded as a whole, because joining the rows is most of the work.
    """
    documented = dialect.shape == "data"
    yield b'{"data":[' if documented else b'{"Rows":['
    yield b",".join(rows)
    if documented:
        yield b'],"count":%d' % count
    else:
        columns: Sequence[str] | list[dict[str, str]] = fields
        if dialect.columns == "objects":
            columns = [{"Name": name} for name in fields]
        yield b'],"Columns":%b,"CountRows":%d' % (msgspec.json.encode(columns), count)
    if more is not None:
        yield b',"has_more":%b' % (b"true" if more else b"false")
    yield b"}"
