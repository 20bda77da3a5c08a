"""Stream maps: what the SDK would ignore, or stumble over in the middle of a run.

Who hides personal data by a stream map has to know that it takes effect.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import (
    NULL_STRING,
    CustomStreamMap,
    PluginMapper,
    RemoveRecordTransform,
    StreamMap,
)
from singer_sdk.singerlib.catalog import Catalog
from typing_extensions import override

from tap_targetads.config.mistakes import guess, listed
from tap_targetads.errors import SettingsError
from tap_targetads.reports.declared import DEFAULT_INTERACTION_TYPES, stream_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from logging import Logger

    from singer_sdk import Stream, Tap

    from tap_targetads.streams.base import ProjectStream

SETTING = "stream_maps"
DEVICE_ID = "deviceid"
"""What the names of all fields with ids of devices have in them, in any case."""


def checked_mapper(tap: Tap) -> PluginMapper:
    """The SDK's mapper, with maps that take effect, and whose failures are one line.

    Every stream is mapped with its whole schema. The SDK maps one that is not selected
    as one without properties: a map for all streams (`"*"`) then fails for lack of the
    key, and `--test=schema` writes an empty schema.

    Raises:
        SettingsError: If a map cannot work.
    """
    _check_names(tap.config.get(SETTING, {}), tap.streams)
    with _failures_in_one_line("it"):
        mapper = PluginMapper(dict(tap.config), tap.logger)
    for entry in deepcopy(tap.catalog).streams:
        entry.metadata.root.selected = True
        name = entry.stream or entry.tap_stream_id
        with _failures_in_one_line(f"the map of stream `{name}`"):
            mapper.register_raw_streams_from_catalog(
                Catalog({entry.tap_stream_id: entry})
            )
        mapper.stream_maps[name] = [
            CheckedMap(name, inner) if isinstance(inner, CustomStreamMap) else inner
            for inner in mapper.stream_maps[name]
        ]
    return mapper


def _check_names(maps: Mapping[str, Any], streams: Mapping[str, Stream]) -> None:
    """Make sure that each map is of a stream that there is, and of its properties.

    A stream that `interaction_types` leaves out may have one: it does no harm.
    """
    left_out = {stream_name(kind) for kind in DEFAULT_INTERACTION_TYPES}
    for key, entry in maps.items():
        if key.startswith("__"):  # the SDK checks those
            continue
        options = entry if isinstance(entry, dict) else {}
        source = str(options.get("__source__", key))
        matching = [stream for name, stream in streams.items() if fnmatch(name, source)]
        if matching:
            known = {name for s in matching for name in s.schema["properties"]}
            _check_properties(key, options, known)
        elif source not in left_out:
            advice = guess(source, streams, f"There are {listed(streams)}.")
            raise SettingsError(SETTING, f"there is no stream `{source}`. {advice}")


def _check_properties(
    key: str, options: Mapping[str, Any], known: Collection[str]
) -> None:
    """Find properties to remove that are none, or that differ from one by case only."""
    by_case = {name.lower(): name for name in known}
    for name, expression in options.items():
        if name.startswith("__") or name in known:
            continue
        twin = by_case.get(name.lower())
        if twin or expression in (None, NULL_STRING):
            advice = guess(name, [twin] if twin else known, "Remove it.")
            problem = f"`{key}` has no property `{name}`. {advice}"
            raise SettingsError(SETTING, problem)


def warn_of_bare_ids(
    maps: Mapping[str, Any],
    mapper: PluginMapper,
    streams: Iterable[ProjectStream],
    logger: Logger,
) -> None:
    """Warn of ids of devices that pass as they are, while a map changes others.

    Args:
        maps: The setting.
        mapper: What it makes of the streams.
        streams: The selected streams.
        logger: Where to warn.
    """
    entries = {key: entry for key, entry in maps.items() if isinstance(entry, dict)}
    if not any(
        DEVICE_ID in name.lower() for entry in entries.values() for name in entry
    ):
        return
    bare = []
    for stream in streams:
        # The first is of the stream itself, the others of copies (`__source__`).
        own = mapper.stream_maps[stream.name][0]
        if isinstance(own, RemoveRecordTransform):
            continue
        named = {
            name
            for key, entry in entries.items()
            if "__source__" not in entry and fnmatch(stream.name, key)
            for name in entry
        }
        passed = (
            own.transformed_schema["properties"].keys() & stream.selected_properties
        )
        bare += [
            f"`{stream.name}.{name}`"
            for name in sorted(passed - named)
            if DEVICE_ID in name.lower()
        ]
    if bare:
        logger.warning(
            "Setting `stream_maps`: ids of devices are changed in other streams, but "
            "delivered as they are in %s. Add maps for them, or deselect them.",
            ", ".join(bare),
        )


@contextmanager
def _failures_in_one_line(subject: str) -> Iterator[None]:
    """Turn what the SDK, or an expression, fails with into one line."""
    try:
        yield
    except MappingError as error:
        reason = str(error.__cause__ or error)
    except (AttributeError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
    except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        # They quote the record's value, which may be what the map is to hide.
        reason = type(error).__name__
    else:
        return
    problem = f"{subject} does not work ({reason.rstrip('.')}). Correct it."
    raise SettingsError(SETTING, problem) from None


class CheckedMap(StreamMap):
    """A map of the SDK's that fails for a record in one line."""

    def __init__(self, stream: str, inner: CustomStreamMap) -> None:
        super().__init__(inner.stream_alias, inner.raw_schema, None, None)
        self.transformed_schema = inner.transformed_schema
        self.transformed_key_properties = inner.transformed_key_properties
        self._subject = f"the map of stream `{stream}`"
        self._inner = inner

    @override
    def transform(self, record: dict[str, Any]) -> dict[str, Any] | None:
        with _failures_in_one_line(self._subject):
            return self._inner.transform(record)

    @override
    def get_filter_result(self, record: dict[str, Any]) -> bool:
        with _failures_in_one_line(self._subject):
            return self._inner.get_filter_result(record)
