"""The drills."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any, Literal

from targetads_sandbox.dialect import DIALECTS
from tests.drills.drill import OTHER_PROJECT, PATHS, PROJECT, STREAMS, Blow, Drill

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Version = Literal["v1", "v2"]
Declared = dict[str, Any]
"""A fault, in the sandbox's own words."""

PAGE_FAULTS: tuple[Declared, ...] = (
    {"kind": "rate_limit", "rate": 0.05},
    {"kind": "rate_limit_retry_after", "rate": 0.05},
    {"kind": "server_error", "rate": 0.1},
    {"kind": "bad_gateway", "rate": 0.1},
    {"kind": "gateway_timeout", "rate": 0.05},
    {"kind": "slow", "rate": 0.01, "seconds": 1.5},
    {"kind": "trickle", "rate": 0.01},
    {"kind": "maintenance", "rate": 0.05},
    {"kind": "cut", "rate": 0.1},
    {"kind": "malformed", "rate": 0.1},
    {"kind": "error_in_body", "rate": 0.1},
)
"""What happens to single requests, and passes."""

PAGE_LIES: tuple[Declared, ...] = (
    {"kind": "ignore_offset", "rate": 1, "after": 100},
    {"kind": "empty_page", "rate": 0.02},
    {"kind": "unstable_order", "rate": 1, "after": 100},
    {"kind": "too_large", "rate": 0.02},
    {"kind": "unauthorized", "rate": 0.02},
    {"kind": "forbidden", "rate": 0.02},
    {"kind": "firewall", "rate": 0.02},
)
"""What goes on until somebody fixes the server."""

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
    {"kind": "trickle", "rate": 0.01, "path": "/storage/"},
    {"kind": "bad_gateway", "rate": 0.05, "path": "/storage/"},
)
"""What happens to the requests around jobs."""


def _at_rate(faults: Iterable[Declared], rate: float) -> list[Declared]:
    """The same faults, but no oftener; those that begin at a moment are left out."""
    return [
        {**fault, "rate": min(rate, fault["rate"])}
        for fault in faults
        if "after" not in fault
    ]


def _once_each(faults: Iterable[Declared]) -> list[Declared]:
    """The same faults, each once, soon, and one after another."""
    return [
        {**fault, "times": 1, "after": number}
        for number, fault in enumerate(_at_rate(faults, 0))
    ]


FAULTS: Mapping[Version, tuple[Declared, ...]] = {
    "v1": (*PAGE_FAULTS, *PAGE_LIES),
    "v2": (*JOB_FAULTS, *TRANSPORT_FAULTS),
}

PASSING: Mapping[Version, tuple[Declared, ...]] = {
    "v1": (
        {"kind": "server_error", "rate": 0.05},
        {"kind": "cut", "rate": 0.05},
        {"kind": "malformed", "rate": 0.05},
    ),
    "v2": (
        {"kind": "server_error", "rate": 0.05, "path": "/v2/"},
        {"kind": "cut", "rate": 0.05, "path": "/storage/"},
        {"kind": "job_failed", "rate": 0.05},
        {"kind": "truncated_file", "rate": 0.05},
    ),
}
"""What goes on while processes are killed."""

_VERSIONS: tuple[Version, ...] = ("v1", "v2")
_BYTES = (1, 250_000)

BLOWS: Mapping[str, Blow] = {
    "tap killed": Blow("tap", SIGKILL, rounds=20, within=_BYTES),
    "tap terminated": Blow("tap", SIGTERM, rounds=6, within=_BYTES),
    "target stalls, tap terminated": Blow(
        "tap", SIGTERM, rounds=6, within=_BYTES, stalls=True
    ),
    "target killed": Blow("target", SIGKILL, rounds=6, within=_BYTES),
}

CLOCKS: Mapping[str, tuple[date, date]] = {
    "clock goes forward": (date(2024, 3, 29), date(2024, 4, 2)),
    "clock goes back": (date(2024, 10, 25), date(2024, 10, 29)),
}
"""Days around the changes to and from daylight-saving time in Berlin."""

