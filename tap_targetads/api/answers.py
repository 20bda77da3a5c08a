"""What every answer of the API has in common (API reference: errors)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

if TYPE_CHECKING:
    from tap_targetads.api.bodies import Body


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
