"""What `--about` shows: settings and streams, in all formats."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_targetads.reports.fields import known_fields, stream_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk import Stream, Tap


def with_streams(about: str, output_format: str | None, tap: Tap) -> str:
    """Add the streams to what the SDK prints, and to plain text what settings mean.

    Args:
        about: What the SDK prints.
        output_format: `markdown`, `json`, or None for plain text.
        tap: The tap.
    """
    if output_format == "markdown":
        return about + streams_as_markdown(tap)
    if output_format == "json":
        complete = {**json.loads(about), "streams": streams_as_json(tap)}
        return json.dumps(complete, indent=2, ensure_ascii=False)
    settings = tap.config_jsonschema["properties"]

    def described(entry: re.Match[str]) -> str:
        schema = settings[entry["name"]]
        default = schema.get("default")
        shown = "" if default is None else f"    Default: {json.dumps(default)}\n"
        return f"{entry[0]}{shown}    Description: {schema['description']}\n"

    text = re.sub(r"  - Name: (?P<name>\w+)\n(    .*\n)+", described, about)
    return text.strip() + "\n" + streams_as_text(tap)


def streams_as_text(tap: Tap) -> str:
    """List the streams with their keys and fields."""
    lines = ["Streams:"]
    for stream in streams_as_json(tap):
        lines += [
            f"  - Name: {stream['name']}",
            f"    Primary Key: {', '.join(stream['primary_key'])}",
            f"    Replication Key: {stream['replication_key']}",
            f"    Selected by Default: {stream['selected_by_default']}",
            f"    Fields: {', '.join(stream['fields'])}",
        ]
    return "\n".join(lines)


def streams_as_json(tap: Tap) -> list[dict[str, Any]]:
    """Describe the streams; the fields are JSON schemas, by name."""
    return [
        {
            "name": stream.name,
            "primary_key": list(stream.primary_keys),
            "replication_key": stream.replication_key,
            "selected_by_default": stream.selected_by_default,
            "fields": stream.schema["properties"],
        }
        for stream in tap.streams.values()
    ]


def streams_as_markdown(tap: Tap) -> str:
    """A table of the streams, and one of fields for each set that streams share."""
    streams = list(tap.streams.values())
    groups: dict[str, list[Stream]] = {}
    for stream in streams:
        groups.setdefault(str(stream.schema), []).append(stream)
    lines = ["## Streams", "", *_streams_table(streams)]
    for group in groups.values():
        names = ", ".join(f"`{stream.name}`" for stream in group)
        table = _fields_table(group[0].schema["properties"])
        lines += ["", f"### Fields of {names}", "", *table]
    shown = {name for stream in streams for name in stream.schema["properties"]}
    others = [field for field in known_fields() if field.name not in shown]
    if others:
        table = _fields_table(stream_schema([], others)["properties"])
        lines += ["", "### Fields for reports of your own only", "", *table]
    return "\n".join(lines)


def _streams_table(streams: list[Stream]) -> Iterator[str]:
    yield "| Stream | Primary key | Replication key | Selected by default |"
    yield "|:-------|:------------|:----------------|:-------------------:|"
    for stream in streams:
        keys = ", ".join(f"`{key}`" for key in stream.primary_keys)
        selected = "yes" if stream.selected_by_default else "no"
        yield f"| `{stream.name}` | {keys} | `{stream.replication_key}` | {selected} |"


def _fields_table(properties: Mapping[str, Any]) -> Iterator[str]:
    yield "| Field | Type | Description |"
    yield "|:------|:-----|:------------|"
    for name, schema in properties.items():
        json_type = schema.get("format") or schema["type"][0]
        yield f"| `{name}` | {json_type} | {schema['description']} |"
