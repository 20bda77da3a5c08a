"""The routes of v2: jobs, and downloads of their files.

API reference: v2 reports.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from targetads_sandbox.server.bodies import JobRules, parse_path_job, parse_raw_job
from targetads_sandbox.server.faults import JOB_KINDS
from targetads_sandbox.server.jobs import utc_text
from targetads_sandbox.server.misreading import misread
from targetads_sandbox.server.responses import NOT_FOUND, ApiError, json_response
from targetads_sandbox.server.storage import FileResponse, missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from targetads_sandbox.server.calls import Call
    from targetads_sandbox.world.query import Query
    from targetads_sandbox.world.world import World


async def _create(
    parse: Callable[[int, bytes, World, JobRules], Query], call: Call
) -> Response:
    """Start a job."""
    sandbox, fault = call.sandbox, call.fault
    project_id = call.project_id()
    rules = JobRules(sandbox.dialect, sandbox.today)
    query = misread(parse(project_id, call.body, sandbox.world, rules), fault)
    if fault is not None and fault.kind not in JOB_KINDS:
        fault = None
    job = sandbox.jobs.create(project_id, query, sandbox.dialect, fault)
    content = {**job.described(), "status": "CREATED"}
    return json_response(content, dialect=sandbox.dialect)


create_raw_job = partial(_create, parse_raw_job)
create_path_job = partial(_create, parse_path_job)


async def show_job(call: Call) -> Response:
    """The status of a job; a finished file gets a new URL."""
    sandbox = call.sandbox
    project_id = call.project_id()
    job = sandbox.jobs.find(call.name)
    if job is None or job.project_id != project_id:
        raise ApiError(*NOT_FOUND)
    await job.settle()
    content = job.described()
    if content["status"] == "DONE":
        made = job.created_at.timestamp() if job.lifetime is not None else None
        name = f"{job.job_id}.csv"
        signed = sandbox.storage.sign(sandbox.storage_url, name, made)
        content["download_url"] = signed.url
        content["download_expires_at"] = utc_text(signed.expires_at)
    return json_response(content, dialect=sandbox.dialect)


async def download(call: Call) -> Response:
    """Send the file of a job."""
    storage, fault = call.sandbox.storage, call.fault
    if fault is not None and fault.kind == "expired_url":
        storage.revoke(call.params)
    refusal = storage.refusal(call.name, call.params, call.authorization)
    if refusal is not None:
        return refusal
    job = call.sandbox.jobs.find(call.name.removesuffix(".csv"))
    return missing() if job is None else FileResponse(job.path)
