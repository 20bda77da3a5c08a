"""Typed rows: two struct types per stream, filled some rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tap_targetads.reports.fields import FieldType

Row = Any
"""A struct made by `RowType`: one attribute per selected field."""

_STRICT: Mapping[FieldType, Any] = {
    "string": Annotated[str, msgspec.Meta(min_length=1)] | None,
    "integer": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | None,
    "number": float | None,
    "boolean": bool | None,
    "date": str | None,
    "date-time": str | None,
}
"""Values that need no conversion, but for dates and times."""

_LENIENT: Mapping[FieldType, Any] = {
    # A number is a float here too, so that pages can be compared, however they were
    # decoded.
    "number": float | str | bool | list | dict | None,
}
"""Any other value."""


class Chunk(NamedTuple):
    """Some typed rows, of a page or a file.

    Attributes:
        rows: The rows.
        checked: Whether they were decoded into the strict type.
        replaced: How many times bytes that are no UTF-8 became U+FFFD.
    """

    rows: Sequence[Row]
    checked: bool = False
    replaced: int = 0


class Table(NamedTuple):
    """Rows column by column.

    Attributes:
        length: How many rows.
        columns: The values of each selected field, by its name.
        replaced: How many times bytes that are no UTF-8 became U+FFFD.
    """

    length: int
    columns: Mapping[str, Sequence[Any]]
    replaced: int = 0


class RowType:
    """The struct types into which rows are decoded.

    The attributes stand in alphabetical order of the fields' names, those that do not
    count for the row key last, so that the JSON of a row, and with it its key, does not
    depend on the order of the catalogue. Fields that are not selected are ignored.

    Args:
        types: Types of the selected fields, by name.
        apart: Names of those that do not count for the row key.

    Attributes:
        strict: Accepts only values of their fields' types, and no empty texts. Dates
            and times are texts.
        lenient: Accepts any value.
        first_apart: The first of the fields that do not count for the row key.
    """

    def __init__(
        self, types: Mapping[str, FieldType], apart: Collection[str] = ()
    ) -> None:
        self.names = tuple(sorted(types, key=lambda name: (name in apart, name)))
        self.first_apart = next((name for name in self.names if name in apart), None)
        # Any text can be a field's name, but not an attribute's.
        self.attributes = {name: f"f{i}" for i, name in enumerate(self.names)}
        self.strict = self._struct(types, _STRICT)
        self.lenient = self._struct(types, _LENIENT)

    def _struct(
        self, types: Mapping[str, FieldType], wire: Mapping[FieldType, Any]
    ) -> type[msgspec.Struct]:
        return msgspec.defstruct(
            "Row",
            [
                (attribute, wire.get(types[name], Any), None)
                for name, attribute in self.attributes.items()
            ],
            rename={attribute: name for name, attribute in self.attributes.items()},
            gc=False,
        )

    def matched(self, names: Sequence[str]) -> list[str]:
        """Names of columns as the selected fields have them, whatever their case.

        The live API answers `PartOfGivt` to a request for `PartOfGIVT`.
        """
        fields = {name.lower(): name for name in self.names if name not in names}
        return [fields.get(name.lower(), name) for name in names]

    def missing_from(self, names: Sequence[str]) -> str:
        """The selected fields that are not among names of columns, for error lines."""
        return ", ".join(name for name in self.names if name not in names)

    def table(self, names: Sequence[str], arrays: Sequence[Sequence[Any]]) -> Table:
        """The selected columns of rows.

        Args:
            names: The names of all columns, in their order.
            arrays: The values of each row, as many as there are names.
        """
        columns = list(zip(*arrays, strict=True)) or [()] * len(names)
        selected = {name: columns[names.index(name)] for name in self.names}
        return Table(len(arrays), selected)

    def from_table(self, table: Table) -> list[Row]:
        """Rows of columns."""
        if not self.names:
            return [self.lenient() for _ in range(table.length)]
        return list(map(self.lenient, *[table.columns[name] for name in self.names]))

    def from_item(self, item: Mapping[str, Any]) -> Row:
        """A row of a decoded object."""
        return self.lenient(*map(item.get, self.names))
