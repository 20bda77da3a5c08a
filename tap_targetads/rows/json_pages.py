"""Pages of the synchronous reports: from the answer's bytes to typed rows.

Both shapes of the API reference (v1 reports) are read:
`{"data": [{…}], "count": …, "has_more": …}` and
`{"Rows": […], "Columns": […], "CountRows": …}`, whose rows are objects, or arrays in
the order of the columns.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from tap_targetads.api.answers import Answer, MalformedAnswerError
from tap_targetads.rows.odd_bytes import REPLACE, replaced
from tap_targetads.rows.row_type import Chunk, RowType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_targetads.api.answers import Body
    from tap_targetads.rows.row_type import Row

T = TypeVar("T")

CHUNK_ROWS = 250
"""Rows that are decoded, converted and encoded together.

So few that what is made of them fits into the processor's cache, and into memory that
is not given back in between: asking the system for it again costs a tenth of all time.
"""

_UNREADABLE = (msgspec.DecodeError, RecursionError, ValueError)

_HALF_PAIRS = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
"""Escaped halves of surrogate pairs; the group matches whole pairs and backslashes."""


class _Answer(Answer, rename={"rows": "Rows", "columns": "Columns"}):
    """What a report answers, in either shape, with rows that are not decoded yet.

    Rows that are null are no rows: so some servers write an empty list.
    """

    data: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    # A number, if the rows are in `data`.
    rows: list[msgspec.Raw] | msgspec.UnsetType | float | None = msgspec.UNSET
    columns: list[str | dict[str, Any]] | None = None
    has_more: bool | Literal[""] | None = None
    count: int | Literal[""] | None = None
    CountRows: int | Literal[""] | None = None


_answers = msgspec.json.Decoder(_Answer, strict=False)  # numbers may be texts
_envelopes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_arrays = msgspec.json.Decoder(list[list[Any]])
_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_items = msgspec.json.Decoder(list[dict[str, Any]])


@dataclass(slots=True)
class Page:
    """One page of rows.

    Attributes:
        rows: The rows as they came, in the server's order.
        has_more: Whether more rows follow; None if the server does not say.
        count: What the server counted: the rows of the page, or all that match.
        decode: Makes typed rows of some of them; by default, they are typed.
    """

    rows: Sequence[Any]
    has_more: bool | None = None
    count: int | None = None
    decode: Callable[[Sequence[Any]], Chunk] = Chunk

    def chunks(self) -> Iterator[Chunk]:
        """The typed rows, a few at a time; at least one chunk, even of none.

        Raises:
            MalformedAnswerError: If something among them is no row.
        """
        for start in range(0, max(1, len(self.rows)), CHUNK_ROWS):
            rows = self.rows[start : start + CHUNK_ROWS]
            replaced.take()
            try:
                chunk = self.decode(rows)
            except MalformedAnswerError as error:
                problem, _, _ = str(error).partition(" - at ")  # a place in the chunk
                message = f"among rows {start + 1} to {start + len(rows)}: {problem}"
                raise MalformedAnswerError(message) from error
            yield chunk._replace(replaced=replaced.take())

    def lines(self, rows: Sequence[Any]) -> list[bytes]:
        """What rows have in common that are equal, however the server wrote them.

        Args:
            rows: Some rows of the page.

        Raises:
            MalformedAnswerError: If something among them is no row.
        """
        return [_line(row) for row in self.decode(rows).rows]


def _line(row: Row) -> bytes:
    try:
        return msgspec.json.encode(row)
    except RecursionError:  # they only look the same then
        return b""


@dataclass(slots=True)
class DecodedPage:
    """A decoded answer: its errors, if any, and its page."""

    reply: Answer
    page: Page


class PageDecoder:
    """Decodes the pages of one stream.

    Args:
        row_type: The type of the rows.
        on_unselected: Called with the names of fields that the API sends although
            they were not asked for, each name once. Of objects, only the first 250 rows
            of a page are looked at.
    """

    def __init__(
        self, row_type: RowType, on_unselected: Callable[[Iterable[str]], None]
    ) -> None:
        self.row_type = row_type
        self._on_unselected = on_unselected
        self._known = set(row_type.names)
        self._strict = msgspec.json.Decoder(list[row_type.strict])  # type: ignore[name-defined]
        self._lenient = msgspec.json.Decoder(list[row_type.lenient])  # type: ignore[name-defined]

    def decode(self, body: Body) -> DecodedPage:
        """Decode an answer, but for the values in its rows.

        All of its syntax is checked: what is cut off, or broken anywhere, is noticed
        before the first row is delivered.

        Args:
            body: The whole body, UTF-8 JSON.

        Raises:
            MalformedAnswerError: If it is not the JSON of a report.
        """
        answer = _decoded(body, _answers.decode)
        page = self._page(answer, body)
        page.decode(page.rows[:1])  # an answer whose rows are all wrong is no answer
        return DecodedPage(answer, page)

    def _page(self, answer: _Answer, body: Body) -> Page:
        lists = [p for p in (answer.data, answer.rows) if isinstance(p, list | None)]
        if not lists and not answer.is_error:
            keys = ", ".join(_decoded(body, _envelopes.decode)) or "none"
            message = (
                "the answer has rows neither under `data` nor under `Rows`. Its keys: "
                f"{keys}."
            )
            raise MalformedAnswerError(message)
        rows = next(filter(None, lists), [])
        counts = (answer.CountRows, answer.count)
        count = next((c for c in counts if isinstance(c, int)), None)
        more = answer.has_more if isinstance(answer.has_more, bool) else None
        if rows and bytes(rows[0]).startswith(b"["):
            columns = [_column_name(column) for column in answer.columns or []]
            names = self.row_type.matched(columns)
            if missing := self.row_type.missing_from(names):
                message = f"the answer lacks the columns {missing}"
                raise MalformedAnswerError(message)
            page = Page(rows, more, count, partial(self._of_arrays, names))
        else:
            columns = _names_in(rows[:CHUNK_ROWS])
            names = self.row_type.matched(columns)
            decode = self._of_objects
            if names != columns:
                decode = partial(self._renamed, dict(zip(columns, names, strict=True)))
            page = Page(rows, more, count, decode)
        if unselected := set(names) - self._known:
            self._known |= unselected
            self._on_unselected(sorted(unselected))
        return page

    def _of_objects(self, rows: Sequence[msgspec.Raw]) -> Chunk:
        """Typed rows of objects: most have values of their fields' types only."""
        body = _joined(rows)
        try:
            return Chunk(self._strict.decode(body), checked=True)
        except _UNREADABLE:
            return Chunk(_decoded(body, self._lenient.decode))

    def _renamed(self, fields: Mapping[str, str], rows: Sequence[msgspec.Raw]) -> Chunk:
        """Typed rows of objects whose names have another case."""
        items = _decoded(_joined(rows), _items.decode)
        return Chunk(
            [
                self.row_type.from_item({fields.get(n, n): v for n, v in item.items()})
                for item in items
            ]
        )

    def _of_arrays(self, names: Sequence[str], rows: Sequence[msgspec.Raw]) -> Chunk:
        """Typed rows of arrays in the order of these columns."""
        arrays = _decoded(_joined(rows), _arrays.decode)
        if any(len(array) != len(names) for array in arrays):
            message = (
                f"a row has not as many values as there are columns ({len(names)})"
            )
            raise MalformedAnswerError(message)
        return Chunk(self.row_type.from_table(self.row_type.table(names, arrays)))


