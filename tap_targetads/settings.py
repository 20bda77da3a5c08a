"""The tap's settings: their JSON schema, and their checked values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from singer_sdk import typing as th

from tap_targetads.catalogue import (
    FIELD_TYPES,
    INTERACTION_TIME,
    PROJECT_ID,
    ROW_KEY,
    Field,
    extra_field,
)
from tap_targetads.errors import SettingsError
from tap_targetads.windows import ONE_DAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

DEFAULT_INTERACTION_TYPES = ["PageView", "Click", "Impression", "Purchase"]
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_CAMPAIGN_IDS = 20
MAX_PAGE_SIZE = 100_000

CONFIG_SCHEMA = th.PropertiesList(
    th.Property(
        "auth_token",
        th.StringType(min_length=1),
        secret=True,
        title="Auth token",
        description="Bearer token of the project. With several projects: the token "
        "of those that have none of their own.",
    ),
    th.Property(
        "project_id",
        th.IntegerType(minimum=1),
        title="Project id",
        description="The project to read. For several, use `projects` instead.",
    ),
    th.Property(
        "projects",
        th.ArrayType(
            th.ObjectType(
                th.Property(
                    "project_id",
                    th.IntegerType(minimum=1),
                    required=True,
                    description="The project to read.",
                ),
                th.Property(
                    "auth_token",
                    th.StringType(min_length=1),
                    secret=True,
                    description="The project's own token, if not the common one.",
                ),
                additional_properties=False,
            ),
        ),
        title="Projects",
        description="Several projects, each with its own token or the common one: "
        '`[{"project_id": 12486, "auth_token": "…"}, …]`.',
    ),
    th.Property(
        "start_date",
        th.DateType,
        required=True,
        title="Start date",
        description="First day to read, inclusive: `2024-01-31`.",
    ),
    th.Property(
        "end_date",
        th.DateType,
        title="End date",
        description="Last day to read, inclusive. Default: yesterday in `timezone`.",
    ),
    th.Property(
        "include_today",
        th.BooleanType,
        default=False,
        title="Include today",
        description="Read the unfinished current day too. The state does not move "
        "over it: the next run reads that day again.",
    ),
    th.Property(
        "timezone",
        th.StringType,
        default="Europe/Moscow",
        title="Time zone",
        description="IANA name of the zone in which the API gives its times, and in "
        "which days begin. Records and state carry UTC.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.targetads.io",
        title="API URL",
        description="Base URL of the API. Only https, except on loopback.",
    ),
    th.Property(
        "sandbox",
        th.BooleanType,
        default=False,
        title="Sandbox",
        description="Start the bundled sandbox inside the tap and read from it: no "
        "token, no network. Needs the extra `sandbox`.",
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=MAX_PAGE_SIZE),
        default=MAX_PAGE_SIZE,
        title="Page size",
        description="Rows per request (the API's `Limit`), at most 100000.",
    ),
    th.Property(
        "window_days",
        th.IntegerType(minimum=1),
        default=7,
        title="Window days",
        description="Length of a date window in days. A window with more rows than "
        "one page holds is read a day at a time.",
    ),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0),
        default=0,
        title="Lookback days",
        description="Days before the bookmark that every run reads again, for rows "
        "that arrive late.",
    ),
    th.Property(
        "interaction_types",
        th.ArrayType(th.StringType(min_length=1)),
        default=DEFAULT_INTERACTION_TYPES,
        title="Interaction types",
        description="The interaction types to read, one stream each.",
    ),
    th.Property(
        "media_campaign_ids",
        th.ArrayType(th.IntegerType),
        title="Media campaign ids",
        description="Read only the rows of these campaigns (placement ids), at most "
        "20. Default: all rows, with and without a campaign.",
    ),
    th.Property(
        "extra_fields",
        th.ArrayType(
            th.AnyOf(
                th.StringType(min_length=1),
                th.ObjectType(
                    th.Property("name", th.StringType(min_length=1), required=True),
                    th.Property(
                        "type", th.StringType, allowed_values=list(FIELD_TYPES)
                    ),
                    additional_properties=False,
                ),
            ),
        ),
        title="Extra fields",
        description="Fields of the API that the catalogue does not know yet: a name "
        '(its type follows from its ending) or `{"name": …, "type": …}`, with the '
        "types string, integer, number, boolean, date, date-time.",
    ),
    th.Property(
        "on_bad_value",
        th.StringType,
        allowed_values=["error", "null"],
        default="error",
        title="On bad value",
        description="What to do with a value that cannot be converted to its field's "
        "type: stop with an error, or write null, count and report it.",
    ),
    th.Property(
        "row_key",
        th.BooleanType,
        default=True,
        title="Row key",
        description="Add `_row_key` and make it the primary key. Without it the "
        "streams have no key, for append-only use.",
    ),
    th.Property(
        "request_timeout",
        th.IntegerType(minimum=1),
        default=310,
        title="Request timeout",
        description="Seconds to wait for an answer. The API itself gives up at 300.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0),
        default=8,
        title="Max retries",
        description="How many times a request is tried again after a passing failure "
        "(429, 5xx, time-out, broken connection, malformed answer).",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run, checked and typed.

    Attributes:
        tokens: The token of each project, by project id. Empty strings in the sandbox.
    """

    tokens: Mapping[int, str]
    start_date: date
    end_date: date | None
    include_today: bool
    calendar: Calendar
    api_url: str
    sandbox: bool
    page_size: int
    window_days: int
    lookback_days: int
    media_campaign_ids: tuple[int, ...]
    null_bad_values: bool
    request_timeout: int
    max_retries: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check the settings of a run.

        Args:
            config: Values that the JSON schema accepts, defaults filled in.

        Raises:
            SettingsError: If a value cannot work, or contradicts another.
        """
        start, end = _day(config, "start_date"), _day(config, "end_date")
        if start is None:
            raise SettingsError("start_date", "is missing. Write a day: 2024-01-31.")
        if end and start > end:
            raise SettingsError(
                "start_date",
                f"{start} is after `end_date` {end}. Move one of the two.",
            )
        return cls(
            tokens=_tokens(config),
            start_date=start,
            end_date=end,
            include_today=config["include_today"],
            calendar=_calendar(config["timezone"]),
            api_url=_api_url(config["api_url"]),
            sandbox=config["sandbox"],
            page_size=config["page_size"],
            window_days=config["window_days"],
            lookback_days=config["lookback_days"],
            media_campaign_ids=_campaign_ids(config),
            null_bad_values=config["on_bad_value"] == "null",
            request_timeout=config["request_timeout"],
            max_retries=config["max_retries"],
        )

    def last_complete_day(self, now: datetime | None = None) -> date:
        """The last day that is over, in the zone of the API.

        Args:
            now: The current instant; the clock's if not given.
        """
        now = now or datetime.now(timezone.utc)
        return self.calendar.day_of(now) - ONE_DAY


def wrong_variable(environ: Mapping[str, str], prefix: str) -> SettingsError | None:
    """The environment variable that the SDK could not parse, if there is one.

    Args:
        environ: The environment.
        prefix: What the names of the tap's variables begin with.
    """
    parsers: dict[str, Callable[[str], object]]
    parsers = {"integer": int, "array": json.loads, "object": json.loads}
    for name, schema in CONFIG_SCHEMA.to_dict()["properties"].items():
        variable = prefix + name.upper()
        kinds = [kind for kind in parsers if kind in schema["type"]]
        try:
            for kind in kinds:
                parsers[kind](environ.get(variable, "0"))
        except ValueError:
            problem = f"{variable} has a value that is not an {kinds[0]}. Correct it."
            return SettingsError(name, problem)
    return None


def stream_name(interaction_type: str) -> str:
    """The stream of an interaction type: plural where known, else in snake case."""
    plural = {
        "PageView": "page_views",
        "Click": "clicks",
        "Impression": "impressions",
        "Purchase": "purchases",
    }
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", interaction_type)
    return plural.get(interaction_type, snake.strip("_").lower())


def extra_fields(config: Mapping[str, Any]) -> list[Field]:
    """The user's own fields.

    Raises:
        SettingsError: If a field has a name that the tap itself fills.
    """
    fields = []
    for item in config.get("extra_fields") or ():
        entry: dict[str, Any] = {"name": item} if isinstance(item, str) else item
        if entry["name"] in {INTERACTION_TIME, PROJECT_ID, ROW_KEY}:
            raise SettingsError(
                "extra_fields", f"`{entry['name']}` cannot be redefined. Remove it."
            )
        fields.append(extra_field(entry["name"], entry.get("type")))
    return fields


def unique_streams(interaction_types: Iterable[str]) -> dict[str, str]:
    """The interaction types by the names of their streams.

    Raises:
        SettingsError: If two types would share a stream, or one has no usable name.
    """
    streams: dict[str, str] = {}
    for interaction_type in interaction_types:
        name = stream_name(interaction_type)
        if not name or name in streams or name == "interactions":
            raise SettingsError(
                "interaction_types",
                f"{interaction_type!r} cannot be a stream of its own (its name would "
                f"be {name!r}, which is empty or taken). Remove it.",
            )
        streams[name] = interaction_type
    return streams


def _day(config: Mapping[str, Any], setting: str) -> date | None:
    """A day from a date or a date-time, of which only the date counts."""
    value = config.get(setting)
    if not value:
        return None
    try:
        day = date.fromisoformat(value[:10])
        if value[10:]:
            datetime.strptime(value[10:16], "T%H:%M")  # noqa: DTZ007
    except ValueError:
        problem = f"{value!r} is not a day. Write it like 2024-01-31."
        raise SettingsError(setting, problem) from None
    return day


def _calendar(name: str) -> Calendar:
    try:
        return Calendar(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        problem = f"{name!r} is not an IANA time zone. Write one like Europe/Moscow."
        raise SettingsError("timezone", problem) from None


def _api_url(url: str) -> str:
    parts = urlsplit(url)
    loopback = parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS
    if not parts.hostname or not (parts.scheme == "https" or loopback):
        raise SettingsError(
            "api_url",
            f"{url!r} would send the token unprotected. Write an https:// URL "
            "(http:// only on localhost).",
        )
    return url.rstrip("/")


def _campaign_ids(config: Mapping[str, Any]) -> tuple[int, ...]:
    ids = tuple(dict.fromkeys(config.get("media_campaign_ids") or ()))
    if len(ids) > MAX_CAMPAIGN_IDS:
        raise SettingsError(
            "media_campaign_ids",
            f"has {len(ids)} ids, but the API takes at most {MAX_CAMPAIGN_IDS}. "
            "Remove some.",
        )
    return ids


def _tokens(config: Mapping[str, Any]) -> dict[int, str]:
    """The token of each project that is to be read."""
    common = config.get("auth_token") or ""
    single, several = config.get("project_id"), config.get("projects") or []
    if single and several:
        raise SettingsError("projects", "cannot go together with `project_id`.")
    entries = several or ([{"project_id": single}] if single else [])
    ids = [entry["project_id"] for entry in entries]
    if len(ids) != len(set(ids)):
        raise SettingsError("projects", "names a project twice. Remove one of them.")
    tokens = {e["project_id"]: e.get("auth_token") or common for e in entries}
    if config["sandbox"]:
        return tokens
    if not tokens:
        raise SettingsError(
            "project_id",
            "is missing. Set TAP_TARGETADS_PROJECT_ID, or `projects` for several.",
        )
    for project_id, token in tokens.items():
        if not token:
            raise SettingsError(
                "auth_token",
                f"is missing for project {project_id}. Set TAP_TARGETADS_AUTH_TOKEN, "
                "or `auth_token` in the project's entry under `projects`.",
            )
    return tokens
