"""Version 2 of the API: what making jobs ahead saves, and how much memory a file takes.

    uv run python -m benchmarks.jobs
    uv run python -m benchmarks.jobs --rows 5000000

The first prints the time of a month of windows, with a delay for every request and for
every job, with one job at once and with several. The second prints the peak memory of
the tap for one file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import page_views_only, run
from tap_targetads.sandbox import Fault, Sandbox, World

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PROJECT = 12486
END = date.today() - timedelta(days=2)  # noqa: DTZ011 - the clock of the machine
DELAY, JOB_SECONDS = 0.2, 2.0
MONTH = 31


def serve(pipe: Connection, rows_per_day: int, delay: float, job: float) -> None:
    """Serve from a process of its own, until told to stop.

    Args:
        pipe: Gets URL and token; says when to stop.
        rows_per_day: How many rows a day has, of all types.
        delay: Seconds before each answer.
        job: Seconds that each job takes.
    """
    world = World(projects=(PROJECT,), rows_per_day=rows_per_day)
    faults = [Fault("slow", rate=1, path=p, seconds=delay) for p in ("/v2/", "/stor")]
    with Sandbox(world, faults=faults if delay else (), job_seconds=job) as sandbox:
        pipe.send((sandbox.url, sandbox.tokens[PROJECT]))
        pipe.recv()


def measure(rows_per_day: int, delay: float, job: float, *settings: Any) -> None:
    """Run the tap with each of some settings, and print time and memory."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=serve, args=(theirs, rows_per_day, delay, job))
    server.start()
    theirs.close()
    url, token = ours.recv()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for own in settings:
                config, catalog = Path(folder, "config.json"), Path(folder, "c.json")
                common = {
                    "api_url": url,
                    "auth_token": token,
                    "project_id": PROJECT,
                    "api_version": "v2",
                }
                config.write_text(json.dumps({**common, **own}))
                catalog.write_text(page_views_only("tap_targetads", config))
                begin = time.monotonic()
                done = run("tap_targetads", config, catalog)
                seconds = time.monotonic() - begin
                jobs = own["concurrent_requests"]
                print(
                    f"{jobs} job(s) at once: {seconds:.1f} s, {done.cpu:.1f} s of CPU, "
                    f"peak memory {done.memory:.0f} MB"
                )
    finally:
        ours.send("stop")
        server.join()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs")
    parser.add_argument("--rows", type=int, help="measure one file of about so many")
    rows = parser.parse_args().rows
    start = END - timedelta(days=MONTH - 1)
    period = {"start_date": start.isoformat(), "end_date": END.isoformat()}
    if rows:
        day = {"start_date": str(END), "end_date": str(END)}
        # Page views are two fifths of all rows.
        measure(rows * 5 // 2, 0, 0, {**day, "concurrent_requests": 1})
        return
    print(f"A month, {DELAY} s for each request, {JOB_SECONDS} s for each job")
    both = ({**period, "concurrent_requests": n} for n in (1, 4, 8))
    measure(100, DELAY, JOB_SECONDS, *both)


if __name__ == "__main__":
    main()
