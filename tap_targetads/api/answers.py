"""What the API answers, call by call (API reference: errors; v1 meta; v2 reports)."""

from __future__ import annotations

import math
from typing import Any, Self

import msgspec
from typing_extensions import override

from tap_targetads.plurals import count_of

Body = bytes | bytearray
"""All bytes of an answer."""


class MalformedAnswerError(Exception):
    """The body of an answer is not what the API promises."""


class FailedField(msgspec.Struct, rename="pascal"):
    """One entry of a validation error (API reference: errors)."""

    failed_field: str = ""
    tag: str = ""
    value: Any = None

    def __str__(self) -> str:
        """The entry as error lines show it."""
        value = "" if self.value is None else f" (value {self.value!r})"
        return f"{self.failed_field} fails '{self.tag}'{value}"


class Answer(msgspec.Struct, kw_only=True):
    """What every answer may carry: an error, even with HTTP 200.

    `error` and `success` are not the API's, but what gateways in front of one write.
    """

    ErrorCode: int | str | None = None
    ErrorMessage: str | None = None
    error: Any = None
    errors: Any = None
    success: Any = None
    Errors: list[FailedField] | None = None
    ErrorsField: list[FailedField] | None = None

    @classmethod
    def decode(cls, body: Body) -> Self:
        """Decode a body.

        Raises:
            MalformedAnswerError: If it is not such an answer.
        """
        try:
            return msgspec.json.decode(body, type=cls, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedAnswerError(str(error)) from error

    @property
    def reply(self) -> Answer:
        """The answer's error fields."""
        return self

    @property
    def is_error(self) -> bool:
        """Whether the answer is an error, whatever its HTTP status."""
        if self.has_code:
            return self.ErrorCode not in {0, "0"}
        said = self.ErrorMessage or self.error or self.errors or self.failed_fields
        return bool(said) or self.success is False

    @property
    def has_code(self) -> bool:
        """Whether it has the API's own code, which may also say that all is well."""
        return self.ErrorCode not in {None, ""}

    @property
    def message(self) -> str:
        """What the answer says of the error; empty if nothing."""
        failed = "`success` is false" if self.success is False else ""
        return self.ErrorMessage or _text(self.error) or _text(self.errors) or failed

    @property
    def failed_fields(self) -> list[FailedField]:
        """The entries of a validation error; the API has two names for the list."""
        return self.Errors or self.ErrorsField or []


class TokenStatus(Answer, kw_only=True):
    """What `token_validate` answers (API reference: base, auth, project).

    The live API also answers with an empty body: the token is valid.
    """

    valid: bool = True
    project_id: int | None = None
    is_admin: bool | None = None
    campaign_access: list[int] | None = None
    expires_at: str | None = None

    @classmethod
    @override
    def decode(cls, body: Body) -> Self:
        return super().decode(body) if bytes(body).strip() else cls()

    def __str__(self) -> str:
        """What the API says about the token, for the log."""
        notes = ["token valid"]
        if self.expires_at:
            notes.append(f"expires {self.expires_at}")
        if self.campaign_access:
            notes.append(f"{len(self.campaign_access)} campaigns")
        return ", ".join(notes)


class MetaAnswer(Answer, kw_only=True):
    """What the meta calls answer; the list of campaigns has two names."""

    campaigns: list[dict[str, Any]] | None = None
    meta: list[dict[str, Any]] | None = None
    target_events: list[dict[str, Any]] | None = None
    count: Any = None
    has_more: Any = None

    @property
    def items(self) -> list[dict[str, Any]]:
        """What is listed, under whatever name."""
        return self.campaigns or self.meta or self.target_events or []

    @classmethod
    @override
    def decode(cls, body: Body) -> Self:
        answer = super().decode(body)
        items, count = answer.items, _count(answer.count) or 0
        if count > len(items):
            found = count_of(len(items), "entry", "entries")
            message = f"it has {found} instead of {count}"
            raise MalformedAnswerError(message)
        if answer.has_more is True:
            message = "it says that more entries follow"
            raise MalformedAnswerError(message)
        if not items and not answer.is_error:
            values = msgspec.json.decode(body, type=dict[str, Any])
            if any(v and isinstance(v, list | dict) for v in values.values()):
                keys = ", ".join(values)
                message = f"it has no list under a known name. Its keys: {keys}"
                raise MalformedAnswerError(message)
        return answer


DONE = "DONE"

_LOST = frozenset({"FAILED", "EXPIRED", "CANCELLED"})
_UNFINISHED = frozenset({"CREATED", "PROCESSING"})
_SYNONYMS = {
    synonym: status
    for status, synonyms in {
        "CREATED": "NEW PENDING QUEUED WAITING",
        "PROCESSING": "IN_PROGRESS INPROGRESS RUNNING STARTED",
        "DONE": "COMPLETE COMPLETED FINISHED READY SUCCESS SUCCEEDED",
        "FAILED": "ERROR FAILURE",
        "EXPIRED": "DELETED GONE",
        "CANCELLED": "ABORTED CANCELED",
    }.items()
    for synonym in synonyms.split()
}


class JobStatus(Answer, kw_only=True):
    """What the API says about a job (API reference: v2 reports).

    The words and types of the API are decoded leniently, and stored as below.

    Attributes:
        job_id: A text, empty if missing.
        status: `CREATED`, `PROCESSING`, `DONE`, `FAILED`, `EXPIRED`, `CANCELLED`, or
            any other word in capitals.
        estimated_seconds: How long the API expects it to take; None if it says nothing.
        error_message: A text.
        row_count: Rows of the file; None if the API does not say.
        file_size_bytes: Likewise.
        download_url: A text, empty if missing.
    """

    job_id: Any = None
    status: Any = None
    estimated_seconds: Any = None
    error_message: Any = None
    row_count: Any = None
    file_size_bytes: Any = None
    download_url: Any = None

    def __post_init__(self) -> None:
        """Give the values their types."""
        self.job_id = _text(self.job_id)
        word = "_".join(_text(self.status).upper().replace("-", " ").split())
        self.status = _SYNONYMS.get(word, word)
        self.estimated_seconds = _amount(self.estimated_seconds)
        # An error beside a status is that of the job, and not of the request.
        self.error_message = _text(self.error_message) or self.message
        if self.status and not self.has_code:
            self.ErrorMessage = self.error = self.errors = self.success = None
        self.row_count = _count(self.row_count)
        self.file_size_bytes = _count(self.file_size_bytes)
        self.download_url = _text(self.download_url)

    @classmethod
    @override
    def decode(cls, body: Body) -> Self:
        status = cls.decode_created(body)
        # A 202 may have no body: the job is polled again.
        if bytes(body).strip() and not status.is_error and not status.status:
            message = "the answer has no `status`"
            raise MalformedAnswerError(message)
        return status

    @classmethod
    def decode_created(cls, body: Body) -> Self:
        """Decode the answer to a job's creation, in which only the id matters."""
        return super().decode(body) if bytes(body).strip() else cls()

    @property
    def is_lost(self) -> bool:
        """Whether there will be no file."""
        return self.status in _LOST

    @property
    def is_unknown(self) -> bool:
        """Whether the status is a word without a known meaning."""
        return self.status not in {DONE, *_LOST, *_UNFINISHED}


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _amount(value: Any) -> float | None:
    """A number that is not negative, or None."""
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if 0 <= number < math.inf else None


def _count(value: Any) -> int | None:
    number = _amount(value)
    return None if number is None else int(number)
