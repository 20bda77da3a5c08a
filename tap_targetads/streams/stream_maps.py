"""Stream maps: what the SDK would ignore, or stumble over in the middle of a run.

Who hides personal data by a stream map has to know that it takes effect.
"""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MappingError
from singer_sdk.mapper import CustomStreamMap, StreamMap
from singer_sdk.singerlib.catalog import Catalog
from typing_extensions import override

from tap_targetads.errors import SettingsError
from tap_targetads.reports.declared import DEFAULT_INTERACTION_TYPES, stream_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from singer_sdk import Stream
    from singer_sdk.mapper import PluginMapper

SETTING = "stream_maps"

FAILURES = (
    MappingError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a map can fail with: the SDK's own errors, and those of its expressions."""

_REMOVED = "__NULL__"
"""What stands for null, besides null (SDK: stream maps)."""

_SAMPLES: Mapping[str, Any] = {
    "date": "2024-01-31",
    "date-time": "2024-01-31T12:00:00+00:00",
    "boolean": True,
    "integer": 1,
    "number": 1.0,
    "string": "1",
}
"""A value of each type or format of the streams' properties."""


class StreamMaps:
    """The setting `stream_maps`.

    Args:
        maps: The setting.
        streams: All streams, by name.
    """

    def __init__(self, maps: Mapping[str, Any], streams: Mapping[str, Stream]) -> None:
        self._maps = maps
        self._streams = streams

    def check_names(self) -> None:
        """Make sure that each map is of a stream that there is, and of its properties.

        A stream that `interaction_types` leaves out may have one: it does no harm.

        Raises:
            SettingsError: If one has no effect.
        """
        left_out = {stream_name(kind) for kind in DEFAULT_INTERACTION_TYPES}
        for key, entry in self._maps.items():
            if key.startswith("__"):  # the SDK checks those
                continue
            options = entry if isinstance(entry, dict) else {}
            source = str(options.get("__source__", key))
            matching = [s for name, s in self._streams.items() if fnmatch(name, source)]
            if matching:
                known = {name for s in matching for name in s.schema["properties"]}
                _check_properties(key, options, known)
            elif source not in left_out:
                right = get_close_matches(source, self._streams, n=1)
                advice = "Do you mean" if right else "There are"
                names = ", ".join(f"`{name}`" for name in right or self._streams)
                problem = f"there is no stream `{source}`. {advice} {names}"
                raise SettingsError(SETTING, problem + ("?" if right else "."))

    def register(self, mapper: PluginMapper, catalog: Catalog) -> None:
        """Give each stream its maps, and try them out.

        Args:
            mapper: The SDK's mapper.
            catalog: The streams, all of them selected.

        Raises:
            SettingsError: If an expression can never work.
        """
        for entry in catalog.streams:
            name = entry.stream or entry.tap_stream_id
            with self.failures_told(name):
                mapper.register_raw_streams_from_catalog(
                    Catalog({entry.tap_stream_id: entry})
                )
            maps = mapper.stream_maps[name]
            stream = self._streams.get(name)
            for index, inner in enumerate(maps):
                if isinstance(inner, CustomStreamMap):
                    if stream and stream.selected:
                        _try_out(name, inner)
                    maps[index] = CheckedMap(name, inner)

    @contextmanager
    def failures_told(self, stream: str | None = None) -> Iterator[None]:
        """PendingWindow what the SDK fails with into one line.

        Args:
            stream: The stream whose map is read, if it is that of one.

        Raises:
            SettingsError: If it fails.
        """
        try:
            yield
        except SettingsError:
            raise
        except FAILURES as error:
            raise mapping_error(stream, error) from None


def _check_properties(
    key: str, options: Mapping[str, Any], known: Collection[str]
) -> None:
    """Find properties to remove that are none, or that differ from one by case only."""
    by_case = {name.lower(): name for name in known}
    for name, expression in options.items():
        if name.startswith("__") or name in known:
            continue
        twin = by_case.get(name.lower())
        if twin or expression is None or expression == _REMOVED:
            right = [twin] if twin else get_close_matches(name, known, n=1)
            advice = f"Do you mean `{right[0]}`?" if right else "Remove it."
            problem = f"`{key}` has no property `{name}`. {advice}"
            raise SettingsError(SETTING, problem)


def mapping_error(stream: str | None, error: Exception) -> SettingsError:
    """The line for a map that does not work.

    Args:
        stream: Name of the stream, if it is the map of one.
        error: What the SDK, or an expression, failed with.
    """
    reason = error.__cause__ or error
    text = " ".join(str(reason).split()).rstrip(".")
    if not isinstance(error, MappingError):
        name = type(error).__name__
        # Others quote the record's value, which may be what the map is to hide.
        quotes = not isinstance(error, (AttributeError, TypeError))
        text = name if quotes else f"{name}: {text}"
    subject = f"the map of stream `{stream}`" if stream else "it"
    problem = f"{subject} does not work ({text}). Correct it."
    return SettingsError(SETTING, problem)


def _try_out(stream: str, stream_map: StreamMap) -> None:
    """Apply a map to a made-up record, to find names that there are not.

    Args:
        stream: Name of the stream.
        stream_map: One of its maps.

    Raises:
        SettingsError: If an expression can never work.
    """
    properties: Mapping[str, Any] = stream_map.raw_schema.get("properties", {})
    record = {name: _sample(schema) for name, schema in properties.items()}
    try:
        stream_map.transform(record)
    except MappingError as error:
        raise mapping_error(stream, error) from None
    except FAILURES:
        pass  # It is the value that does not go with it: real ones may.


def _sample(schema: Mapping[str, Any]) -> Any:
    kinds = [schema.get("format"), *schema["type"]]
    return next((_SAMPLES[kind] for kind in kinds if kind in _SAMPLES), None)


class CheckedMap(StreamMap):
    """A map whose failure in the middle of a run is one line.

    Args:
        stream: Name of the stream.
        inner: The SDK's map.
    """

    def __init__(self, stream: str, inner: CustomStreamMap) -> None:
        super().__init__(
            inner.stream_alias, inner.raw_schema, inner.raw_key_properties, None
        )
        self.transformed_schema = inner.transformed_schema
        self.transformed_key_properties = inner.transformed_key_properties
        self._stream = stream
        self._inner = inner

    @override
    def transform(self, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record that is delivered; None if a filter leaves it out.

        Raises:
            SettingsError: If an expression does not work for this record.
        """
        try:
            return self._inner.transform(record)
        except FAILURES as error:
            raise mapping_error(self._stream, error) from error

    @override
    def get_filter_result(self, record: dict[str, Any]) -> bool:
        """Whether the filter lets a record pass.

        Raises:
            SettingsError: If it does not work for this record.
        """
        try:
            return self._inner.get_filter_result(record)
        except FAILURES as error:
            raise mapping_error(self._stream, error) from error
