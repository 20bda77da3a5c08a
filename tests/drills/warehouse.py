"""A real PostgreSQL, and the real target that loads it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.support.postgres import sqlalchemy_url

TARGET = "meltanolabs-target-postgres==0.8.1"

_BATCH_ROWS = 300
"""Small, so that a target that dies has written some rows and others not."""


@cache
def target_executable() -> Path:
    """The target's executable, installed into uv's cache by the first call."""
    where = [os.environ.get("UV", "uv"), "tool", "run", "--quiet", "--from", TARGET]
    done = subprocess.run(
        [*where, "python", "-c", "import sys; print(sys.prefix)"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(done.stdout.strip(), "bin", "target-postgres")


@dataclass(frozen=True)
class Warehouse:
    """A schema of the database.

    Attributes:
        url: The database.
        schema: The schema.
    """

    url: str
    schema: str

    def clear(self) -> None:
        """Remove everything that is there from earlier times."""
        command = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
        with psycopg.connect(self.url) as connection:
            connection.execute(command.format(sql.Identifier(self.schema)))

    def target_command(self, folder: Path) -> list[str]:
        """The command that loads it.

        Args:
            folder: Where its settings are written to.
        """
        config = folder / "target.json"
        settings = {
            "sqlalchemy_url": sqlalchemy_url(self.url),
            "default_target_schema": self.schema,
            "load_method": "upsert",
            "activate_version": False,
            "add_record_metadata": False,
            "use_copy": True,
            "validate_records": False,
            "batch_size_rows": _BATCH_ROWS,
        }
        config.write_text(json.dumps(settings))
        return [str(target_executable()), "--config", str(config)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, with all columns; none, if there is no such table."""
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(self.schema, table))
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            try:
                return connection.execute(query).fetchall()
            except psycopg.errors.UndefinedTable:
                return []