NIGHTS: tuple[Declared, ...] = tuple(
    {
        "InteractionTime": f"{night} {time}",
        "InteractionType": interaction_type,
        "InteractionDeviceID": f"awake at {time}",
    }
    for night in ("2024-03-31", "2024-10-27")
    for interaction_type in STREAMS.values()
    for time in ("01:59:59", "02:00:00", "02:30:00", "02:30:00", "02:59:59", "03:00:00")
)
"""Rows at times that a change skips or repeats; some of them are equal."""

TIES: tuple[Declared, ...] = tuple(
    {
        "InteractionTime": f"2024-01-{day:02} 12:00:00",
        "InteractionType": interaction_type,
        "InteractionDeviceID": f"at noon, {number}",
    }
    for day in range(1, 6)
    for interaction_type in STREAMS.values()
    for number in range(6)
)
"""Rows of the same second, much fewer than a page holds."""

MISREADINGS: Mapping[str, str] = {
    "ignore_dates": "2024-01-01",
    "ignore_types": "PageView",
    "shifted_days": "`timezone`",
}
"""How a server may misread a filter, and what the tap's error has to say of it."""

UNREACHABLE: Mapping[Literal["nowhere", "untrusted"], str] = {
    "nowhere": "No connection to 127.0.0.1:",
    "untrusted": "is not trusted",
}
"""Where a run may look for the API in vain, and what its error has to say."""

_IMPATIENT: Mapping[str, Any] = {"request_timeout": 1, "job_timeout": 1}

_SURE_PAGE = 10
"""Rows of a page that are not the same by chance where rows move (decision 13)."""
_MANY_ROWS = 200

# Last days of drills that begin on the first of January.
_FEW_DAYS = date(2024, 1, 8)
_THREE_WEEKS = date(2024, 1, 21)
_TWO_MONTHS = date(2024, 2, 29)


def _single(version: Version, fault: Declared) -> Drill:
    lie = fault in PAGE_LIES
    return Drill(
        str(fault["kind"]).replace("_", " "),
        version,
        [fault],
        settings={**_IMPATIENT, "page_size": _SURE_PAGE if lie else 2},
        # Pages that contradict each other take windows of many pages.
        rows_per_day=_MANY_ROWS if lie else 10,
        end=_THREE_WEEKS if lie else _TWO_MONTHS,
    )


def _all_at_once(version: Version, dialect: str, *, short: bool) -> Drill:
    faults = FAULTS[version]
    return Drill(
        f"all at once, {dialect}" + (", short" if short else ""),
        version,
        _once_each(faults) if short else _at_rate(faults, 0.03),
        # Without many retries, some runs fail.
        settings={**_IMPATIENT, "page_size": 3, "max_retries": 8 if short else 2},
        streams=[*STREAMS, PATHS],
        end=_FEW_DAYS if short else _TWO_MONTHS,
        rows_per_day=20,
        dialect=dialect,
        short=short,
        full=not short,
    )


def _blow(name: str, version: Version, blow: Blow, *, short: bool) -> Drill:
    return Drill(
        name + (", short" if short else ""),
        version,
        PASSING[version],
        replace(blow, rounds=2, within=(1, 90_000)) if short else blow,
        settings={"page_size": 10, "lookback_days": 2},
        projects=(PROJECT, OTHER_PROJECT),
        rows_per_day=20 if short else 30,
        end=_THREE_WEEKS if short else _TWO_MONTHS,
        short=short,
        full=not short,
    )


def _clock(name: str, version: Version) -> Drill:
    start, end = CLOCKS[name]
    return Drill(
        name,
        version,
        settings={"timezone": "Europe/Berlin"},
        start=start,
        end=end,
        rows_per_day=100,
        extra_rows=NIGHTS,
        short=version == "v2",
    )


def _misreading(kind: str, version: Version) -> Drill:
    return Drill(
        kind.replace("_", " "),
        version,
        [{"kind": kind, "rate": 1, "path": f"/{version}/reports/raw_reports"}],
        # A day without rows at night looks the same whenever it begins.
        streams=["page_views"],
        rows_per_day=_MANY_ROWS,
        end=_FEW_DAYS,
        refused=MISREADINGS[kind],
    )