def _joined(rows: Sequence[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


def _names_in(rows: Sequence[msgspec.Raw]) -> list[str]:
    """The names of fields in rows; none if one is no object: that is an error later."""
    try:
        return list(set().union(*_decoded(_joined(rows), _objects.decode)))
    except MalformedAnswerError:
        return []


def _column_name(column: str | dict[str, Any]) -> str:
    """The name of a column: a string, or an object that holds it."""
    if isinstance(column, str):
        return column
    for key in ("Name", "name", "Field"):
        if isinstance(column.get(key), str):
            return str(column[key])
    message = f"a column has no name: {column}"
    raise MalformedAnswerError(message)


def _decoded(body: Body, decode: Callable[[Body], T]) -> T:
    """Decode JSON, again without what msgspec refuses if need be.

    Raises:
        MalformedAnswerError: If it is not JSON, or of other types.
    """
    try:
        return decode(body)
    except _UNREADABLE as error:
        try:
            return decode(_readable(body))
        except _UNREADABLE:
            raise MalformedAnswerError(str(error)) from error


def _readable(body: Body) -> bytes:
    """The same JSON as msgspec reads it (decision 11).

    Bytes that are no UTF-8, and halves of surrogate pairs, become U+FFFD. Numbers
    beyond all range, and words like `NaN`, become texts, as in CSV. A BOM is dropped.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested too deep.
    """
    text = str(body, "utf-8-sig", REPLACE)
    text = _HALF_PAIRS.sub(lambda match: match[1] or r"\ufffd", text)
    value = json.loads(
        text,
        # Rows are encoded again at once: dictionaries of a whole page take much memory.
        object_hook=lambda item: msgspec.Raw(msgspec.json.encode(item)),
        parse_constant=str,
        parse_float=_number,
        parse_int=_number,
    )
    return msgspec.json.encode(value)


def _number(digits: str) -> msgspec.Raw | str:
    return msgspec.Raw(digits.encode()) if math.isfinite(float(digits)) else digits
