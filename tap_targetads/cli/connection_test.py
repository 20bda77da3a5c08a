"""The connection test: which projects a run may read, and what stands in the way."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_targetads.api.answers import TokenStatus
from tap_targetads.api.endpoints import token_validate
from tap_targetads.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_targetads.api.client import Client
    from tap_targetads.reports.days import Window
    from tap_targetads.streams.base import ProjectStream

_HOPELESS = frozenset({None, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS})
"""Where other streams would fare no better: no answer, a wrong token, too much."""


@dataclass(frozen=True, slots=True)
class ProjectCheck:
    """Checks projects: the token first, then one tiny read of each stream."""

    client: Client
    logger: logging.Logger

    def run(
        self,
        project_ids: Iterable[int],
        streams: Iterable[ProjectStream],
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
        self, project_id: int, streams: list[ProjectStream], window: Window
    ) -> bool:
        try:
            status = self._token_status(project_id)
        except ApiError as error:
            # Not that all is safe which was delivered before: nothing was.
            self.logger.error("%s", error.problem)  # noqa: TRY400 - for users
            self.logger.error(  # noqa: TRY400
                "Project %d: FAILED. Nothing can be read.", project_id
            )
            return False
        works, failed, untried = self._tried(project_id, streams, window)
        notes = {"cannot read": failed, "can read": works, "not tried": untried}
        self.logger.log(
            logging.ERROR if failed else logging.INFO,
            "Project %d: %s (%s), %s",
            project_id,
            "FAILED" if failed else "ok",
            status,
            "; ".join(f"{k} {', '.join(names)}" for k, names in notes.items() if names),
        )
        return not failed

    def _tried(
        self, project_id: int, streams: list[ProjectStream], window: Window
    ) -> tuple[list[str], list[str], list[str]]:
        """The names of the streams that can be read, that cannot, and of the others."""
        works, failed, untried = [], [], []
        hopeless = False
        for stream in streams:
            if hopeless or not stream.can_be_tried:
                untried.append(stream.name)
                continue
            try:
                stream.probe(project_id, window)
            except ApiError as error:
                self.logger.error("%s", error.problem)  # noqa: TRY400 - for users
                failed.append(stream.name)
                hopeless = error.status in _HOPELESS
            else:
                works.append(stream.name)
        return works, failed, untried

    def _token_status(self, project_id: int) -> TokenStatus:
        subject = f"Project {project_id}"
        request = token_validate(project_id, subject)
        status = self.client.send(request, TokenStatus.decode)
        if not status.valid:
            message = (
                f"{subject}: the API says that its token is not valid. Set "
                "TAP_TARGETADS_AUTH_TOKEN, or the project's `auth_token` under "
                "`projects`, to a current one."
            )
            raise ApiError(message)
        return status
