"""Faults on demand: what goes wrong, with which requests, and how often."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal, cast, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from targetads_sandbox.server.conditions import Asked

Kind = Literal[
    "rate_limit",
    "rate_limit_retry_after",
    "server_error",
    "bad_gateway",
    "gateway_timeout",
    "too_large",
    "slow",
    "trickle",
    "cut",
    "malformed",
    "maintenance",
    "error_in_body",
    "ignore_offset",
    "empty_page",
    "short_page",
    "unstable_order",
    "unstable_ties",
    "late_rows",
    "appended_rows",
    "ignore_dates",
    "ignore_types",
    "shifted_days",
    "unauthorized",
    "forbidden",
    "firewall",
    "not_found",
    "job_failed",
    "job_expired",
    "job_cancelled",
    "job_hangs",
    "slow_job",
    "wrong_row_count",
    "truncated_file",
    "corrupt_file",
    "expired_url",
]
"""What can go wrong.

`rate_limit`: status 429, without a Retry-After header.
`rate_limit_retry_after`: status 429 with a Retry-After header.
`server_error`: status 500.
`bad_gateway`: status 502, with a proxy's HTML page.
`gateway_timeout`: status 504, with a proxy's HTML page.
`too_large`: status 413.
`slow`: the right response, late.
`trickle`: the promise of a long response, then a space now and then.
`cut`: the connection ends in the middle of the right response's body.
`malformed`: status 200, with half of the right response's JSON; the length is right.
`maintenance`: status 200, with an HTML page that says to come back later.
`error_in_body`: status 200, with an error as its body.
`ignore_offset`: the first page, whatever the offset, and the claim that more follow.
`empty_page`: a page without rows, and the claim that more follow.
`short_page`: half of the rows of the right page, the claim that no more follow, and a
    count that has all of the right page.
`unstable_order`: a page of the right rows in another order each time, so that paging
    loses some and duplicates others.
`unstable_ties`: a page of the right rows by time, where those of the same time are in
    another order each time. Sums have no time: they just get the right response.
`late_rows`: the right response, and right after it new interactions on the days of its
    window, of its types and campaigns. Every second one, starting with the first, sorts
    before the end of the page, so that the next page begins with a row that was already
    delivered. v1 raw data only: other requests just get the right response.
`appended_rows`: the same, but all of the new interactions sort after all others.
`ignore_dates`: rows of other days, too: of the one before and the one after.
`ignore_types`: rows of all types.
`shifted_days`: rows of days that begin some hours later than midnight. These three
    happen to v2, too, if the path says so: `ignore_types@/v2/reports/`.
`unauthorized`: status 401.
`forbidden`: status 403.
`firewall`: status 403, with the HTML page of a firewall.
`not_found`: status 404; on `/v2/`, a server that has no version 2.

Some happen to v2 jobs only, and are drawn when the job is created:

`job_failed`, `job_expired`, `job_cancelled`: it ends with this status.
`job_hangs`: it is processed for ever.
`slow_job`: it takes longer.
`wrong_row_count`: it reports one row more than there are.

Others happen to the downloads of their files:

