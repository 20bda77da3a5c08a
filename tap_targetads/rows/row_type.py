"""Typed rows: one struct type per stream, filled a page at a time."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from tap_targetads.reports.fields import UNUSABLE_IN_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tap_targetads.reports.fields import FieldType

Row = Any
"""A struct made by `RowType`: one attribute per selected field."""

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Filled = Annotated[str, msgspec.Meta(min_length=1)]


class Checked(IntEnum):
    """What the decoder has made sure of, so that nobody needs to look again."""

    NOTHING = 0
    TEXTS = 1
    """Texts are texts. Other values may be texts, too."""
    TYPES = 2
    """All values have their field's type, but for dates and times, which are texts.
    No text is empty."""


_WIRE_TYPES: Mapping[Checked, Mapping[str, Any]] = {
    # A number is a float here too, so that pages can be compared, however they were
    # decoded.
    Checked.NOTHING: {"number": float | str | bool | list | dict | None},
    Checked.TYPES: {
        "string": _Filled | None,
        "integer": _Int64 | None,
        "number": float | None,
        "boolean": bool | None,
        "date": str | None,
        "date-time": str | None,
    },
    Checked.TEXTS: {
        "string": str | None,
        "integer": _Int64 | float | str | None,
        "number": float | str | None,
        "boolean": bool | int | str | None,
        "date": str | None,
        "date-time": str | None,
    },
}
"""What the decoder accepts for a field, by what it is to make sure of."""


class Chunk(NamedTuple):
    """Some typed rows, of a page or a file.

    Attributes:
        rows: The rows.
        checked: What is known of their values.
    """

    rows: Sequence[Row]
    checked: Checked = Checked.NOTHING


class Table(NamedTuple):
    """Rows as texts, column by column, as a CSV file has them.

    Attributes:
        length: How many rows.
        columns: The texts of each selected field, by its name.
    """

    length: int
    columns: Mapping[str, Sequence[str]]


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
        """Prepare to create struct types."""
        self.types = names
        self.names = tuple(sorted(names, key=_place))
        self.ignored = tuple(sorted(ignored))
        # A name that cannot be declared leaves no other way than not to look.
        usable = [n for n in self.ignored if not UNUSABLE_IN_NAMES.search(n)]
        self._forbid_unknown = len(usable) == len(self.ignored)
        # Any text can be a field's name, but not an attribute's.
        self.attributes = {name: f"f{i}" for i, name in enumerate(self.names)}
        self._ignored_attributes = {n: f"x{i}" for i, n in enumerate(usable)}

    @cached_property
    def lenient(self) -> type[msgspec.Struct]:
        """The struct type that accepts any value."""
        return self.checking(Checked.NOTHING)

    def checking(self, checked: Checked) -> type[msgspec.Struct]:
        """A struct type that accepts certain values only.

        Args:
            checked: What decoding into it makes sure of.
        """
        wire = _WIRE_TYPES[checked]
        fields = [
            (self.attributes[n], wire.get(self.types[n], Any), None) for n in self.names
        ]
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

    def places_in(self, names: Sequence[str]) -> list[int]:
        """Where the selected fields stand among names of columns.

        Raises:
            MissingColumnsError: If one of them is not there.
        """
        if missing := [name for name in self.names if name not in names]:
            raise MissingColumnsError(missing)
        return [names.index(name) for name in self.names]

    def from_arrays(self, names: Sequence[str]) -> Callable[[Sequence[Any]], Row]:
        """What makes a row of an array whose values belong to these names.

        Args:
            names: The names of the columns, in their order; more than are selected.

        Raises:
            MissingColumnsError: If a selected field is not among them.
        """
        make = self.lenient
        places = self.places_in(names)
        if not places:
            return lambda _: make()
        if len(places) == 1:  # itemgetter returns a bare value then
            return lambda array: make(array[places[0]])
        pick = itemgetter(*places)
        return lambda array: make(*pick(array))

    def from_columns(
        self, columns: Mapping[str, Sequence[Any]], length: int
    ) -> list[Row]:
        """Rows of the values of each field, of which there are as many as rows."""
        if not self.names:
            return [self.lenient() for _ in range(length)]
        return list(map(self.lenient, *[columns[name] for name in self.names]))

    def from_item(self, item: Mapping[str, Any]) -> Row:
        """A row of a decoded object, of which only the fields are taken."""
        return self.lenient(*map(item.get, self.names))

    def drop_ignored(self, rows: Sequence[Row]) -> None:
        """Forget the values of the fields that nobody selected."""
        for attribute in self._ignored_attributes.values():
            for row in rows:
                setattr(row, attribute, msgspec.UNSET)
