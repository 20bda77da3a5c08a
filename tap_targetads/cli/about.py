"""What `--about` tells: settings and streams, in all formats."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk import Stream, Tap


def with_streams(
    about: str,
    output_format: str | None,
    tap: Tap,
    settings: Mapping[str, Mapping[str, Any]],
) -> str:
    """Complete what the SDK tells.

    Args:
        about: What the SDK tells of capabilities and settings.
        output_format: `markdown`, `json`, or None for plain text.
        tap: The tap.
        settings: The JSON schema of each setting, by name.

    Returns:
        The same with the streams and, in plain text, with what settings mean.
    """
    if output_format == "markdown":
        return about + streams_as_markdown(tap)
    if output_format == "json":
        told = {**json.loads(about), "streams": streams_as_json(tap)}
        return json.dumps(told, indent=2, ensure_ascii=False)

    def described(line: re.Match[str]) -> str:
        schema = settings[line["name"]]
        default = schema.get("default")
        lines = [f"    Description: {schema['description']}"]
        if default is not None:
            lines.insert(0, f"    Default: {json.dumps(default)}")
        return "\n".join([line[0], *lines])

    setting = re.compile(r"  - Name: (?P<name>\w+)(?:\n    .*)+")
    return setting.sub(described, about.rstrip()) + "\n" + streams_as_text(tap)


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
    """Describe the streams and their fields.

    Args:
        tap: The tap whose streams are described.

    Returns:
        A table of the streams, and a table of fields for each set of fields that
        streams have in common.
    """
    streams = list(tap.streams.values())
    groups: dict[str, list[Stream]] = {}
    for stream in streams:
        groups.setdefault(str(stream.schema), []).append(stream)
    lines = ["## Streams", "", *_streams_table(streams)]
    for group in groups.values():
        names = ", ".join(f"`{stream.name}`" for stream in group)
        lines += ["", f"### Fields of {names}", "", *_fields_table(group[0])]
    return "\n".join(lines)


def _streams_table(streams: list[Stream]) -> Iterator[str]:
    yield "| Stream | Primary key | Replication key | Selected by default |"
    yield "|:-------|:------------|:----------------|:-------------------:|"
    for stream in streams:
        keys = ", ".join(f"`{key}`" for key in stream.primary_keys)
        selected = "yes" if stream.selected_by_default else "no"
        yield f"| `{stream.name}` | {keys} | `{stream.replication_key}` | {selected} |"


def _fields_table(stream: Stream) -> Iterator[str]:
    yield "| Field | Type | Description |"
    yield "|:------|:-----|:------------|"
    for name, schema in stream.schema["properties"].items():
        json_type = schema.get("format") or schema["type"][0]
        yield f"| `{name}` | {json_type} | {schema['description']} |"
