"""The web application: routes, authentication, faults and the log of requests.

API reference: base, auth, project; errors; v1 reports; v1 meta.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route

from tap_targetads.sandbox import truth
from tap_targetads.sandbox.calls import Call, Handler, LoggedRequest, Routes
from tap_targetads.sandbox.faults import decode_faults
from tap_targetads.sandbox.fields import RAW_FIELDS
from tap_targetads.sandbox.job_endpoints import JOB_ROUTES
from tap_targetads.sandbox.meta import META_ROUTES
from tap_targetads.sandbox.query import (
    Slice,
    ValidationError,
    parse_query,
    project_number,
)
from tap_targetads.sandbox.report_endpoints import REPORT_ROUTES
from tap_targetads.sandbox.responses import (
    INTERNAL_ERROR,
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
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tap_targetads.sandbox.server import Sandbox

_LOGGER = logging.getLogger(__name__)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_COMPRESSION = 1
_EXPIRES_AT = "2099-12-31T23:59:59Z"


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


_ROUTES: Routes = (
    ("/v1/reports/raw_reports", ["POST"], raw_reports),
    ("/v1/meta/token_validate", ["GET"], token_validate),
    *REPORT_ROUTES,
    *META_ROUTES,
    *JOB_ROUTES,
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
