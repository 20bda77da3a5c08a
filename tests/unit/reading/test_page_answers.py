from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tap_targetads.errors import ApiError
from tests.support.page_api import (
    NAMES,
    Answer,
    Row,
    Server,
    arrays_shape,
    data_shape,
    read,
    record,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_missing_column_is_an_error() -> None:
    def lacking(rows: list[Row], total: int, *, more: bool) -> Answer:
        del more
        values = [[r["InteractionTime"], r["InteractionDeviceID"]] for r in rows]
        return {"Rows": values, "Columns": NAMES[:2], "CountRows": total}

    with pytest.raises(ApiError, match="lacks the columns InteractionEcomAmount"):
        read(Server([row(1)], lacking))


@pytest.mark.parametrize("shape", [data_shape, arrays_shape])
@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_names_match_whatever_their_case(
    shape: Callable[..., Answer], change: Callable[[str], str]
) -> None:
    def other_case(rows: list[Row], total: int, *, more: bool) -> Answer:
        answer = shape(rows, total, more=more)
        if "data" in answer:
            answer["data"] = [{change(k): v for k, v in r.items()} for r in rows]
        else:
            answer["Columns"] = [change(c["Name"]) for c in answer["Columns"]]
        return answer

    assert read(Server([row(1), row(2)], other_case)) == [record(1), record(2)]


def test_a_row_with_too_few_values_is_an_error() -> None:
    def short(rows: list[Row], total: int, *, more: bool) -> Answer:
        answer = arrays_shape(rows, total, more=more)
        for values in answer["Rows"][-1:]:
            values.pop()
        return answer

    with pytest.raises(ApiError, match="as many values as there are columns"):
        read(Server([row(1), row(2)], short))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "17",
        '{"data": 5}',
        '{"data": [5]}',
        '{"data": [[]]}',
        '{"Rows": 5}',
        '{"Rows": [5], "Columns": ["a"]}',
        '{"Rows": [[1]], "Columns": [5]}',
        '{"Rows": [[1]], "Columns": [{"Title": "a"}]}',
        '{"count": 3}',
        '{"data": [{"InteractionTime": "2024-01-15 10:00:00"}',
        '{"data": [], "has_more": "perhaps"}',
    ],
)
def test_a_malformed_answer_is_tried_again_and_then_an_error(text: str) -> None:
    server = Server([])
    server.text = text

    with pytest.raises(ApiError, match=r"malformed .* Gave up after 3 tries"):
        read(server)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "text",
    [
        '{"data": [{}, 5], "has_more": false}',
        '{"data": [{}, []], "has_more": false}',
        '{"Rows": [{}, []], "Columns": ["a"], "has_more": false}',
    ],
)
def test_one_malformed_row_is_an_error_that_tells_what_to_do(text: str) -> None:
    server = Server([])
    server.text = text

    problem = r"the page is malformed .among rows 1 to 2: .* Report it"
    with pytest.raises(ApiError, match=problem) as caught:
        read(server)
    assert "2024-01-15" in str(caught.value)
    assert len(server.requests) == 1


def test_an_answer_whose_rows_are_all_wrong_is_asked_for_again() -> None:
    def wrong_once(rows: list[Row], total: int, *, more: bool) -> Answer:
        answer = arrays_shape(rows, total, more=more)
        if len(server.requests) == 1:
            answer["Rows"] = [[1, 2] for _ in rows]
        return {**answer, "has_more": more}

    server = Server([row(1), row(2)], wrong_once)

    assert len(read(server)) == 2
    assert len(server.requests) == 2


def test_rows_are_read_though_something_else_is_called_rows() -> None:
    def with_a_number(rows: list[Row], total: int, *, more: bool) -> Answer:
        return {**data_shape(rows, total, more=more), "Rows": len(rows)}

    assert len(read(Server([row(1), row(2)], with_a_number))) == 2


@pytest.mark.parametrize(
    "text",
    [
        '{"data": null, "count": 0}',
        '{"Rows": null, "Columns": null, "CountRows": 0}',
        '{"Rows": [], "Columns": []}',
    ],
)
def test_null_rows_are_no_rows(text: str) -> None:
    server = Server([])
    server.text = text

    assert read(server) == []


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"data":[{"InteractionTime":"2024-01-15 10:00:01"}]}',
        '{\n "data" : [\n  {"InteractionTime" :\t"2024-01-15 10:00:01"}\n ]\n}',
        '{"Columns":["InteractionTime"],"Rows":\n[\n ["2024-01-15 10:00:01"]]}',
        '{"Columns":[],"Rows": [ {"InteractionTime":"2024-01-15 10:00:01"}]}',
    ],
)
def test_layout_of_the_json_does_not_matter(text: str) -> None:
    server = Server([])
    server.text = text

    assert read(server, fields=["InteractionTime"]) == [
        {"InteractionTime": "2024-01-15T07:00:01+00:00"}
    ]


def test_rows_count_where_data_is_null() -> None:
    server = Server([])
    server.text = json.dumps({"data": None, "Rows": [row(1)], "Columns": []})

    assert read(server) == [record(1)]
