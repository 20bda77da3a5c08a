from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_targetads.rows.values import Integers, UtcTimes, converters

MOSCOW = ZoneInfo("Europe/Moscow")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = ["Europe/Moscow", "America/New_York", "Asia/Kathmandu", "Africa/Monrovia"]


def test_a_naive_time_is_read_in_the_zone_and_written_in_utc() -> None:
    assert UtcTimes(MOSCOW)("2024-01-15 10:30:45") == "2024-01-15T07:30:45+00:00"


def test_a_time_may_have_a_t_between_date_and_time() -> None:
    assert UtcTimes(MOSCOW)("2024-01-15T10:30:45") == "2024-01-15T07:30:45+00:00"


@pytest.mark.parametrize("text", ["2024-01-15T10:30:45Z", "2024-01-15 12:30:45+02:00"])
def test_a_time_with_a_zone_is_taken_at_its_word(text: str) -> None:
    assert UtcTimes(MOSCOW)(text) == "2024-01-15T10:30:45+00:00"


def test_fractions_of_a_second_are_kept() -> None:
    assert UtcTimes(MOSCOW)("2024-01-15 10:30:45.5") == (
        "2024-01-15T07:30:45.500000+00:00"
    )


@pytest.mark.parametrize("times", [["10:30:59.9999999"], ["10:30:59.9999999"] * 9])
def test_more_digits_than_microseconds_may_round_up_to_the_next_minute(
    times: list[str],
) -> None:
    utc = UtcTimes(MOSCOW)

    assert [utc(f"2024-01-15 {t}") for t in times] == [
        "2024-01-15T07:31:00+00:00"
    ] * len(times)
    with pytest.raises(ValueError, match="59"):
        utc.all([f"2024-01-15 {t}" for t in times])


def test_a_time_that_happens_twice_is_the_first_of_the_two() -> None:
    # 3 November 2024, 01:30: once at UTC-4, an hour later again at UTC-5
    assert UtcTimes(NEW_YORK)("2024-11-03 01:30:00") == "2024-11-03T05:30:00+00:00"


def test_a_time_that_is_skipped_uses_the_clock_before_the_change() -> None:
    # 10 March 2024: 02:00 at UTC-5 becomes 03:00 at UTC-4
    assert UtcTimes(NEW_YORK)("2024-03-10 02:30:00") == "2024-03-10T07:30:00+00:00"


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2099, 12, 31)),  # noqa: DTZ001
    st.sampled_from(ZONES).map(ZoneInfo),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
)
def test_every_time_becomes_the_same_instant_in_utc(
    local: datetime, zone: ZoneInfo, precision: str
) -> None:
    text = local.isoformat(" ", timespec=precision)
    instant = datetime.fromisoformat(text.ljust(26, "0") if "." in text else text)

    converted = datetime.fromisoformat(UtcTimes(zone)(text))

    assert converted == instant.replace(tzinfo=zone).astimezone(UTC)
    assert converted.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30 10:00:00",
        "2024-01-15 25:00:00",
        "2024-01-15 10:30:60",
        "2024-01-15 10:30",
        "2024-01-15",
        "15.01.2024 10:30:45",
        "yesterday",
        "1705303845",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        UtcTimes(MOSCOW)(text)


GOOD: list[tuple[str, Any, Any]] = [
    ("number", 100, 100.0),
    ("number", "12.50", 12.5),
    ("number", " 7 ", 7.0),
    ("number", "-1e3", -1000.0),
    ("integer", "42", 42),
    ("integer", "-42", -42),
    ("integer", 42.0, 42),
    ("integer", "42.0", 42),
    ("integer", "9007199254740993", 9007199254740993),
    ("integer", 2**63 - 1, 2**63 - 1),
    ("integer", str(-(2**63)), -(2**63)),
    ("string", 2**70, "1180591620717411303424"),
    ("boolean", 1, True),
    ("boolean", "0", False),
    ("boolean", "true", True),
    ("boolean", "False", False),
    ("date", "2024-02-29", "2024-02-29"),
    ("date", "2024-02-29 00:00:00", "2024-02-29"),
    ("string", 12486, "12486"),
    ("string", 1.5, "1.5"),
    ("string", True, "true"),
    ("string", ["Книга", 1], '["Книга",1]'),
    ("string", {"a": None}, '{"a":null}'),
]


@pytest.mark.parametrize(("kind", "value", "expected"), GOOD)
def test_a_value_becomes_its_fields_type(kind: Any, value: Any, expected: Any) -> None:
    converted = converters(MOSCOW)[kind](value)

    assert converted == expected
    assert type(converted) is type(expected)


BAD: list[tuple[str, Any]] = [
    ("number", "12,50"),
    ("number", "1_000"),
    ("number", "NaN"),
    ("number", "inf"),
    ("number", True),
    ("number", [1]),
    ("integer", "1.5"),
    ("integer", 1.5),
    ("integer", True),
    ("integer", "twelve"),
    ("integer", 2**63),
    ("integer", "-9223372036854775809"),
    ("integer", "9" * 5000),
    ("integer", 1e30),
    ("number", 10**400),
    ("number", "1e999"),
    ("boolean", "yes"),
    ("boolean", 2),
    ("boolean", []),
    ("date", {}),
    ("date-time", {}),
    ("date", "2024-02-30"),
    ("date", "20240229"),
    ("date", "2024-W09-4"),
    ("date", "2024-02-29 12:00:00"),
    ("date", 20240229),
    ("date", 0),
    ("date-time", "soon"),
    ("date-time", 1705303845),
    ("date-time", 0),
    ("date-time", False),
    ("date-time", []),
]


@pytest.mark.parametrize("zero", ["-0", "-0.0", "0", " -0 "])
def test_a_zero_without_a_point_has_no_sign_as_in_json(zero: str) -> None:
    converted = converters(MOSCOW)["number"](zero)

    assert str(converted) == ("-0.0" if "." in zero else "0.0")


def test_digits_that_look_like_an_endless_power_are_no_integer() -> None:
    with pytest.raises(ValueError, match="0e4620"):
        converters(MOSCOW)["integer"]("0e462097431906509019562988736854")


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_a_value_of_another_type_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        converters(MOSCOW)[kind](value)


numbers = st.one_of(
    st.integers(0, 2**64).map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.from_regex(r"[ +-]?[0-9_.e\u0663]{0,21}", fullmatch=True),
)


@given(st.lists(numbers, min_size=1))
def test_integers_are_the_same_one_by_one_and_all_at_once(texts: list[str]) -> None:
    convert = Integers()
    try:
        together = convert.all(texts)
    except ValueError:
        return

    assert together == [convert(text) for text in texts]


def test_integers_are_converted_all_at_once_up_to_64_bits() -> None:
    largest = str(2**63 - 1)

    assert Integers().all(["0", "17", largest]) == [0, 17, 2**63 - 1]
    with pytest.raises(ValueError, match=str(2**63)):
        Integers().all(["0", str(2**63)])
