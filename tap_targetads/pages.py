"""Pages of the synchronous reports: from the answer's bytes to typed rows.

Both shapes of the API reference (v1 reports) are read:
`{"data": [{…}], "count": …, "has_more": …}` and
`{"Rows": […], "Columns": […], "CountRows": …}`, whose rows are objects, or arrays in
the order of the columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from tap_targetads.answers import MalformedAnswerError, Reply
from tap_targetads.repairs import flattened, repaired
from tap_targetads.rows import Checked, MissingColumnsError, RowType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_targetads.rows import Row

RowT = TypeVar("RowT")

PIECE_ROWS = 250
"""Rows that are converted and encoded together.

So few that what is made of them fits into the processor's cache, and into memory that
is not given back in between: asking the system for it again costs a tenth of all time.
"""

_BOM = b"\xef\xbb\xbf"
_ROWS_ARE_OBJECTS = re.compile(rb"\s*\[\s*\{")
_REPAIRS = 2
"""How often an answer is repaired: one repair may show the need of the other."""


class _Answer(Reply, Generic[RowT], rename={"rows": "Rows", "columns": "Columns"}):
    """What a report answers, in either shape.

    Rows that are null are no rows: so some servers write an empty list.
    """

    data: list[RowT] | msgspec.UnsetType | None = msgspec.UNSET
    rows: msgspec.Raw = msgspec.Raw()
    columns: list[str | dict[str, Any]] | None = None
    has_more: bool | None = None
    count: int | None = None
    CountRows: int | None = None


@dataclass(slots=True)
class Page:
    """One page of rows.

    Attributes:
        rows: The rows, in the server's order.
        has_more: Whether more rows follow; None if the server does not say.
        count: What the server counted: the rows of the page, or all that match.
        checked: What is known of the values.
    """

    rows: Sequence[Row]
    has_more: bool | None = None
    count: int | None = None
    checked: Checked = Checked.NOTHING

    def pieces(self) -> Iterator[Page]:
        """The rows, a few at a time; at least one piece, if they are none.

        What is done to a few rows finds them still in the processor's cache.
        """
        for start in range(0, max(1, len(self.rows)), PIECE_ROWS):
            rows = self.rows[start : start + PIECE_ROWS]
            yield Page(rows, self.has_more, self.count, self.checked)


def raw_lines(rows: Sequence[Row]) -> list[bytes]:
    """What rows have in common that are equal, as they came."""
    return [_raw_line(row) for row in rows]


def _raw_line(row: Row) -> bytes:
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
        """Create the decoder."""
        self._on_unselected = on_unselected
        self._checked = Checked.TYPES
        self._use(row_type, self._checked)

    def _use(self, row_type: RowType, checked: Checked) -> None:
        self.row_type = row_type
        self._checked = checked
        self._decoder = msgspec.json.Decoder(_Answer[row_type.checking(checked)])  # type: ignore[misc]

    def decode(self, body: bytes) -> Answered:
        """Decode the bytes of an answer.

        Args:
            body: The whole body, UTF-8 JSON.

        Raises:
            MalformedAnswerError: If it is not the JSON of a report.
        """
        return self._decode(body.removeprefix(_BOM), _REPAIRS)

    def _decode(self, body: bytes, repairs: int) -> Answered:
        """Decode an answer, after repairs if it cannot be decoded as it is."""
        checked = self._checked
        try:
            return self._answered(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._use(self.row_type, checked)
            better = repaired(body) if repairs else body
            if repairs and isinstance(error, RecursionError):
                better = flattened(better)
            if better == body:
                raise MalformedAnswerError(str(error)) from error
        answered = self._decode(better, repairs - 1)
        # What a repair makes of an answer does not tell how the next one is.
        self._use(self.row_type, checked)
        return answered

    def _answered(self, body: bytes) -> Answered:
        answer = self._decode_answer(body)
        page = self._page(answer)
        self.row_type.drop_ignored(page.rows)
        return Answered(answer, page)

    def _decode_answer(self, body: bytes) -> _Answer[Row]:
        """Decode as strictly as possible, and remember how strictly that was.

        Values of their fields' types are the rule, and checked for free by the decoder.
        An API that sends numbers as texts, or empty texts, gets a slower way from then
        on, and a still slower one if it sends numbers for texts.
        """
        try:
            answer: _Answer[Row] = self._decoder.decode(body)
        except msgspec.ValidationError:
            if self._checked is not Checked.NOTHING:
                self._use(self.row_type, Checked(self._checked - 1))
            elif self._ignore_unselected(_names_in(body)):
                self._use(self.row_type, Checked.TYPES)
            else:
                raise
            return self._decode_answer(body)
        return answer

    def _ignore_unselected(self, names: Iterable[str]) -> bool:
        """Accept fields that nobody selected; tell whether there were new ones."""
        known = {*self.row_type.names, *self.row_type.ignored}
        news = sorted(set(names) - known)
        if news:
            self._on_unselected(news)
            row_type = RowType(self.row_type.types, [*self.row_type.ignored, *news])
            self._use(row_type, self._checked)
        return bool(news)

    def _page(self, answer: _Answer[Row]) -> Page:
        in_rows = answer.data is None and bytes(answer.rows)
        if answer.data is not msgspec.UNSET and not in_rows:
            rows = answer.data or []
            return Page(rows, answer.has_more, answer.count, self._checked)
        if not bytes(answer.rows):
            if answer.is_error:
                return Page([])
            message = "the answer has neither `data` nor `Rows`"
            raise MalformedAnswerError(message)
        found, checked = self._rows(answer.rows, answer.columns or [])
        count = answer.count if answer.CountRows is None else answer.CountRows
        return Page(found, answer.has_more, count, checked)

    def _rows(
        self, raw: msgspec.Raw, columns: Sequence[str | dict[str, Any]]
    ) -> tuple[Sequence[Row], Checked]:
        """Rows under `Rows`: objects, or arrays in the order of the columns."""
        body = bytes(raw)
        if body.startswith(b"null"):
            return [], Checked.NOTHING
        if not _ROWS_ARE_OBJECTS.match(body):
            arrays = msgspec.json.decode(body, type=list[list[Any]])
            return self._from_arrays(arrays, columns), Checked.NOTHING
        # Wrapped as `data`, objects take the same way as the other shape's.
        answer = self._decode_answer(b'{"data":' + body + b"}")
        return answer.data or [], self._checked

    def _from_arrays(
        self, arrays: list[list[Any]], columns: Sequence[str | dict[str, Any]]
    ) -> list[Row]:
        if not arrays:
            return []
        names = [_column_name(column) for column in columns]
        if any(len(array) != len(names) for array in arrays):
            message = (
                f"a row has not as many values as there are columns ({len(names)})"
            )
            raise MalformedAnswerError(message)
        self._ignore_unselected(names)
        try:
            make = self.row_type.from_arrays(names)
        except MissingColumnsError as error:
            raise MalformedAnswerError(str(error)) from error
        return [make(array) for array in arrays]


@dataclass(slots=True)
class Answered:
    """A decoded answer: its errors, if any, and its page."""

    reply: Reply
    page: Page


def _names_in(body: bytes) -> set[str]:
    """All names of fields in the rows of an answer, whatever its shape."""
    answer = msgspec.json.decode(body, type=_Answer[dict[str, msgspec.Raw]])
    return set().union(*(answer.data or []))


def _column_name(column: str | dict[str, Any]) -> str:
    """The name of a column: a string, or an object that holds it."""
    if isinstance(column, str):
        return column
    for key in ("Name", "name", "Field"):
        if isinstance(column.get(key), str):
            return str(column[key])
    message = f"a column has no name: {column}"
    raise MalformedAnswerError(message)
