"""One request over the wire, and its response."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.authenticators import BearerTokenAuthenticator

from tap_targetads.api.background import while_it_moves
from tap_targetads.api.rate_limit import RateLimit
from tap_targetads.api.session import PIECE, Session, timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_targetads.api.answers import Body


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API.

    Attributes:
        method: HTTP method.
        path: Path below the base URL.
        project_id: The project: it chooses the token, and goes into the query.
        subject: What is being read, as error lines name it.
        body: JSON body, if any.
        params: The query, besides the project.
        stream: Name of the stream, for the SDK's metrics.
        endpoint: What to show in place of the path, if that holds a secret.
    """

    method: str
    path: str
    project_id: int
    subject: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    stream: str | None = None
    endpoint: str | None = None

    @property
    def shown_path(self) -> str:
        """The path, for logs and errors."""
        return self.endpoint or self.path

    @property
    def key(self) -> tuple[str, str, int, bytes]:
        """Equal for requests that ask for the same."""
        asked = msgspec.json.encode((self.params, self.body))
        return self.method, self.path, self.project_id, asked


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, of whatever status.

    Attributes:
        status: HTTP status.
        reason: Its text.
        headers: The headers.
        body: The whole body.
        seconds: How long it took until the headers were there.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: Body
    seconds: float

    @property
    def is_success(self) -> bool:
        """Whether the status is any of those that mean success."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class Transport:
    """Sends requests, from any thread.

    Args:
        api_url: Base URL.
        tokens: Bearer token by project.
        timeout: Seconds to wait for an answer to begin, and for each MiB of it.
        rate_limit: How fast requests may follow each other.

    Attributes:
        api_url: As above.
        tokens: As above, to keep them out of log lines.
        timeout: As above.
        rate_limit: As above.
        reached: Whether the host has ever answered.
    """

    def __init__(
        self,
        api_url: str,
        tokens: Mapping[int, str],
        timeout: float,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.api_url = api_url
        self._authenticators = {
            project_id: BearerTokenAuthenticator(token=token)
            for project_id, token in tokens.items()
        }
        self.tokens = tokens
        self.timeout = timeout
        self.rate_limit = rate_limit or RateLimit()
        self.reached = False
        self._session = Session()
        # Below that, it logs paths and signed addresses.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def send(self, request: Request) -> Response:
        """Send a request, once.

        Raises:
            OSError: If no whole answer arrives: what `requests` raises.
            StalledError: If it arrives too slowly.
        """
        self.rate_limit.wait()
        return while_it_moves(
            partial(self._send, request), least=PIECE, seconds=self.timeout
        )

    def _send(self, request: Request, progress: Callable[[int], None]) -> Response:
        response = self._session.request(
            request.method,
            self.api_url + request.path,
            params={"project_id": str(request.project_id), **request.params},
            json=request.body,
            auth=self._authenticators[request.project_id],
            timeout=timeouts(self.timeout),
            # A redirect would turn a POST into a GET, or send the token elsewhere.
            allow_redirects=False,
            stream=True,
        )
        self.reached = True
        progress(PIECE)  # the headers are there
        body = bytearray()
        for piece in response.iter_content(PIECE):
            body += piece
            progress(len(piece))
        return Response(
            response.status_code,
            response.reason or "",
            response.headers,
            body,
            response.elapsed.total_seconds(),
        )
