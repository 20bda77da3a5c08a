from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tap_targetads.config.settings import Settings
from tap_targetads.errors import SettingsError
from tap_targetads.reports.declared import extra_fields, stream_name, unique_streams
from tap_targetads.tap import TapTargetADS
from tests.support.defaults import DEFAULTS
from tests.support.running import run_tap

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "project_id": 12486,
    "auth_token": "4f3c-secret",
    "start_date": "2024-01-01",
    "end_date": "2024-01-31",
    # Nothing listens there: a request would end in another error than the expected.
    "api_url": "http://127.0.0.1:9",
    "max_retries": 0,
}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"start_date": None}, "`start_date`: is missing. Set TAP_TARGETADS_START_DATE"),
    ({"start_date": "January"}, "`start_date`: what is given is not a day"),
    ({"start_date": "2024-02-30"}, "`start_date`: '2024-02-30' is not a day"),
    ({"start_date": "2024-01-01x"}, "`start_date`: what is given is not a day"),
    ({"end_date": "32.01.2024"}, "`end_date`: '32.01.2024' is not a day"),
    ({"end_date": "1.2.2024"}, "`end_date`: '1.2.2024' is not a day"),
    ({"end_date": "01/02/2024"}, "`end_date`: '01/02/2024' is not a day"),
    ({"api_url": "https://a.example/?project=1"}, "`api_url`"),
    ({"api_url": "https://a.example/#reports"}, "`api_url`"),
    ({"api_url": "https://a.example/v1/"}, "`api_url`"),
    ({"auth_token": "Bearer 4f3c-secret"}, "begins with a quote, or with `Bearer`"),
    ({"auth_token": "'4f3c-secret'"}, "begins with a quote, or with `Bearer`"),
    ({"auth_token": "4f3c secret"}, "`auth_token`: of project 12486 has characters"),
    ({"flattening_enabled": True}, "`flattening_max_depth`: is missing."),
    (
        {"end_date": "2023-12-31"},
        "`start_date`: 2024-01-01 is after `end_date` 2023-12-31",
    ),
    ({"timezone": "Moscow"}, "`timezone`: 'Moscow' is not an IANA time zone"),
    ({"timezone": "../etc/passwd"}, "`timezone`"),
    ({"api_url": "http://api.targetads.io"}, "`api_url`"),
    ({"api_url": "api.targetads.io"}, "`api_url`"),
    ({"project_id": None}, "`project_id`: is missing. Set TAP_TARGETADS_PROJECT_ID"),
    ({"project_id": "12486"}, "`project_id`: must be a whole number."),
    ({"auth_token": None}, "`auth_token`: is missing for project 12486"),
    ({"auth_token": ""}, "`auth_token`: must not be empty."),
    ({"auth_token": "токен"}, "`auth_token`: of project 12486 has characters"),
    ({"auth_token": "4f3c\nsecret"}, "`auth_token`: of project 12486 has characters"),
    ({"api_url": "https://[bad"}, "`api_url`"),
    ({"api_url": "https://a..b"}, "`api_url`"),
    ({"window_days": 10_000_000}, "`window_days`: must be at most 3660."),
    ({"interaction_types": ["Campaigns"]}, "`interaction_types`: 'Campaigns' cannot"),
    ({"projects": [{"project_id": 1}]}, "cannot go together with `project_id`"),
    (
        {"project_id": None, "projects": [{"project_id": 1}, {"project_id": 1}]},
        "names a project twice",
    ),
    ({"projects": [{}]}, "`projects[0]`: lacks `project_id`. Add it."),
    (
        {"projects": [{"project_id": 1, "auth_tokn": "4f3c-secret"}]},
        "`projects[0]`: there is no `auth_tokn` in it. Do you mean `auth_token`?",
    ),
    ({"fail_fast": "4f3c-secret"}, "`fail_fast`: must be true or false."),
    ({"reports": {}}, "`reports`: must be a list: […]."),
    ({"start_date": "4f3c-secret"}, "`start_date`: what is given is not a day"),
    ({"api_url": "4f3c-secret"}, "`api_url`: what is given would send"),
    (
        {"api_url": "http://me:4f3c-secret@api.targetads.io"},
        "'http://…@api.targetads.io'",
    ),
    ({"api_url": "https://me:4f3c-secret@[bad"}, "'https://…@[bad' is not a URL"),
    ({"page_size": 0}, "`page_size`: must be at least 1."),
    ({"page_size": 100_001}, "page_size"),
    ({"window_days": 0}, "window_days"),
    ({"lookback_days": -1}, "lookback_days"),
    ({"max_retries": -1}, "max_retries"),
    ({"request_timeout": 0}, "request_timeout"),
    ({"on_bad_value": "skip"}, "on_bad_value"),
    (
        {"interaction_types": ["AppInstall", "app install"]},
        "`interaction_types`: 'app install' cannot",
    ),
    ({"interaction_types": ["Interactions"]}, "`interaction_types`"),
    ({"interaction_types": ["…"]}, "`interaction_types`"),
    (
        {
            "media_campaign_ids": list(range(21)),
            "reports": [
                {"name": "mine", "report": "aggregate", "fields": ["MediaSource"]}
            ],
        },
        "report `mine`: more than 20 `media_campaign_ids`",
    ),
    ({"page_siz": 5}, "`page_siz`: there is no such setting. Do you mean `page_size`?"),
    ({"startdate": "2024-01-01"}, "Do you mean `start_date`?"),
    ({"extra_fields": ["_row_key"]}, "`extra_fields`: `_row_key` cannot be redefined"),
    (
        {"extra_fields": [{"name": "A", "type": "money"}]},
        "`extra_fields[0].type`: must be one of `string`, `integer`, `number`",
    ),
    ({"extra_fields": [{"title": "A"}]}, "`extra_fields[0]`: lacks `name`. Add it."),
    ({"extra_fields": [7]}, "`extra_fields[0]`: must be a text or an object: {…}."),
    ({"reports": [{"name": "mine"}]}, "`reports[0]`: lacks `report`. Add it."),
    (
        {"reports": [{"name": "Mine!", "report": "raw"}]},
        "`reports[0].name`: must be like `^[a-z][a-z0-9_]*$`.",
    ),
    (
        {"reports": [{"name": "mine", "report": "all"}]},
        "`reports[0].report`: must be one of `raw`, `path`",
    ),
    (
        {"reports": [{"name": "mine", "report": "raw", "feilds": ["A"]}]},
        "`reports[0]`: there is no `feilds` in it. Do you mean `fields`?",
    ),
    (
        {"reports": [{"name": "mine", "report": "raw", "date_grouping": "week"}]},
        "report `mine`: `date_grouping` does not go with `raw`",
    ),
    (
        {"reports": [{"name": "mine", "report": "path", "window_days": 3}]},
        "report `mine`: `window_days` does not go with `path`",
    ),
    (
        {"reports": [{"name": "mine", "report": "aggregate", "api_version": "v2"}]},
        "report `mine`: `api_version` does not go with `aggregate`",
    ),
    (
        {"reports": [{"name": "mine", "report": "raw", "fields": ["Nonsense"]}]},
        "report `mine`: the catalogue does not know Nonsense",
    ),
    (
        {"reports": [{"name": "clicks", "report": "raw"}]},
        "report `clicks`: there is a stream of that name",
    ),
    (
        {"reports": [{"name": "projects", "report": "raw"}]},
        "report `projects`: there is a stream of that name",
    ),
    ({"api_version": "v3"}, "`api_version`: must be one of `auto`, `v1`, `v2`."),
    ({"v2_body": "other"}, "`v2_body`: must be one of `nested`, `flat`."),
    ({"concurrent_requests": 0}, "concurrent_requests"),
    ({"job_timeout": 0}, "job_timeout"),
    ({"path_days": -1}, "path_days"),
]


