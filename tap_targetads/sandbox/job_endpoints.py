"""The endpoints of version 2: jobs, and the storage of their files.

API reference: v2 reports.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from tap_targetads.sandbox.fields import PATH_FIELDS, RAW_FIELDS, v2_name
from tap_targetads.sandbox.query import Check, Query, ValidationError, decode_body
from tap_targetads.sandbox.report_endpoints import path_rows
from tap_targetads.sandbox.report_queries import path_query
from tap_targetads.sandbox.responses import NOT_FOUND, ApiError, json_response
from tap_targetads.sandbox.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from tap_targetads.sandbox.calls import Call, Routes
    from tap_targetads.sandbox.jobs import Job

MAX_DAYS = 3
HISTORY_DAYS = 90

_RAW_NAMES = {name: name for name in RAW_FIELDS}
_PATH_NAMES = {v2_name(name): name for name in PATH_FIELDS}
_LOST = {
    "job_failed": "FAILED",
    "job_expired": "EXPIRED",
    "job_cancelled": "CANCELLED",
}
_EXPIRED = 403
_FORBIDDEN_HEADER = 400


def make_raw_job(call: Call) -> Response:
    """Make a job for raw data."""
    project_id = call.project_id()
    body, check = _body(call, "InteractionFilter", "InteractionType"), Check()
    filters = check.filters(body)
    start, end = _period(call, check, filters)
    types = check.types(filters, call.sandbox.world.types)
    names = check.fields(body, _RAW_NAMES)
    placements = check.placements(filters)
    if check.failures:
        raise ValidationError(check.failures)
    query = Query(project_id, names, start, end, types, placements)
    columns = [COLUMNS.index(name) for name in names]

    def rows() -> Iterable[Sequence[Any]]:
        for row in call.sandbox.pages.raw_rows(query):
            yield [row[column] for column in columns]

    return _made(call, project_id, names, rows)


def make_path_job(call: Call) -> Response:
    """Make a job for paths."""
    project_id = call.project_id()
    body, check = _body(call, "TargetFilter", "EventType"), Check()
    names = check.fields(body, _PATH_NAMES)
    fields = [_PATH_NAMES.get(name, name) for name in names]
    content = {**body, "Fields": fields}
    _period(call, check, check.filters(content, "TargetFilter"))
    query = path_query(check, content, call.sandbox.world.types)
    if check.failures:
        raise ValidationError(check.failures)

    def rows() -> Iterable[Sequence[Any]]:
        for row in path_rows(call.sandbox, project_id, query):
            yield [row[name] for name in fields]

    return _made(call, project_id, names, rows)


def _body(call: Call, dated: str, single: str) -> Mapping[str, Any]:
    """The body in its documented form, with filter objects.

    Args:
        call: The request.
        dated: The filter that holds the dates of the period.
        single: What the flat form has at the top, as one string.

    Raises:
        ValidationError: If the body has the form that the dialect does not want.
    """
    body = decode_body(call.body)
    check = Check()
    if call.sandbox.dialect.v2_body == "nested":
        if not isinstance(body.get(dated), dict):
            check.fail("InteractionFilter", "required")
            raise ValidationError(check.failures)
        return body
    if not body.get("DateFrom"):
        check.fail("DateFrom", "required")
        raise ValidationError(check.failures)
    own: dict[str, Any] = {
        name: body[name]
        for name in ("DateFrom", "DateTo", "MediaCampaignId")
        if name in body
    }
    value = body.get(single)
    if value is not None:
        if not isinstance(value, str):
            check.fail(single, "string", value)
            raise ValidationError(check.failures)
        own[single] = [value]
    return {**body, dated: own}


def _period(call: Call, check: Check, filters: Mapping[str, Any]) -> tuple[date, date]:
    start, end = check.period(filters)
    if (end - start).days >= MAX_DAYS:
        check.fail("DateTo", "max", end.isoformat())
    today = call.sandbox.today
    if today and start < today - timedelta(days=HISTORY_DAYS):
        check.fail("DateFrom", "min", start.isoformat())
    return start, end


def _made(
    call: Call,
    project_id: int,
    names: Sequence[str],
    rows: Callable[[], Iterable[Sequence[Any]]],
) -> Response:
    jobs = call.sandbox.jobs
    job = jobs.make(project_id, names, rows, call.sandbox.faults.draw_job())
    content = {
        "job_id": job.id,
        "status": "CREATED",
        "created_at": _iso(datetime.now(timezone.utc)),
        "estimated_seconds": jobs.seconds,
    }
    return json_response(content, dialect=call.sandbox.dialect)


def job_status(call: Call) -> Response:
    """How far a job is."""
    project_id = call.project_id()
    jobs, dialect = call.sandbox.jobs, call.sandbox.dialect
    job = jobs.get(call.path.rsplit("/", 1)[-1])
    if job is None or job.project_id != project_id:
        raise ApiError(*NOT_FOUND)
    kind = job.fault.kind if job.fault else ""
    if kind in _LOST:
        status = {"status": _LOST[kind], "error_message": "the job was lost"}
        return json_response({"job_id": job.id, **status}, dialect=dialect)
    if kind == "job_hangs" or not jobs.is_done(job):
        content: dict[str, Any] = {"job_id": job.id, "status": "PROCESSING"}
        return json_response(content, dialect=dialect)
    file = jobs.file(job, dialect)
    wrong = kind == "wrong_row_count"
    expires = datetime.now(timezone.utc) + timedelta(hours=1)
    port = call.sandbox.url.rsplit(":", 1)[-1]
    content = {
        "job_id": job.id,
        "status": "DONE",
        "row_count": job.row_count + wrong,
        "file_size_bytes": file.stat().st_size,
        # Another name for the same machine: the storage is another host.
        "download_url": f"http://localhost:{port}/storage/{job.id}.csv.gz"
        f"?X-Signature={jobs.sign(job)}",
        "download_expires_at": _iso(expires),
    }
    if wrong:
        job.fault = None  # the next answer is right
    return json_response(content, dialect=dialect)


def stored_file(call: Call) -> Response:
    """A job's file, for whoever has the signed address."""
    jobs = call.sandbox.jobs
    job: Job | None = jobs.get(call.path.rsplit("/", 1)[-1].split(".")[0])
    if call.authorization:
        return Response("only one auth mechanism allowed", _FORBIDDEN_HEADER)
    signature = call.params.get("X-Signature", "")
    if job is None or job.file is None or not jobs.is_signed(job, signature):
        return Response("the request has expired", _EXPIRED)
    content = job.file.read_bytes()
    if call.fault is not None and call.fault.kind == "truncated_file":
        content = content[: len(content) * 2 // 3]
    if call.fault is not None and call.fault.kind == "corrupt_file":
        middle = len(content) // 2
        content = content[:middle] + b"\0\0\0\0" + content[middle + 4 :]
    if call.fault is not None and call.fault.kind == "expired_url":
        return Response("the request has expired", _EXPIRED)
    return Response(content, media_type="application/octet-stream")


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


JOB_ROUTES: Routes = (
    ("/v2/reports/raw_reports", ["POST"], make_raw_job),
    ("/v2/reports/path_to_conversion", ["POST"], make_path_job),
    ("/v2/jobs/{job}", ["GET"], job_status),
    ("/storage/{file}", ["GET"], stored_file),
)
