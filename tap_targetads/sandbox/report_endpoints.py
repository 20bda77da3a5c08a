"""The endpoints of paths and aggregated reports.

API reference: v1 reports; v1 aggregated report.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tap_targetads.sandbox.aggregates import aggregate
from tap_targetads.sandbox.query import Slice
from tap_targetads.sandbox.report_queries import (
    PathQuery,
    parse_aggregate_query,
    parse_path_query,
)
from tap_targetads.sandbox.responses import raw_json_response
from tap_targetads.sandbox.tables import table_page

if TYPE_CHECKING:
    from starlette.responses import Response

    from tap_targetads.sandbox.calls import Call, Routes
    from tap_targetads.sandbox.server import Sandbox


def path_to_conversion(call: Call) -> Response:
    """One page of paths."""
    project_id = call.project_id()
    query, page = parse_path_query(call.body, call.sandbox.world.types)
    rows = path_rows(call.sandbox, project_id, query)
    return _page(call, query.fields, rows, page)


def path_rows(
    sandbox: Sandbox, project_id: int, query: PathQuery
) -> list[dict[str, Any]]:
    """All touches of a query, in paging order."""
    touches = [
        touch
        for ordinal in range(query.start.toordinal(), query.end.toordinal() + 1)
        for touch in sandbox.paths.of_day(project_id, date.fromordinal(ordinal))
        if query.has(touch)
    ]
    return [touch.row for touch in sorted(touches, key=lambda touch: touch.place)]


def agg_report(call: Call) -> Response:
    """One page of an aggregated report."""
    project_id = call.project_id()
    query, page = parse_aggregate_query(call.body)
    rows = aggregate(
        call.sandbox.world,
        call.sandbox.paths,
        project_id=project_id,
        start=query.start,
        end=query.end,
        dimensions=query.dimensions,
        grouping=query.grouping,
        model=query.model,
        placements=query.placements,
    )
    return _page(call, (*query.dimensions, *query.metrics), rows, page)


def _page(
    call: Call, fields: tuple[str, ...], rows: list[dict[str, Any]], page: Slice
) -> Response:
    """A page of rows, or what a fault makes of it."""
    more, fault = None, call.fault
    if fault is not None and fault.kind == "ignore_offset":
        page, more = Slice(0, page.limit), True
    elif fault is not None and fault.kind == "empty_page":
        page, more = Slice(0, 0), True
    dialect = call.sandbox.dialect
    return raw_json_response(table_page(fields, rows, page, dialect, more=more))


REPORT_ROUTES: Routes = (
    ("/v1/reports/path_to_conversion", ["POST"], path_to_conversion),
    ("/v1/reports/agg_report", ["POST"], agg_report),
)
