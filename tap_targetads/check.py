"""The connection test: which projects a run may read, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_targetads.errors import ApiError
from tap_targetads.exchange import Call
from tap_targetads.token_status import TOKEN_VALIDATE, TokenStatus

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    from tap_targetads.client import Client
    from tap_targetads.meta import MetaStream
    from tap_targetads.streams import ReportStream
    from tap_targetads.windows import Window


@dataclass(frozen=True, slots=True)
class ProjectCheck:
    """Checks projects: the token first, then one tiny read of each stream."""

    client: Client
    logger: logging.Logger

    def run(
        self,
        project_ids: Iterable[int],
        streams: Iterable[ReportStream | MetaStream],
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
        self, project_id: int, streams: list[ReportStream | MetaStream], window: Window
    ) -> bool:
        try:
            status = self._token_status(project_id)
            for stream in streams:
                stream.probe(project_id, window)
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
