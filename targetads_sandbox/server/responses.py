"""The bodies of API responses, right and wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import HTMLResponse, Response, StreamingResponse

from targetads_sandbox.server.storage import FileResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from targetads_sandbox.dialect import Dialect
    from targetads_sandbox.server.checks import FailedField
    from targetads_sandbox.server.faults import Fault
    from targetads_sandbox.server.pages import Page

_GATEWAYS = {
    "bad_gateway": (HTTPStatus.BAD_GATEWAY, "502 Bad Gateway"),
    "gateway_timeout": (HTTPStatus.GATEWAY_TIMEOUT, "504 Gateway Timeout"),
    "maintenance": (HTTPStatus.OK, "We will be back soon"),
    "firewall": (HTTPStatus.FORBIDDEN, "Access denied"),
}
"""What something in front of the API answers for itself: status and title."""

_TRICKLE_SECONDS = 0.05
_PROMISED = 1_000_000


class ApiError(Exception):
    """A response that is an error (API reference: errors).

    Attributes:
        code: The HTTP status, and the `ErrorCode`.
        message: The `ErrorMessage`.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


INVALID_TOKEN = (401, "invalid or expired token")
NO_ACCESS = (403, "no access to project")
NOT_FOUND = (404, "not found")
TOO_LARGE = (413, "response is too large")
TOO_MANY_REQUESTS = (429, "too many requests")
INTERNAL_ERROR = (500, "internal error")

_REFUSALS = {
    "rate_limit": TOO_MANY_REQUESTS,
    "rate_limit_retry_after": TOO_MANY_REQUESTS,
    "server_error": INTERNAL_ERROR,
    "too_large": TOO_LARGE,
    "unauthorized": INVALID_TOKEN,
    "forbidden": NO_ACCESS,
    "not_found": NOT_FOUND,
}


DAMAGES = ("cut", "malformed")
"""Faults that need the whole body of the right response."""


def json_response(
    content: Any, *, status: int = 200, dialect: Dialect | None = None
) -> Response:
    """A response with JSON; indented if the dialect is."""
    body = msgspec.json.encode(content)
    if dialect is not None and dialect.pretty:
        body = msgspec.json.format(body, indent=2)
    return raw_json_response(body, status=status)


def raw_json_response(body: bytes, *, status: int = 200) -> Response:
    """A response with encoded JSON."""
    return Response(body, status_code=status, media_type="application/json")


def page_response(page: Page) -> Response:
    """A response with a page, built while it is sent."""
    return StreamingResponse(
        iter(page.pieces),
        headers={"Content-Length": str(page.length)},
        media_type="application/json",
    )


def error_response(code: int, message: str, *, status: int | None = None) -> Response:
    """An error response (API reference: errors); `status` defaults to `code`."""
    content = {"ErrorCode": code, "ErrorMessage": message}
    return json_response(content, status=code if status is None else status)


def validation_response(failures: Sequence[FailedField], dialect: Dialect) -> Response:
    """The response to an invalid request (API reference: errors)."""
    content = {
        "ErrorCode": 400,
        "ErrorMessage": "validate error",
        dialect.errors_key: failures,
    }
    return json_response(content, status=400, dialect=dialect)


def fault_response(fault: Fault) -> Response | None:
    """The response of a fault; None if the fault needs the right one first."""
    if fault.kind in _GATEWAYS:
        return _proxy_response(*_GATEWAYS[fault.kind])
    if fault.kind == "trickle":
        return StreamingResponse(
            _trickle(),
            headers={"Content-Length": str(_PROMISED)},
            media_type="application/json",
        )
    if fault.kind == "error_in_body":
        return error_response(fault.code, INTERNAL_ERROR[1], status=200)
    if fault.kind in _REFUSALS:
        response = error_response(*_REFUSALS[fault.kind])
        if fault.kind == "rate_limit_retry_after":
            response.headers.update(_retry_after(fault))
        return response
    return None


def _proxy_response(status: HTTPStatus, title: str) -> Response:
    content = (
        f"<html><head><title>{title}</title></head>"
        f"<body><center><h1>{title}</h1></center></body></html>"
    )
    return HTMLResponse(content, status_code=status)


def _retry_after(fault: Fault) -> Mapping[str, str]:
    if not fault.http_date:
        return {"Retry-After": str(ceil(fault.delay))}
    moment = datetime.now(UTC) + timedelta(seconds=fault.delay)
    return {"Retry-After": format_datetime(moment, usegmt=True)}


def damaged_response(fault: Fault, response: Response) -> Response:
    """What a fault leaves of the right response."""
    if isinstance(response, FileResponse):
        response.damage(fault.kind)
    elif fault.kind in DAMAGES:
        body = bytes(response.body)
        if fault.kind == "malformed":
            return raw_json_response(body[: len(body) // 2])
        return CutResponse(body, response.status_code, media_type=response.media_type)
    return response


async def _trickle() -> AsyncIterator[bytes]:
    """Spaces, until the client hangs up or has got what was promised."""
    for _ in range(_PROMISED):
        yield b" "
        await asyncio.sleep(_TRICKLE_SECONDS)


class CutResponse(Response):
    """A response that promises its whole body, and ends after half of it.

    A response without a body cannot be cut.
    """

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - ASGI's signature
        receive: Receive,  # noqa: ARG002
        send: Send,
    ) -> None:
        """Send half of the body, and return without finishing.

        The server then closes the connection, since nothing else can be sent on it.
        """
        start = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        await send(start)
        half = bytes(self.body)[: len(self.body) // 2]
        more = len(half) < len(self.body)
        await send({"type": "http.response.body", "body": half, "more_body": more})
