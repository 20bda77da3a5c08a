"""The connection test: which projects a run may read, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tap_targetads.client import Call, MalformedAnswerError, Reply
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    from tap_targetads.client import Client
    from tap_targetads.streams import InteractionStream
    from tap_targetads.windows import Window

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
            return msgspec.json.decode(body, type=cls)
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


@dataclass(frozen=True, slots=True)
class ProjectCheck:
    """Checks projects: the token first, then one tiny read of each stream."""

    client: Client
    logger: logging.Logger

    def run(
        self,
        project_ids: Iterable[int],
        streams: Iterable[InteractionStream],
        window: Window,
    ) -> bool:
        """Check all projects, and say of each what works.

        Args:
            project_ids: The projects.
            streams: The streams to try.
            window: The days from which a row is read.

        Returns:
            Whether everything works.
        """
        streams = list(streams)
        results = [self._check(project, streams, window) for project in project_ids]
        return all(results)

    def _check(
        self, project_id: int, streams: list[InteractionStream], window: Window
    ) -> bool:
        try:
            status = self._token_status(project_id)
            for stream in streams:
                next(stream.reader.pages(project_id, window, whole=True))
        except ApiError as error:
            self.logger.error("Project %d: FAILED. %s", project_id, error)  # noqa: TRY400
            return False
        names = ", ".join(stream.name for stream in streams)
        self.logger.info("Project %d: ok (%s), can read %s", project_id, status, names)
        return True

    def _token_status(self, project_id: int) -> TokenStatus:
        subject = f"Project {project_id}"
        call = Call("GET", TOKEN_VALIDATE, project_id, subject)
        status = self.client.send(call, TokenStatus.decode)
        if not status.valid:
            message = (
                f"{subject}: the API says that its token is not valid. Set "
                "TAP_TARGETADS_AUTH_TOKEN, or the project's `auth_token` under "
                "`projects`, to a current one."
            )
            raise ApiError(message)
        return status
