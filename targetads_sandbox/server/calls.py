"""Requests as handlers get them, and as the log keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from targetads_sandbox.server.backend import LoggedRequest
from targetads_sandbox.server.checks import parse_project_id, project_number
from targetads_sandbox.server.responses import INVALID_TOKEN, NO_ACCESS, ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from targetads_sandbox.server.backend import Backend
    from targetads_sandbox.server.faults import Fault


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read completely.

    Attributes:
        path: The path, without the query string.
        params: The query parameters.
        authorization: The header of this name.
        fault: The fault that the request meets, if any.
        seed: Seed for whatever else the fault needs.
        name: The variable part of the path: a job, a file.
    """

    sandbox: Backend
    method: str
    path: str
    params: Mapping[str, str]
    authorization: str
    body: bytes
    fault: Fault | None
    seed: str = ""
    name: str = ""

    def project_id(self) -> int:
        """The project, which the token must belong to.

        Raises:
            ApiError: If the token is unknown, or another project's.
            ValidationError: If there is no project id.
        """
        scheme, _, token = self.authorization.partition(" ")
        projects = self.sandbox.projects_of(token)
        if scheme.lower() != "bearer" or not projects:
            raise ApiError(*INVALID_TOKEN)
        project_id = parse_project_id(self.params.get("project_id"))
        if project_id not in projects:
            raise ApiError(*NO_ACCESS)
        return project_id


def logged(call: Call, status: int) -> LoggedRequest:
    """What the log keeps of a request."""
    try:
        body = msgspec.json.decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    return LoggedRequest(
        method=call.method,
        path=call.path,
        project_id=project_number(call.params.get("project_id", "")),
        body=body if isinstance(body, dict) else None,
        status=status,
        fault=call.fault.kind if call.fault else None,
        params=dict(call.params),
        authorized=bool(call.authorization),
    )
