# /// script
# requires-python = ">=3.11"
# dependencies = ["apache-airflow>=3.1,<4"]
# ///
"""Airflow: the same backfill, by the same steps, and the same nightly run.

`rows` is mapped over projects and ranges: a task instance for each pair, with its own
status and its own retries.
"""

from __future__ import annotations

import os
from datetime import timedelta

import step
from airflow.sdk import dag, task
from plan import Range, read_plan

PLAN = read_plan(os.environ)
PROJECTS = [project.id for project in PLAN.projects]
RANGES = [str(days) for days in PLAN.ranges]

RETRIES = {
    "retries": PLAN.retries,
    "retry_delay": timedelta(seconds=PLAN.retry_seconds),
    "retry_exponential_backoff": True,
}

AT_A_TIME = 3
"""How many tasks ask the API at a time."""


@dag(schedule=None, default_args=RETRIES)
def targetads_backfill() -> None:
    """Load the plan, and let the nightly run go on from its end."""

    @task
    def tables() -> None:
        step.create_tables()

    @task
    def meta_streams() -> None:
        step.load_meta()

    @task(
        max_active_tis_per_dag=AT_A_TIME,
        map_index_template="{{ task.op_kwargs.project }} {{ task.op_kwargs.days }}",
    )
    def rows(project: int, days: str) -> str:
        return step.load_rows(PLAN.project(project), Range.named(days))

    @task
    def nightly_state() -> str:
        return step.hand_over(PLAN)

    (
        tables()
        >> meta_streams()
        >> rows.expand(project=PROJECTS, days=RANGES)
        >> nightly_state()
    )


@dag(schedule="0 5 * * *", catchup=False, max_active_runs=1, default_args=RETRIES)
def targetads_nightly() -> None:
    """Load what came since the night before: 05:00 UTC is 08:00 in Moscow."""

    @task
    def everything() -> None:
        step.load_nightly()

    everything()


targetads_backfill()
targetads_nightly()
