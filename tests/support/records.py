"""The records that a run must deliver: what is true of a sandbox's world."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tap_targetads.reports.fields import fields_of
from targetads_sandbox.truth import expected_paths, expected_records, expected_report
from tests.conftest import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from targetads_sandbox.world.world import World
    from tests.support.running import Output, Record

STREAMS = {
    "page_views": ["PageView"],
    "clicks": ["Click"],
    "impressions": ["Impression"],
    "purchases": ["Purchase"],
}
META = ["campaigns", "creatives", "target_events", "projects"]
FIELDS = sorted(fields_of("raw"))
PATH_FIELDS = sorted(fields_of("path"))
DIMENSIONS = ["EventDate", "MediaSource", "MediaCampaign"]
MEDIA_METRICS = [
    name for name, f in fields_of("aggregate").items() if f.group == "media metric"
]
TARGET_METRICS = [
    name for name, f in fields_of("aggregate").items() if f.group == "target metric"
]


def truth(
    world: World,
    stream: str,
    *,
    project: int = PROJECT,
    start: date = date(2024, 1, 1),
    end: date = date(2024, 1, 31),
    fields: list[str] = FIELDS,
    **options: Any,
) -> list[Record]:
    return expected_records(
        world,
        project_id=project,
        stream=stream,
        types=STREAMS[stream],
        start=start,
        end=end,
        fields=fields,
        **options,
    )


def paths(world: World, **options: Any) -> list[Record]:
    options = {
        "project_id": PROJECT,
        "start": date(2024, 1, 1),
        "end": date(2024, 1, 31),
        "fields": PATH_FIELDS,
        **options,
    }
    return expected_paths(world, **options)


def report(world: World, **options: Any) -> list[Record]:
    options = {
        "project_id": PROJECT,
        "start": date(2024, 1, 1),
        "end": date(2024, 1, 31),
        "dimensions": DIMENSIONS,
        "media_metrics": MEDIA_METRICS,
        "target_metrics": TARGET_METRICS,
        **options,
    }
    return expected_report(world, **options)


def all_reports(world: World, projects: Iterable[int]) -> dict[str, list[Record]]:
    """The records of all streams of reports, of some projects together."""
    found: dict[str, list[Record]] = {}
    for project in projects:
        of_project = {
            stream: truth(world, stream, project=project) for stream in STREAMS
        }
        of_project["conversion_paths"] = paths(world, project_id=project)
        of_project["media_report"] = report(world, project_id=project)
        for stream, records in of_project.items():
            found.setdefault(stream, []).extend(records)
    return found


def in_order(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda r: str(sorted(r.items())))


def without_key(record: Record) -> Record:
    return {k: v for k, v in record.items() if k != "_row_key"}


def assert_is_truth(output: Output, world: World, **options: Any) -> None:
    assert output.exit_code == 0
    assert set(output.records) <= set(STREAMS)
    for stream in STREAMS:
        expected = truth(world, stream, **options)
        assert in_order(output.records.get(stream, [])) == in_order(expected)


def assert_same_paths(found: list[Record], expected: list[Record]) -> None:
    """Compare paths; which of two equal touches has which weight is left open."""
    assert {r["_row_key"] for r in found} == {r["_row_key"] for r in expected}
    assert in_order(list(map(without_key, found))) == in_order(
        list(map(without_key, expected))
    )


def change(world: World) -> None:
    """Late rows, one between others of its device, and weights judged anew."""
    day = date(2024, 1, 27)
    part = world.day(PROJECT, day).parts["PageView"]
    time, _, _, device = part.rows[0][:4]
    late = {
        "InteractionTime": f"{str(time)[:14]}59:59",
        "InteractionDate": day.isoformat(),
        "InteractionType": "PageView",
        "InteractionDeviceID": device,
        "InteractionNewCookie": False,
    }
    world.add_rows(PROJECT, [late])
    world.change_weights(PROJECT, date(2024, 1, 28))
