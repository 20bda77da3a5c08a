"""The web application: routes, authentication, faults and the log of requests.

API reference: base, auth, project; errors; v1 reports; v2 reports; v1 meta.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route

from targetads_sandbox.server.bodies import parse_aggregate, parse_paths, parse_raw
from targetads_sandbox.server.calls import Call, logged
from targetads_sandbox.server.checks import ValidationError, project_number
from targetads_sandbox.server.control import change_faults, show_faults, show_truth
from targetads_sandbox.server.job_routes import (
    create_path_job,
    create_raw_job,
    download,
    show_job,
)
from targetads_sandbox.server.meta import campaigns, target_events, token_validate
from targetads_sandbox.server.misreading import misread
from targetads_sandbox.server.pages import RIGHT, Wrong
from targetads_sandbox.server.responses import (
    DAMAGES,
    INTERNAL_ERROR,
    NOT_FOUND,
    ApiError,
    damaged_response,
    error_response,
    fault_response,
    page_response,
    raw_json_response,
    validation_response,
)
from targetads_sandbox.server.storage import PREFIX
from targetads_sandbox.world.late import add_late_rows, append_rows
from targetads_sandbox.world.query import RawQuery, Slice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from targetads_sandbox.server.backend import Backend
    from targetads_sandbox.world.query import Query
    from targetads_sandbox.world.world import World

_LOGGER = logging.getLogger(__name__)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_COMPRESSION = 1
_SMALL = 1 << 18
"""Responses with fewer bytes are built at once, not while they are sent."""


Handler: TypeAlias = "Callable[[Call], Awaitable[Response]]"
Parser: TypeAlias = "Callable[[int, bytes, World], tuple[Query, Slice]]"


def _report(parse: Parser) -> Handler:
    """A handler that responds with pages of a report, whose body `parse` reads."""
    return _threaded(partial(_page, parse))


def _threaded(make: Callable[[Call], Response]) -> Handler:
    """A handler that works in a thread, so that no other response waits for it.

    All others run in the event loop, one after another: what they change needs no lock.
    """

    async def handler(call: Call) -> Response:
        return await run_in_threadpool(make, call)

    return handler


def _page(parse: Parser, call: Call) -> Response:
    sandbox, fault = call.sandbox, call.fault
    query, page = parse(call.project_id(), call.body, sandbox.world)
    query = misread(query, fault)
    kind = None if fault is None else fault.kind
    chance = Random(call.seed)  # noqa: S311 - reproducible, not secret
    wrong = RIGHT
    if kind == "ignore_offset":
        page, wrong = Slice(0, page.limit), Wrong(more=True)
    elif kind == "empty_page":
        page, wrong = Slice(0, 0), Wrong(more=True)
    elif kind == "short_page":
        wrong = Wrong(short=True)
    elif kind == "unstable_order":
        wrong = Wrong(shuffle=chance)
    elif kind == "unstable_ties":
        wrong = Wrong(ties=chance)
    found = sandbox.pages.page(query, page, sandbox.dialect, wrong)
    if isinstance(query, RawQuery):
        _add_rows(sandbox.world, query, page, call)
    if kind in DAMAGES or found.length < _SMALL:
        return raw_json_response(b"".join(found.pieces))
    return page_response(found)


def _add_rows(world: World, query: RawQuery, page: Slice, call: Call) -> None:
    """Add what arrives right after a page."""
    if call.fault and call.fault.kind == "late_rows":
        add_late_rows(world, query, page, call.fault.rows, call.seed)
    elif call.fault and call.fault.kind == "appended_rows":
        append_rows(world, query, call.fault.rows, call.seed)


async def not_found(_: Call) -> Response:
    """The response to anything else."""
    return error_response(*NOT_FOUND)


_ROUTES: tuple[tuple[str, list[str], Handler], ...] = (
    ("/v1/reports/raw_reports", ["POST"], _report(parse_raw)),
    ("/v1/reports/path_to_conversion", ["POST"], _report(parse_paths)),
    ("/v1/reports/agg_report", ["POST"], _report(parse_aggregate)),
    ("/v2/reports/raw_reports", ["POST"], create_raw_job),
    ("/v2/reports/path_to_conversion", ["POST"], create_path_job),
    ("/v2/jobs/{name}", ["GET"], show_job),
    ("/storage/reports/{name}", ["GET"], download),
    ("/v1/meta/campaigns", ["GET"], campaigns),
    ("/v1/meta/target_event", ["GET"], target_events),
    ("/v1/meta/token_validate", ["GET"], token_validate),
    ("/sandbox/truth", ["GET"], _threaded(show_truth)),
    ("/sandbox/faults", ["GET"], show_faults),
    ("/sandbox/faults", ["POST", "DELETE"], change_faults),
    ("/{path:path}", _METHODS, not_found),
)


def create_app(sandbox: Backend) -> Starlette:
    """Create the web application of a sandbox.

    The data, tokens, dialect and faults of `sandbox` may change between requests.
    """
    routes = [
        Route(path, _endpoint(sandbox, handler), methods=methods)
        for path, methods, handler in _ROUTES
    ]
    middleware = []
    if sandbox.gzip:
        middleware = [Middleware(_Compression, compresslevel=_COMPRESSION)]
    return Starlette(routes=routes, middleware=middleware)


class _Compression(GZipMiddleware):
    """Compresses API responses, but not files: a store sends them as they are."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if scope.get("path", "").startswith(PREFIX):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _endpoint(
    sandbox: Backend, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        path, body = request.url.path, await request.body()
        project_id = project_number(request.query_params.get("project_id", ""))
        # No await from here to the draw, so that faults happen in the order of the
        # requests.
        happening = sandbox.faults.draw(path, project_id, body)
        call = Call(
            sandbox=sandbox,
            method=request.method,
            path=path,
            params=request.query_params,
            authorization=request.headers.get("Authorization", ""),
            body=body,
            fault=happening.fault if happening else None,
            seed=happening.seed if happening else "",
            name=request.path_params.get("name", ""),
        )
        response = await _answer(call, handler)
        sandbox.log(logged(call, response.status_code))
        return response

    return endpoint


async def _answer(call: Call, handler: Handler) -> Response:
    """The response, with the fault that the request meets."""
    if call.fault is None:
        return await _right_answer(call, handler)
    if call.fault.kind == "slow":
        await asyncio.sleep(call.fault.delay)
    response = fault_response(call.fault)
    if response is not None:
        return response
    return damaged_response(call.fault, await _right_answer(call, handler))


async def _right_answer(call: Call, handler: Handler) -> Response:
    try:
        return await handler(call)
    except ApiError as error:
        return error_response(error.code, error.message)
    except ValidationError as error:
        return validation_response(error.failures, call.sandbox.dialect)
    except Exception:
        # The server is silent, so a bug of the sandbox must be reported here.
        _LOGGER.exception("%s %s failed", call.method, call.path)
        return error_response(*INTERNAL_ERROR)
