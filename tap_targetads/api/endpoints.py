"""The calls of the API, a function each; the answers are in `answers`.

API reference: v1 reports; v1 aggregated report; v1 meta; v2 reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_targetads.api.transport import Request

if TYPE_CHECKING:
    from collections.abc import Mapping


def token_validate(project_id: int, subject: str, stream: str | None = None) -> Request:
    """Ask whether the project's token is valid: `TokenStatus`."""
    path = "/v1/meta/token_validate"
    return Request("GET", path, project_id, subject, stream=stream)


def campaigns(
    project_id: int, subject: str, stream: str, *, creatives: bool
) -> Request:
    """List the campaigns, those without recent impressions too: `MetaAnswer`.

    Args:
        project_id: The project.
        subject: What is being read, as error lines name it.
        stream: Name of the stream.
        creatives: Whether to list their creatives.
    """
    params = {
        # The default, `true`, means impressions in the last seven days.
        "active": "false",
        "include_creative": "true" if creatives else "false",
    }
    path = "/v1/meta/campaigns"
    return Request("GET", path, project_id, subject, params=params, stream=stream)


def target_events(project_id: int, subject: str, stream: str) -> Request:
    """List the target events: `MetaAnswer`."""
    return Request("GET", "/v1/meta/target_event", project_id, subject, stream=stream)


def report_page(  # noqa: PLR0913
    endpoint: str,
    project_id: int,
    subject: str,
    stream: str,
    body: Mapping[str, Any],
    *,
    offset: int,
    limit: int,
) -> Request:
    """Ask for a page of a report.

    Args:
        endpoint: The report: `raw_reports`, `path_to_conversion` or `agg_report`.
        project_id: The project.
        subject: What is being read, as error lines name it.
        stream: Name of the stream.
        body: Fields and filters.
        offset: How many rows are before the page.
        limit: How many rows it may have, at most 100 000.
    """
    page = {"ResponseType": "JSON", **body, "Offset": offset, "Limit": limit}
    path = f"/v1/reports/{endpoint}"
    return Request("POST", path, project_id, subject, page, stream=stream)


def create_job(
    endpoint: str, project_id: int, subject: str, stream: str, body: Mapping[str, Any]
) -> Request:
    """Create a job that writes a report into a file: `JobStatus`.

    Args:
        endpoint: The report: `raw_reports` or `path_to_conversion`.
        project_id: The project.
        subject: What is being read, as error lines name it.
        stream: Name of the stream.
        body: Fields and filters.
    """
    path = f"/v2/reports/{endpoint}"
    return Request("POST", path, project_id, subject, body, stream=stream)


def job_status(job_id: str, project_id: int, subject: str, stream: str) -> Request:
    """Ask how far a job is, and for the address of its file: `JobStatus`.

    The id is a secret, together with the address, and so not named in the metrics.
    """
    path = f"/v2/jobs/{job_id}"
    return Request("GET", path, project_id, subject, stream=stream, endpoint="/v2/jobs")
