"""A server of recorded rows, the same for every version of the tap."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Row = dict[str, Any]

_REPORT = re.compile("/(v[12])/reports/(raw_reports|path_to_conversion|agg_report)")


class RecordedApi(LoopbackServer):
    """Serves recorded rows on loopback, by pages and by jobs.

    Args:
        projects: What each project has, by its id: `raw` and `aggregates` as lists of
            rows, `paths` by the day of the conversion, `campaigns`, `target_events`.
    """

    def __init__(self, projects: Mapping[str, Mapping[str, Any]]) -> None:
        self._projects = projects
        self._files: list[tuple[int, bytes]] = []
        super().__init__(self._handler())

    def answer(self, path: str, project_id: str, body: Row | None) -> Row:
        """The answer to a call; a body is that of a POST."""
        project = self._projects[project_id]
        if body is not None:
            match = _REPORT.fullmatch(path)
            assert match, path
            version, report = match.groups()
            if version == "v2":
                return self._job(project, report, body)
            rows = list(_rows(project, report, body))
            offset, limit = body["Offset"], body["Limit"]
            page = rows[offset : offset + limit]
            more = offset + limit < len(rows)
            return {"data": page, "count": len(page), "has_more": more}
        if path == "/v1/meta/token_validate":
            return {"valid": True, "project_id": int(project_id), "is_admin": False}
        if path.startswith("/v2/jobs/"):
            number = int(path.rpartition("/")[2])
            url = f"{self.url}/storage/{number}"
            count, _ = self._files[number]
            return {"status": "DONE", "row_count": count, "download_url": url}
        kind = {"campaigns": "campaigns", "target_event": "target_events"}
        name = kind[path.removeprefix("/v1/meta/")]
        return {name: project[name], "count": len(project[name])}

    def file(self, number: int) -> bytes:
        """The CSV file of a job."""
        return self._files[number][1]

    def _job(self, project: Mapping[str, Any], report: str, body: Row) -> Row:
        rows = list(_rows(project, report, body))
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(body["Fields"])
        writer.writerows([_cell(row[name]) for name in body["Fields"]] for row in rows)
        packed = gzip.compress(text.getvalue().encode(), mtime=0)
        self._files.append((len(rows), packed))
        number = len(self._files) - 1
        return {"job_id": str(number), "status": "CREATED", "estimated_seconds": 0}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                self._send(json.loads(self.rfile.read(length)))

            def _send(self, body: Row | None) -> None:
                url = urlsplit(self.path)
                if url.path.startswith("/storage/"):
                    content = api.file(int(url.path.rpartition("/")[2]))
                else:
                    (project_id,) = parse_qs(url.query)["project_id"]
                    content = json.dumps(
                        api.answer(url.path, project_id, body)
                    ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def _rows(project: Mapping[str, Any], report: str, body: Row) -> Iterator[Row]:
    """The rows that a request asks for, with the fields that it asks for."""
    names = [
        *body["Fields"],
        *body.get("MediaMetrics", ()),
        *body.get("TargetMetrics", ()),
    ]
    groups = set()
    for row in _matching(project, report, body):
        group = tuple(row.get(name) for name in body["Fields"])
        if report == "agg_report" and group in groups:
            continue  # it adds nothing up: one row stands for those of its group
        groups.add(group)
        yield {name: row.get(name, row.get(_v1_name(name))) for name in names}


def _matching(
    project: Mapping[str, Any], report: str, body: Row
) -> Iterator[Mapping[str, Any]]:
    wanted = body["InteractionFilter"]
    if report == "path_to_conversion":
        for day in _days(body["TargetFilter"]):
            yield from project["paths"].get(day, ())
        return
    days = set(_days(wanted))
    if report == "agg_report":
        yield from (row for row in project["aggregates"] if row["EventDate"] in days)
        return
    types: Sequence[str] | None = wanted.get("InteractionType")
    for row in project["raw"]:
        of_type = types is None or row["InteractionType"] in types
        if of_type and row["InteractionDate"] in days:
            yield row


def _days(limits: Mapping[str, Any]) -> Iterator[str]:
    day = date.fromisoformat(limits["DateFrom"])
    while day <= date.fromisoformat(limits["DateTo"]):
        yield day.isoformat()
        day += timedelta(days=1)


def _v1_name(name: str) -> str:
    """The name of a weight in version 1, by that of version 2: `FTDM30`."""
    return "Weight_" + re.sub(r"(?<=[A-Z])(?=\d)", "_", name)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list | dict) else value
