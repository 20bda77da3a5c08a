"""Makes pages of JSON out of rows, each row being serialised once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from tap_targetads.sandbox.lru import LruCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_targetads.sandbox.days import Part
    from tap_targetads.sandbox.dialect import Dialect
    from tap_targetads.sandbox.query import Query, Slice
    from tap_targetads.sandbox.rows import Value
    from tap_targetads.sandbox.world import World

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
        body = b"".join(_frame(query.fields, shown, count, more, dialect))
        return msgspec.json.format(body, indent=2) if dialect.pretty else body

    def _rows(self, query: Query, dialect: Dialect) -> Lines:
        """All rows of a query, in paging order."""
        places: list[float] = []
        rows: Lines = []
        for key, part, numbers in query.selections(self._world):
            lines = self._parts.get(
                (key, query.fields, dialect),
                partial(_serialise, part, query, dialect),
            )
            places += [part.places[number] for number in numbers]
            rows += [lines[number] for number in numbers]
        order = sorted(range(len(rows)), key=places.__getitem__)
        return [rows[number] for number in order]


def _serialise(part: Part, query: Query, dialect: Dialect) -> Lines:
    """The JSON of each row."""
    fields, columns = query.fields, query.columns
    form = _value_form(dialect)
    encode = msgspec.json.Encoder().encode
    lines = []
    for row in part.rows:
        values: Sequence[Value] = [row[column] for column in columns]
        if form is not None:
            values = list(map(form, values))
        lines.append(encode(_row_form(fields, values, dialect)))
    return lines


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


def _frame(
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
