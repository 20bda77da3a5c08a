"""Checks that what a catalog selects can be delivered as it says."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import SettingsError
from tap_targetads.reports.fields import TAP_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog

_DISCOVER = "Make a new catalog with --discover."


def check_streams(catalog: Catalog, streams: Mapping[str, Stream]) -> None:
    """Make sure that the settings make every stream that a catalog selects.

    Raises:
        SettingsError: If one of them would be missing.
    """
    for entry in catalog.streams:
        name = entry.tap_stream_id
        if name in streams or not entry.metadata.resolve_selection().get((), True):
            continue
        close = get_close_matches(name, streams, n=1)
        hint = f"Do you mean `{close[0]}`? If not, add" if close else "Add"
        problem = (
            f"it selects the stream `{name}`, which the settings do not make. {hint} "
            "it to `interaction_types` or `reports`, or deselect it."
        )
        raise SettingsError("catalog", problem)


def check_fields(stream: Stream) -> None:
    """Make sure that a selected stream has its keys, and the fields that are selected.

    Raises:
        SettingsError: If data would be missing, or of another type than announced.
    """
    properties: Mapping[str, Any] = stream.effective_schema["properties"]
    # Equal rows are told apart among those of their time.
    keys = [key for key in [*stream.primary_keys, stream.replication_key] if key]
    if missing := [key for key in keys if key not in properties]:
        problem = f"has the key {', '.join(missing)}, but not among its properties."
        raise _wrong(stream, f"{problem} {_DISCOVER}")
    selected = {name for name in properties if _is_selected(stream, name)}
    if missing := [key for key in keys if key not in selected]:
        raise _wrong(stream, f"deselects its key {_listed(missing)}. Select it.")
    known = {**TAP_FIELDS, **stream.schema["properties"]}
    # Metadata may name a field that the catalog's schema does not have.
    named = {
        path[-1] for path, is_selected in stream.mask.items() if path and is_selected
    }
    if unknown := sorted((selected | named) - known.keys()):
        problem = f"has no field {_listed(unknown)}."
        raise _wrong(stream, f"{problem} Add it to `extra_fields`, or deselect it.")
    for name in sorted(selected):
        announced, type_ = _type(properties[name]), _type(known[name])
        if announced != type_:
            problem = f"says that `{name}` is {announced}, but it is {type_} now."
            raise _wrong(stream, f"{problem} {_DISCOVER}")


def _is_selected(stream: Stream, name: str) -> bool:
    return stream.mask.get(("properties", name), True)


def _type(schema: Mapping[str, Any]) -> str:
    """The type or format of a property, whether it may be null or not."""
    types = schema.get("type", ())
    names = [types] if isinstance(types, str) else types
    return str(schema.get("format") or "/".join(n for n in names if n != "null"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _wrong(stream: Stream, problem: str) -> SettingsError:
    return SettingsError("catalog", f"stream `{stream.name}` {problem}")