@pytest.mark.parametrize(("wrong", "line"), WRONG)
def test_a_wrong_setting_is_one_clear_line_before_the_first_request(
    tmp_path: Path, wrong: dict[str, Any], line: str
) -> None:
    config = {k: v for k, v in {**GOOD, **wrong}.items() if v is not None}

    output = run_tap(tmp_path, config)

    assert output.exit_code == 1
    assert line in output.log
    assert "Traceback" not in output.log
    assert GOOD["auth_token"] not in output.log
    assert output.messages == []


@pytest.mark.parametrize(("wrong", "line"), WRONG)
def test_the_connection_test_shows_a_wrong_setting_in_the_same_way(
    tmp_path: Path, wrong: dict[str, Any], line: str
) -> None:
    config = {k: v for k, v in {**GOOD, **wrong}.items() if v is not None}

    output = run_tap(tmp_path, config, "--test")

    assert output.exit_code == 1
    assert line in output.log
    assert "Traceback" not in output.log


def test_a_variable_of_the_wrong_type_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_PAGE_SIZE", "many")

    output = run_tap(tmp_path, GOOD, "--config=ENV")

    assert output.exit_code == 1
    assert "`page_size`: TAP_TARGETADS_PAGE_SIZE has a value that is not" in output.log
    assert "Traceback" not in output.log


