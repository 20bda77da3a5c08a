"""Converts the values of rows, many at a time, column by column."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import DataError
from tap_targetads.plurals import a, count_of
from tap_targetads.rows.row_type import Table
from tap_targetads.rows.values import NATIVE_TYPES, NO_VALUE, NULL, text

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_targetads.reports.fields import Field, FieldType
    from tap_targetads.rows.row_type import Chunk, Row, RowType

_SHOWN_VALUE = 80
_TEXTS = frozenset({str, type(None)})


@dataclass(frozen=True, slots=True)
class _Column:
    """One selected field, and how its values become what the schema promises.

    Attributes:
        name: Name of the field.
        kind: Its type.
        attribute: Its attribute of the rows.
        convert: Converts a value.
        native: The types of values that need no conversion.
        needed: Whether null is an error.
        in_key: Whether it is a text of a primary key, where databases allow no null.
    """

    name: str
    kind: FieldType
    attribute: str
    convert: Callable[[Any], Any]
    native: frozenset[type]
    needed: bool
    in_key: bool

    @property
    def is_settled(self) -> bool:
        """Whether the strict decoder leaves nothing to do."""
        special = self.needed or self.in_key
        return not (special or self.kind in {"date", "date-time"})


class RowConverter:
    """Converts the columns of a page: in place, or before there are rows.

    Args:
        stream: Name of the stream, for error lines.
        fields: The selected fields.
        row_type: The type of the rows.
        conversions: The conversion for each field type.
        keys: Fields in which null is an error, whatever `null_bad_values` says; in
            texts it becomes a placeholder.
        day_field: The field that tells the day of a row, for error lines.
        null_bad_values: Write null for a value that cannot be converted, instead of
            stopping.

    Attributes:
        bad_values: How many values of each field became null because they could not
            be converted.
        replaced: How many times bytes that are no UTF-8 became U+FFFD.
    """

    def __init__(  # noqa: PLR0913
        self,
        stream: str,
        fields: Iterable[Field],
        row_type: RowType,
        conversions: Mapping[FieldType, Callable[[Any], Any]],
        *,
        keys: Collection[str] = (),
        day_field: str | None = None,
        null_bad_values: bool,
    ) -> None:
        self._stream = stream
        self._day_field = day_field
        self._null_bad_values = null_bad_values
        self._row_type = row_type
        self._columns = []
        for field in fields:
            native, is_key = NATIVE_TYPES[field.type], field.name in keys
            is_needed = is_key and field.type != "string"
            self._columns.append(
                _Column(
                    field.name,
                    field.type,
                    row_type.attributes[field.name],
                    conversions[field.type],
                    native - {type(None)} if is_needed else native,
                    is_needed,
                    is_key and not is_needed,
                )
            )
        self.bad_values: Counter[str] = Counter()
        self.replaced = 0

    def convert(self, chunk: Chunk) -> None:
        """Give every value of some rows its field's type.

        Raises:
            DataError: If a value cannot be converted, and must not become null.
        """
        rows = chunk.rows
        self.replaced += chunk.replaced
        columns = [c for c in self._columns if not (chunk.checked and c.is_settled)]
        values = {c.name: list(map(attrgetter(c.attribute), rows)) for c in columns}
        table = Table(len(rows), values)
        for column in columns:
            converted = self._converted(column, table)
            if converted is not values[column.name]:
                deque(map(setattr, rows, repeat(column.attribute), converted), maxlen=0)

    def rows_of(self, table: Table) -> list[Row]:
        """Make rows of columns, and give every value its field's type.

        Raises:
            DataError: If a value cannot be converted, and must not become null.
        """
        self.replaced += table.replaced
        columns = {c.name: self._converted_texts(c, table) for c in self._columns}
        return self._row_type.from_table(Table(table.length, columns))

    def report_losses(self, logger: logging.Logger) -> None:
        """Warn how many values were not kept since the last time, and forget them."""
        for name, count in sorted(self.bad_values.items()):
            logger.warning(
                "Stream %s: %d values of %s could not be converted and became null.",
                self._stream,
                count,
                name,
            )
        self.bad_values.clear()
        if self.replaced:
            logger.warning(
                "Stream %s: the API sends bytes that are no UTF-8, in %s. They became "
                "U+FFFD: report it to the vendor.",
                self._stream,
                count_of(self.replaced, "place"),
            )
            self.replaced = 0

    def _converted_texts(self, column: _Column, table: Table) -> Sequence[Any]:
        """The converted values of a column of texts."""
        texts = table.columns[column.name]
        if not column.in_key:
            if str in column.native:
                return _without_empty(texts)
            with suppress(TypeError, ValueError):
                return _from_texts(column, texts)
        return self._converted(column, table)

    def _converted(self, column: _Column, table: Table) -> Sequence[Any]:
        """A column's converted values; the same object if there is nothing to do."""
        values = table.columns[column.name]
        if column.in_key:
            return [_placeholder(value) for value in values]
        types = set(map(type, values))
        if types <= column.native:
            return _without_empty(values)
        if types <= _TEXTS:
            with suppress(TypeError, ValueError):
                return _from_texts(column, values)
        return [
            value
            if type(value) in column.native and value != ""
            else self._value(column, table, place)
            for place, value in enumerate(values)
        ]

    def _value(self, column: _Column, table: Table, place: int) -> Any:
        """One converted value: null if it is bad, and may become null.

        NUL characters do not count: no record has them.
        """
        value = table.columns[column.name][place]
        cleaned = value.replace("\0", "") if isinstance(value, str) else value
        if cleaned in NO_VALUE and not column.needed:
            return None
        try:
            return column.convert(cleaned)
        except (TypeError, ValueError) as error:
            if column.needed or not self._null_bad_values:
                raise DataError(self._problem(column, table, place)) from error
        self.bad_values[column.name] += 1
        return None

    def _problem(self, column: _Column, table: Table, place: int) -> str:
        """What is wrong with a value, and what to do about it."""
        value = table.columns[column.name][place]
        days = table.columns.get(self._day_field or "")
        day = days[place] if days else None
        when = f", day {_shown(day)[1:-1][:10]}" if day else ""
        subject = f"Stream {self._stream}, field {column.name}{when}"
        if value is None or value in NO_VALUE:
            problem = "a row has no value there"
        else:
            problem = f"{_shown(value)} is not {a(column.kind)}"
        if column.needed:
            return (
                f"{subject}: {problem}, but rows cannot be told apart without it. "
                "Report it to the vendor, or deselect the stream."
            )
        return (
            f"{subject}: {problem}. Declare another type for the field in "
            '`extra_fields`, or set `on_bad_value` to "null".'
        )


