"""The reference of settings, reports and fields, from what the code declares.

The pages under `docs` have places for it, `<!-- fill: settings -->` for example, which
are filled when the site is built: no copy of it is kept that could grow old.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scripts.tables import SETTINGS, table
from tap_targetads.cli.about import streams_as_markdown
from tap_targetads.config.report_schema import REPORT_SCHEMA
from tap_targetads.reports.declared import NOT_WITH
from tap_targetads.tap import TapTargetADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def settings_reference() -> str:
    """A section per setting: what it means, its type, default and variable."""
    sections = []
    for name, schema in SETTINGS.items():
        facts = [f"Type: {type_in_words(schema)}"]
        if schema.get("default") is not None:
            facts.append(f"Default: `{json.dumps(schema['default'])}`")
        facts.append(f"Variable: `TAP_TARGETADS_{name.upper()}`")
        if '"secret": true' in json.dumps(schema):  # or a part of it
            facts.append("Secret: never in logs, state or records")
        lines = "\n".join(f"- {fact}" for fact in facts)
        sections.append(f"## `{name}`\n\n{schema['description']}\n\n{lines}")
    return "\n\n".join(sections)


def reports_reference() -> str:
    """A table of the keys that an entry of `reports` may have."""
    properties: Mapping[str, Any] = REPORT_SCHEMA.to_dict()["properties"]
    rows = (
        [
            f"`{name}`",
            type_in_words(schema),
            ", ".join(f"`{k}`" for k, others in NOT_WITH.items() if name not in others),
            schema["description"],
        ]
        for name, schema in properties.items()
    )
    return table(["Key", "Type", "Kinds of reports", "Description"], rows)


def fields_reference() -> str:
    """A table of fields for each set of fields that streams have in common."""
    tap = TapTargetADS(config={"sandbox": True, "start_date": "2024-01-01"})
    _, begin, fields = streams_as_markdown(tap).partition("### Fields")
    return f"{begin}{fields}"


def type_in_words(schema: Mapping[str, Any]) -> str:
    """The type of a value with its bounds, in words: `integer, 1 to 3660`."""
    types = schema.get("type", "string")
    kind = types if isinstance(types, str) else types[0]
    if "anyOf" in schema:
        inner = (type_in_words(option) for option in schema["anyOf"])
        return " or ".join(dict.fromkeys(inner))
    if "enum" in schema:
        values = (value for value in schema["enum"] if value is not None)
        return "one of " + ", ".join(f"`{value}`" for value in values)
    if kind == "array":
        return f"array of {type_in_words(schema['items'])}"
    words = str(schema.get("format", kind))
    if "minimum" in schema and "maximum" in schema:
        return f"{words}, {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{words}, at least {schema['minimum']}"
    return words


PLACES: Mapping[str, Callable[[], str]] = {
    "settings": settings_reference,
    "reports": reports_reference,
    "fields": fields_reference,
}
"""What can be filled in, by the name of its place."""


def with_places_filled(text: str) -> str:
    """A page with the reference in its places."""
    for place, make in PLACES.items():
        mark = f"<!-- fill: {place} -->"
        if mark in text:
            text = text.replace(mark, make())
    return text


def places_in(text: str) -> Iterator[str]:
    """The names of the places that a page has."""
    for part in text.split("<!-- fill: ")[1:]:
        yield part.partition(" -->")[0]
