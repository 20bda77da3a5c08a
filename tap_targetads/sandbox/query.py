"""Checks the body of a raw data request (API reference: v1 reports)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from tap_targetads.sandbox.fields import RAW_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

MAX_LIMIT = 100_000
"""The most rows that a page can have (API reference: v1 reports)."""

MAX_CAMPAIGNS = 20
"""The most ids in `MediaCampaignId` (API reference: v1 reports, live)."""

_ID_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows a client asks for, and how much of each.

    Attributes:
        project_id: The project.
        fields: The fields, in the order of the request.
        start: The first day.
        end: The last day, inclusive.
        types: The interaction types; all of them, if None.
        placements: Ids of the media campaigns; all rows, if None.
    """

    project_id: int
    fields: tuple[str, ...]
    start: date
    end: date
    types: tuple[str, ...] | None = None
    placements: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """Which page of a query's rows a client asks for.

    Attributes:
        offset: How many rows come before the page.
        limit: The most rows that the page can have.
    """

    offset: int
    limit: int


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
    """A request that gets status 400.

    Attributes:
        failures: Everything that is wrong.
    """

    def __init__(self, failures: Sequence[FailedField]) -> None:
        """Keep what is wrong."""
        super().__init__("validate error")
        self.failures = failures


def parse_project_id(text: str | None) -> int:
    """The project that a request's address names.

    Raises:
        ValidationError: If the parameter is missing, or no integer.
    """
    if not text:
        raise ValidationError([FailedField("project_id", "required")])
    number = project_number(text)
    if number is None:
        raise ValidationError([FailedField("project_id", "number", text)])
    return number


def project_number(text: str) -> int | None:
    """The number that a text is; None, if it is none, or longer than ids can be."""
    if text.isascii() and text.isdecimal() and len(text) <= _ID_DIGITS:
        return int(text)
    return None


def parse_query(
    project_id: int, body: bytes, types: Collection[str]
) -> tuple[Query, Slice]:
    """Read the body of a request for raw data.

    Args:
        project_id: The project of the request.
        body: The body, JSON if it is right.
        types: The interaction types that there are.

    Raises:
        ValidationError: If anything is wrong.
    """
    content = decode_body(body)
    check = Check()
    check.response_type(content)
    fields = check.fields(content, RAW_FIELDS)
    page = Slice(check.offset(content), check.limit(content))
    filters = check.filters(content)
    start, end = check.period(filters)
    chosen = check.types(filters, types)
    placements = check.placements(filters)
    if check.failures:
        raise ValidationError(check.failures)
    return Query(project_id, fields, start, end, chosen, placements), page


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        ValidationError: If it is none.
    """
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        content = None
    if not isinstance(content, dict):
        raise ValidationError([FailedField("body", "json")])
    return content


class Check:
    """Collects what is wrong, so that one answer can name all of it."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.failures: list[FailedField] = []

    def fail(self, field: str, tag: str, value: Any = None) -> None:
        """Note something that is wrong."""
        self.failures.append(FailedField(field, tag, value))

    def response_type(self, body: Mapping[str, Any]) -> None:
        """Check that JSON is asked for."""
        value = body.get("ResponseType")
        if value != "JSON":
            tag = "oneof" if value else "required"
            self.fail("ResponseType", tag, value)

    def fields(
        self,
        body: Mapping[str, Any],
        known: Collection[str],
        name: str = "Fields",
        *,
        required: bool = True,
    ) -> tuple[str, ...]:
        """Names, each of which is known."""
        value = body.get(name)
        if not value:
            if required:
                self.fail(name, "required")
            return ()
        if not isinstance(value, list):
            self.fail(name, "array", value)
            return ()
        for item in value:
            if not isinstance(item, str) or item not in known:
                self.fail(name, "oneof", item)
        # A field that is asked for twice is one key of an object, and one column.
        return tuple(dict.fromkeys(map(str, value)))

    def limit(self, body: Mapping[str, Any]) -> int:
        """The most rows of a page."""
        value = body.get("Limit")
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

    def offset(self, body: Mapping[str, Any]) -> int:
        """How many rows come before the page."""
        value = body.get("Offset", 0)
        if not _is_integer(value):
            self.fail("Offset", "number", value)
        elif value < 0:
            self.fail("Offset", "min", value)
        else:
            return int(value)
        return 0

    def filters(
        self, body: Mapping[str, Any], name: str = "InteractionFilter"
    ) -> Mapping[str, Any]:
        """A filter object; empty, if there is none."""
        value = body.get(name)
        return value if isinstance(value, dict) else {}

    def period(self, filters: Mapping[str, Any]) -> tuple[date, date]:
        """The first and the last day."""
        start = self._day(filters, "DateFrom")
        end = self._day(filters, "DateTo")
        if start and end and start > end:
            self.fail("DateFrom", "ltefield", start.isoformat())
        return start or date.min, end or date.min

    def _day(self, filters: Mapping[str, Any], name: str) -> date | None:
        value = filters.get(name)
        if not value:
            self.fail(name, "required")
            return None
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            day = None
        # Newer versions of Python also read 20240115 and 2024-W03-1.
        if day is None or day.isoformat() != value:
            self.fail(name, "datetime", value)
            return None
        return day

    def types(
        self, filters: Mapping[str, Any], known: Collection[str]
    ) -> tuple[str, ...] | None:
        """Interaction types; all, if None."""
        value = filters.get("InteractionType")
        if not value:
            return None
        if not isinstance(value, list):
            self.fail("InteractionType", "array", value)
            return None
        for kind in value:
            if kind not in known:
                self.fail("InteractionType", "oneof", kind)
        return tuple(sorted(set(map(str, value))))

    def placements(self, filters: Mapping[str, Any]) -> frozenset[int] | None:
        """Ids of media campaigns; all rows, if None."""
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
