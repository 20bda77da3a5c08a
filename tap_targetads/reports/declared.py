"""The streams that a configuration declares: the built-in ones, and the user's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_targetads.errors import SettingsError
from tap_targetads.reports.fields import (
    EVENT_DATE,
    INTERACTION_TIME,
    META_STREAMS,
    TAP_FIELDS,
    Field,
    extra_field,
    fields_of,
)
from tap_targetads.reports.filters import Filters
from tap_targetads.reports.kinds import (
    MAX_CAMPAIGN_IDS,
    AggregateReport,
    PathReport,
    RawReport,
    Report,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_targetads.reports.fields import Version

CONVERSION_PATHS = "conversion_paths"
INTERACTIONS = "interactions"
MEDIA_REPORT = "media_report"
DEFAULT_INTERACTION_TYPES = ["PageView", "Click", "Impression", "Purchase"]
DEFAULT_DIMENSIONS = (EVENT_DATE, "MediaSource", "MediaCampaign")
"""Not all: another dimension would change the keys of those who named none."""

_AGGREGATE_ONLY = (
    "media_metrics",
    "target_metrics",
    "attribution_model",
    "attribution_window",
    "date_grouping",
)
_TARGETS = ("target_event_types", "ecom_item_categories")

NOT_WITH: Mapping[str, tuple[str, ...]] = {
    "raw": (*_AGGREGATE_ONLY, *_TARGETS),
    "path": (*_AGGREGATE_ONLY, "window_days"),
    "aggregate": ("interaction_types", "api_version"),
}
"""What a definition of each kind of report cannot have."""


def declared_reports(config: Mapping[str, Any]) -> list[Report]:
    """The reports of a configuration, which may still lack required settings.

    Args:
        config: The settings, with defaults filled in.

    Raises:
        SettingsError: If a definition cannot work.
    """
    build = _Builder(config)
    types = config["interaction_types"] or DEFAULT_INTERACTION_TYPES
    reports = [
        *(
            build.raw(name, {"interaction_types": [kind]})
            for name, kind in unique_streams(types).items()
        ),
        build.raw(INTERACTIONS, {"interaction_types": types}, selected=False),
        build.path(CONVERSION_PATHS, {}),
        build.aggregate(MEDIA_REPORT, {}),
    ]
    taken = {*(report.name for report in reports), *META_STREAMS}
    for definition in config.get("reports") or ():
        report = build.of_user(definition)
        if report.name in taken:
            raise _wrong(definition, "there is a stream of that name. Choose another")
        taken.add(report.name)
        reports.append(report)
    return reports


def stream_name(interaction_type: str) -> str:
    """The stream of an interaction type: a known plural, or the type in snake case."""
    plural = {
        "PageView": "page_views",
        "Click": "clicks",
        "Impression": "impressions",
        "Purchase": "purchases",
    }
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", interaction_type)
    return plural.get(interaction_type, snake.strip("_").lower())


def extra_fields(config: Mapping[str, Any]) -> list[Field]:
    """The user's own fields; none may have a name that the tap itself fills."""
    fields = []
    for item in config.get("extra_fields") or ():
        entry: dict[str, Any] = {"name": item} if isinstance(item, str) else item
        if entry["name"] in {INTERACTION_TIME, *TAP_FIELDS}:
            raise SettingsError(
                "extra_fields", f"`{entry['name']}` cannot be redefined. Remove it."
            )
        fields += extra_field(entry["name"], entry.get("type"))
    return fields


def unique_streams(interaction_types: Iterable[str]) -> dict[str, str]:
    """The interaction types by the names of their streams.

    Raises:
        SettingsError: If two types would share a stream, or one has no usable name.
    """
    taken = {*META_STREAMS, INTERACTIONS, CONVERSION_PATHS, MEDIA_REPORT}
    streams: dict[str, str] = {}
    for interaction_type in interaction_types:
        name = stream_name(interaction_type)
        if not name or name in streams or name in taken:
            raise SettingsError(
                "interaction_types",
                f"{interaction_type!r} cannot be a stream of its own (its name would "
                f"be {name!r}, which is empty or taken). Remove it.",
            )
        streams[name] = interaction_type
    return streams


