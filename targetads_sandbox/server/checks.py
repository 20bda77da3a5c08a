"""Validates requests (API reference: errors)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

MAX_LIMIT = 100_000
"""Most rows of a page (API reference: v1 reports)."""

MAX_CAMPAIGNS = 20
"""Most ids in `MediaCampaignId` (API reference: v1 reports, live)."""

_ID_DIGITS = 18


class FailedField(msgspec.Struct, frozen=True, rename="pascal"):
    """One thing that is wrong with a request (API reference: errors).

    Attributes:
        failed_field: The parameter.
        tag: The rule that it breaks.
        value: The offending value, if there is one.
        error: Always true.
    """

    failed_field: str
    tag: str
    value: Any = None
    error: bool = True


class ValidationError(Exception):
    """A request that gets status 400, and everything that is wrong with it."""

    def __init__(self, failures: Sequence[FailedField]) -> None:
        super().__init__("validate error")
        self.failures = failures


def parse_project_id(text: str | None) -> int:
    """The project in a request's query.

    Raises:
        ValidationError: If it is missing, or not an integer.
    """
    if not text:
        raise ValidationError([FailedField("project_id", "required")])
    number = project_number(text)
    if number is None:
        raise ValidationError([FailedField("project_id", "number", text)])
    return number


def project_number(text: str) -> int | None:
    """The number in a text; None if it is none, or longer than ids can be."""
    if text.isascii() and text.isdecimal() and len(text) <= _ID_DIGITS:
        return int(text)
    return None


def parse_flag(params: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A query parameter that is `true` or `false`.

    Raises:
        ValidationError: If it is anything else.
    """
    text = params.get(name)
    if not text:
        return default
    if text not in {"true", "false"}:
        raise ValidationError([FailedField(name, "boolean", text)])
    return text == "true"


class Check:
    """Collects what is wrong, so that one response can list all of it.

    A method returns what a parameter says, or a harmless value if it is wrong.

    Raises:
        ValidationError: If the body is not a JSON object.
    """

    def __init__(self, body: bytes) -> None:
        try:
            content = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            content = None
        if not isinstance(content, dict):
            raise ValidationError([FailedField("body", "json")])
        self.body: Mapping[str, Any] = content
        self.failures: list[FailedField] = []

    def finish(self) -> None:
        """Raise ValidationError if anything is wrong."""
        if self.failures:
            raise ValidationError(self.failures)

    def fail(self, field: str, tag: str, value: Any = None) -> None:
        """Note that something is wrong."""
        self.failures.append(FailedField(field, tag, value))

    def response_type(self, *known: str, required: bool = True) -> None:
        """Check `ResponseType`."""
        value = self.body.get("ResponseType")
        if value not in known and (value or required):
            self.fail("ResponseType", "oneof" if value else "required", value)

    def fields(
        self, known: Collection[str], name: str = "Fields", *, required: bool = True
    ) -> tuple[str, ...]:
        """Names, all of which must be known."""
        value = self.body.get(name)
        if not value:
            if required:
                self.fail(name, "required")
            return ()
        if not isinstance(value, list):
            self.fail(name, "array", value)
            return ()
        for field in value:
            if not isinstance(field, str) or field not in known:
                self.fail(name, "oneof", field)
        # A field that is requested twice is one key of an object, and one column.
        return tuple(dict.fromkeys(map(str, value)))

    def choice(self, name: str, known: Collection[str], default: str) -> str:
        """One of several words, or the default if it is missing."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or value not in known:
            self.fail(name, "oneof", value)
            return default
        return value

    def limit(self) -> int:
        """The maximum number of rows."""
        value = self.body.get("Limit")
        if value is None:
            self.fail("Limit", "required")
        elif not _is_integer(value):
            self.fail("Limit", "number", value)
        elif value < 1:
            self.fail("Limit", "min", value)
        elif value > MAX_LIMIT:
            self.fail("Limit", "max", value)
        else:
            return int(value)
        return 1

    def offset(self) -> int:
        """How many rows to skip."""
        value = self.body.get("Offset", 0)
        if not _is_integer(value):
            self.fail("Offset", "number", value)
        elif value < 0:
            self.fail("Offset", "min", value)
        else:
            return int(value)
        return 0

    def filters(self, name: str) -> Mapping[str, Any]:
        """A filter object; an empty one if it is missing."""
        value = self.body.get(name)
        return value if isinstance(value, dict) else {}

    def period(self, filters: Mapping[str, Any]) -> tuple[date, date] | None:
        """The first and the last day; None if they are not a period."""
        start = self._day(filters, "DateFrom")
        end = self._day(filters, "DateTo")
        if start is None or end is None:
            return None
        if start > end:
            self.fail("DateFrom", "ltefield", start.isoformat())
            return None
        return start, end

    def _day(self, filters: Mapping[str, Any], name: str) -> date | None:
        value = filters.get(name)
        if not value:
            self.fail(name, "required")
            return None
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            day = None
        # Python also reads 20240115 and 2024-W03-1.
        if day is None or day.isoformat() != value:
            self.fail(name, "datetime", value)
            return None
        return day

    def words(
        self,
        filters: Mapping[str, Any],
        name: str,
        known: Collection[str] | None = None,
    ) -> tuple[str, ...] | None:
        """The words that a filter lists; None if it is missing."""
        value = filters.get(name)
        if not value:
            return None
        if not isinstance(value, list):
            self.fail(name, "array", value)
            return None
        for word in value:
            if not isinstance(word, str) or (known is not None and word not in known):
                self.fail(name, "oneof", word)
        return tuple(sorted(set(map(str, value))))

    def word(
        self, filters: Mapping[str, Any], name: str, known: Collection[str]
    ) -> tuple[str, ...] | None:
        """The word of a filter that takes no list; None if it is missing."""
        value = filters.get(name)
        if not value:
            return None
        if not isinstance(value, str):
            self.fail(name, "string", value)
            return None
        return self.words({name: [value]}, name, known)

    def placements(self, filters: Mapping[str, Any]) -> frozenset[int] | None:
        """The media campaigns that a filter lists."""
        value = filters.get("MediaCampaignId")
        if not value:
            return None
        if not isinstance(value, list) or not all(map(_is_integer, value)):
            self.fail("MediaCampaignId", "number", value)
            return None
        if len(value) > MAX_CAMPAIGNS:
            self.fail("MediaCampaignId", "max", len(value))
            return None
        return frozenset(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
