"""The pipeline of users: Meltano, and a schema of PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from targetads_sandbox.truth import expected_records
from tests.support.places import ROOT
from tests.support.postgres import sqlalchemy_url
from tests.support.records import FIELDS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World

META_ROWS = {
    "campaigns": 12,
    "creatives": 26,
    "target_events": 3,
    "projects": 1,
}
"""How many rows the tables of what has no days have."""


@dataclass
class Meltano:
    """Runs Meltano on this project, with a system folder of its own."""

    folder: Path
    environment: Mapping[str, str]

    def command(self, *arguments: str, **variables: str) -> dict[str, Any]:
        return {
            "args": [Path(sys.executable).with_name("meltano"), *arguments],
            "cwd": ROOT,
            "env": {**self.environment, **variables},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            "text": True,
        }

    def run(self, *arguments: str, **variables: str) -> str:
        done = subprocess.run(**self.command(*arguments, **variables), check=False)
        output = str(done.stdout)
        assert done.returncode == 0, output[-5000:]
        return output


@dataclass
class Warehouse:
    """One schema of the database."""

    url: str
    schema: str

    def variables(self) -> dict[str, str]:
        """What Meltano's loader has to know."""
        return {
            "TARGET_POSTGRES_SQLALCHEMY_URL": sqlalchemy_url(self.url),
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": self.schema,
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        columns = ", ".join(f'"{c}"' for c in ["_row_key", "project_id", *FIELDS])
        query = f'SELECT {columns} FROM "{self.schema}"."{table}"'  # noqa: S608
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all tables, without what the target adds, in some order."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema=%s"
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            names = connection.execute(query, [self.schema]).fetchall()
            return {
                name["table_name"]: sorted(
                    (
                        {k: v for k, v in row.items() if not k.startswith("_sdc")}
                        for row in connection.execute(
                            f'SELECT * FROM "{self.schema}"."{name["table_name"]}"'  # noqa: S608
                        )
                    ),
                    key=str,
                )
                for name in names
            }


def expected_rows(
    world: World, stream: str, projects: list[int], end: date
) -> list[dict[str, Any]]:
    """The truth, as PostgreSQL's types."""
    rows = []
    for project in projects:
        for record in expected_records(
            world,
            project_id=project,
            stream=stream,
            types=STREAMS[stream],
            start=date(2024, 1, 1),
            end=end,
            fields=FIELDS,
        ):
            time = datetime.fromisoformat(record["InteractionTime"])
            utc = time.astimezone(UTC).replace(tzinfo=None)
            day = date.fromisoformat(record["InteractionDate"])
            rows.append({**record, "InteractionTime": utc, "InteractionDate": day})
    return rows


def assert_is_truth(
    warehouse: Warehouse,
    world: World,
    projects: list[int],
    end: date = date(2024, 1, 31),
) -> None:
    for stream in STREAMS:
        found = warehouse.rows(stream)
        expected = expected_rows(world, stream, projects, end)
        assert len(found) == len(expected)
        by_key = {row["_row_key"]: row for row in found}
        for row in expected:
            stored = by_key[row["_row_key"]]
            for name, value in row.items():
                same = pytest.approx(value) if isinstance(value, float) else value
                found_value = stored[name]
                if isinstance(value, float):
                    found_value = float(found_value)
                assert found_value == same, (stream, name)


def variables(sandbox: Sandbox, warehouse: Warehouse, *projects: int) -> dict[str, str]:
    """The environment of a run that reads January 2024 of some projects."""
    entries = [
        f'{{"project_id": {p}, "auth_token": "{sandbox.tokens[p]}"}}' for p in projects
    ]
    return {
        **warehouse.variables(),
        "TAP_TARGETADS_API_URL": sandbox.url,
        "TAP_TARGETADS_PROJECTS": f"[{', '.join(entries)}]",
        "TAP_TARGETADS_START_DATE": "2024-01-01",
        "TAP_TARGETADS_END_DATE": "2024-01-31",
    }
