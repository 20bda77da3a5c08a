"""What the API says about a token (API reference: base, auth, project)."""

from __future__ import annotations

import msgspec

from tap_targetads.answers import MalformedAnswerError, Reply

TOKEN_VALIDATE = "/v1/meta/token_validate"  # noqa: S105 - a path


class TokenStatus(Reply, kw_only=True):
    """The answer of token_validate (API reference: base, auth, project).

    The live API also answers with an empty body, which means that the token is valid.
    """

    valid: bool = True
    project_id: int | None = None
    is_admin: bool | None = None
    campaign_access: list[int] | None = None
    expires_at: str | None = None

    @property
    def reply(self) -> Reply:
        """The answer's error fields."""
        return self

    @classmethod
    def decode(cls, body: bytes) -> TokenStatus:
        """Decode a body, which may be empty.

        Raises:
            MalformedAnswerError: If it is neither empty nor such an answer.
        """
        if not body.strip():
            return cls()
        try:
            return msgspec.json.decode(body, type=cls, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedAnswerError(str(error)) from error

    def __str__(self) -> str:
        """What the API says about the token, for the log."""
        notes = ["token valid"]
        if self.expires_at:
            notes.append(f"expires {self.expires_at}")
        if self.campaign_access:
            notes.append(f"{len(self.campaign_access)} campaigns")
        return ", ".join(notes)
