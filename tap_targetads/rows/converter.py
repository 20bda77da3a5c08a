"""Converts the values of rows, many at a time, column by column."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import DataError
from tap_targetads.rows.row_type import Checked
from tap_targetads.rows.values import NATIVE_TYPES, NO_VALUE

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_targetads.reports.fields import Field, FieldType
    from tap_targetads.rows.row_type import Row, RowType, Table

_SHOWN_VALUE = 80


@dataclass(frozen=True, slots=True)
class _Column:
    """One selected field, and how its values become what the schema promises.

    Attributes:
        field: The field.
        attribute: Its attribute of the rows.
        get: Reads it.
        convert: Converts a value.
        convert_all: Converts many texts, if there is a faster way for that.
        native: The types of values that need no conversion.
        checked: The same where the decoder has checked the texts.
        needed: Whether null is an error.
    """

    field: Field
    attribute: str
    get: Callable[[Row], Any]
    convert: Callable[[Any], Any]
    convert_all: Callable[[Sequence[str]], list[str]] | None
    native: frozenset[type]
    checked: frozenset[type]
    needed: bool

    def is_settled(self, checked: Checked) -> bool:
        """Whether a decoder that checked so much leaves nothing to do."""
        is_time = self.field.type in {"date", "date-time"}
        return checked is Checked.TYPES and not (is_time or self.needed)


class RowConverter:
    """Converts the columns of a page: in place, or before there are rows.

    Args:
        stream: Name of the stream, for error lines.
        fields: The selected fields.
        row_type: The type of the rows.
        conversions: The conversion for each field type.
        needed: Fields in which null is an error, whatever `null_bad_values` says.
        day_field: The field that tells the day of a row, for error lines.
        null_bad_values: Write null for a value that cannot be converted, instead of
            stopping.
    """

    def __init__(  # noqa: PLR0913
        self,
        stream: str,
        fields: Iterable[Field],
        row_type: RowType,
        conversions: Mapping[FieldType, Callable[[Any], Any]],
        *,
        needed: Collection[str] = (),
        day_field: str | None = None,
        null_bad_values: bool,
    ) -> None:
        """Prepare one column per field."""
        self._stream = stream
        self._null_bad_values = null_bad_values
        self._row_type = row_type
        attributes = row_type.attributes
        self._columns = []
        for field in fields:
            native = NATIVE_TYPES[field.type]
            if field.name in needed:
                native -= {type(None)}
            self._columns.append(
                _Column(
                    field,
                    attributes[field.name],
                    attrgetter(attributes[field.name]),
                    conversions[field.type],
                    getattr(conversions[field.type], "all", None),
                    native,
                    native | {int} if field.type == "integer" else native,
                    field.name in needed,
                )
            )
        self._day = attrgetter(attributes[day_field]) if day_field else None
        self.bad_values: Counter[str] = Counter()
        """How many values became null because they could not be converted."""

    def convert(self, rows: Sequence[Row], checked: Checked) -> None:
        """Give every value of the rows its field's type.

        Args:
            rows: Rows that were decoded together.
            checked: What the decoder has made sure of.

        Raises:
            DataError: If a value cannot be converted, and must not become null.
        """
        for column in self._columns:
            if column.is_settled(checked):
                continue
            values = list(map(column.get, rows))
            if checked is not Checked.TEXTS or column.field.type != "string":
                native = column.checked if checked else column.native
                types = set(map(type, values))
                if not native.issuperset(types):
                    if types != {str} or not _convert_all(column, rows, values):
                        self._convert_column(column, native, rows, values)
                    continue
            if "" in values:
                self._convert_column(column, column.native, rows, values)

    def rows_of(self, table: Table) -> list[Row]:
        """Make rows of texts, and give every value its field's type.

        Each text of a column is converted once, however often it is there.

        Args:
            table: The texts.

        Raises:
            DataError: If a value cannot be converted, and must not become null.
        """
        columns: dict[str, Sequence[Any]] = dict(table.columns)
        with_bad_values = []
        for column in self._columns:
            texts = table.columns[column.field.name]
            if column.field.type == "string":
                columns[column.field.name] = _with_nulls(texts)
                continue
            try:
                columns[column.field.name] = _converted(column, texts)
            except (TypeError, ValueError):
                with_bad_values.append((column, texts))
        rows = self._row_type.from_columns(columns, table.length)
        for column, texts in with_bad_values:
            self._convert_column(column, column.native, rows, texts)
        return rows

    def report_bad_values(self, logger: logging.Logger) -> None:
        """Tell how many values became null since the last time, and forget them."""
        for name, count in sorted(self.bad_values.items()):
            logger.warning(
                "Stream %s: %d values of %s could not be converted and became null.",
                self._stream,
                count,
                name,
            )
        self.bad_values.clear()

    def _convert_column(
        self,
        column: _Column,
        native: frozenset[type],
        rows: Sequence[Row],
        values: Sequence[Any],
    ) -> None:
        attribute, convert, needed = column.attribute, column.convert, column.needed
        for row, value in zip(rows, values, strict=True):
            if type(value) in native and value != "":
                continue
            try:
                empty = value in NO_VALUE and not needed
                converted = None if empty else convert(value)
            except (TypeError, ValueError):
                converted = self._second_try(column, row, value)
            setattr(row, attribute, converted)

    def _second_try(self, column: _Column, row: Row, value: Any) -> Any:
        """The value without NUL characters, which no record has, or a bad value."""
        if isinstance(value, str) and "\0" in value:
            cleaned = value.replace("\0", "")
            try:
                empty = cleaned in NO_VALUE and not column.needed
                return None if empty else column.convert(cleaned)
            except (TypeError, ValueError):
                pass
        self._note_bad_value(column, row, value)
        return None

    def _note_bad_value(self, column: _Column, row: Row, value: Any) -> None:
        """Count a value that cannot be converted, or stop because of it."""
        field = column.field
        if column.needed or not self._null_bad_values:
            day = f", day {_shown(self._day(row))[1:-1][:10]}" if self._day else ""
            subject = f"Stream {self._stream}, field {field.name}{day}"
            message = (
                f"{subject}: {_shown(value)} is not a {field.type}. "
                "Declare another type for the field in `extra_fields`, or set "
                '`on_bad_value` to "null".'
            )
            if value is None or value in NO_VALUE:
                message = (
                    f"{subject}: a row has no value there, but cannot be told from "
                    "others without it. Report it to the vendor, or deselect the "
                    "stream."
                )
            raise DataError(message)
        self.bad_values[field.name] += 1


def _with_nulls(texts: Sequence[str]) -> Sequence[str | None]:
    if not any(text in texts for text in NO_VALUE):
        return texts
    return [None if text in NO_VALUE else text for text in texts]


def _converted(column: _Column, texts: Sequence[str]) -> list[Any]:
    if column.convert_all is not None:
        with suppress(TypeError, ValueError):  # some have another form, or are empty
            return column.convert_all(texts)
    distinct = set(texts)
    nulls = set() if column.needed else distinct.intersection(NO_VALUE)
    values = dict.fromkeys(nulls)
    values.update((text, column.convert(text)) for text in distinct - nulls)
    return list(map(values.__getitem__, texts))


def _convert_all(column: _Column, rows: Sequence[Row], texts: Sequence[str]) -> bool:
    """Convert texts at once, if all of them have the usual form."""
    if column.convert_all is None:
        return False
    try:
        converted = column.convert_all(texts)
    except (TypeError, ValueError):
        return False
    if converted != texts:  # dates seldom change
        deque(map(setattr, rows, repeat(column.attribute), converted), maxlen=0)
    return True


def _shown(value: Any) -> str:
    """The beginning of a value, quoted, on one line."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (RecursionError, ValueError):  # too deep, or an integer too long
        text = f"a value of type {type(value).__name__}"
    return repr(text[:_SHOWN_VALUE])
