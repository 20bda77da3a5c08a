"""The steps of a backfill, each a call of Meltano. All engines call the same ones.

Each may be done again at any time: what it loads has keys, and the target upserts.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from calling import call, output_of
from nightly import joined
from plan import START

if TYPE_CHECKING:
    from plan import Plan, Project, Range

TAP = os.environ.get("BACKFILL_TAP") or "tap-targetads"
TARGET = os.environ.get("BACKFILL_TARGET") or "target-postgres"
META = ("campaigns", "creatives", "projects", "target_events")
"""The full-table streams: they are the same whatever the days."""

_END = "TAP_TARGETADS_END_DATE"
_AGAIN = ("--full-refresh", "--force")
"""Read everything, whatever was read before and whoever is at it.

That is for the engine to know: a Meltano that was killed thinks that it still runs.
"""


def create_tables() -> None:
    """Create the tables of all streams, without asking the API for anything.

    Two loads that find a table missing would both create it, and one would fail.
    """
    schemas = output_of("invoke", TAP, "--test=schema")
    call("invoke", TARGET, given=schemas)


def load_meta() -> None:
    """Load the full-table streams of all projects.

    Two loads of the same full table at a time would insert the same rows.
    """
    streams = [option for name in META for option in ("--select", f"{name}.*")]
    state_id = f"{_environment()}:backfill-meta"
    call("el", *_AGAIN, f"--state-id={state_id}", *streams, TAP, TARGET)


def load_rows(project: Project, days: Range) -> str:
    """Load some days of one project, from their beginning.

    Not by `meltano run`: all runs of a Meltano project share one folder, but each `el`
    with a state of its own has its own.

    Args:
        project: The project.
        days: The days.

    Returns:
        The id of the state that says what has been read.

    Raises:
        CallError: If they were not delivered completely.
    """
    streams = [option for name in META for option in ("--exclude", f"{name}.*")]
    state_id = rows_state(project, days)
    dates = {START: str(days.first), _END: str(days.last)}
    call(
        *("el", *_AGAIN, f"--state-id={state_id}", *streams, TAP, TARGET),
        variables={**project.variables, **dates},
    )
    return state_id


def hand_over(plan: Plan) -> str:
    """Give the nightly run a state that says: all days of the plan have been read.

    Returns:
        The id of the state.

    Raises:
        NotCompleteError: If some days have not been read yet.
        CallError: If Meltano fails.
    """
    states = json.loads(output_of("state", "export"))
    parts = {
        project.id: {str(days): rows_state(project, days) for days in plan.ranges}
        for project in plan.projects
    }
    state = {"singer_state": joined(states, parts, nightly_state())}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state.json")
        file.write_text(json.dumps(state), encoding="utf-8")
        call("state", "set", "--force", f"--input-file={file}", nightly_state())
    return nightly_state()


def load_nightly() -> None:
    """Load what came since the nightly state, and the full tables, of all projects."""
    call("el", f"--state-id={nightly_state()}", TAP, TARGET)


def rows_state(project: Project, days: Range) -> str:
    """The id of the state of some days of one project."""
    return f"{_environment()}:backfill-{project.id}-{days.first}-{days.last}"


def nightly_state() -> str:
    """The id of the state that `meltano run`, with this tap and target, uses."""
    return f"{_environment()}:{TAP}-to-{TARGET}"


def _environment() -> str:
    return os.environ.get("MELTANO_ENVIRONMENT") or "prod"