OTHERS: tuple[Drill, ...] = (
    *(_misreading(kind, version) for kind in MISREADINGS for version in _VERSIONS),
    Drill(
        "short page",
        "v1",
        [{"kind": "short_page", "rate": 1}],
        settings={"page_size": _SURE_PAGE},
        rows_per_day=_MANY_ROWS,
        end=_FEW_DAYS,
        refused="",
    ),
    Drill(
        "unstable ties",
        "v1",
        [{"kind": "unstable_ties", "rate": 1}],
        settings={"page_size": 3 * _SURE_PAGE},
        rows_per_day=_MANY_ROWS,
        end=_FEW_DAYS,
        extra_rows=TIES,
    ),
    Drill(
        "appended rows",
        "v1",
        [{"kind": "appended_rows", "rate": 0.1}],
        settings={"page_size": _SURE_PAGE},
        rows_per_day=_MANY_ROWS,
        end=_THREE_WEEKS,
        again=True,
    ),
    *(
        Drill(
            f"{kind.replace('_', ' ')} now and then",
            "v1",
            [{"kind": kind, "rate": 0.02}],
            settings={"page_size": _SURE_PAGE},
            rows_per_day=_MANY_ROWS,
            end=_THREE_WEEKS,
        )
        for kind in ("ignore_offset", "unstable_order")
    ),
    Drill(
        "late rows between pages",
        "v1",
        [{"kind": "late_rows", "rate": 0.05}],
        settings={"page_size": _SURE_PAGE},
        rows_per_day=_MANY_ROWS,
        end=_THREE_WEEKS,
        again=True,
    ),
    Drill(
        "long windows never answer",
        "v1",
        [{"kind": "gateway_timeout", "rate": 1, "min_days": 3}],
        settings={"window_days": 7},
        rows_per_day=30,
    ),
    Drill(
        "large pages never answer",
        "v1",
        [{"kind": "too_large", "rate": 1, "min_limit": 2000}],
        rows_per_day=30,
    ),
    *(
        Drill(
            "large days by jobs" + (", short" if short else ""),
            "auto",
            [
                # The short one has too few requests for what happens by chance.
                {**fault, "rate": 0, "times": 2} if short else fault
                for fault in (*PASSING["v1"], *PASSING["v2"])
            ],
            Blow("tap", SIGKILL, rounds=2 if short else 10, within=_BYTES),
            settings={"page_size": 10, "window_days": 7, "lookback_days": 2},
            projects=(PROJECT, OTHER_PROJECT),
            rows_per_day=30,
            end=_FEW_DAYS if short else _TWO_MONTHS,
            short=short,
            full=not short,
        )
        for short in (False, True)
    ),
    Drill(
        "no version 2",
        "auto",
        [{"kind": "not_found", "rate": 1, "path": "/v2/"}],
        settings={"page_size": 10},
        rows_per_day=30,
        end=_THREE_WEEKS,
    ),
    *(
        Drill(
            f"host that is {first_url}",
            "auto",
            settings={"max_retries": 2},
            end=_FEW_DAYS,
            first_url=first_url,
            refused=refused,
            short=True,
        )
        for first_url, refused in UNREACHABLE.items()
    ),
    Drill(
        "disk full",
        "v2",
        rows_per_day=200,
        end=_FEW_DAYS,
        file_bytes=1000,
        short=True,
    ),
    Drill(
        "secrets",
        "v2",
        _once_each(FAULTS["v2"]),
        settings=_IMPATIENT,
        end=_FEW_DAYS,
        rows_per_day=20,
        search=True,
        short=True,
    ),
)

DRILLS: tuple[Drill, ...] = (
    *(_single("v1", fault) for fault in FAULTS["v1"]),
    *(_single("v2", fault) for fault in JOB_FAULTS),
    *(
        _all_at_once(version, dialect, short=short)
        for short in (False, True)
        for version in _VERSIONS
        for dialect in DIALECTS
        if not short or dialect == "live"
    ),
    *(
        _blow(name, version, blow, short=short)
        for short in (False, True)
        for name, blow in BLOWS.items()
        for version in _VERSIONS
        if not short or version == ("v2" if name == "tap killed" else "v1")
    ),
    *(_clock(name, version) for name in CLOCKS for version in _VERSIONS),
    *OTHERS,
)
"""All drills. The short form has some of its own, which repeat others in small."""