`truncated_file`: half of the file; the length of the response is right.
`corrupt_file`: some bytes in the middle are replaced.
`expired_url`: status 403, now and whenever the same URL is used again.
"""

KINDS: tuple[Kind, ...] = get_args(Kind)

_DEFAULT_SECONDS = {"slow": 1.0, "slow_job": 1.0}

JOB_KINDS = (
    "job_failed",
    "job_expired",
    "job_cancelled",
    "job_hangs",
    "slow_job",
    "wrong_row_count",
)
"""Kinds that happen to jobs."""

_FILE_KINDS = ("truncated_file", "corrupt_file", "expired_url")
_RAW_KINDS = (
    "late_rows",
    "appended_rows",
    "ignore_dates",
    "ignore_types",
    "shifted_days",
)
_PATHS: Mapping[str, str] = {
    **dict.fromkeys(_RAW_KINDS, "/v1/reports/raw_reports"),
    **dict.fromkeys(JOB_KINDS, "/v2/reports/"),
    **dict.fromkeys(_FILE_KINDS, "/storage/"),
}
_DEFAULT_PATH = "/v1/reports/"

_LEAST = {
    "rows": 1,
    "min_days": 1,
    "min_limit": 1,
    "min_offset": 0,
    "max_campaigns": 1,
}
"""The least that makes sense of what a fault counts."""


class Fault(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something that goes wrong with some requests.

    Attributes:
        kind: What goes wrong.
        rate: The share of requests that it happens to, from 0 to 1.
        times: Instead of a rate: how many requests in a row it happens to.
        after: How many requests are spared first.
        path: The prefix of the paths that it happens to. If None: v1 reports, v1 raw
            data for rows that arrive and wrong filters, the creation of v2 jobs for
            faults of jobs, and the storage for faults of files.
        seconds: How late `slow` responds or how much longer `slow_job` takes (1 if
            None), or what Retry-After asks to wait (0 if None).
        http_date: Write Retry-After as a date, instead of as seconds.
        code: The `ErrorCode` of `error_in_body`.
        rows: How many rows arrive with `late_rows` or `appended_rows`.
        hours: How many hours after midnight `shifted_days` begin; before it, if
            negative.
        project_id: Only requests for this project.
        date: Only requests whose window has this day: `2024-01-15`. The window is that
            of the interactions or, for paths, of the conversions.
        min_days: Only requests whose window has at least this many days.
        min_limit: Only requests with at least this `Limit`.
        min_offset: Only requests with at least this `Offset`.
        max_campaigns: Spare requests that list media campaigns, but at most this many:
            it happens to those that list more, or none.

    A request that lacks what a condition asks for does not meet the fault. Requests
    spared by conditions do not count for `rate`, `times` and `after`.
    """

    kind: Kind
    rate: float = 0.0
    times: int | None = None
    after: int = 0
    path: str | None = None
    seconds: float | None = None
    http_date: bool = False
    code: int = 500
    rows: int = 1
    hours: int = 3
    project_id: int | None = None
    date: str | None = None
    min_days: int | None = None
    min_limit: int | None = None
    min_offset: int | None = None
    max_campaigns: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if the kind is unknown, or a number makes no sense."""
        if self.kind not in KINDS:
            message = f"There is no fault {self.kind!r}; there are {', '.join(KINDS)}."
            raise ValueError(message)
        if not 0 <= self.rate <= 1:
            message = f"The rate of {self.kind} must be between 0 and 1."
            raise ValueError(message)
        if self.times is not None and (self.times < 0 or self.rate):
            message = f"{self.kind} needs either a rate or a number of times."
            raise ValueError(message)
        if self.after < 0 or (self.seconds or 0) < 0:
            message = f"{self.kind} cannot wait less than nothing."
            raise ValueError(message)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                message = f"{name} of {self.kind} must be at least {least}."
                raise ValueError(message)
        if self.date is not None and not _is_day(self.date):
            message = f"{self.date!r} is not a date like 2024-01-31."
            raise ValueError(message)

    @property
    def prefix(self) -> str:
        """The prefix of the paths that it happens to."""
        if self.path is None:
            return _PATHS.get(self.kind, _DEFAULT_PATH)
        return self.path

    def concerns(self, asked: Asked) -> bool:
        """Whether it may happen to a request, by what the request asks for."""
        amounts = (
            (self.min_days, asked.days),
            (self.min_limit, asked.limit),
            (self.min_offset, asked.offset),
        )
        return (
            self.project_id in {None, asked.project_id}
            and (self.date is None or asked.covers(date.fromisoformat(self.date)))
            and all(
                least is None or (amount is not None and amount >= least)
                for least, amount in amounts
            )
            and not 0 < asked.campaigns <= (self.max_campaigns or 0)
        )

    @property
    def delay(self) -> float:
        """The seconds that `slow` waits, or that Retry-After asks for."""
        if self.seconds is None:
            return _DEFAULT_SECONDS.get(self.kind, 0.0)
        return self.seconds


def parse_fault(text: str) -> Fault:
    """Parse a fault in its command line form.

    Args:
        text: `KIND:RATE` or `KIND:xTIMES`, followed by `:SECONDS` for `slow`,
            `slow_job` and `rate_limit_retry_after`: `server_error:0.05`, `cut:x3`,
            `slow:0.1:2.5`. The kind may have a path: `cut@/storage/:x1`.

    Raises:
        ValueError: If the text is anything else.
    """
    which, _, rest = text.partition(":")
    kind, has_path, path = which.partition("@")
    amount, _, seconds = rest.partition(":")
    counted = amount.startswith("x")
    try:
        rate = 0.0 if counted else float(amount)
        times = int(amount[1:]) if counted else None
        delay = float(seconds) if seconds else None
    except ValueError:
        message = f"{text!r} is neither KIND:RATE nor KIND:xTIMES."
        raise ValueError(message) from None
    return Fault(
        cast("Kind", kind),
        rate=rate,
        times=times,
        path=path if has_path else None,
        seconds=delay,
    )


def decode_faults(content: object) -> list[Fault]:
    """Create faults from decoded JSON.

    Raises:
        ValueError: If it is not a list of faults.
    """
    try:
        return msgspec.convert(content, list[Fault])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _is_day(text: str) -> bool:
    try:
        # Python also reads 20240115 and 2024-W03-1.
        return date.fromisoformat(text).isoformat() == text
    except (TypeError, ValueError):
        return False
