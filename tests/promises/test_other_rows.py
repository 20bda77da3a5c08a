"""Rows that were not asked for are an error, and the state stays before them."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

import pytest

from tap_targetads.tap import TapTargetADS
from tests.support.running import Output, run_tap, select
from tests.upgrades.recording import ROWS, settings_of
from tests.upgrades.server import RecordedApi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Body = dict[str, Any]

PROJECT = "12486"


class OtherApi(RecordedApi):
    """Answers something else than what it was asked."""

    def __init__(
        self,
        projects: Mapping[str, Mapping[str, Any]],
        change: Callable[[Body], Body],
    ) -> None:
        super().__init__(projects)
        self._change = change

    def answer(self, path: str, project_id: str, body: Body | None) -> Body:
        if body is not None:
            body = self._change(json.loads(json.dumps(body)))
        return super().answer(path, project_id, body)


class TwiceApi(OtherApi):
    """Sends the last metrics twice."""

    def answer(self, path: str, project_id: str, body: Body | None) -> Body:
        answer = super().answer(path, project_id, body)
        if path.endswith("agg_report"):
            answer["data"] += answer["data"][-1:]
        return answer


def other_days(body: Body) -> Body:
    body["InteractionFilter"].update(DateFrom="2024-01-08", DateTo="2024-01-12")
    return body


def all_types(body: Body) -> Body:
    body["InteractionFilter"].pop("InteractionType", None)
    return body


def rows() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ROWS.read_text(encoding="utf-8"))
    return found


def read(
    tmp_path: Path,
    stream: str,
    change: Callable[[Body], Body],
    projects: dict[str, Any] | None = None,
    *,
    api_class: type[OtherApi] = OtherApi,
    **settings: Any,
) -> Output:
    with api_class(projects or rows(), change) as api:
        config = {
            **settings_of("pages", api.url),
            "projects": [{"project_id": int(PROJECT)}],
            "window_days": 1,
            **settings,
        }
        catalog = select(TapTargetADS(config=config).catalog_dict, streams=[stream])
        return run_tap(tmp_path, config, catalog=catalog)


def assert_incomplete(output: Output, stream: str, *parts: str) -> None:
    (line, _) = [line for line in output.log.splitlines() if "ERROR" in line]
    assert all(part in line for part in parts), line
    assert output.exit_code == 1
    if output.states:  # earlier days may have been read before
        assert (output.bookmark(stream, int(PROJECT)) or "") < "2024-01-12"


@pytest.mark.parametrize("api_version", ["v1", "v2"])
@pytest.mark.usefixtures("february")
def test_rows_of_other_days(tmp_path: Path, api_version: str) -> None:
    output = read(tmp_path, "page_views", other_days, api_version=api_version)

    assert_incomplete(output, "page_views", "2024-01-08", "not those days", "vendor")
    assert "page_views" not in output.records


@pytest.mark.usefixtures("february")
def test_a_file_of_other_rows_is_closed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[IO[bytes]] = []
    new_file = tempfile.TemporaryFile

    def remembered() -> IO[bytes]:
        files.append(new_file())
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", remembered)

    read(tmp_path, "page_views", other_days, api_version="v2")

    assert files
    assert all(file.closed for file in files)


@pytest.mark.parametrize("api_version", ["v1", "v2"])
@pytest.mark.usefixtures("february")
def test_rows_of_other_interaction_types(tmp_path: Path, api_version: str) -> None:
    output = read(tmp_path, "clicks", all_types, api_version=api_version)

    assert_incomplete(output, "clicks", "interaction type Click", "ignores the filter")


def test_rows_of_other_campaigns(tmp_path: Path) -> None:
    def all_campaigns(body: Body) -> Body:
        del body["InteractionFilter"]["MediaCampaignId"]
        return body

    output = read(tmp_path, "impressions", all_campaigns, media_campaign_ids=[1])

    assert_incomplete(output, "impressions", "asked for the campaign 1,")


def test_metrics_of_other_days(tmp_path: Path) -> None:
    output = read(tmp_path, "media_report", other_days)

    assert_incomplete(output, "media_report", "2024-01-09", "ignores the filter")


def test_days_that_begin_in_another_zone_name_the_setting(tmp_path: Path) -> None:
    projects = rows()
    for row in projects[PROJECT]["raw"]:
        time = datetime.fromisoformat(row["InteractionTime"]) + timedelta(hours=3)
        row["InteractionTime"] = f"{time:%Y-%m-%d %H:%M:%S}"

    output = read(tmp_path, "interactions", lambda body: body, projects)

    assert_incomplete(output, "interactions", "not those days", "set `timezone`")


def test_touches_after_the_conversion(tmp_path: Path) -> None:
    projects = rows()
    for day in projects[PROJECT]["paths"].values():
        for row in day:
            row["InteractionTime"] = "2024-01-20 10:00:00"

    output = read(tmp_path, "conversion_paths", lambda body: body, projects)

    assert_incomplete(output, "conversion_paths", "not those days")


def test_metrics_of_two_campaigns_of_the_same_name(tmp_path: Path) -> None:
    output = read(tmp_path, "media_report", lambda body: body, api_class=TwiceApi)

    assert_incomplete(output, "media_report", "two rows have the same key", "`reports`")
