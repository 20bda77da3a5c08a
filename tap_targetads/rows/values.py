"""Conversion of the API's values to the types of their fields."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from tap_targetads.reports.fields import FieldType

_MINUTE = len("2024-01-15 10:30")
_MEMO_LIMIT = 100_000
_EXACT = 2**53
"""Floats beyond it leave out integers."""
_INT64 = range(-(2**63), 2**63)

NULL = r"\N"
NO_VALUE = ("", NULL)
"""Texts that stand for null: in CSV, and, so that both agree, in JSON (decision 5)."""


class _Memo(dict[str, str]):
    """Remembers the results of a conversion, a bounded number of them."""

    def __init__(self, convert: Callable[[str], str]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> str:
        if len(self) >= _MEMO_LIMIT:
            self.clear()
        result = self[text] = self._convert(text)
        return result


class UtcTimes:
    """Converts the API's times to UTC.

    The API gives `2024-01-15 10:30:45`, without a zone; a time with a zone is taken
    at its word. Where daylight saving makes a local time happen twice, it is the
    first of the two; where it skips a time, the clock before the change is used.

    Args:
        zone: The zone of times that have none.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        """Create the converter with empty memos."""
        self._zone = zone
        # Offsets change on whole minutes, so that a time is the sum of two parts
        # that repeat: its minute in UTC, and its seconds. Looking both up costs a
        # tenth of a conversion.
        self._minutes = _Memo(self._minute)
        self._seconds = _Memo(_second)

    def __call__(self, text: str) -> str:
        """The time in UTC, like `2024-01-15T07:30:45+00:00`.

        Raises:
            ValueError: If the text is not a time.
        """
        try:
            return self._minutes[text[:_MINUTE]] + self._seconds[text[_MINUTE:]]
        except (KeyError, TypeError, ValueError):
            return self._utc(_datetime(text)).isoformat()

    def all(self, texts: Sequence[str]) -> list[str]:
        """The times of many texts of the usual form, twice as fast.

        Raises:
            TypeError: If one is no text.
            ValueError: If one has another form, or is not a time.
        """
        minutes, seconds = self._minutes, self._seconds
        return [minutes[t[:_MINUTE]] + seconds[t[_MINUTE:]] for t in texts]

    def _minute(self, text: str) -> str:
        utc = self._utc(_datetime(text + ":00"))
        if utc.second:  # local mean time, before zones had whole minutes
            raise ValueError(text)
        return utc.isoformat()[:_MINUTE]

    def _utc(self, time: datetime) -> datetime:
        if time.tzinfo is None:
            time = time.replace(tzinfo=self._zone)
        try:
            return time.astimezone(UTC)
        except OverflowError as error:  # the first and the last day of all time
            raise ValueError(time) from error


def _second(text: str) -> str:
    time = _datetime("2000-01-01T00:00" + text)
    if time.tzinfo or time.minute:  # more than six digits may be rounded up
        raise ValueError(text)
    return time.isoformat()[_MINUTE:] + "+00:00"


def _datetime(text: str) -> datetime:
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise ValueError(text) from error


def converters(zone: ZoneInfo) -> Mapping[FieldType, Callable[[Any], Any]]:
    """The conversion of a value, for each field type.

    A conversion raises TypeError or ValueError for a value that it cannot convert.

    Args:
        zone: The zone of times that have none.
    """
    return {
        "string": text,
        "integer": Integers(),
        "number": _number,
        "boolean": _boolean,
        "date": _date,
        "date-time": UtcTimes(zone),
    }


NATIVE_TYPES: Mapping[FieldType, frozenset[type]] = {
    "string": frozenset({str, type(None)}),
    "integer": frozenset({type(None)}),
    "number": frozenset({float, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "date": frozenset({type(None)}),
    "date-time": frozenset({type(None)}),
}
"""The Python types of a decoded value that need no conversion.

Integers do, since they may be larger than those of databases.
"""


def _date(text: Any) -> str:
    """A date; the time of day of a date-time is dropped, if it is midnight."""
    if not isinstance(text, str):
        raise TypeError(text)
    try:  # Python's own parser knows weeks and days without hyphens, in some versions
        day = msgspec.convert(text[:10], date)
    except msgspec.ValidationError as error:
        raise ValueError(text) from error
    if text[10:] and _datetime(text).time() != datetime.min.time():
        raise ValueError(text)
    return day.isoformat()


def text(value: Any) -> str:
    """The text itself, or the JSON of what is no text."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError as error:
        raise ValueError(type(value)) from error


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str) and "_" in value:  # Python's separator, not the API's
        raise ValueError(value)
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError(value) from error
    if not math.isfinite(number):
        raise ValueError(value)
    # JSON's `-0` is an integer, without a sign: so is that of CSV.
    return 0.0 if number == 0 and "." not in str(value) else number


class Integers:
    """Converts integers, and texts that are integers."""

    def __call__(self, value: Any) -> int:
        """The integer, of at most 64 bits, since targets have no place for more.

        Raises:
            TypeError: If the value is of another type.
            ValueError: If it is no such integer.
        """
        if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
            integer = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            integer = value
        else:
            number = _number(value)
            # A float has 53 exact bits; a text like `9007199254740993.0` has more.
            try:
                exact = Decimal(value.strip()) if isinstance(value, str) else number
            except (
                ArithmeticError
            ) as error:  # `0e` and more digits than it has room for
                raise ValueError(value) from error
            if not number.is_integer() or exact != int(exact):
                raise ValueError(value)
            if exact is number and abs(number) > _EXACT:
                raise ValueError(value)
            integer = int(exact)
        if integer not in _INT64:
            raise ValueError(value)
        return integer

    def all(self, texts: Sequence[str]) -> list[int]:
        """The integers of many texts of nothing but digits, ten times as fast.

        Raises:
            TypeError: If one is no text.
            ValueError: If one has another form, or more than 64 bits.
        """
        if not "".join(texts).isdecimal():
            raise ValueError(texts)
        integers = list(map(int, texts))
        if max(integers) not in _INT64:
            raise ValueError(texts)
        return integers


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        value = value.strip().lower()
    words = {"true": True, "1": True, 1: True, "false": False, "0": False, 0: False}
    if value not in words:
        raise ValueError(value)
    return words[value]
