"""Dagster: a backfill in which every range of days of every project is a task.

`tables`, then `meta_streams`, then a partition of `rows` for each project and range, as
many at a time as the pool allows; then `nightly_state`, from which the nightly job goes
on.
"""

from __future__ import annotations

import os

import dagster as dg
import step
from plan import Range, read_plan

PLAN = read_plan(os.environ)

RANGES = dg.MultiPartitionsDefinition(
    {
        "project": dg.StaticPartitionsDefinition([str(p.id) for p in PLAN.projects]),
        "range": dg.StaticPartitionsDefinition([str(days) for days in PLAN.ranges]),
    }
)

RETRIES = dg.RetryPolicy(
    max_retries=PLAN.retries,
    delay=PLAN.retry_seconds,
    backoff=dg.Backoff.EXPONENTIAL,
)

API = "targetads_api"
"""The pool of tasks that ask the API. How many at a time: `dagster.yaml`."""


@dg.asset(retry_policy=RETRIES)
def tables() -> None:
    """The tables of all streams, empty or not."""
    step.create_tables()


@dg.asset(deps=[tables], pool=API, retry_policy=RETRIES)
def meta_streams() -> None:
    """The full-table streams of all projects."""
    step.load_meta()


@dg.asset(deps=[meta_streams], partitions_def=RANGES, pool=API, retry_policy=RETRIES)
def rows() -> dg.MaterializeResult[None]:
    """All other streams: one range of days of one project."""
    keys = dg.AssetExecutionContext.get().partition_key.keys_by_dimension
    state_id = step.load_rows(
        PLAN.project(int(keys["project"])), Range.named(keys["range"])
    )
    return dg.MaterializeResult(metadata={"state": state_id})


@dg.asset(deps=[rows])
def nightly_state() -> dg.MaterializeResult[None]:
    """The nightly run's state. Fails as long as a range is missing."""
    return dg.MaterializeResult(metadata={"state": step.hand_over(PLAN)})


@dg.op(pool=API, retry_policy=RETRIES)
def load_nightly() -> None:
    """Load what came since the night before."""
    step.load_nightly()


@dg.job
def nightly() -> None:
    """What comes after the backfill, every night."""
    load_nightly()


defs = dg.Definitions(
    # Each partition is a run of its own already: a process, or a pod.
    executor=dg.in_process_executor,
    assets=[tables, meta_streams, rows, nightly_state],
    jobs=[
        dg.define_asset_job("foundation", selection=[tables, meta_streams]),
        dg.define_asset_job("backfill", selection=[rows]),
        dg.define_asset_job("hand_over", selection=[nightly_state]),
    ],
    # When yesterday is over in Moscow: 05:00 UTC is 08:00 there.
    schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="0 5 * * *")],
)
