"""The settings of a run: checked, and typed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from tap_targetads.api.addresses import is_protected, shown_url
from tap_targetads.errors import SettingsError
from tap_targetads.reports.days import ONE_DAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping


class Settings(msgspec.Struct, frozen=True):
    """What a run needs of the settings; the schema says what they mean.

    Attributes:
        tokens: The token of each project, by project id. May be empty in the sandbox.
        end_date: None for the last day that is over.
    """

    tokens: dict[int, str]
    start_date: date
    end_date: date | None
    timezone: str
    api_url: str
    sandbox: bool
    include_today: bool
    page_size: int
    concurrent_requests: int
    prefetch_mib: int
    job_timeout: int
    v2_body: Literal["nested", "flat"]
    v2_stable: bool
    clip_history: bool
    on_bad_value: Literal["error", "null"]
    fail_fast: bool
    request_timeout: int
    max_retries: int
    retry_timeout: int
    requests_per_minute: int | None = None

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
        _check_timezone(config["timezone"])
        checked = {
            "tokens": _tokens(config),
            "start_date": start,
            "end_date": end,
            "api_url": _api_url(config["api_url"]),
        }
        values = {name: _integers(value) for name, value in config.items()}
        return msgspec.convert({**values, **checked}, cls)

    @property
    def calendar(self) -> Calendar:
        """The days of the zone in which the API gives its times."""
        return Calendar(ZoneInfo(self.timezone))

    @property
    def null_bad_values(self) -> bool:
        """Whether values that cannot be converted become null."""
        return self.on_bad_value == "null"

    def last_complete_day(self, now: datetime | None = None) -> date:
        """The last day that is over, in the zone of the API.

        Args:
            now: The current instant; the clock's if not given.
        """
        now = now or datetime.now(UTC)
        return self.calendar.day_of(now) - ONE_DAY


_QUOTES = "\"'`«„“”"
_VERSION = re.compile("/v[12](/|$)")
_DAY_FIRST = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})")
_LIKE_A_DAY = re.compile("[0-9./-]{1,10}")


def _integers(value: Any) -> Any:
    """A value in which 7.0 is 7, as it is to JSON schema."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_integers(item) for item in value]
    return value


def _day(config: Mapping[str, Any], setting: str) -> date | None:
    """A day from a date or a date-time, of which only the date counts.

    With dots, the day comes first, as in Russia.
    """
    value = config.get(setting)
    if not value:
        return None
    dotted = _DAY_FIRST.fullmatch(value)
    try:
        if dotted:
            return date(*map(int, reversed(dotted.groups())))
        return datetime.fromisoformat(value).date()
    except ValueError:
        # Anything else may be a token in the wrong place.
        shown = repr(value) if _LIKE_A_DAY.fullmatch(value) else "what is given"
        problem = f"{shown} is not a day. Write it like 2024-01-31 or 31.01.2024."
        raise SettingsError(setting, problem) from None


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        problem = f"{name!r} is not an IANA time zone. Write one like Europe/Moscow."
        raise SettingsError("timezone", problem) from None


def _api_url(url: str) -> str:
    url = url.strip()
    try:
        protected = is_protected(url)
    except ValueError:
        problem = "is not a URL. Write one like https://api.targetads.io."
        raise SettingsError("api_url", f"{shown_url(url)} {problem}") from None
    if not protected:
        problem = (
            "would send the token unprotected. Write an https:// URL (http:// only on "
            "localhost)."
        )
        raise SettingsError("api_url", f"{shown_url(url)} {problem}")
    parts = urlsplit(url)
    if parts.query or parts.fragment or _VERSION.search(parts.path):
        problem = "has more than a base: write it without ?, # and the version."
        raise SettingsError("api_url", f"{shown_url(url)} {problem}")
    return url.rstrip("/")


def _tokens(config: Mapping[str, Any]) -> dict[int, str]:
    """The token of each project to read."""
    single, several = config.get("project_id"), config.get("projects")
    # The sandbox has no project of one's own: there, a list of them counts more.
    if single and several and not config["sandbox"]:
        problem = (
            "cannot go together with `project_id`. Remove one of the two: "
            "TAP_TARGETADS_PROJECT_ID from the environment or .env, for example."
        )
        raise SettingsError("projects", problem)
    entries = several or ([{"project_id": single}] if single else [])
    common = config.get("auth_token", "")
    tokens = {e["project_id"]: (e.get("auth_token") or common).strip() for e in entries}
    if len(tokens) < len(entries):
        raise SettingsError("projects", "names a project twice. Remove one of them.")
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
                f"is missing for project {project_id}. Set TAP_TARGETADS_AUTH_TOKEN "
                "in the environment or in .env, or `auth_token` in the project's "
                "entry under `projects`.",
            )
        if token[0] in _QUOTES or token.lower().startswith("bearer"):
            raise SettingsError(
                "auth_token",
                f"of project {project_id} begins with a quote, or with `Bearer`. Write "
                "the token alone.",
            )
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise SettingsError(
                "auth_token",
                f"of project {project_id} has characters that no token has. Copy it "
                "again.",
            )
    return tokens
