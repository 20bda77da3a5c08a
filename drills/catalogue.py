"""The drills."""

from __future__ import annotations

from datetime import date
from signal import SIGTERM
from typing import TYPE_CHECKING, Any, Literal

from drills.drill import OTHER_PROJECT, PATHS, PROJECT, STREAMS, Blow, Drill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Version = Literal["v1","v2"]
Declared = dict[str, Any]

SMALL_PAGES: Mapping[str, Any] = {"page_size": 2}
IMPATIENT: Mapping[str, Any] = {"request_timeout": 1, "job_timeout": 1}

PAGE_FAULTS: tuple[Declared, ...] = (
    {"kind": "rate_limit", "rate": 0.05},
    {"kind": "rate_limit_retry_after", "rate": 0.05},
    {"kind": "server_error", "rate": 0.1},
    {"kind": "bad_gateway", "rate": 0.1},
    {"kind": "gateway_timeout", "rate": 0.05},
    {"kind": "too_large", "rate": 0.05},
    {"kind": "slow", "rate": 0.01, "seconds": 1.5},
    {"kind": "cut", "rate": 0.1},
    {"kind": "malformed", "rate": 0.1},
    {"kind": "error_in_body", "rate": 0.1},
)
"""What happens to single requests, and passes."""

PAGE_LIES: tuple[Declared, ...] = (
    {"kind": "ignore_offset", "rate": 1, "after": 100},
    {"kind": "empty_page", "rate": 0.02},
    {"kind": "unstable_order", "rate": 1, "after": 100},
    {"kind": "unauthorized", "rate": 0.02},
    {"kind": "forbidden", "rate": 0.02},
)
"""What goes on until somebody mends the server."""

JOB_FAULTS: tuple[Declared, ...] = (
    {"kind": "job_failed", "rate": 0.1},
    {"kind": "job_expired", "rate": 0.1},
    {"kind": "job_cancelled", "rate": 0.1},
    {"kind": "job_hangs", "rate": 0.02},
    {"kind": "slow_job", "rate": 0.05, "seconds": 0.3},
    {"kind": "wrong_row_count", "rate": 0.05},
    {"kind": "truncated_file", "rate": 0.1},
    {"kind": "corrupt_file", "rate": 0.1},
    {"kind": "expired_url", "rate": 0.1},
)
"""What happens to jobs and their files."""

TRANSPORT_FAULTS: tuple[Declared, ...] = (
    {"kind": "rate_limit_retry_after", "rate": 0.02, "path": "/v2/"},
    {"kind": "server_error", "rate": 0.05, "path": "/v2/"},
    {"kind": "bad_gateway", "rate": 0.05, "path": "/v2/"},
    {"kind": "malformed", "rate": 0.05, "path": "/v2/"},
    {"kind": "cut", "rate": 0.05, "path": "/v2/"},
    {"kind": "cut", "rate": 0.05, "path": "/storage/"},
    {"kind": "bad_gateway", "rate": 0.05, "path": "/storage/"},
)
"""What happens to the requests around jobs."""


def _often(faults: Iterable[Declared], rate: float) -> tuple[Declared, ...]:
    """The same faults, each as often."""
    return tuple({**fault, "rate": rate} for fault in faults if "after" not in fault)


MIXED: Mapping[str, tuple[Declared, ...]] = {
    "v1": _often((*PAGE_FAULTS, *PAGE_LIES), 0.015),
    "v2": _often((*JOB_FAULTS, *TRANSPORT_FAULTS), 0.02),
}
"""All of them at once, in each version of the API."""

BLOWS: Mapping[str, Blow] = {
    "tap killed": Blow("tap", rounds=20, within=(1, 250_000)),
    "tap terminated": Blow("tap", SIGTERM, rounds=6, within=(1, 250_000)),
    "target killed": Blow("target", rounds=6, within=(1, 250_000)),
}

EDGES: Mapping[str, tuple[date, date]] = {
    "clock goes forward": (date(2024, 3, 29), date(2024, 4, 2)),
    "clock goes back": (date(2024, 10, 25), date(2024, 10, 29)),
}
"""Days around the changes to and from daylight-saving time in Berlin."""


def _at_night(days: Iterable[date]) -> list[Declared]:
    """Rows at times that are not there, or twice, on the night of a change."""
    return [
        {
            "InteractionTime": f"{day} {time}",
            "InteractionType": kind,
            "InteractionDeviceID": f"night-{time}-{number}",
        }
        for day in days
        for kind in STREAMS.values()
        for time in ("01:59:59", "02:00:00", "02:30:00", "02:59:59", "03:00:00")
        for number in (1, 2)
    ]


NIGHTS = _at_night([date(2024, 3, 31), date(2024, 10, 27)])

SHORT_DAYS = date(2024, 1, 12)
"""The last day of drills that are to be quick."""


def _single(version: Version, fault: Declared, **options: Any) -> Drill:
    name = str(fault["kind"]).replace("_", " ")
    settings = {**SMALL_PAGES, **IMPATIENT}
    return Drill(name, version, [fault], settings=settings, **options)


def _mixed(version: Version, **options: Any) -> Drill:
    return Drill(
        "all faults",
        version,
        MIXED[version],
        settings={**SMALL_PAGES, **IMPATIENT, "max_retries": 2},
        streams=[*STREAMS, PATHS],
        **options,
    )


def _struck(name: str, version: Version, blow: Blow, **options: Any) -> Drill:
    faults = PASSING[version]
    settings = {"page_size": 10, "lookback_days": 2}
    return Drill(
        name,
        version,
        faults,
        blow,
        settings=settings,
        projects=(PROJECT, OTHER_PROJECT),
        rows_per_day=20,
        **options,
    )
