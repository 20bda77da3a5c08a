"""An API of jobs without a server, and what the tap reads from it."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import re
import threading
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from requests_mock import Mocker

from tap_targetads.api.client import Client
from tap_targetads.api.downloads import Downloads
from tap_targetads.api.retries import Retries
from tap_targetads.api.transport import Transport
from tap_targetads.output.records import RecordEncoder
from tap_targetads.reading.job_reader import JobReader
from tap_targetads.reading.job_requests import JobOptions
from tap_targetads.reading.reader import Source
from tap_targetads.reports.days import Window, tile
from tap_targetads.reports.fields import fields_of
from tap_targetads.reports.filters import Filters
from tap_targetads.reports.kinds import RawReport, Report
from tap_targetads.rows.values import converters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

API = "https://api.example.test"
FILE = "https://storage.example.test/file?X-Signature=4f3c-secret"
WEEK = Window(date(2024, 1, 15), date(2024, 1, 21))
DAY = Window(date(2024, 1, 15), date(2024, 1, 15))
NAMES = ["InteractionTime", "InteractionDeviceID", "InteractionEcomAmount"]


@dataclass
class Api:
    """Jobs as the API has them, with a clock that moves only when somebody waits.

    Attributes:
        makes: The most days that a job can be made for.
        finishes: The most days that a job can be done for.
        limit: The most jobs that may be unfinished.
        by_day: Whether a file has one row for each of its days, named after its type.
        most: The most jobs that were unfinished at the same time.
    """

    makes: int = 99
    finishes: int = 99
    limit: int = 99
    by_day: bool = False
    most: int = 0
    seconds: float = 0
    estimate: float | None = None
    shape: str = "nested"
    statuses: dict[int, str] = field(default_factory=dict)
    files: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    row_count: int | None = 2
    has_address: bool = True
    now: float = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    made: list[float] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    polls: list[tuple[int, float]] = field(default_factory=list)
    downloads: int = 0
    downloaded: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(0)
    )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def create(self, request: Any, context: Any) -> str:
        body = request.json()
        self.bodies.append(body)
        wanted = "InteractionFilter" if self.shape == "nested" else "DateFrom"
        if wanted not in body:
            context.status_code = 400
            failed = {"Error": True, "FailedField": wanted, "Tag": "required"}
            return json.dumps({"ErrorCode": 400, "Errors": [failed]})
        if len(self.unfinished()) >= self.limit:
            context.status_code = 400
            return json.dumps({"ErrorCode": 400, "ErrorMessage": "too many jobs"})
        if len(days_of(body)) > self.makes:
            context.status_code = 504
            return ""
        if len(days_of(body)) > self.finishes:
            self.statuses[len(self.made)] = "FAILED"
        self.made.append(self.now)
        self.jobs.append(body)
        self.most = max(self.most, len(self.unfinished()))
        answer = {"job_id": f"job-{len(self.made) - 1}", "status": "CREATED"}
        return json.dumps({**answer, "estimated_seconds": self.estimate})

    def poll(self, request: Any, context: Any) -> str:
        del context
        number = int(request.path.rsplit("-")[-1])
        self.polls.append((number, self.now))
        if number in self.statuses:
            status = {"status": self.statuses[number], "error_message": "no memory"}
            return json.dumps(status)
        if self.now - self.made[number] < self.seconds:
            return json.dumps({"status": "PROCESSING"})
        rows = len(days_of(self.jobs[number])) if self.by_day else self.row_count
        url = f"{FILE}&job={number}"
        done = {"status": "DONE", "row_count": rows}
        done |= {"download_url": url} if self.has_address else {}
        return json.dumps(done)

    def unfinished(self) -> list[int]:
        """The jobs that the server works on."""
        return [
            number
            for number, since in enumerate(self.made)
            if number not in self.statuses and self.now - since < self.seconds
        ]

    def download(self, request: Any, context: Any) -> bytes:
        del context
        change = self.files.get(self.downloads, bytes)
        self.downloads += 1
        self.downloaded.release()
        text = "InteractionTime,InteractionDeviceID,InteractionEcomAmount\r\n"
        if self.by_day:
            job = self.jobs[int(request.url.rsplit("job=")[-1])]
            kind = job.get("InteractionType", "")
            text += "".join(f"{day} 10:00:00,{kind},\r\n" for day in days_of(job))
        else:
            text += '2024-01-15 10:00:00,"a\nb",12.50\r\n2024-01-15 10:00:01,,\r\n'
        return change(gzip.compress(text.encode()))


def days_of(body: dict[str, Any]) -> list[date]:
    """The days that a job is asked for."""
    dates = body.get("InteractionFilter", body)
    first, last = (date.fromisoformat(dates[k]) for k in ("DateFrom", "DateTo"))
    return [w.start for w in tile(first, last, 1)]


ROWS = [
    {
        "InteractionDeviceID": "a\nb",
        "InteractionEcomAmount": 12.5,
        "InteractionTime": "2024-01-15T07:00:00+00:00",
    },
    {
        "InteractionDeviceID": None,
        "InteractionEcomAmount": None,
        "InteractionTime": "2024-01-15T07:00:01+00:00",
    },
]


def raw_report(types: Sequence[str] = ("Click",)) -> RawReport:
    return RawReport(
        name="clicks",
        fields=fields_of("raw"),
        filters=Filters(interaction_types=types),
        window_days=7,
        lookback_days=0,
        api_version="v2",
    )


def read_pages(
    api: Api,
    *windows: Window,
    report: Report | None = None,
    names: Sequence[str] = NAMES,
    ahead: int = 4,
    timeout: float = 1200,
    shape: Any = "nested",
    stable: bool = True,
) -> Iterator[list[dict[str, Any]]]:
    """The rows of windows as records, a page at a time."""
    report = report or raw_report()
    source = Source(
        client=Client(Transport(API, {1: "token"}, 1), Retries(0)),
        report=report,
        fields=[report.fields[name] for name in names],
        conversions=converters(ZoneInfo("Europe/Moscow")),
        null_bad_values=False,
        last_complete_day=date(2024, 2, 1),
        logger=logging.getLogger("tap-targetads.clicks"),
    )
    reader = JobReader(
        source,
        jobs=JobOptions(
            shape=shape,
            stable=stable,
            at_once=ahead,
            timeout=timeout,
            sleep=api.sleep,
            clock=lambda: api.now,
        ),
        downloads=Downloads(1, Retries(0)),
        has_keys=True,
    )
    with Mocker() as mocker:
        mocker.post(f"{API}/v2/reports/{report.endpoint}?project_id=1", text=api.create)
        jobs = re.compile(rf"{API}/v2/jobs/job-\d+\?project_id=1$")
        mocker.get(jobs, text=api.poll)
        mocker.get(FILE, content=api.download)
        tiles = [t for w in windows for t in report.windows(w.start, w.end)]
        for reading in reader.read(1, tiles):
            for chunk in reading.chunks:
                yield list(RecordEncoder("clicks", {}).records(chunk.rows, None))


def read(api: Api, *windows: Window, **options: Any) -> list[dict[str, Any]]:
    """The rows of windows as records."""
    return list(itertools.chain(*read_pages(api, *windows, **options)))
