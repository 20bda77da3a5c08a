"""A server of jobs whose habits a test can set, on loopback."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_targetads.reports.days import tile
from tests.support.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = tuple[int, dict[str, Any]]
HEADER = "InteractionTime,InteractionDeviceID,InteractionEcomItemsName"


@dataclass
class Job:
    """A job, with its number and the days that it is for."""

    number: int
    days: list[date]
    polls: int = 0
    ended: bool = False
    downloads: int = 0


@dataclass
class File:
    """A file as it is sent: what is not said of its length is true, or left out."""

    content: bytes
    status: int = 200
    encoding: str = "identity"
    length: int | None = None
    has_length: bool = True


def rows_of(day: date) -> list[list[str]]:
    """The rows of a day: time, device, item."""
    return [[f"{day} 10:00:0{n}", f"device-{n}", f"item {n}"] for n in range(3)]


def csv_of(job: Job) -> str:
    """The file of a job."""
    rows = [row for day in job.days for row in rows_of(day)]
    return "\n".join([HEADER, *map(",".join, rows)]) + "\n"


@dataclass
class Habits:
    """How a server behaves.

    Attributes:
        created: HTTP status of an answer to a new job.
        polled: HTTP status of an answer about an unfinished one.
        id_of: The id of a job.
        new: More of the answer to a new job.
        words: The statuses of a job, poll by poll; the last one stays. None is an
            answer without a body.
        done: More of the answer about a finished job, instead of what is true.
        refusal: Refuses a job, for its days, its body, and the number of unfinished
            jobs.
        gone: Whether the status of a job is 404.
        file: The file, as it is sent.
    """

    created: int = 200
    polled: int = 200
    id_of: Callable[[int], Any] = str
    new: dict[str, Any] = field(default_factory=dict)
    words: tuple[Any, ...] = ("PROCESSING", "DONE")
    done: dict[str, Any] = field(default_factory=dict)
    refusal: Callable[[list[date], dict[str, Any], int], Answer | None] = lambda *_: (
        None
    )
    gone: Callable[[Job], bool] = lambda _: False
    file: Callable[[Job], File] = lambda job: File(gzip.compress(csv_of(job).encode()))


class JobServer(LoopbackServer):
    """Serves jobs, and their files.

    Attributes:
        bodies: What was asked for, job by job, those that were refused included.
        jobs: The jobs that were created.
        most: The most unfinished jobs at a time.
    """

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.bodies: list[dict[str, Any]] = []
        self.jobs: list[Job] = []
        self.most = 0
        super().__init__(self._handler())

    def answer(self, path: str, body: dict[str, Any] | None) -> Answer:
        """The answer to a call; a body is that of a POST."""
        if path == "/v1/meta/token_validate":
            return 200, {"valid": True, "project_id": 1}
        if body is not None:
            return self._created(body)
        return self._polled(path.rpartition("/")[2])

    def file(self, number: int) -> File:
        """The file of a job."""
        job = self.jobs[number]
        job.downloads += 1
        return self.habits.file(job)

    def _created(self, body: dict[str, Any]) -> Answer:
        self.bodies.append(body)
        dates = body.get("InteractionFilter", body)
        first, last = (date.fromisoformat(dates[k]) for k in ("DateFrom", "DateTo"))
        if "TargetFilter" not in body:
            days = [w.start for w in tile(first, last, 1)]
        else:
            days = [date.fromisoformat(body["TargetFilter"]["DateFrom"])]
        unfinished = sum(not job.ended for job in self.jobs)
        if refused := self.habits.refusal(days, body, unfinished):
            return refused
        job = Job(len(self.jobs), days)
        self.jobs.append(job)
        self.most = max(self.most, unfinished + 1)
        answer = {"job_id": self.habits.id_of(job.number), "status": "CREATED"}
        return self.habits.created, {**answer, **self.habits.new}

    def _polled(self, job_id: str) -> Answer:
        (job,) = [j for j in self.jobs if str(self.habits.id_of(j.number)) == job_id]
        if self.habits.gone(job):
            job.ended = True
            return 404, {"ErrorCode": 404, "ErrorMessage": "no such job"}
        words = self.habits.words
        word = words[min(job.polls, len(words) - 1)]
        job.polls += 1
        job.ended = job.polls >= len(words) > 1
        if not job.ended:
            return self.habits.polled, {"status": word} if word else {}
        answer = {
            "status": word,
            "row_count": csv_of(job).count("\n") - 1,
            "download_url": f"{self.url}/storage/{job.number}",
            **self.habits.done,
        }
        return 200, {k: v for k, v in answer.items() if v is not None}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path.startswith("/storage/"):
                    file = server.file(int(path.rpartition("/")[2]))
                    self._send(file)
                else:
                    self._answer(path, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                self._answer(urlsplit(self.path).path, body)

            def _answer(self, path: str, body: dict[str, Any] | None) -> None:
                status, content = server.answer(path, body)
                text = json.dumps(content) if content else ""
                self._send(File(text.encode(), status))

            def _send(self, file: File) -> None:
                self.send_response(file.status)
                self.send_header("Content-Encoding", file.encoding)
                if file.has_length:
                    length = file.length or len(file.content)
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(file.content)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
