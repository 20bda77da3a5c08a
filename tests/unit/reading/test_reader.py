from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.errors import DataError
from tests.support.page_api import (
    LOGGER,
    SHAPES,
    Answer,
    Row,
    Server,
    arrays_shape,
    read,
    record,
    row,
)

if TYPE_CHECKING:
    from collections.abc import Callable


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
    rows = [row(1, InteractionEcomAmount="a lot"), row(2)]

    result = read(Server(rows), null_bad_values=True)

    assert result == [record(1, InteractionEcomAmount=None), record(2)]
    assert "1 values of InteractionEcomAmount could not be converted" in caplog.text


@pytest.mark.parametrize("time", ["now", None, ""])
def test_a_time_never_becomes_null_since_it_tells_equal_rows_apart(
    time: str | None,
) -> None:
    server = Server([row(1), row(2, InteractionTime=time)])

    with pytest.raises(DataError, match="rows cannot be told apart without it"):
        read(server, null_bad_values=True)


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


def test_any_text_can_be_a_fields_name() -> None:
    fields = ["InteractionTime", "Weird-Name 1"]
    rows = [{"InteractionTime": "2024-01-15 10:00:01", "Weird-Name 1": "x"}]

    (result,) = read(Server(rows), fields=fields)

    assert result["Weird-Name 1"] == "x"
    assert list(result) == fields


def test_the_first_year_of_all_is_a_bad_value_and_no_crash() -> None:
    rows = [row(1, InteractionTime="0001-01-01 00:00:00")]

    with pytest.raises(DataError, match="is not a date-time"):
        read(Server(rows))


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