def test_settings_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_TARGETADS_WINDOW_DAYS", "0")

    output = run_tap(tmp_path, GOOD, "--config=ENV")

    assert "window_days" in output.log


def settings(**changes: Any) -> Settings:
    return Settings.from_config({**DEFAULTS, **GOOD, **changes})


def test_a_date_may_come_as_a_date_time() -> None:
    assert settings(start_date="2024-01-01T00:00:00Z").start_date.isoformat() == (
        "2024-01-01"
    )


def test_a_whole_number_may_come_with_a_point() -> None:
    page_size = settings(page_size=500.0).page_size

    assert (page_size, type(page_size)) == (500, int)


def test_null_means_the_default() -> None:
    assert (
        TapTargetADS(config={**GOOD, "page_size": None}).config["page_size"]
        == (DEFAULTS["page_size"])
    )


def test_projects_have_their_own_token_or_the_common_one() -> None:
    projects = [{"project_id": 1, "auth_token": "own"}, {"project_id": 2}]

    assert settings(project_id=None, projects=projects).tokens == {
        1: "own",
        2: "4f3c-secret",
    }


def test_the_sandbox_needs_neither_token_nor_project() -> None:
    assert settings(sandbox=True, project_id=None, auth_token=None).tokens == {}


def test_streams_have_plural_names_or_the_type_in_snake_case() -> None:
    types = ["PageView", "Click", "Impression", "Purchase", "AppInstall", "Session"]

    assert [stream_name(t) for t in types] == [
        "page_views",
        "clicks",
        "impressions",
        "purchases",
        "app_install",
        "session",
    ]


def test_each_type_has_a_stream_of_its_own() -> None:
    assert unique_streams(["Click", "Session"]) == {
        "clicks": "Click",
        "session": "Session",
    }


def test_an_extra_field_gets_its_type_from_its_name_or_as_declared() -> None:
    config = {
        "extra_fields": [
            "InteractionCity",
            "SessionTime",
            "OrderDate",
            "OrderAmount",
            "ItemPrice",
            "EcomItemsCount",
            "RegionId",
            {"name": "LoyaltyId", "type": "integer"},
            {"name": "Promo"},
        ]
    }

    assert {f.name: f.type for f in extra_fields(config)} == {
        "InteractionCity": "string",
        "SessionTime": "date-time",
        "OrderDate": "date",
        "OrderAmount": "number",
        "ItemPrice": "number",
        "EcomItemsCount": "integer",
        "RegionId": "string",
        "LoyaltyId": "integer",
        "Promo": "string",
    }


def test_settings_errors_name_the_setting() -> None:
    with pytest.raises(SettingsError, match="Setting `timezone`"):
        settings(timezone="Nowhere/At_All")


@pytest.mark.parametrize("text", ["2024-02-01", "01.02.2024", "2024-02-01T00:00:00Z"])
def test_a_day_with_dots_begins_with_the_day(text: str) -> None:
    settings = Settings.from_config({**DEFAULTS, **GOOD, "end_date": text})

    assert settings.end_date == date(2024, 2, 1)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (" https://a.example/ ", "https://a.example"),
        ("https://a.example/gateway//", "https://a.example/gateway"),
    ],
)
def test_blanks_and_slashes_around_an_address_do_not_count(
    given: str, used: str
) -> None:
    settings = Settings.from_config({**DEFAULTS, **GOOD, "api_url": given})

    assert settings.api_url == used


def test_zones_are_known_on_a_machine_without_their_data() -> None:
    code = "from zoneinfo import *; assert not TZPATH; ZoneInfo('Europe/Moscow')"

    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONTZPATH": ""})
