"""The reference of all streams, as markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Stream, Tap


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
