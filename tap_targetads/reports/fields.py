"""The catalogue of the API's fields, `fields.json`, and the JSON schemas of streams."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from tap_targetads.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FieldType = Literal["string", "integer", "number", "boolean", "date", "date-time"]
MetaKind = Literal["campaigns", "creatives", "target_events", "projects"]
ReportKind = Literal["raw", "path", "aggregate", MetaKind]
Version = Literal["auto", "v1", "v2"]

FIELD_TYPES: tuple[str, ...] = get_args(FieldType)
META_STREAMS: tuple[str, ...] = get_args(MetaKind)

ROW_KEY = "_row_key"
PROJECT_ID = "project_id"
INTERACTION_TIME = "InteractionTime"
INTERACTION_TYPE = "InteractionType"
PLACEMENT_ID = "InteractionPlacementId"
EVENT_DATE = "EventDate"
CONVERSION_DATE = "conversion_date"

TAP_FIELDS: Mapping[str, dict[str, Any]] = {
    ROW_KEY: {
        "type": ["string"],
        # Without a length, a database like MySQL has no key of it.
        "maxLength": 32,
        "description": "Identifies the row: a hash of project, stream and values, "
        "the same whenever and however the row is read.",
    },
    PROJECT_ID: {
        "type": ["integer"],
        "description": "The TargetADS project that the row belongs to.",
    },
    CONVERSION_DATE: {
        "type": ["string"],
        "format": "date",
        "description": "The day of the conversion, in the project's time zone.",
    },
}
"""Fields that the tap itself adds to the records."""

NAMING_RULE: tuple[tuple[str, FieldType], ...] = (
    (r"^Weight_", "number"),
    (r"(Time|At)$", "date-time"),
    (r"Date$", "date"),
    (r"(Amount|Price|Cost|Revenue)$", "number"),
    (r"(Count|Quantity|Position|Length)$", "integer"),
    (r"^Is[A-Z]|NewCookie$", "boolean"),
)
"""The type of a field by the end (or beginning) of its name; the first match counts.

All others are strings, ids above all: an id is a name, not a quantity.
"""


UNUSABLE_IN_NAMES = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
"""Characters that msgspec does not allow in names of fields."""


class Field(msgspec.Struct, frozen=True):
    """One field of the API.

    Attributes:
        name: The API's name, which the records keep.
        type: JSON type, or `date` / `date-time` for strings of that format.
        group: Its group in the vendor's documentation.
        source: How well it is known: `documented` by the vendor, `live` in rows of the
            live API, `unconfirmed` in the code of a program that reads it, but in no
            row that was seen, `assumed`, or `user` from the setting `extra_fields`.
    """

    name: str
    type: FieldType
    group: str
    description: str
    source: Literal["documented", "live", "unconfirmed", "assumed", "user"]
    reports: tuple[ReportKind, ...]
    in_row_key: bool = True

    @property
    def identifies(self) -> bool:
        """Whether the field counts for the row key.

        Attribution weights do not (API reference: names): they change while a path
        grows older. Nor do fields that the catalogue got after version 0.1, marked by
        `in_row_key`: the keys of rows that are loaded already must not change.
        """
        return self.in_row_key and not self.name.startswith("Weight_")


@dataclass(frozen=True, slots=True)
class _Shape:
    """The JSON schema of a field type."""

    json_type: str
    format: str | None = None

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": [self.json_type, "null"]}
        if self.format:
            schema["format"] = self.format
        return schema


_SHAPES: Mapping[str, _Shape] = {
    "string": _Shape("string"),
    "integer": _Shape("integer"),
    "number": _Shape("number"),
    "boolean": _Shape("boolean"),
    "date": _Shape("string", "date"),
    "date-time": _Shape("string", "date-time"),
}


@cache
def known_fields() -> tuple[Field, ...]:
    """All fields of the catalogue, in the order of the vendor's groups."""
    text = resources.files(__package__).joinpath("fields.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[Field, ...])


def type_by_name(name: str) -> FieldType:
    """The type of a field of which only the name is known, by `NAMING_RULE`."""
    for pattern, field_type in NAMING_RULE:
        if re.search(pattern, name):
            return field_type
    return "string"


def fields_of(report: ReportKind, extra: Iterable[Field] = ()) -> dict[str, Field]:
    """The fields of a report by name; `extra`, the user's, override the catalogue's."""
    fields = {field.name: field for field in known_fields() if report in field.reports}
    fields.update((field.name, field) for field in extra if report in field.reports)
    return fields


def v2_name(name: str) -> str:
    """The name of a field in API version 2.

    Only weights differ: `Weight_FTDM_30` is `FTDM30` there (API reference: names that
    have been seen).
    """
    weight = re.fullmatch(r"Weight_([A-Z]+)(?:_(\d+))?", name)
    return f"{weight[1]}{weight[2] or ''}" if weight else name


def extra_field(name: str, field_type: FieldType | None = None) -> list[Field]:
    """A field from the setting `extra_fields`, once for each meaning in the catalogue.

    A known name keeps its place there, but takes the given type. A new one belongs to
    the reports that its name suggests, never to aggregates; its type is given, or
    follows `NAMING_RULE`.

    Raises:
        SettingsError: If the name has characters that cannot be read.
    """
    if UNUSABLE_IN_NAMES.search(name):
        raise SettingsError(
            "extra_fields",
            f"{name!a} has quotes, backslashes or control characters, which no name "
            "of a field has. Correct it, or remove it.",
        )
    known = [
        field
        for field in known_fields()
        if field.name == name and field.group != "meta"
    ]
    if known:
        return [
            msgspec.structs.replace(
                f, type=field_type or f.type, source="user", in_row_key=True
            )
            for f in known
        ]
    reports: tuple[ReportKind, ...] = ("raw",)
    if name.startswith("Interaction"):
        reports = ("raw", "path")
    elif name.startswith(("Weight_", "Path", "Target")):
        reports = ("path",)
    return [
        Field(
            name=name,
            type=field_type or type_by_name(name),
            group="extra",
            description="A field of the API that the setting `extra_fields` adds.",
            source="user",
            reports=reports,
        )
    ]


def stream_schema(own: Iterable[str], fields: Iterable[Field]) -> dict[str, Any]:
    """The JSON schema of a stream's records: the tap's `own` fields, and the API's."""
    properties = {name: TAP_FIELDS[name] for name in own}
    for field in fields:
        schema = _SHAPES[field.type].schema()
        properties[field.name] = {**schema, "description": field.description}
    return {"type": "object", "properties": properties}
