"""What the API answers, call by call (API reference: errors; v1 meta; v2 reports)."""

from __future__ import annotations

from typing import Any, Self

import msgspec
from typing_extensions import override

Body = bytes | bytearray | memoryview
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
    """What every answer may carry: an error, even with HTTP 200."""

    ErrorCode: int | str | None = None
    ErrorMessage: str | None = None
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
        return self.ErrorCode not in {None, 0, "", "0"}

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


class JobStatus(Answer, kw_only=True):
    """What the API says about a job (API reference: v2 reports)."""

    job_id: str = ""
    status: str = ""
    estimated_seconds: float | None = None
    error_message: str | None = None
    row_count: int | None = None
    download_url: str | None = None

    @classmethod
    @override
    def decode(cls, body: Body) -> Self:
        status = super().decode(body)
        if not status.is_error and not status.status:
            message = "the answer has no `status`"
            raise MalformedAnswerError(message)
        return status
