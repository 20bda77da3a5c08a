from __future__ import annotations

import json
import logging
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_mock import Mocker

from tap_targetads.api.client import Client
from tap_targetads.api.retries import Retries, retry_waits
from tap_targetads.api.transport import Transport
from tap_targetads.errors import ApiError, DataError
from tap_targetads.output.records import RecordEncoder
from tap_targetads.reading.page_reader import PageReader
from tap_targetads.reading.reader import Source
from tap_targetads.reports.days import Window
from tap_targetads.reports.fields import extra_field, fields_of
from tap_targetads.reports.filters import Filters
from tap_targetads.reports.kinds import RawReport
from tap_targetads.rows.values import converters

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Row = dict[str, Any]
Answer = dict[str, Any]

DAY = Window(date(2024, 1, 15), date(2024, 1, 15))
WEEK = Window(date(2024, 1, 15), date(2024, 1, 21))
LOGGER = "tap-targetads.clicks"
NAMES = ["InteractionTime", "InteractionDeviceID", "InteractionEcomAmount"]


def row(number: int, **values: Any) -> Row:
    return {
        "InteractionTime": f"2024-01-15 10:00:{number % 60:02d}",
        "InteractionDeviceID": f"device-{number}",
        "InteractionEcomAmount": number + 0.5,
        **values,
    }


def record(number: int, **values: Any) -> Row:
    time = f"2024-01-15T07:00:{number % 60:02d}+00:00"
    return {**row(number), "InteractionTime": time, **values}


def no_waits() -> Generator[float, Exception, None]:
    waits = retry_waits()
    failure = yield next(waits)
    while True:
        waits.send(failure)
        failure = yield 0


def data_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del total
    return {"data": rows, "count": len(rows), "has_more": more}


def total_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    return {"data": rows, "count": total, "has_more": more}


