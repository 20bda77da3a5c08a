"""The web application: routes, authentication, faults and the log of requests.

API reference: base, auth, project; errors; v1 reports; v1 meta.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route

from tap_targetads.sandbox import truth
from tap_targetads.sandbox.faults import decode_faults
from tap_targetads.sandbox.fields import RAW_FIELDS
from tap_targetads.sandbox.query import (
    Slice,
    ValidationError,
    parse_project_id,
    parse_query,
    project_number,
)
from tap_targetads.sandbox.responses import (
    INTERNAL_ERROR,
    INVALID_TOKEN,
    NO_ACCESS,
    NOT_FOUND,
    ApiError,
    damaged_response,
    error_response,
    fault_response,
    json_response,
    raw_json_response,
    validation_response,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from tap_targetads.sandbox.faults import Fault
    from tap_targetads.sandbox.server import Sandbox

_LOGGER = logging.getLogger(__name__)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_COMPRESSION = 1
_EXPIRES_AT = "2099-12-31T23:59:59Z"


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What a client asked, and how the sandbox answered.

    Attributes:
        method: The HTTP method.
        path: The path, without the query string.
        project_id: The project, if the request named one.
        body: The decoded body, if it was a JSON object.
        status: The HTTP status of the answer.
        fault: The kind of the fault that the request met, if any.
    """

    method: str
    path: str
    project_id: int | None
    body: dict[str, Any] | None
    status: int
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A request, read completely.

    Attributes:
        sandbox: The sandbox that shall answer.
        method: The HTTP method.
        path: The path, without the query string.
        params: The parameters in the address.
        authorization: The header of this name.
        body: The body.
        fault: The fault that the request meets, if any.
    """

    sandbox: Sandbox
    method: str
    path: str
    params: Mapping[str, str]
    authorization: str
    body: bytes
    fault: Fault | None

    def project_id(self) -> int:
        """The project, which the token must belong to.

        Raises:
            ApiError: If the token is unknown, or is another project's.
            ValidationError: If there is no project id.
        """
        scheme, _, token = self.authorization.partition(" ")
        tokens = self.sandbox.tokens
        if scheme.lower() != "bearer" or token not in tokens.values():
            raise ApiError(*INVALID_TOKEN)
        project_id = parse_project_id(self.params.get("project_id"))
        if tokens.get(project_id) != token:
            raise ApiError(*NO_ACCESS)
        return project_id


Handler: TypeAlias = "Callable[[Call], Response]"


def raw_reports(call: Call) -> Response:
    """One page of raw data."""
    sandbox, fault = call.sandbox, call.fault
    query, page = parse_query(call.project_id(), call.body, sandbox.world.types)
    more = None
    if fault is not None and fault.kind == "ignore_offset":
        page, more = Slice(0, page.limit), True
    elif fault is not None and fault.kind == "empty_page":
        page, more = Slice(0, 0), True
    body = sandbox.pages.page(query, page, sandbox.dialect, more=more)
    return raw_json_response(body)


def token_validate(call: Call) -> Response:
    """What the token may do; live, status 200 says it all."""
    project_id = call.project_id()
    if not call.sandbox.dialect.token_body:
        return Response()
    campaigns = call.sandbox.world.placements(project_id)
    content = {
        "valid": True,
        "project_id": project_id,
        "is_admin": False,
        "campaign_access": [placement.placement_id for placement in campaigns],
        "expires_at": _EXPIRES_AT,
    }
    return json_response(content, dialect=call.sandbox.dialect)


def show_truth(call: Call) -> Response:
    """What a right tap delivers: see the module `truth`."""
    params, world = call.params, call.sandbox.world
    try:
        project_id = int(params["project_id"])
        start = date.fromisoformat(params["date_from"])
        end = date.fromisoformat(params["date_to"])
        content: dict[str, Any] = {
            "project_id": project_id,
            "counts": truth.counts(world, project_id, start, end),
        }
        if "stream" in params:
            records = truth.expected_records(
                world,
                project_id=project_id,
                stream=params["stream"],
                types=_names(params.get("types")),
                start=start,
                end=end,
                fields=_names(params.get("fields")) or tuple(RAW_FIELDS),
                timezone=params.get("timezone", truth.TIMEZONE),
            )
            content["row_keys"] = [record["_row_key"] for record in records]
    except KeyError as error:
        return error_response(400, f"missing or unknown: {error.args[0]}")
    except ValueError as error:
        return error_response(400, str(error))
    return json_response(content)


def _names(text: str | None) -> tuple[str, ...] | None:
    return tuple(text.split(",")) if text else None


def change_faults(call: Call) -> Response:
    """Set the faults, or clear them."""
    try:
        faults = []
        if call.method != "DELETE":
            faults = decode_faults(msgspec.json.decode(call.body))
    except (msgspec.DecodeError, ValueError) as error:
        return error_response(400, str(error))
    call.sandbox.faults.set(faults)
    return json_response(faults)


def not_found(_: Call) -> Response:
    """The answer to anything else."""
    return error_response(*NOT_FOUND)


_ROUTES: tuple[tuple[str, list[str], Handler], ...] = (
    ("/v1/reports/raw_reports", ["POST"], raw_reports),
    ("/v1/meta/token_validate", ["GET"], token_validate),
    ("/sandbox/truth", ["GET"], show_truth),
    ("/sandbox/faults", ["POST", "DELETE"], change_faults),
    ("/{path:path}", _METHODS, not_found),
)


def create_app(sandbox: Sandbox) -> Starlette:
    """Make the web application of a sandbox.

    Args:
        sandbox: Where data, tokens, dialect and faults come from; they may change
            between requests.
    """
    routes = [
        Route(path, _endpoint(sandbox, handler), methods=methods)
        for path, methods, handler in _ROUTES
    ]
    middleware = []
    if sandbox.gzip:
        middleware = [Middleware(GZipMiddleware, compresslevel=_COMPRESSION)]
    return Starlette(routes=routes, middleware=middleware)


def _endpoint(
    sandbox: Sandbox, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        path = request.url.path
        call = Call(
            sandbox=sandbox,
            method=request.method,
            path=path,
            params=request.query_params,
            authorization=request.headers.get("Authorization", ""),
            body=await request.body(),
            fault=sandbox.faults.draw(path),
        )
        response = await _answer(call, handler)
        sandbox.log(_logged(call, response.status_code))
        return response

    return endpoint


async def _answer(call: Call, handler: Handler) -> Response:
    """The answer, with the fault that shall happen to it."""
    if call.fault is None:
        return _right_answer(call, handler)
    if call.fault.kind == "slow":
        await asyncio.sleep(call.fault.delay)
    response = fault_response(call.fault)
    if response is not None:
        return response
    return damaged_response(call.fault, _right_answer(call, handler))


def _right_answer(call: Call, handler: Handler) -> Response:
    try:
        return handler(call)
    except ApiError as error:
        return error_response(error.code, error.message)
    except ValidationError as error:
        return validation_response(error.failures, call.sandbox.dialect)
    except Exception:
        # The server is kept silent, so a bug of the sandbox has to be told here.
        _LOGGER.exception("%s %s failed", call.method, call.path)
        return error_response(*INTERNAL_ERROR)


def _logged(call: Call, status: int) -> LoggedRequest:
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
    )
