from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targetads_sandbox import (
    DOCUMENTED,
    LIVE,
    Dialect,
    Sandbox,
    World,
    counts,
    expected_records,
)
from targetads_sandbox.world.fields import RAW_FIELDS
from tests.sandbox.asking import PROJECT, all_rows, ask, body, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS = (date(2024, 1, 15), date(2024, 1, 17))
SOME_FIELDS = ["InteractionTime", "InteractionPlacementId", "InteractionCity"]
DIALECTS = [
    DOCUMENTED,
    LIVE,
    replace(DOCUMENTED, omit_empty=True, pretty=True),
    replace(DOCUMENTED, shape="rows_objects", count="total"),
    replace(LIVE, shape="rows_objects", columns="strings"),
    replace(LIVE, numbers="numbers", nulls="null", has_more=True, count="page"),
]


def as_tuples(found: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row.values()) for row in found)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A served row with the types of its fields, and its time in Moscow's UTC+3."""
    result: dict[str, Any] = {}
    for name in sorted(RAW_FIELDS):
        value = row.get(name)
        value = None if value == "" else value
        if value is not None and RAW_FIELDS[name] in {"number", "integer"}:
            value = float(value) if RAW_FIELDS[name] == "number" else int(value)
        result[name] = value
    return result


def local(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the truth that was made for UTC, with the time as it is served."""
    time = record["InteractionTime"].replace("T", " ").removesuffix("+00:00")
    return {**record, "InteractionTime": time}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_served_is_the_truth(sandbox: Sandbox, dialect: Dialect) -> None:
    sandbox.dialect = dialect
    served = [plain(row) for row in all_rows(sandbox, limit=97)]
    truth = expected_records(
        sandbox.world,
        project_id=PROJECT,
        stream="interactions",
        types=None,
        start=DAYS[0],
        end=DAYS[1],
        fields=list(RAW_FIELDS),
        timezone="UTC",
        row_key=False,
    )
    expected = [local(record) for record in truth]
    for record in expected:
        assert record.pop("project_id") == PROJECT
    assert as_tuples(served) == as_tuples(expected)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    limit=st.integers(20, 400),
    kind=st.sampled_from([None, ["Click"], ["Impression", "PageView"]]),
)
def test_pages_of_any_size_have_every_row_once(
    sandbox: Sandbox, limit: int, kind: list[str] | None
) -> None:
    asked: dict[str, Any] = {"Fields": SOME_FIELDS, "InteractionType": kind}
    whole = all_rows(sandbox, limit=100_000, **asked)
    assert all_rows(sandbox, limit=limit, **asked) == whole
    found = counts(sandbox.world, PROJECT, *DAYS)
    size = sum(day.get(k, 0) for day in found.values() for k in (kind or day))
    assert len(whole) == size


def test_pages_mix_the_days_of_the_period(sandbox: Sandbox) -> None:
    page = ask(sandbox, json=body(Limit=50)).json()
    assert len({row["InteractionDate"] for row in page["data"]}) == 3


def test_the_documented_answer_looks_as_documented(sandbox: Sandbox) -> None:
    response = ask(sandbox, json=body(Fields=SOME_FIELDS, Limit=2))
    answer = response.json()
    assert list(answer) == ["data", "count", "has_more"]
    assert (answer["count"], answer["has_more"]) == (2, True)
    assert list(answer["data"][0]) == SOME_FIELDS
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Content-Length"]) == len(response.content)


@pytest.mark.parametrize("count", ["page", "total"])
def test_the_live_answer_has_columns_strings_and_a_count(
    sandbox: Sandbox, count: Any
) -> None:
    sandbox.dialect = LIVE if count == "page" else replace(LIVE, count=count)
    answer = ask(sandbox, json=body(Fields=SOME_FIELDS, Limit=2)).json()
    total = sum(sum(n.values()) for n in counts(sandbox.world, PROJECT, *DAYS).values())
    assert list(answer) == ["Columns", "CountRows", "Rows"]
    assert answer["Columns"] == [{"Name": name} for name in SOME_FIELDS]
    assert answer["CountRows"] == (2 if count == "page" else total)
    values = [value for row in answer["Rows"] for value in row]
    assert all(isinstance(value, str) for value in values)


def test_booleans_stay_booleans_when_numbers_are_strings(sandbox: Sandbox) -> None:
    sandbox.dialect = LIVE
    answer = ask(sandbox, json=body(Fields=["InteractionNewCookie"])).json()
    assert {row[0] for row in answer["Rows"]} == {True, False}


def test_fields_without_a_value_can_be_left_out(sandbox: Sandbox) -> None:
    sandbox.dialect = replace(DOCUMENTED, omit_empty=True)
    answer = ask(sandbox, json=body(Fields=["InteractionPlacementId"])).json()
    assert {} in answer["data"]
    assert {"InteractionPlacementId": None} not in answer["data"]


def test_pretty_answers_have_line_breaks(sandbox: Sandbox) -> None:
    plain_text = ask(sandbox, json=body(Limit=3))
    sandbox.dialect = replace(DOCUMENTED, pretty=True)
    pretty = ask(sandbox, json=body(Limit=3))
    assert b"\n" not in plain_text.content
    assert pretty.text.startswith('{\n  "data": [')
    assert pretty.json() == plain_text.json()


def test_the_last_page_says_so(sandbox: Sandbox) -> None:
    size = len(all_rows(sandbox, limit=100_000))
    page = ask(sandbox, json=body(Offset=size - 5, Limit=5)).json()
    beyond = ask(sandbox, json=body(Offset=size + 5, Limit=5)).json()
    assert (page["count"], page["has_more"]) == (5, False)
    assert (beyond["data"], beyond["has_more"]) == ([], False)


def test_media_campaigns_can_be_chosen(sandbox: Sandbox) -> None:
    ids = [placement.placement_id for placement in sandbox.world.placements(PROJECT)]
    chosen = all_rows(sandbox, limit=100_000, MediaCampaignId=ids[:2])
    assert {row["InteractionPlacementId"] for row in chosen} == set(ids[:2])
    everything = all_rows(sandbox, limit=100_000)
    some = [r for r in everything if r["InteractionPlacementId"] in ids[:2]]
    assert chosen == some


def test_a_day_without_rows_is_an_empty_page(sandbox: Sandbox) -> None:
    day = "2024-01-21"
    answer = ask(sandbox, json=body(DateFrom=day, DateTo=day)).json()
    assert answer == {"data": [], "count": 0, "has_more": False}


def test_rows_that_were_added_are_served_at_once(sandbox: Sandbox) -> None:
    day = "2023-03-01"
    ask(sandbox, json=body(DateFrom=day, DateTo=day))
    row = {
        "InteractionTime": f"{day} 12:00:00",
        "InteractionType": "Click",
        "InteractionCity": "a\0b",
    }
    sandbox.world.add_rows(PROJECT, [row])
    served = rows(ask(sandbox, json=body(DateFrom=day, DateTo=day)).json())
    assert [r for r in served if r["InteractionCity"] == "a\0b"] != []


def test_answers_are_compressed_only_if_both_sides_want_it() -> None:
    with Sandbox(World(rows_per_day=100), gzip=True) as sandbox:
        compressed = ask(sandbox, json=body())
        plain_text = requests.post(
            f"{sandbox.url}/v1/reports/raw_reports?project_id={PROJECT}",
            data=json.dumps(body()),
            headers={
                "Authorization": "Bearer sandbox-token-12486",
                "Accept-Encoding": "identity",
            },
            timeout=10,
        )
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain_text.headers
    assert compressed.json() == plain_text.json()


def test_dialects_are_found_by_name() -> None:
    assert Dialect.named("documented") is DOCUMENTED
    assert Dialect.named("live") is LIVE
    with pytest.raises(ValueError, match="documented, live"):
        Dialect.named("klingon")