def without_has_more(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    return {"data": rows, "count": total}


def objects_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    return {"Rows": rows, "Columns": NAMES, "CountRows": total}


def arrays_shape(rows: list[Row], total: int, *, more: bool) -> Answer:
    del more
    order = list(reversed(NAMES))
    return {
        "Rows": [[r.get(name) for name in order] for r in rows],
        "Columns": [{"Name": name} for name in order],
        "CountRows": total,
    }


SHAPES = [data_shape, total_shape, without_has_more, objects_shape, arrays_shape]


class Server:
    """A server with a list of rows, and the habits that a test gives it."""

    def __init__(
        self, rows: list[Row], shape: Callable[..., Answer] = data_shape
    ) -> None:
        self.rows = rows
        self.shape = shape
        self.cap = 100_000
        self.text: str | None = None
        self.requests: list[dict[str, Any]] = []

    def __call__(self, request: Any, context: Any) -> str:
        del context
        body = request.json()
        self.requests.append(body)
        if self.text is not None:
            return self.text
        offset = body["Offset"]
        rows = self.rows[offset : offset + min(body["Limit"], self.cap)]
        more = offset + len(rows) < len(self.rows)
        return json.dumps(self.shape(rows, len(self.rows), more=more))


def read(
    server: Server,
    *,
    page_size: int = 100,
    window: Window = DAY,
    days_in_one_page: bool = False,
    null_bad_values: bool = False,
    fields: list[str] = NAMES,
) -> list[Row]:
    """The rows of a window as records, without keys."""
    exchange = Transport("https://api.example.test", {1: "token"}, 1)
    client = Client(exchange, Retries(2, waits=no_waits))
    known = fields_of("raw", [*extra_field("Color"), *extra_field("Weird-Name 1")])
    source = Source(
        client=client,
        report=RawReport(
            name="clicks",
            fields=known,
            filters=Filters(interaction_types=["Click"]),
            window_days=7,
            lookback_days=0,
        ),
        fields=[known[name] for name in fields],
        conversions=converters(ZoneInfo("Europe/Moscow")),
        null_bad_values=null_bad_values,
        last_complete_day=date(2024, 2, 1),
        logger=logging.getLogger(LOGGER),
    )
    reader = PageReader(
        source, page_size=page_size, days_in_one_page=days_in_one_page, has_keys=True
    )
    with Mocker() as mocker:
        mocker.post(
            "https://api.example.test/v1/reports/raw_reports?project_id=1", text=server
        )
        encoder = RecordEncoder("clicks", {})
        records: list[dict[str, Any]] = []
        for reading in reader.read(1, [window]):
            for chunk in reading.chunks:
                records += encoder.records(chunk.rows, None)
    reader.converter.report_bad_values(reader.logger)
    return records


@pytest.mark.parametrize("shape", SHAPES)
@given(count=st.integers(0, 25), page_size=st.integers(1, 12))
def test_paging_reads_every_row_once_in_every_shape(
    shape: Callable[..., Answer], count: int, page_size: int
) -> None:
    server = Server([row(i) for i in range(count)], shape)

    assert read(server, page_size=page_size) == [record(i) for i in range(count)]


def test_the_request_is_the_one_of_the_api_reference() -> None:
    server = Server([])

    read(server, window=WEEK)

    assert server.requests == [
        {
            "ResponseType": "JSON",
            "Fields": NAMES,
            "InteractionFilter": {
                "DateFrom": "2024-01-15",
                "DateTo": "2024-01-21",
                "InteractionType": ["Click"],
            },
            "Offset": 0,
            "Limit": 100,
        }
    ]


def test_has_more_stops_the_paging_although_the_page_is_full() -> None:
    server = Server([row(i) for i in range(10)])

    assert len(read(server, page_size=5)) == 10
    # A page begins with the last rows of the one before it: two of five.
    assert [r["Offset"] for r in server.requests] == [0, 3, 6]


def test_a_server_that_sends_fewer_rows_than_asked_for_loses_none() -> None:
    server = Server([row(i) for i in range(20)])
    server.cap = 3

    assert len(read(server, page_size=10)) == 20


def test_a_count_of_zero_does_not_stop_the_paging() -> None:
    def lying(rows: list[Row], total: int, *, more: bool) -> Answer:
        del total
        return {"data": rows, "count": 0, "has_more": more}

    assert len(read(Server([row(i) for i in range(9)], lying), page_size=2)) == 9


def test_a_count_that_does_not_fit_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lying(rows: list[Row], total: int, *, more: bool) -> Answer:
        return {"data": rows, "count": total + 5, "has_more": more}

    read(Server([row(i) for i in range(9)], lying), page_size=4)

    assert "counted 14 rows, but delivered 9" in caplog.text


def test_an_empty_page_that_promises_more_is_an_error() -> None:
    def endless(rows: list[Row], total: int, *, more: bool) -> Answer:
        del rows, total, more
        return {"data": [], "has_more": True}

    with pytest.raises(ApiError, match="page at offset 0 is empty, although"):
        read(Server([], endless))


@pytest.mark.parametrize("page_size", [1, 5])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_server_that_ignores_the_offset_is_detected(
    rows: int, page_size: int
) -> None:
    server = Server([row(i) for i in range(10)])

    def same_page(request: Any, context: Any) -> str:
        del context
        server.requests.append(request.json())
        return json.dumps({"data": server.rows[:rows], "has_more": True})

    with pytest.raises(ApiError, match="ignores `Offset`"):
        read(same_page, page_size=page_size)  # type: ignore[arg-type]
    assert len(server.requests) == 3


def test_equal_rows_are_not_taken_for_a_repeated_page() -> None:
    server = Server([row(7)] * 6)

    assert read(server, page_size=1) == [record(7)] * 6


def test_a_window_that_needs_a_second_page_is_read_a_day_at_a_time() -> None:
    server = Server([row(i) for i in range(6)])

    read(server, page_size=5, window=WEEK, days_in_one_page=True)

    windows = [
        (r["InteractionFilter"]["DateFrom"], r["InteractionFilter"]["DateTo"])
        for r in server.requests
    ]
    assert windows[0] == ("2024-01-15", "2024-01-21")
    days = [(f"2024-01-{d}", f"2024-01-{d}") for d in range(15, 22)]
    assert list(dict.fromkeys(windows[1:])) == days


def test_a_window_that_fits_into_a_page_is_one_request() -> None:
    server = Server([row(i) for i in range(6)])

    assert len(read(server, page_size=6, window=WEEK, days_in_one_page=True)) == 6
    assert len(server.requests) == 1


def test_numbers_sent_as_text_and_empty_texts_are_typed() -> None:
    rows = [row(1, InteractionEcomAmount="12.50"), row(2, InteractionEcomAmount="")]

    result = read(Server(rows))

    assert [r["InteractionEcomAmount"] for r in result] == [12.5, None]


def test_empty_and_missing_texts_become_null() -> None:
    rows = [row(1, InteractionDeviceID=""), row(2)]
    del rows[1]["InteractionDeviceID"]

    result = read(Server(rows))

    assert [r["InteractionDeviceID"] for r in result] == [None, None]


def test_a_text_that_only_looks_like_json_is_left_alone() -> None:
    odd = '":""\\":"":null,"\u2028\n\\\\u0000 "'

    assert read(Server([row(1, InteractionDeviceID=odd)])) == [
        record(1, InteractionDeviceID=odd)
    ]


def test_nul_characters_are_dropped() -> None:
    rows = [row(1, InteractionDeviceID="a\0\0b\\\0"), row(2, InteractionDeviceID="\0")]

    result = read(Server(rows))

    assert [r["InteractionDeviceID"] for r in result] == ["ab\\", None]


def test_numbers_in_a_text_field_become_text() -> None:
    rows = [row(1, InteractionDeviceID=12345), row(2, InteractionDeviceID="x")]

    result = read(Server(rows))

    assert [r["InteractionDeviceID"] for r in result] == ["12345", "x"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bad_value_names_stream_field_day_and_value(
    shape: Callable[..., Answer],
) -> None:
    rows = [row(1), row(2, InteractionEcomAmount="a lot")]

    with pytest.raises(DataError) as caught:
        read(Server(rows, shape))

    assert str(caught.value).startswith(
        "Stream clicks, field InteractionEcomAmount, day 2024-01-15: 'a lot' is not a "
        "number."
    )


def test_bad_values_can_become_null_and_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [row(1, InteractionEcomAmount="a lot"), row(2, InteractionTime="now")]

    result = read(Server(rows), null_bad_values=True)

    assert result == [
        record(1, InteractionEcomAmount=None),
        record(2, InteractionTime=None),
    ]
    assert "1 values of InteractionEcomAmount could not be converted" in caplog.text
    assert "1 values of InteractionTime could not be converted" in caplog.text


@pytest.mark.parametrize("page_size", [1, 100])
def test_an_undeclared_field_is_reported_once_and_not_written(
    caplog: pytest.LogCaptureFixture, page_size: int
) -> None:
    rows = [row(i, Novelty=i, **{"Odd name": [i]}) for i in range(3)]

    result = read(Server(rows), page_size=page_size)

    assert result == [record(i) for i in range(3)]
    (message,) = [r.getMessage() for r in caplog.records if r.name == LOGGER]
    assert "undeclared fields: Novelty, Odd name" in message
    assert "extra_fields" in message


def test_an_undeclared_field_is_noticed_in_any_row(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [*(row(i) for i in range(50)), row(50, Novelty=1), row(51, Other=2)]

    assert read(Server(rows)) == [record(i) for i in range(52)]
    assert "Novelty, Other" in caplog.text


def test_an_undeclared_column_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    def with_novelty(rows: list[Row], total: int, *, more: bool) -> Answer:
        answer = arrays_shape(rows, total, more=more)
        answer["Columns"].append("Novelty")
        for values in answer["Rows"]:
            values.append(1)
        return answer

    assert read(Server([row(1)], with_novelty)) == [record(1)]
    assert "undeclared fields: Novelty" in caplog.text


def test_a_declared_field_that_was_not_selected_is_dropped_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert read(Server([row(1, InteractionDomain="shop.example")])) == [record(1)]
    assert not [r for r in caplog.records if r.name == LOGGER]


def test_a_missing_column_is_an_error() -> None:
    def lacking(rows: list[Row], total: int, *, more: bool) -> Answer:
        del more
        values = [[r["InteractionTime"], r["InteractionDeviceID"]] for r in rows]
        return {"Rows": values, "Columns": NAMES[:2], "CountRows": total}

    with pytest.raises(ApiError, match="lacks the columns InteractionEcomAmount"):
        read(Server([row(1)], lacking))


def test_a_row_with_too_few_values_is_an_error() -> None:
    def short(rows: list[Row], total: int, *, more: bool) -> Answer:
        answer = arrays_shape(rows, total, more=more)
        answer["Rows"][-1].pop()
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
        "<html>",
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
        '{"data": [{}, 5]}',
        '{"data": [{}, []]}',
        '{"Rows": [{}, []], "Columns": ["a"]}',
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
        return answer

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


def test_any_text_can_be_a_fields_name() -> None:
    fields = ["InteractionTime", "Weird-Name 1"]
    rows = [{"InteractionTime": "2024-01-15 10:00:01", "Weird-Name 1": "x"}]

    (result,) = read(Server(rows), fields=fields)

    assert result["Weird-Name 1"] == "x"
    assert list(result) == fields


def test_a_server_that_caps_the_page_without_has_more_loses_no_row() -> None:
    server = Server([row(i) for i in range(50)], without_has_more)
    server.cap = 20

    assert len(read(server, page_size=100)) == 50


def test_the_first_year_of_all_is_a_bad_value_and_no_crash() -> None:
    rows = [row(1, InteractionTime="0001-01-01 00:00:00")]

    with pytest.raises(DataError, match="is not a date-time"):
        read(Server(rows))


def test_rows_count_where_data_is_null() -> None:
    server = Server([])
    server.text = json.dumps({"data": None, "Rows": [row(1)], "Columns": []})

    assert read(server) == [record(1)]


@pytest.mark.parametrize("time", [None, ""])
def test_a_row_without_its_time_is_an_error(time: str | None) -> None:
    with pytest.raises(DataError, match="field InteractionTime"):
        read(Server([row(1), row(2, InteractionTime=time)]))


LOOSER = [
    {"InteractionDeviceID": ""},
    {"InteractionEcomAmount": "7"},
    {"InteractionDeviceID": 7},
    {"Unselected": "x"},
]


@given(st.lists(st.sampled_from(LOOSER), max_size=4), st.integers(1, 5))
def test_odd_rows_do_not_change_what_becomes_of_the_others(
    odd: list[Row], page_size: int
) -> None:
    rows = [row(i, **values) for i, values in enumerate([{}, {}, {}, *odd, {}, {}])]

    records = read(Server(rows), page_size=page_size)

    usual = [*range(3), *range(len(rows) - 2, len(rows))]
    assert [records[i] for i in usual] == [record(i) for i in usual]
    assert len(records) == len(rows)
    assert not any(r["InteractionDeviceID"] == "" for r in records)
