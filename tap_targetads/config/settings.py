"""The tap's settings: their checked values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from tap_targetads.api.addresses import is_protected, shown_url
from tap_targetads.errors import SettingsError
from tap_targetads.reports.days import ONE_DAY, Calendar

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run, checked and typed.

    Attributes:
        tokens: The token of each project, by project id. Empty strings in the sandbox.
        start_date: The first day to read.
        end_date: The last day to read, if it is given.
        calendar: The days of the zone in which the API gives its times.
        page_size: Rows per request.
        concurrent_requests: Requests, or v2 jobs, under way at once.
        prefetch_mib: MiB of answers that may wait in memory.
        job_timeout: Seconds that a v2 job may take before it is made anew.
        request_timeout: Seconds to wait for an answer.
        max_retries: How often a request is tried again.
        retry_timeout: Seconds that all tries of a request may take together.
        requests_per_minute: The most requests in any minute; None for no limit.
    """

    tokens: Mapping[int, str]
    start_date: date
    end_date: date | None
    include_today: bool
    calendar: Calendar
    api_url: str
    sandbox: bool
    page_size: int
    concurrent_requests: int
    prefetch_mib: int
    job_timeout: int
    v2_body: Literal["nested", "flat"]
    v2_stable: bool
    clip_history: bool
    null_bad_values: bool
    fail_fast: bool
    request_timeout: int
    max_retries: int
    retry_timeout: int
    requests_per_minute: int | None

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
            concurrent_requests=config["concurrent_requests"],
            prefetch_mib=config["prefetch_mib"],
            job_timeout=config["job_timeout"],
            v2_body=config["v2_body"],
            v2_stable=config["v2_stable"],
            clip_history=config["clip_history"],
            null_bad_values=config["on_bad_value"] == "null",
            fail_fast=config["fail_fast"],
            request_timeout=config["request_timeout"],
            max_retries=config["max_retries"],
            retry_timeout=config["retry_timeout"],
            requests_per_minute=config.get("requests_per_minute"),
        )

    def last_complete_day(self, now: datetime | None = None) -> date:
        """The last day that is over, in the zone of the API.

        Args:
            now: The current instant; the clock's if not given.
        """
        now = now or datetime.now(UTC)
        return self.calendar.day_of(now) - ONE_DAY


_LIKE_A_DAY = re.compile("[0-9./-]{1,10}")


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
        # Anything else may be a token in the wrong place.
        shown = repr(value) if _LIKE_A_DAY.fullmatch(value) else "what is given"
        problem = f"{shown} is not a day. Write it like 2024-01-31."
        raise SettingsError(setting, problem) from None
    return day


def _calendar(name: str) -> Calendar:
    try:
        return Calendar(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        problem = f"{name!r} is not an IANA time zone. Write one like Europe/Moscow."
        raise SettingsError("timezone", problem) from None


def _api_url(url: str) -> str:
    try:
        protected = is_protected(url)
    except ValueError:
        problem = (
            f"{shown_url(url)} is not a URL. Write one like https://api.targetads.io."
        )
        raise SettingsError("api_url", problem) from None
    if not protected:
        raise SettingsError(
            "api_url",
            f"{shown_url(url)} would send the token unprotected. Write an https:// URL "
            "(http:// only on localhost).",
        )
    return url.rstrip("/")


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
    tokens = {e["project_id"]: (e.get("auth_token") or common).strip() for e in entries}
    if config["sandbox"]:
        return tokens
    if not tokens:
        raise SettingsError(
            "project_id",
            "is missing. Set TAP_TARGETADS_PROJECT_ID, or `projects` for several.",
        )
    for project_id, token in tokens.items():
        if not (token.isascii() and token.isprintable()):
            raise SettingsError(
                "auth_token",
                f"of project {project_id} has characters that no token has. Copy it "
                "again.",
            )
        if not token:
            raise SettingsError(
                "auth_token",
                f"is missing for project {project_id}. Set TAP_TARGETADS_AUTH_TOKEN "
                "in the environment or in .env, or `auth_token` in the project's "
                "entry under `projects`.",
            )
    return tokens
