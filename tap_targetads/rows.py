"""Typed rows: one struct type per stream, filled and converted a page at a time."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_targetads.catalogue import UNUSABLE_IN_NAMES
from tap_targetads.errors import DataError
from tap_targetads.values import NATIVE_TYPES, NO_VALUE

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tap_targetads.catalogue import Field, FieldType

Row = Any
"""A struct made by `RowType`: one attribute per selected field."""

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

_WIRE_TYPES: Mapping[str, Any] = {
    "string": str | None,
    "integer": _Int64 | float | str | None,
    "number": float | str | None,
    "boolean": bool | int | str | None,
    "date": str | None,
    "date-time": str | None,
}
"""What the decoder accepts for a field: its type, or text that will be converted."""


_SHOWN_VALUE = 80


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
        # A name that cannot be declared leaves no other way than not to look.
        usable = [n for n in self.ignored if not UNUSABLE_IN_NAMES.search(n)]
        self._forbid_unknown = len(usable) == len(self.ignored)
        # Any text can be a field's name, but not an attribute's.
        self.attributes = {name: f"f{i}" for i, name in enumerate(self.names)}
        self._ignored_attributes = {n: f"x{i}" for i, n in enumerate(usable)}
        self.strict = self._define({n: _WIRE_TYPES[t] for n, t in names.items()})
        self.lenient = self._define(dict.fromkeys(names, Any))

    def _define(self, types: Mapping[str, Any]) -> type[msgspec.Struct]:
        fields = [(self.attributes[n], types[n], None) for n in self.names]
        # A field that nobody selected is accepted, but never written: an attribute
        # that is unset is left out by the encoder.
        unwanted = [
            (a, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET)
            for a in self._ignored_attributes.values()
        ]
        renamed = {**self.attributes, **self._ignored_attributes}
        wire_names = {attribute: name for name, attribute in renamed.items()}
        return msgspec.defstruct(
            "Row",
            [*fields, *unwanted],
            rename=wire_names,
            forbid_unknown_fields=self._forbid_unknown,
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
        if not places:
            return lambda _: make()
        if len(places) == 1:  # itemgetter returns a bare value then
            return lambda array: make(array[places[0]])
        pick = itemgetter(*places)
        return lambda array: make(*pick(array))

    def from_item(self, item: Mapping[str, Any]) -> Row:
        """A row of a decoded object, of which only the fields are taken."""
        return self.lenient(*map(item.get, self.names))

    def drop_ignored(self, rows: Sequence[Row]) -> None:
        """Forget the values of the fields that nobody selected."""
        for attribute in self._ignored_attributes.values():
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
    """The types of values that need no conversion."""
    checked: frozenset[type]
    """The same where the decoder has checked the values."""
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
                    native,
                    native | {int} if field.type == "integer" else native,
                    field.name in needed,
                )
            )
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
            native = column.checked if strict else column.native
            if not native.issuperset(map(type, values)):
                self._convert_column(column, native, rows, values)

    def _convert_column(
        self,
        column: _Column,
        native: frozenset[type],
        rows: Sequence[Row],
        values: Sequence[Any],
    ) -> None:
        attribute, convert = column.attribute, column.convert
        for row, value in zip(rows, values, strict=True):
            if type(value) in native:
                continue
            try:
                empty = value in NO_VALUE and not column.needed
                converted = None if empty else convert(value)
            except (TypeError, ValueError):
                converted = self._second_try(column, row, value)
            setattr(row, attribute, converted)

    def _second_try(self, column: _Column, row: Row, value: Any) -> Any:
        """The value without NUL characters, which no record has, or a bad value."""
        if isinstance(value, str) and "\0" in value:
            value = value.replace("\0", "")
            if value in NO_VALUE and not column.needed:
                return None
            with suppress(TypeError, ValueError):
                return column.convert(value)
        self._note_bad_value(column, row, value)
        return None

    def _note_bad_value(self, column: _Column, row: Row, value: Any) -> None:
        """Count a value that cannot be converted, or stop because of it."""
        field = column.field
        day = f", day {_shown(self._day(row))[1:-1][:10]}" if self._day else ""
        subject = f"Stream {self._stream}, field {field.name}{day}"
        if column.needed or not self._null_bad_values:
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


def _shown(value: Any) -> str:
    """The beginning of a value, quoted, on one line."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (RecursionError, ValueError):  # too deep, or an integer too long
        text = f"a value of type {type(value).__name__}"
    return repr(text[:_SHOWN_VALUE])
