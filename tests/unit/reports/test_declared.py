from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tap_targetads.reports.days import Window
from tap_targetads.reports.declared import declared_reports
from tap_targetads.reports.fields import v2_name
from tests.support.defaults import DEFAULTS

if TYPE_CHECKING:
    from tap_targetads.reports.kinds import Report

WEEK = Window(date(2024, 1, 15), date(2024, 1, 21))


def report_of(name: str, **config: Any) -> Report:
    return next(r for r in declared_reports({**DEFAULTS, **config}) if r.name == name)


def body_of(name: str, window: Window = WEEK, **config: Any) -> dict[str, Any]:
    report = report_of(name, **config)
    return report.body(list(report.fields.values()), window)


def mine(**definition: Any) -> dict[str, Any]:
    return body_of("mine", reports=[{"name": "mine", **definition}])


def test_the_streams_are_those_of_the_interface() -> None:
    names = [report.name for report in declared_reports(DEFAULTS)]

    assert names == [
        "page_views",
        "clicks",
        "impressions",
        "purchases",
        "interactions",
        "conversion_paths",
        "media_report",
    ]


def test_paths_ask_for_conversions_of_a_day_and_the_touches_before_it() -> None:
    day = Window(date(2024, 1, 15), date(2024, 1, 15))

    body = body_of("conversion_paths", day, path_days=30)

    assert body["TargetFilter"] == {"DateFrom": "2024-01-15", "DateTo": "2024-01-15"}
    assert body["InteractionFilter"] == {
        "DateFrom": "2023-12-16",
        "DateTo": "2024-01-15",
    }
    assert {"PathDeviceID", "InteractionTime", "Weight_MLI"} <= set(body["Fields"])


def test_paths_always_have_windows_of_a_day() -> None:
    report = report_of("conversion_paths", window_days=7)

    windows = list(report.windows(WEEK.start, WEEK.end))

    assert [w.days for w in windows] == [1] * 7
    assert report.constants(windows[3]) == {"conversion_date": "2024-01-18"}


def test_the_media_report_asks_for_metrics_by_day_source_and_campaign() -> None:
    assert body_of("media_report") == {
        "Fields": ["EventDate", "MediaSource", "MediaCampaign"],
        "MediaMetrics": [
            "Impressions",
            "Clicks",
            "CTR",
            "Reach",
            "Frequency",
            "GIVT",
            "SIVT",
            "PartOfGIVT",
        ],
        "TargetMetrics": ["TargetEventCount", "TargetEcomAmount"],
        "InteractionFilter": {"DateFrom": "2024-01-15", "DateTo": "2024-01-21"},
        "TargetFilter": {"DateFrom": "2024-01-15", "DateTo": "2024-01-21"},
        "DateGrouping": "day",
    }


def test_a_user_can_define_a_raw_report() -> None:
    body = mine(
        report="raw",
        fields=["InteractionDeviceID"],
        interaction_types=["Click", "Session"],
        media_campaign_ids=[3, 1, 3],
    )

    assert body == {
        "Fields": ["InteractionTime", "InteractionDeviceID"],
        "InteractionFilter": {
            "DateFrom": "2024-01-15",
            "DateTo": "2024-01-21",
            "InteractionType": ["Click", "Session"],
            "MediaCampaignId": [3, 1],
        },
    }


def test_a_user_can_define_a_path_report() -> None:
    body = mine(
        report="path",
        fields=["PathDeviceID", "Weight_MLI"],
        target_event_types=["Purchase"],
        ecom_item_categories=["Books"],
    )

    assert body["Fields"] == ["PathDeviceID", "Weight_MLI"]
    assert body["TargetFilter"]["EventType"] == ["Purchase"]
    assert body["TargetFilter"]["EcomItemCategory1"] == ["Books"]


def test_a_user_can_define_an_aggregate() -> None:
    body = mine(
        report="aggregate",
        fields=["MediaSource"],
        media_metrics=["Clicks"],
        target_metrics=["TargetEventCount"],
        attribution_model="fl",
        attribution_window="30",
        date_grouping="month",
    )

    assert body["Fields"] == ["EventDate", "MediaSource"]
    assert body["MediaMetrics"] == ["Clicks"]
    assert body["TargetMetrics"] == ["TargetEventCount"]
    assert body["AttributionModel"] == "fl"
    assert body["AttributionWindow"] == "30"
    assert body["DateGrouping"] == "month"


def test_an_aggregate_by_month_has_windows_of_whole_months() -> None:
    definition = {"name": "mine", "report": "aggregate", "date_grouping": "month"}
    report = report_of("mine", reports=[definition])

    start, end = report.period(date(2024, 1, 15), date(2024, 3, 15))

    assert list(report.windows(start, end)) == [
        Window(date(2024, 1, 1), date(2024, 1, 31)),
        Window(date(2024, 2, 1), date(2024, 2, 29)),
    ]


def test_the_key_of_an_aggregate_is_its_dimensions() -> None:
    definition = {"name": "mine", "report": "aggregate", "fields": ["MediaSource"]}

    report = report_of("mine", reports=[definition])

    assert report.natural_key == ("project_id", "EventDate", "MediaSource")
    assert not report.has_row_key


def test_a_report_has_its_own_window_and_lookback_or_the_general_ones() -> None:
    config: dict[str, Any] = {
        "window_days": 5,
        "lookback_days": 2,
        "reports": [
            {"name": "own", "report": "raw", "window_days": 1, "lookback_days": 0},
            {"name": "general", "report": "raw"},
        ],
    }

    own, general = report_of("own", **config), report_of("general", **config)

    assert (own.window_days, own.lookback_days) == (1, 0)
    assert (general.window_days, general.lookback_days) == (5, 2)


def test_weights_have_one_column_whichever_version_delivers_them() -> None:
    assert v2_name("Weight_MLI") == "MLI"
    assert v2_name("Weight_FTDM_30") == "FTDM30"
    assert v2_name("InteractionTime") == "InteractionTime"


def test_extra_weights_are_numbers_of_path_reports() -> None:
    report = report_of("conversion_paths", extra_fields=["Weight_MLI_90"])

    assert report.fields["Weight_MLI_90"].type == "number"


def test_jobs_hold_three_days_wherever_the_period_begins() -> None:
    report = report_of("clicks", api_version="v2", window_days=7)

    windows = list(report.windows(date(2024, 1, 1), date(2024, 1, 10)))

    assert [window.days for window in windows] == [3, 3, 3, 1]
