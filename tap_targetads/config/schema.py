"""The tap's settings: names, types, defaults, descriptions."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_targetads.config.report_schema import REPORT_SCHEMA
from tap_targetads.reports.declared import DEFAULT_INTERACTION_TYPES
from tap_targetads.reports.fields import FIELD_TYPES

MAX_PAGE_SIZE = 100_000

CONFIG_SCHEMA = th.PropertiesList(
    th.Property(
        "auth_token",
        th.StringType(min_length=1),
        secret=True,
        title="Auth token",
        description="Bearer token of the project. With several projects: the default "
        "for those without their own.",
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
                    description="The project's own token, if not the default one.",
                ),
                additional_properties=False,
            ),
        ),
        title="Projects",
        description="Several projects, each with its own token or the default one: "
        '`[{"project_id": 12486, "auth_token": "…"}, …]`.',
    ),
    th.Property(
        "start_date",
        th.DateType,
        required=True,
        title="Start date",
        description="First day to read, inclusive: `2024-01-31` or `31.01.2024`.",
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
        "api_version",
        th.StringType,
        allowed_values=["auto", "v1", "v2"],
        default="auto",
        title="API version",
        description="How interactions and paths are read: page by page (v1), by jobs "
        "that leave a file (v2; at most 90 days back), or by pages, and by jobs from "
        "the first day on that does not fit into one page (auto). The records are the "
        "same.",
    ),
    th.Property(
        "concurrent_requests",
        th.IntegerType(minimum=1),
        default=4,
        title="Concurrent requests",
        description="How many requests, or v2 jobs, are in flight at once. Their rows "
        "are delivered in order.",
    ),
    th.Property(
        "prefetch_mib",
        th.IntegerType(minimum=0),
        default=64,
        title="Prefetch MiB",
        description="How many MiB of responses may wait in memory until they are "
        "needed. Fewer requests are in flight at once where responses are large.",
    ),
    th.Property(
        "job_timeout",
        th.IntegerType(minimum=1),
        default=1200,
        title="Job timeout",
        description="Seconds that a v2 job may take before it is recreated.",
    ),
    th.Property(
        "v2_body",
        th.StringType,
        allowed_values=["nested", "flat"],
        default="nested",
        title="Body of v2 requests",
        description="With filter objects, as documented, or with the dates at the "
        "top, as the live API has been seen to want it. The tap switches by itself "
        "when the API asks for the other one.",
    ),
    th.Property(
        "v2_stable",
        th.BooleanType,
        default=True,
        title="Stable v2 data",
        description="Send `Stable: 1` with v2 requests for raw data.",
    ),
    th.Property(
        "clip_history",
        th.BooleanType,
        default=False,
        title="Clip history",
        description="With v2, begin at the oldest day that jobs can read, with a "
        "warning, if the start lies before it. Without, that is an error.",
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
        th.IntegerType(minimum=1, maximum=3660),
        default=7,
        title="Window days",
        description="Length of a date window in days. A window with more rows than "
        "one page holds is read a day at a time.",
    ),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0, maximum=3660),
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
        "path_days",
        th.IntegerType(minimum=0, maximum=365),
        default=90,
        title="Path days",
        description="How many days before its conversion a path may begin. Touches "
        "before that are not read.",
    ),
    th.Property(
        "reports",
        th.ArrayType(REPORT_SCHEMA),
        title="Reports",
        description='Streams of your own: `[{"name": …, "report": "raw", …}]`. '
        "See the section on reports.",
    ),
    th.Property(
        "media_campaign_ids",
        th.ArrayType(th.IntegerType),
        title="Media campaign ids",
        description="Read only the rows of these campaigns (placement ids). More than "
        "20 are requested 10 at a time. Default: all rows, with and without a "
        "campaign.",
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
        "fail_fast",
        th.BooleanType,
        default=False,
        title="Fail fast",
        description="Stop at the first stream or project that fails. Without, the "
        "others are read to the end, and the run fails then.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=False,
        title="Emit ACTIVATE_VERSION messages",
        description="Let targets remove what is gone at the source, for streams that "
        "are read as a whole. Those are written record by record.",
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
        description="Seconds to wait for an answer, and for each further MiB of it. "
        "The API itself gives up at 300.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0),
        default=8,
        title="Max retries",
        description="How many times a request is retried after a transient failure "
        "(429, 5xx, time-out, broken connection, malformed response).",
    ),
    th.Property(
        "retry_timeout",
        th.IntegerType(minimum=1),
        default=3600,
        title="Retry timeout",
        description="Seconds that all tries may take together, those of smaller "
        "requests included.",
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1),
        title="Requests per minute",
        description="How many requests are sent in any minute, for all streams "
        "together. Default: no limit. After a 429, all wait.",
    ),
)
