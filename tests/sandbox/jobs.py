"""Creates v2 jobs, asks for them, and reads their files."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING, Any

import requests

from targetads_sandbox.world.fields import PATH_JOB_FIELDS, RAW_FIELDS
from tests.sandbox.asking import ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from targetads_sandbox import Sandbox

RAW_JOB = "/v2/reports/raw_reports"
PATH_JOB = "/v2/reports/path_to_conversion"
DAYS = {"DateFrom": "2024-01-15", "DateTo": "2024-01-16"}
FLAT = {"Fields": list(RAW_FIELDS), **DAYS}
NESTED = {"Fields": list(RAW_FIELDS), "InteractionFilter": DAYS, "Stable": 1}
FLAT_PATHS = {"Fields": list(PATH_JOB_FIELDS), **DAYS}
NESTED_PATHS = {
    "Fields": list(PATH_JOB_FIELDS),
    "InteractionFilter": {"DateFrom": "2023-10-01", "DateTo": "2024-01-16"},
    "TargetFilter": DAYS,
}


def create(
    sandbox: Sandbox, content: Mapping[str, Any] = NESTED, path: str = RAW_JOB
) -> dict[str, Any]:
    """Create a job."""
    response = ask(sandbox, path, json=dict(content))
    assert response.status_code == 200, response.text
    return dict(response.json())


def poll(sandbox: Sandbox, job: Mapping[str, Any]) -> dict[str, Any]:
    """Ask what has become of a job."""
    response = ask(sandbox, f"/v2/jobs/{job['job_id']}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def finished(
    sandbox: Sandbox, content: Mapping[str, Any] = NESTED, path: str = RAW_JOB
) -> dict[str, Any]:
    """Create a job, and ask until it has ended."""
    job = create(sandbox, content, path)
    while job["status"] in {"CREATED", "PROCESSING"}:
        job = poll(sandbox, job)
    return job


def fetch(job: Mapping[str, Any], **headers: str) -> requests.Response:
    """Ask for the file of a job."""
    return requests.get(job["download_url"], headers=headers, timeout=10)


def table(content: bytes) -> list[dict[str, str]]:
    """The rows of a file, whether or not it is compressed or begins with a BOM."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return list(csv.DictReader(text, strict=True))


def rows_of(
    sandbox: Sandbox, content: Mapping[str, Any] = NESTED, path: str = RAW_JOB
) -> list[dict[str, str]]:
    """The rows of a job, from its creation to its file."""
    return table(fetch(finished(sandbox, content, path)).content)
