"""Typed rows: one struct type per stream, filled and converted a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tap_targetads.errors import DataError
from tap_targetads.values import NATIVE_TYPES

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_targetads.catalogue import Field, FieldType

Row = Any
"""A struct made by `RowType`: one attribute per selected field."""

_WIRE_TYPES: Mapping[str, Any] = {
    "string": str | None,
    "integer": int | float | str | None,
    "number": float | str | None,
    "boolean": bool | int | str | None,
    "date": str | None,
    "date-time": str | None,
}
"""What the decoder accepts for a field: its type, or text that will be converted."""


class MissingColumnsError(Exception):
    """The API left out fields that were asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        """Name them."""
        super().__init__(f"the answer lacks the columns {', '.join(names)}")


def is_weight(name: str) -> bool:
    """Whether a field is an attribution weight (API reference: names)."""
    return name.startswith("Weight_")


def _place(name: str) -> tuple[bool, str]:
    """Where a field stands: in alphabetical order, weights behind all others."""
    return is_weight(name), name


class RowType:
    """The struct types into which rows are decoded.

    The attributes stand in alphabetical order of the fields' names, weights last, so
    that the JSON of a row, and with it its key, does not depend on the order of the
    catalogue.

    Args:
        names: Types of the selected fields, by name.
        ignored: Names of fields that the API sends although nobody selected them.
    """

    def __init__(
        self, names: Mapping[str, FieldType], ignored: Iterable[str] = ()
    ) -> None:
        """Create the struct types."""
        self.names = tuple(sorted(names, key=_place))
        self.ignored = tuple(sorted(ignored))
        # Any text can be a field's name, but not an attribute's.
        self.attributes = {name: f"f{i}" for i, name in enumerate(self.names)}
        self._ignored_attributes = [f"x{i}" for i in range(len(self.ignored))]
        self.strict = self._define({n: _WIRE_TYPES[t] for n, t in names.items()})
        self.lenient = self._define(dict.fromkeys(names, Any))

    def _define(self, types: Mapping[str, Any]) -> type[msgspec.Struct]:
        fields = [(self.attributes[n], types[n], None) for n in self.names]
        # A field that nobody selected is accepted, but never written: an attribute
        # that is unset is left out by the encoder.
        unwanted = [
            (a, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET)
            for a in self._ignored_attributes
        ]
        wire_names = {a: n for n, a in self.attributes.items()}
        wire_names.update(zip(self._ignored_attributes, self.ignored, strict=True))
        return msgspec.defstruct(
            "Row",
            [*fields, *unwanted],
            rename=wire_names,
            forbid_unknown_fields=True,
            gc=False,
        )

    def from_arrays(self, names: Sequence[str]) -> Callable[[Sequence[Any]], Row]:
        """What makes a row of an array whose values belong to these names.

        Args:
            names: The names of the columns, in their order; more than are selected.

        Raises:
            MissingColumnsError: If a selected field is not among them.
        """
        if missing := [name for name in self.names if name not in names]:
            raise MissingColumnsError(missing)
        make = self.lenient
        places = [names.index(name) for name in self.names]
        if len(places) == 1:  # itemgetter returns a bare value then
            return lambda array: make(array[places[0]])
        pick = itemgetter(*places)
        return lambda array: make(*pick(array))

    def from_item(self, item: Mapping[str, Any]) -> Row:
        """A row of a decoded object, of which only the fields are taken."""
        return self.lenient(*map(item.get, self.names))

    def drop_ignored(self, rows: Sequence[Row]) -> None:
        """Forget the values of the fields that nobody selected."""
        for attribute in self._ignored_attributes:
            for row in rows:
                setattr(row, attribute, msgspec.UNSET)


@dataclass(frozen=True, slots=True)
class _Column:
    """One selected field, and how its values become what the schema promises."""

    field: Field
    attribute: str
    get: Callable[[Row], Any]
    convert: Callable[[Any], Any]
    native: frozenset[type]
    needed: bool


class RowConverter:
    """Converts the columns of a page in place.

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
        attributes = row_type.attributes
        self._columns = [
            _Column(
                field,
                attributes[field.name],
                attrgetter(attributes[field.name]),
                conversions[field.type],
                NATIVE_TYPES[field.type]
                - ({type(None)} if field.name in needed else set()),
                field.name in needed,
            )
            for field in fields
        ]
        self._day = attrgetter(attributes[day_field]) if day_field else None
        self._bad_values: Counter[str] = Counter()

    def convert(self, rows: Sequence[Row], *, strict: bool) -> None:
        """Give every value of the rows its field's type.

        Args:
            rows: Rows of one page.
            strict: Whether the decoder has already checked that texts are texts.

        Raises:
            DataError: If a value cannot be converted, and must not become null.
        """
        for column in self._columns:
            if strict and column.field.type == "string":
                continue
            values = list(map(column.get, rows))
            if not column.native.issuperset(map(type, values)):
                self._convert_column(column, rows, values)

    def _convert_column(
        self, column: _Column, rows: Sequence[Row], values: Sequence[Any]
    ) -> None:
        attribute, convert, native = column.attribute, column.convert, column.native
        for row, value in zip(rows, values, strict=True):
            if type(value) in native:
                continue
            try:
                empty = value == "" and not column.needed
                converted = None if empty else convert(value)
            except (TypeError, ValueError):
                self._note_bad_value(column, row, value)
                converted = None
            setattr(row, attribute, converted)

    def _note_bad_value(self, column: _Column, row: Row, value: Any) -> None:
        """Count a value that cannot be converted, or stop because of it."""
        field = column.field
        day = f", day {str(self._day(row))[:10]}" if self._day else ""
        subject = f"Stream {self._stream}, field {field.name}{day}"
        if column.needed or not self._null_bad_values:
            shown = value if isinstance(value, str) else repr(value)
            message = (
                f"{subject}: {shown[:80]!r} is not a {field.type}. "
                "Declare another type for the field in `extra_fields`, or set "
                '`on_bad_value` to "null".'
            )
            if value is None or value == "":
                message = (
                    f"{subject}: a row has no value there, but cannot be told from "
                    "others without it. Report it to the vendor, or deselect the "
                    "stream."
                )
            raise DataError(message)
        self._bad_values[field.name] += 1

    def report_bad_values(self, logger: logging.Logger) -> None:
        """Tell how many values became null since the last time, and forget them."""
        for name, count in sorted(self._bad_values.items()):
            logger.warning(
                "Stream %s: %d values of %s could not be converted and became null.",
                self._stream,
                count,
                name,
            )
        self._bad_values.clear()
