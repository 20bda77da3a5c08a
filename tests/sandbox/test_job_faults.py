from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import Any

import pytest
import requests

from targetads_sandbox import DOCUMENTED, Fault, Sandbox
from targetads_sandbox.server.faults import parse_fault
from tests.sandbox.asking import ask
from tests.sandbox.jobs import NESTED, RAW_JOB, create, fetch, finished, poll, table


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("job_failed", "FAILED", "report generation failed"),
        ("job_cancelled", "CANCELLED", "job was cancelled"),
        ("job_expired", "EXPIRED", "job result has expired"),
    ],
)
def test_a_job_can_end_without_a_file(
    sandbox: Sandbox, kind: Any, status: str, message: str
) -> None:
    sandbox.faults.set([Fault(kind, times=1)])
    job = finished(sandbox)
    assert list(job) == ["job_id", "status", "created_at", "error_message"]
    assert (job["status"], job["error_message"]) == (status, message)
    assert finished(sandbox)["status"] == "DONE"
    assert [r.fault for r in sandbox.requests if r.method == "POST"] == [kind, None]


def test_a_job_can_be_processed_for_ever(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("job_hangs", times=1)])
    job = create(sandbox)
    assert [poll(sandbox, job)["status"] for _ in range(3)] == ["PROCESSING"] * 3


def test_a_job_can_be_slow(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("slow_job", times=1, seconds=3600)])
    job = create(sandbox)
    assert poll(sandbox, job)["status"] == "CREATED"
    assert job["estimated_seconds"] == 3600


def test_a_slow_job_ends(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("slow_job", times=1, seconds=0.05)])
    assert finished(sandbox)["status"] == "DONE"


def test_a_job_can_promise_more_rows_than_it_has(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("wrong_row_count", times=1)])
    job = finished(sandbox)
    assert job["row_count"] == len(table(fetch(job).content)) + 1


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_can_be_truncated_once(sandbox: Sandbox, *, packed: bool) -> None:
    sandbox.dialect = replace(DOCUMENTED, csv_gzip=packed)
    sandbox.faults.set([Fault("truncated_file", times=1)])
    job = finished(sandbox)
    half, whole = fetch(job), fetch(job)
    assert half.content == whole.content[: len(whole.content) // 2]
    assert int(half.headers["Content-Length"]) == len(half.content)
    assert len(table(whole.content)) == job["row_count"]
    if packed:
        with pytest.raises(EOFError):
            gzip.decompress(half.content)


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_can_be_corrupt(sandbox: Sandbox, *, packed: bool) -> None:
    sandbox.dialect = replace(DOCUMENTED, csv_gzip=packed)
    sandbox.faults.set([Fault("corrupt_file", times=1)])
    job = finished(sandbox)
    corrupt = fetch(job)
    assert len(corrupt.content) == job["file_size_bytes"]
    errors = (zlib.error, gzip.BadGzipFile, UnicodeDecodeError)
    with pytest.raises(errors):
        table(corrupt.content)
    assert len(table(fetch(job).content)) == job["row_count"]


def test_an_address_can_expire_early_and_stays_expired(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("expired_url", times=1)])
    job = finished(sandbox)
    assert [fetch(job).status_code for _ in range(2)] == [403, 403]
    assert fetch(poll(sandbox, job)).status_code == 200


def test_a_download_can_be_cut_off(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("cut", times=1, path="/storage/")])
    job = finished(sandbox)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        fetch(job)
    assert len(table(fetch(job).content)) == job["row_count"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("server_error", 500), ("rate_limit", 429), ("bad_gateway", 502)],
)
def test_the_faults_of_requests_happen_where_their_path_says(
    sandbox: Sandbox, kind: Any, status: int
) -> None:
    job = finished(sandbox)
    sandbox.faults.set([Fault(kind, times=2, path="/v2/")])
    assert ask(sandbox, RAW_JOB, json=NESTED).status_code == status
    assert ask(sandbox, f"/v2/jobs/{job['job_id']}").status_code == status
    sandbox.faults.set([Fault(kind, times=1, path="/storage/")])
    assert finished(sandbox)["status"] == "DONE"
    assert fetch(job).status_code == status


def test_the_faults_of_jobs_spare_v1(sandbox: Sandbox) -> None:
    sandbox.faults.set([Fault("job_failed", times=1)])
    assert ask(sandbox, "/v1/reports/raw_reports", json=NESTED).status_code == 400
    assert finished(sandbox)["status"] == "FAILED"


def test_a_path_can_be_given_on_the_command_line() -> None:
    assert parse_fault("cut@/storage/:x1") == Fault("cut", times=1, path="/storage/")
    assert parse_fault("slow@/v2/:0.5:2") == Fault(
        "slow", rate=0.5, seconds=2, path="/v2/"
    )
