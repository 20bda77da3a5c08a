"""What a report of the user's own may say: names, types, descriptions."""

from __future__ import annotations

from singer_sdk import typing as th

from tap_targetads.reports.days import GROUPS

_STRINGS = th.ArrayType(th.StringType(min_length=1))

REPORT_SCHEMA = th.ObjectType(
    th.Property(
        "name",
        th.StringType(pattern="^[a-z][a-z0-9_]*$"),
        required=True,
        description="Name of the stream, in snake case.",
    ),
    th.Property(
        "report",
        th.StringType,
        allowed_values=["raw", "path", "aggregate"],
        required=True,
        description="Interactions, paths to conversions, or metrics.",
    ),
    th.Property(
        "fields",
        _STRINGS,
        description="The fields, or the dimensions of an aggregate. Default: all "
        "fields, or `EventDate`, `MediaSource` and `MediaCampaign`.",
    ),
    th.Property(
        "interaction_types", _STRINGS, description="Only these interaction types."
    ),
    th.Property(
        "media_campaign_ids",
        th.ArrayType(th.IntegerType),
        description="Only these campaigns (placement ids).",
    ),
    th.Property(
        "target_event_types", _STRINGS, description="Only conversions of these types."
    ),
    th.Property(
        "ecom_item_categories",
        _STRINGS,
        description="Only conversions with items of these first categories.",
    ),
    th.Property(
        "window_days",
        th.IntegerType(minimum=1, maximum=3660),
        description="Length of the windows; paths always have windows of a day.",
    ),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0, maximum=3660),
        description="Days before the bookmark that every run reads again.",
    ),
    th.Property(
        "api_version",
        th.StringType,
        allowed_values=["auto", "v1", "v2"],
        description="How the report is read, if not as `api_version` says.",
    ),
    th.Property(
        "media_metrics", _STRINGS, description="Media metrics of an aggregate."
    ),
    th.Property(
        "target_metrics", _STRINGS, description="Target metrics of an aggregate."
    ),
    th.Property(
        "attribution_model",
        th.StringType(min_length=1),
        description="How an aggregate shares conversions out: mli, fl, ….",
    ),
    th.Property(
        "attribution_window",
        th.StringType,
        allowed_values=["7", "15", "30", "60", "90"],
        description="Days before a conversion that count.",
    ),
    th.Property(
        "date_grouping",
        th.StringType,
        allowed_values=list(GROUPS),
        description="What one EventDate of an aggregate stands for. Default: day.",
    ),
    additional_properties=False,
)
