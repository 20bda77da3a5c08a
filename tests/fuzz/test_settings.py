"""Settings and states from outside: a tap, or one line that names the trouble."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from tap_targetads.config.schema import CONFIG_SCHEMA
from tap_targetads.errors import ConfigError, StateError, TapError
from tap_targetads.reports.days import Calendar, Window
from tap_targetads.rows.row_type import RowType
from tap_targetads.state.bookmark import Bookmark
from tap_targetads.streams.report import ReportStream
from tap_targetads.tap import TapTargetADS
from tests.support.fuzzing import fuzz, values

SCHEMA: dict[str, Any] = CONFIG_SCHEMA.to_dict()

# What the schema calls a string only, but the tap wants to be more.
KNOWN_STRINGS = [
    *("2024-01-01", "2024-01-31", "2024-02-30", "0001-01-01", "9999-12-31", "2024"),
    *("2024-01-01T00:00:00Z", "2024-01-01T", "Europe/Moscow", "UTC", "Mars/Base"),
    *("https://api.targetads.io", "http://127.0.0.1:1", "https://[", "https://a..b"),
    *(
        "InteractionTime",
        "MediaCampaign",
        "EventDate",
        "Weight_MLI",
        "Click",
        "PageView",
    ),
    *("page_views", "campaigns", "token", "x y", "", "\n", "\ud800", 'a"b', "\\", "\0"),
]


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a part of the schema accepts."""
    if "anyOf" in schema:
        return st.one_of([fitting(part) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"]
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return {
        "array": _lists,
        "boolean": lambda _: st.booleans(),
        "integer": lambda s: st.integers(s.get("minimum"), s.get("maximum")),
        "object": _objects,
        "string": _texts,
    }[kind](schema)


def _lists(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.lists(fitting(schema["items"]), max_size=3)


def _objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    parts = {n: odd(part) for n, part in schema["properties"].items()}
    required = {n: parts.pop(n) for n in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=parts)


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"])
    if schema.get("format") == "date":
        return st.dates().map(str) | st.sampled_from(KNOWN_STRINGS)
    return st.sampled_from(KNOWN_STRINGS) | st.text(max_size=8)


def odd(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly values that the schema accepts; now and then any other."""
    good = fitting(schema)
    return st.integers(0, 15).flatmap(lambda n: good if n else values)


GOOD: dict[str, Any] = {
    "project_id": 12486,
    "auth_token": "4f3c-secret",
    "start_date": "2024-01-01",
}


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Good settings, of which some are others, and some more than there are."""
    names = draw(st.lists(st.sampled_from(sorted(SCHEMA["properties"])), max_size=6))
    config = dict(GOOD)
    for name in names:
        schema = SCHEMA["properties"][name]
        config[name] = draw(odd(schema))
    if draw(st.integers(0, 9)) == 0:
        config.update(draw(st.dictionaries(st.text(max_size=5), values, max_size=2)))
    for name in draw(st.lists(st.sampled_from(sorted(config)), max_size=1)):
        del config[name]
    return config


@fuzz
@given(configs())
@example({**GOOD, "job_timeout": float(2**53 + 2)})
@example({**GOOD, "media_campaign_ids": [12345.0]})
@example({**GOOD, "extra_fields": ['"']})
@example({**GOOD, "extra_fields": [{"name": "a\ud800"}]})
def test_any_settings_make_a_tap_or_one_line_each(config: dict[str, Any]) -> None:
    try:
        tap = TapTargetADS(config=config)
        assert json.dumps(tap.catalog_dict).encode()
        for stream in tap.streams.values():
            if isinstance(stream, ReportStream):
                RowType({f.name: f.type for f in stream.report.fields.values()})
    except TapError as error:
        assert str(error)  # noqa: PT017


EXPRESSIONS = st.sampled_from(
    [
        *("md5(InteractionDeviceID)", "md5(foo)", "md5(", "", " ", "None", "x = 1"),
        *("record['x']", "_[0]", "1 / 0", "self.lower()", "bool(self)", "a\0b", "'"),
        *("__NULL__", "InteractionDeviceID", "datetime.datetime.now()", "[]", "()"),
        *("9 ** 9 ** 9", "'a' * 999999999", "lambda: 1", "json.loads(self)"),
    ]
)
STREAM_MAPS = st.dictionaries(
    st.sampled_from(["clicks", "click", "*", "copy", "", "[", "__else__", "__x__"]),
    values
    | st.dictionaries(
        st.sampled_from(
            [
                *("InteractionDeviceID", "_row_key", "New", "__filter__", "__alias__"),
                *("__source__", "__else__", "__key_properties__", "__x__"),
            ]
        ),
        EXPRESSIONS | values | st.just("clicks"),
        max_size=3,
    ),
    max_size=3,
)


@fuzz
@given(STREAM_MAPS)
def test_any_stream_maps_make_a_tap_or_one_line_each(maps: dict[str, Any]) -> None:
    try:
        TapTargetADS(config={**GOOD, "stream_maps": maps})
    except ConfigError as error:
        assert str(error)  # noqa: PT017
        for line in str(error).splitlines():
            assert line.startswith("Setting `stream_maps")


TIMES = st.one_of(
    values,
    st.datetimes(timezones=st.none() | st.timezones()).map(str),
    st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
    st.sampled_from(
        [
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T23:59:59+00:00",
            "2024-01-31",
            "2024-01-31T20:59:59.5Z",
            "Z",
        ]
    ),
)


@fuzz
@given(
    st.fixed_dictionaries(
        {}, optional={"replication_key_value": TIMES, "complete_from": TIMES}
    ),
    st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    st.integers(0, 20),
)
@example({"replication_key_value": "0001-01-01T00:00:00+14:00"}, date(2024, 1, 1), 0)
@example({"replication_key_value": "0001-01-01T00:00:00Z"}, date(2024, 1, 1), 0)
@example({"replication_key_value": "9999-12-31T23:59:59Z"}, date(2024, 1, 1), 0)
def test_any_bookmark_is_a_period_or_one_line(
    entry: dict[str, Any], day: date, more: int
) -> None:
    calendar = Calendar(ZoneInfo("Europe/Moscow"))
    bookmark = Bookmark(entry, "x", calendar, date(2024, 1, 1), "Stream clicks")
    window = Window(day, day + timedelta(days=more))
    try:
        before = bookmark.covered
        bookmark.cover(window)
    except StateError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    after = bookmark.covered
    assert after is not None
    assert before is None or after.end >= before.end
