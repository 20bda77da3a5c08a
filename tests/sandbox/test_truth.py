from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import requests
from xxhash import xxh3_128_hexdigest

from targetads_sandbox import (
    Sandbox,
    World,
    counts,
    expected_paths,
    expected_records,
)
from targetads_sandbox.world.fields import RAW_FIELDS, UNLISTED_FIELDS
from tests.sandbox.asking import PROJECT

DAY = date(2024, 1, 16)


def records(
    *rows: dict[str, Any], day: date = DAY, **options: Any
) -> list[dict[str, Any]]:
    """What is true of a day with nothing but some rows."""
    world = World(rows_per_day=0)
    time = f"{day.isoformat()} 10:30:45"
    common = {"InteractionTime": time, "InteractionType": "Click"}
    world.replace_day(PROJECT, day, [{**common, **row} for row in rows])
    wanted = {
        "project_id": PROJECT,
        "stream": "clicks",
        "types": ["Click"],
        "start": day,
        "end": day,
        "fields": ["InteractionTime"],
    }
    return expected_records(world, **{**wanted, **options})


def test_a_record_has_its_key_its_project_and_the_fields_in_order() -> None:
    fields = ["InteractionType", "InteractionEcomAmount", "InteractionCity"]
    row = {"InteractionCity": "Йошкар-Ола\u2028\n\x1f", "InteractionEcomAmount": 10}
    line = (
        '{"InteractionCity":"Йошкар-Ола\u2028\\n\\u001f",'
        '"InteractionEcomAmount":10.0,"InteractionType":"Click"}'
    )
    key = xxh3_128_hexdigest(b"12486\0clicks\0" + line.encode(), seed=0)
    [record] = records(row, fields=fields)
    assert list(record.items()) == [
        ("_row_key", key),
        ("project_id", PROJECT),
        ("InteractionCity", "Йошкар-Ола\u2028\n\x1f"),
        ("InteractionEcomAmount", 10.0),
        ("InteractionType", "Click"),
    ]


def test_equal_rows_are_numbered() -> None:
    line = b'{"InteractionTime":"2024-01-16T07:30:45+00:00"}'
    keys = {
        xxh3_128_hexdigest(b"12486\0clicks\0" + line, seed=number)
        for number in range(3)
    }
    rows = [{"InteractionCity": city} for city in ("Сочи", "Сочи", "Москва")]
    assert {record["_row_key"] for record in records(*rows)} == keys


def test_empty_texts_and_lone_nul_characters_are_null() -> None:
    rows = [{"InteractionCity": city} for city in ("", "\0", None, "a\0b")]
    found = records(*rows, fields=["InteractionCity"])
    cities = sorted(str(record["InteractionCity"]) for record in found)
    assert cities == ["None", "None", "None", "ab"]


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Moscow", "2024-01-16 00:00:00", "2024-01-15T21:00:00+00:00"),
        ("UTC", "2024-01-16 23:59:59", "2024-01-16T23:59:59+00:00"),
        ("Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T01:30:00+00:00"),
        ("Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27T00:30:00+00:00"),
    ],
)
def test_times_are_utc_and_the_first_of_two_that_are_possible(
    zone: str, local: str, utc: str
) -> None:
    day = date.fromisoformat(local[:10])
    [record] = records({"InteractionTime": local}, day=day, timezone=zone)
    assert record["InteractionTime"] == utc


def test_keys_can_be_left_out() -> None:
    [record] = records({}, row_key=False)
    assert list(record) == ["project_id", "InteractionTime"]


def test_other_types_are_left_out() -> None:
    rows = [{}, {"InteractionType": "Session"}]
    assert len(records(*rows)) == 1
    assert len(records(*rows, types=None)) == 2


def test_the_unlisted_fields_are_known_as_strings() -> None:
    assert {RAW_FIELDS[name] for name in UNLISTED_FIELDS} == {"string"}


def test_counts_include_days_without_rows() -> None:
    world = World(rows_per_day=100)
    found = counts(world, PROJECT, date(2024, 1, 20), date(2024, 1, 21))
    assert list(found) == ["2024-01-20", "2024-01-21"]
    assert found["2024-01-21"] == {}
    size = world.day(PROJECT, date(2024, 1, 20)).size
    assert sum(found["2024-01-20"].values()) == size


def test_the_truth_can_be_asked_for(sandbox: Sandbox) -> None:
    params = {
        "project_id": str(PROJECT),
        "date_from": "2024-01-15",
        "date_to": "2024-01-16",
    }
    keys = {
        **params,
        "stream": "clicks",
        "types": "Click",
        "fields": "InteractionTime,InteractionCity",
        "timezone": "UTC",
    }
    address = f"{sandbox.url}/sandbox/truth"
    without = requests.get(address, params=params, timeout=10).json()
    answer = requests.get(address, params=keys, timeout=10).json()
    days = date(2024, 1, 15), date(2024, 1, 16)
    expected = expected_records(
        sandbox.world,
        project_id=PROJECT,
        stream="clicks",
        types=["Click"],
        start=days[0],
        end=days[1],
        fields=["InteractionTime", "InteractionCity"],
        timezone="UTC",
    )
    found = counts(sandbox.world, PROJECT, *days)
    assert without == {"project_id": PROJECT, "counts": found}
    assert answer["row_keys"] == [record["_row_key"] for record in expected]
    assert len(set(answer["row_keys"])) == sum(day["Click"] for day in found.values())


def test_the_truth_about_paths_can_be_asked_for(sandbox: Sandbox) -> None:
    params = {
        "report": "path",
        "project_id": str(PROJECT),
        "date_from": "2024-01-15",
        "date_to": "2024-01-16",
        "stream": "conversion_paths",
        "fields": "InteractionTime,Weight_MLI",
        "types": "Click,PageView",
        "event_types": "Purchase",
        "touch_days": "20",
    }
    answer = requests.get(f"{sandbox.url}/sandbox/truth", params, timeout=10).json()
    days = date(2024, 1, 15), date(2024, 1, 16)
    expected = expected_paths(
        sandbox.world,
        project_id=PROJECT,
        start=days[0],
        end=days[1],
        fields=["InteractionTime", "Weight_MLI"],
        interaction_types=["Click", "PageView"],
        event_types=["Purchase"],
        touch_days=20,
    )
    assert answer["counts"] == counts(sandbox.world, PROJECT, *days, "path")
    assert answer["row_keys"] == [record["_row_key"] for record in expected] != []


@pytest.mark.parametrize(
    "change",
    [
        {"project_id": "99"},
        {"project_id": None},
        {"date_to": "tomorrow"},
        {"stream": "clicks", "fields": "Colour"},
        {"report": "weather"},
        {"report": "path", "stream": "paths", "touch_days": "some"},
        {"stream": "clicks", "timezone": "Mars/Olympus"},
    ],
)
def test_a_wrong_question_about_the_truth_is_refused(
    sandbox: Sandbox, change: dict[str, str | None]
) -> None:
    params = {
        "project_id": str(PROJECT),
        "date_from": "2024-01-15",
        "date_to": "2024-01-16",
        **change,
    }
    response = requests.get(f"{sandbox.url}/sandbox/truth", params, timeout=10)
    assert response.status_code == 400
    assert response.json()["ErrorMessage"]
