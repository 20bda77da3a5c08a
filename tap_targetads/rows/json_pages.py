"""Pages of the synchronous reports: from the answer's bytes to typed rows.

Both shapes of the API reference (v1 reports) are read:
`{"data": [{…}], "count": …, "has_more": …}` and
`{"Rows": […], "Columns": […], "CountRows": …}`, whose rows are objects, or arrays in
the order of the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from tap_targetads.api.answers import Answer, MalformedAnswerError
from tap_targetads.rows.repairs import flattened, repaired
from tap_targetads.rows.row_type import Checked, Chunk, MissingColumnsError, RowType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_targetads.api.bodies import Body
    from tap_targetads.rows.row_type import Row

T = TypeVar("T")

CHUNK_ROWS = 250
"""Rows that are decoded, converted and encoded together.

So few that what is made of them fits into the processor's cache, and into memory that
is not given back in between: asking the system for it again costs a tenth of all time.
"""

_BOM = b"\xef\xbb\xbf"
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_REPAIRS = 2
"""How often JSON is repaired: one repair may show the need of the other."""


class _Answer(Answer, rename={"rows": "Rows", "columns": "Columns"}):
    """What a report answers, in either shape, with rows that are not decoded yet.

    Rows that are null are no rows: so some servers write an empty list.
    """

    data: list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    rows: msgspec.Raw = msgspec.Raw()  # whatever it is, if the rows are elsewhere
    columns: list[str | dict[str, Any]] | None = None
    has_more: bool | None = None
    count: int | None = None
    CountRows: int | None = None


class _Rows(msgspec.Struct, Generic[T]):
    """Some rows, with as much around them as in an answer: repairs look there."""

    data: list[T]


_answers = msgspec.json.Decoder(_Answer)
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw] | None)
_arrays = msgspec.json.Decoder(_Rows[list[Any]])
_objects = msgspec.json.Decoder(_Rows[dict[str, msgspec.Raw]])


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
        """The typed rows, a few at a time; at least one piece, if there are none.

        Raises:
            MalformedAnswerError: If something among them is no row.
        """
        for start in range(0, max(1, len(self.rows)), CHUNK_ROWS):
            rows = self.rows[start : start + CHUNK_ROWS]
            try:
                piece = self.decode(rows)
            except MalformedAnswerError as error:
                problem, _, _ = str(error).partition(" - at ")  # a place in the piece
                message = f"among rows {start + 1} to {start + len(rows)}: {problem}"
                raise MalformedAnswerError(message) from error
            yield piece

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
    except (OverflowError, RecursionError):  # they only look the same then
        return b""


class PageDecoder:
    """Decodes the pages of one stream.

    Args:
        row_type: The type of the rows.
        on_unselected: Told the names of fields that the API sends although they
            were not asked for, each name once.
    """

    def __init__(
        self, row_type: RowType, on_unselected: Callable[[Iterable[str]], None]
    ) -> None:
        """Expect values of their fields' types."""
        self.row_type = row_type
        self._on_unselected = on_unselected
        self._checked = Checked.TYPES
        self._decoders: dict[Checked, msgspec.json.Decoder[_Rows[Row]]] = {}

    def decode(self, body: Body) -> DecodedPage:
        """Decode an answer, but for the values in its rows.

        All of its syntax is checked: what is cut off, or broken anywhere, is noticed
        before the first row is delivered.

        Args:
            body: The whole body, UTF-8 JSON.

        Raises:
            MalformedAnswerError: If it is not the JSON of a report.
        """
        start = len(_BOM) if body[: len(_BOM)] == _BOM else 0
        answer = _decoded(body[start:], _answers.decode)
        page = self._page(answer)
        page.decode(page.rows[:1])  # an answer whose rows are all wrong is no answer
        return DecodedPage(answer, page)

    def _page(self, answer: _Answer) -> Page:
        rows = answer.data
        if not isinstance(rows, list) and bytes(answer.rows):
            rows = _decoded(bytes(answer.rows), _raw_rows.decode)
        if rows is msgspec.UNSET and not answer.is_error:
            message = "the answer has neither `data` nor `Rows`"
            raise MalformedAnswerError(message)
        rows = rows or []
        count = answer.count if answer.CountRows is None else answer.CountRows
        if rows and bytes(rows[0]).startswith(b"["):
            from_arrays = self._from_arrays(answer.columns or [])
            return Page(rows, answer.has_more, count, from_arrays)
        return Page(rows, answer.has_more, count, self._from_objects)

    def _from_objects(self, rows: Sequence[msgspec.Raw]) -> Chunk:
        checked, body = self._checked, _around(rows)
        try:
            return self._typed(body)
        except _UNREADABLE as error:
            self._checked = checked
            piece = _repaired(body, self._typed, error)
            # What a repair makes of rows does not tell how the next ones are.
            self._checked = checked
            return piece

    def _typed(self, body: Body) -> Chunk:
        """Decode rows as strictly as possible, and remember how strictly that was.

        Values of their fields' types are the rule, and checked for free by the decoder.
        An API that sends numbers as texts, or empty texts, gets a slower way from then
        on, and a still slower one if it sends numbers for texts.
        """
        try:
            rows = self._decoder.decode(body).data
        except msgspec.ValidationError:
            if self._checked is not Checked.NOTHING:
                self._checked = Checked(self._checked - 1)
            elif self._ignore_unselected(_names_in(body)):
                self._checked = Checked.TYPES
            else:
                raise
            return self._typed(body)
        self.row_type.drop_ignored(rows)
        return Chunk(rows, self._checked)

    @property
    def _decoder(self) -> msgspec.json.Decoder[_Rows[Row]]:
        checked = self._checked
        if checked not in self._decoders:
            row = self.row_type.checking(checked)
            self._decoders[checked] = msgspec.json.Decoder(_Rows[row])  # type: ignore[valid-type]
        return self._decoders[checked]

    def _ignore_unselected(self, names: Iterable[str]) -> bool:
        """Accept fields that nobody selected; tell whether there were new ones."""
        known = {*self.row_type.names, *self.row_type.ignored}
        news = sorted(set(names) - known)
        if news:
            self._on_unselected(news)
            self.row_type = RowType(
                self.row_type.types, [*self.row_type.ignored, *news]
            )
            self._decoders.clear()
        return bool(news)

    def _from_arrays(
        self, columns: Sequence[str | dict[str, Any]]
    ) -> Callable[[Sequence[msgspec.Raw]], Chunk]:
        """What makes typed rows of arrays in the order of the columns."""
        names = [_column_name(column) for column in columns]
        self._ignore_unselected(names)
        try:
            make = self.row_type.from_arrays(names)
        except MissingColumnsError as error:
            raise MalformedAnswerError(str(error)) from error
        return partial(_typed_arrays, make, len(names))