def _placeholder(value: Any) -> str:
    """A text of a primary key: null and empty become visible, and stay two."""
    if value is None or value == NULL:
        return "(null)"
    return text(value).replace("\0", "") or "(empty)"


def _without_empty(values: Sequence[Any]) -> Sequence[Any]:
    return [value or None for value in values] if "" in values else values


def _from_texts(column: _Column, texts: Sequence[str | None]) -> Sequence[Any]:
    """The converted values of texts: all at once, or each distinct one once.

    Raises:
        TypeError: If one cannot be converted.
        ValueError: Likewise.
    """
    distinct = set(texts)
    if len(distinct) > len(texts) // 2 and hasattr(column.convert, "all"):
        with suppress(TypeError, ValueError):  # some have another form, or are null
            return column.convert.all(texts)  # type: ignore[no-any-return]
    nulls = set() if column.needed else distinct.intersection({None, *NO_VALUE})
    values: dict[str | None, Any] = dict.fromkeys(nulls)
    values.update((text, column.convert(text)) for text in distinct - nulls)
    if all(text == value for text, value in values.items()):  # dates seldom change
        return texts
    return list(map(values.__getitem__, texts))


def _shown(value: Any) -> str:
    """The beginning of a value, quoted, on one line."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (RecursionError, ValueError):  # too deep, or an integer too long
        text = f"a value of type {type(value).__name__}"
    return repr(text[:_SHOWN_VALUE])
