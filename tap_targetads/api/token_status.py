"""What the API says about a token (API reference: base, auth, project)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from typing_extensions import override

from tap_targetads.api.answers import Answer

if TYPE_CHECKING:
    from tap_targetads.api.bodies import Body

TOKEN_VALIDATE = "/v1/meta/token_validate"  # noqa: S105 - a path


class TokenStatus(Answer, kw_only=True):
    """The answer of token_validate (API reference: base, auth, project).

    The live API also answers with an empty body, which means that the token is valid.
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