class _Builder:
    """Builds reports from definitions and the settings that apply to all of them."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._extra = extra_fields(config)

    def of_user(self, definition: Mapping[str, Any]) -> Report:
        kind = definition["report"]
        for key in NOT_WITH[kind]:
            if definition.get(key):
                raise _wrong(definition, f"`{key}` does not go with `{kind}`")
        name = definition["name"]
        if kind == "raw":
            return self.raw(name, definition)
        if kind == "path":
            return self.path(name, definition)
        return self.aggregate(name, definition)

    def raw(
        self, name: str, definition: Mapping[str, Any], *, selected: bool = True
    ) -> RawReport:
        fields = fields_of("raw", self._extra)
        return RawReport(
            api_version=self._api_version(definition),
            fields=_chosen(definition, fields, always=INTERACTION_TIME),
            selected_by_default=selected,
            **self._common(name, definition),
        )

    def path(self, name: str, definition: Mapping[str, Any]) -> PathReport:
        fields = fields_of("path", self._extra)
        return PathReport(
            api_version=self._api_version(definition),
            fields=_chosen(definition, fields),
            path_days=self._config["path_days"],
            **self._common(name, definition),
        )

    def aggregate(self, name: str, definition: Mapping[str, Any]) -> AggregateReport:
        fields = fields_of("aggregate", self._extra)
        names = [
            *(definition.get("fields") or DEFAULT_DIMENSIONS),
            *(definition.get("media_metrics") or _in_group(fields, "media metric")),
            *(definition.get("target_metrics") or _in_group(fields, "target metric")),
        ]
        report = AggregateReport(
            fields=_chosen({**definition, "fields": names}, fields, always=EVENT_DATE),
            grouping=definition.get("date_grouping") or "day",
            attribution_model=definition.get("attribution_model"),
            attribution_window=definition.get("attribution_window"),
            **self._common(name, definition),
        )
        if not report.requests():
            raise _wrong(
                {"name": name},
                f"more than {MAX_CAMPAIGN_IDS} `media_campaign_ids` are asked for in "
                "several requests, whose sums would overwrite each other. Add "
                "`MediaCampaign` to its `fields`, or list fewer campaigns",
            )
        return report

    def _api_version(self, definition: Mapping[str, Any]) -> Version:
        version: Version = definition.get("api_version") or self._config["api_version"]
        return version

    def _common(self, name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
        def own_or_general(key: str) -> Any:
            value = definition.get(key)
            return self._config.get(key) if value is None else value

        return {
            "name": name,
            "window_days": own_or_general("window_days"),
            "lookback_days": own_or_general("lookback_days"),
            "filters": Filters(
                interaction_types=tuple(definition.get("interaction_types") or ()),
                media_campaign_ids=tuple(
                    dict.fromkeys(own_or_general("media_campaign_ids") or ())
                ),
                target_event_types=tuple(definition.get("target_event_types") or ()),
                ecom_item_categories=tuple(
                    definition.get("ecom_item_categories") or ()
                ),
            ),
        }


def _chosen(
    definition: Mapping[str, Any], fields: Mapping[str, Field], always: str = ""
) -> dict[str, Field]:
    """The fields that a definition names and `always`, or all of them."""
    names = definition.get("fields")
    if not names:
        return dict(fields)
    if unknown := [name for name in names if name not in fields]:
        raise _wrong(
            definition,
            f"the catalogue does not know {', '.join(unknown)}. Correct `fields`, or "
            "declare them in `extra_fields`",
        )
    wanted = {always, *names}
    return {name: field for name, field in fields.items() if name in wanted}


def _in_group(fields: Mapping[str, Field], group: str) -> Iterable[str]:
    return [name for name, field in fields.items() if field.group == group]


def _wrong(definition: Mapping[str, Any], problem: str) -> SettingsError:
    return SettingsError("reports", f"report `{definition.get('name')}`: {problem}.")