@dataclass(slots=True)
class DecodedPage:
    """A decoded answer: its errors, if any, and its page."""

    reply: Answer
    page: Page


def _typed_arrays(
    make: Callable[[Sequence[Any]], Row], width: int, rows: Sequence[msgspec.Raw]
) -> Chunk:
    arrays = _decoded(_around(rows), _arrays.decode).data
    if any(len(array) != width for array in arrays):
        message = f"a row has not as many values as there are columns ({width})"
        raise MalformedAnswerError(message)
    return Chunk([make(array) for array in arrays])


def _around(rows: Sequence[msgspec.Raw]) -> bytes:
    return b'{"data":[' + b",".join(rows) + b"]}"


def _decoded(body: Body, decode: Callable[[Body], T]) -> T:
    """Decode JSON, after repairs if it cannot be decoded as it is.

    Raises:
        MalformedAnswerError: If no repair helps.
    """
    try:
        return decode(body)
    except _UNREADABLE as error:
        return _repaired(bytes(body), decode, error)


def _repaired(
    body: bytes, decode: Callable[[Body], T], error: Exception, left: int = _REPAIRS
) -> T:
    better = repaired(body) if left else body
    if left and isinstance(error, RecursionError):
        better = flattened(better)
    if better == body:
        raise MalformedAnswerError(str(error)) from error
    try:
        return decode(better)
    except _UNREADABLE as another:
        return _repaired(better, decode, another, left - 1)


def _names_in(body: Body) -> set[str]:
    """All names of fields in rows."""
    return set().union(*_objects.decode(body).data)


def _column_name(column: str | dict[str, Any]) -> str:
    """The name of a column: a string, or an object that holds it."""
    if isinstance(column, str):
        return column
    for key in ("Name", "name", "Field"):
        if isinstance(column.get(key), str):
            return str(column[key])
    message = f"a column has no name: {column}"
    raise MalformedAnswerError(message)
