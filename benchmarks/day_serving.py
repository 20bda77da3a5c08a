"""Serves a large file for each day, as the results of jobs, from a separate process."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import tempfile
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.serving import PROJECT, Served, latest_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from multiprocessing.connection import Connection

FIELDS = (
    "InteractionTime",
    "InteractionType",
    "InteractionDeviceID",
    "InteractionMediaCampaignName",
    "InteractionPlacementId",
    "InteractionCreativeId",
    "InteractionNewCookie",
)
CAMPAIGNS = [f"Кампания {number}, осень" for number in range(60)]
ROWS_PER_DEVICE = 4
_SPREAD = 0x9E3779B97F4A7C15
_BITS = (1 << 64) - 1


@contextmanager
def day_served(rows: int, days: int = 1) -> Iterator[Served]:
    """Serve days of impressions, so many rows each, until the end of the block."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(theirs, rows, days))
    process.start()
    theirs.close()  # so that the end of the process is noticed
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def write_day(path: Path, day: date, rows: int) -> None:
    """Write the impressions of a day, sorted by time, as the API's CSV."""
    chance = random.Random(1)  # noqa: S311 - not a secret
    begin = datetime.combine(day, time())
    devices = rows // ROWS_PER_DEVICE + 1
    with gzip.open(path, "wt", compresslevel=1, newline="", encoding="utf-8") as file:
        file.write(",".join(FIELDS) + "\r\n")
        for second in range(86_400):
            now = begin + timedelta(seconds=second)
            lines = []
            for _ in range((second + 1) * rows // 86_400 - second * rows // 86_400):
                draw = chance.getrandbits(64)
                campaign = draw % len(CAMPAIGNS)
                device = (draw >> 20) % devices * _SPREAD & _BITS
                placement = 1_248_600 + campaign
                new = "true" if draw & 7 == 0 else "false"
                lines.append(
                    f'{now},Impression,{device:016x},"{CAMPAIGNS[campaign]}",'
                    f"{placement},{placement}-{draw % 5},{new}\r\n"
                )
            file.write("".join(lines))


def _serve(pipe: Connection, rows: int, days: int) -> None:
    """Serve, in a separate process, until the other end of the pipe is closed."""
    last = latest_day()
    with tempfile.TemporaryDirectory() as folder:
        for ago in range(days):
            day = last - timedelta(ago)
            write_day(Path(folder, f"{day}.csv.gz"), day, rows)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(Path(folder), rows))
        url = f"http://127.0.0.1:{server.server_port}"
        pipe.send(Served(url, "token", last))
        with server:
            server.timeout = 0.1
            while not pipe.poll():
                server.handle_request()


def _handler(folder: Path, rows: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            day = body["InteractionFilter"]["DateFrom"]
            if day != body["InteractionFilter"]["DateTo"]:
                self.send_error(400, "one day at a time")
                return
            self._answer({"job_id": day, "status": "CREATED", "estimated_seconds": 0})

        def do_GET(self) -> None:
            _, *place, name = self.path.partition("?")[0].split("/")
            if place == ["v2", "jobs"]:
                url = f"http://{self.headers['Host']}/files/{name}.csv.gz"
                done = {"row_count": rows, "download_url": url}
                self._answer({"status": "DONE", **done})
            elif place == ["files"]:
                path = folder / name
                self.send_response(200)
                self.send_header("Content-Length", str(path.stat().st_size))
                self.end_headers()
                with path.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)
            elif name == "token_validate":
                self._answer({"valid": True, "project_id": PROJECT})
            else:
                self._answer({"success": True, "data": []})

        def _answer(self, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Keep quiet."""

    return Handler
