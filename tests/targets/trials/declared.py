"""The targets that are tried, and those that are not, with the reason.

To try another one, add it here, and run `python -m tests.targets.trials`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.targets.trials import stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Rows = Iterator[Mapping[str, Any]]
    Read = Callable[["Target", "Place", str], Rows]


@dataclass(frozen=True)
class Place:
    """Where a target loads to, empty before its first run.

    Attributes:
        folder: A folder of its own, also the current one of the target.
        host: The folder of PostgreSQL's socket, or its host.
        port: PostgreSQL's port.
        schema: A schema of its own in the database `postgres`.
    """

    folder: Path
    host: str
    port: str
    schema: str


@dataclass(frozen=True)
class Target:
    """A target, and how to run it.

    Attributes:
        package: Its name in the registry.
        version: The version that is tried.
        executable: Its command.
        config: Its settings, into which `{folder}` and all else of a place is filled.
        read: Reads the rows of a stream from where they were loaded to.
        python: The version of Python that it runs on.
        beside: What is installed with it, because it does not say that it needs it.
        note: What to know about it.
    """

    package: str
    version: str
    executable: str
    config: Mapping[str, Any]
    read: Read
    python: str = "3.11"
    beside: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        return f"{self.package} {self.version}"

    def command(self, *command: str) -> list[str]:
        """A command line in the target's own environment, which uv makes and keeps."""
        where = ["uv", "tool", "run", "--quiet", "--python", self.python]
        where += ["--from", f"{self.package}=={self.version}"]
        where += [f"--with={package}" for package in self.beside]
        return [*where, *command]

    def settings(self, place: Place) -> dict[str, Any]:
        """Its settings, to load into a place."""
        values = vars(place)
        return {
            name: value.format(**values) if isinstance(value, str) else value
            for name, value in self.config.items()
        }


_PKG_RESOURCES = "setuptools<81"

TARGETS = (
    Target(
        "meltanolabs-target-postgres",
        "0.8.1",
        "target-postgres",
        {
            "sqlalchemy_url": "postgresql+psycopg://postgres@/postgres"
            "?host={host}&port={port}",
            "default_target_schema": "{schema}",
            "use_copy": True,
            "validate_records": False,
            "activate_version": False,
        },
        stores.postgres,
        note="With `use_copy: true`; without, set the session's zone: "
        "[PostgreSQL](warehouses.md#postgresql).",
    ),
    Target(
        "pipelinewise-target-postgres",
        "2.1.2",
        "target-postgres",
        {
            "host": "{host}",
            "port": "{port}",
            "user": "postgres",
            "password": "none",
            "dbname": "postgres",
            "default_target_schema": "{schema}",
        },
        stores.postgres,
        python="3.10",
        note="Columns in lower case.",
    ),
    Target(
        "singer-target-postgres",
        "0.2.4",
        "target-postgres",
        {
            "postgres_host": "{host}",
            "postgres_port": "{port}",
            "postgres_database": "postgres",
            "postgres_username": "postgres",
            "postgres_schema": "{schema}",
            "disable_collection": True,
        },
        stores.postgres,
        python="3.7",
        beside=(_PKG_RESOURCES,),
        note="Columns in lower case. Not maintained since 2020.",
    ),
    Target(
        "target-jsonl",
        "0.1.4",
        "target-jsonl",
        {"destination_path": "{folder}", "do_timestamp_file": False},
        stores.json_lines,
        note="Files of records.",
    ),
    Target(
        "target-singer-jsonl",
        "0.1.0",
        "target-singer-jsonl",
        {"destination": "local", "local": {"folder": "."}},
        stores.singer_files,
        note="Keeps whole messages.",
    ),
    Target(
        "meltanolabs-target-csv",
        "0.5.0",
        "target-csv",
        {
            "output_path": "{folder}",
            "file_naming_scheme": "{{stream_name}}-{{timestamp}}.csv",
        },
        stores.csv_files,
        note='With `file_naming_scheme: "{stream_name}-{timestamp}.csv"`; without, '
        "every run overwrites the files.",
    ),
    Target(
        "target-csv",
        "0.3.0",
        "target-csv",
        {"destination_path": "{folder}", "disable_collection": True},
        stores.csv_files,
        python="3.9",
        beside=(_PKG_RESOURCES,),
        note="Not maintained since 2019.",
    ),
    Target(
        "target-sqlite",
        "0.2.0",
        "target-sqlite",
        {"database": "{folder}/rows.db"},
        stores.sqlite,
        python="3.9",
        note="Columns in snake case. Not maintained since 2019.",
    ),
    Target(
        "target-duckdb",
        "0.8.0",
        "target-duckdb",
        {"filepath": "{folder}/rows.duckdb", "default_target_schema": "{schema}"},
        stores.duckdb,
        beside=("duckdb<1.3",),
        note="Only with `duckdb<1.3`: with later ones it loses a row per batch, in "
        "silence. Not maintained since 2024.",
    ),
)

NOT_TRIED = {
    "meltanolabs-target-snowflake 0.20.4": "There is no account. Its tables are tested "
    "in an emulator: [Snowflake](warehouses.md#snowflake).",
    "MeltanoLabs/target-clickhouse 0.4.0": "Not in the registry. "
    "[ClickHouse](warehouses.md#clickhouse) has another way.",
    "MeltanoLabs/target-sqlite 0.7.0": "Not in the registry. It has been seen to skip "
    "batches and confirm the state, so that all rows are lost.",
    "target-parquet 0.0.1": "Does not install on Python 3.8 or newer.",
    "target-postgres 1.1.3": "Another package than MeltanoLabs'. Does not install on "
    "Python 3.8 or newer; has been seen to garble Cyrillic, and to make null of 0 and "
    "false.",
    "target-s3-jsonl, pipelinewise-target-s3-csv, plinxore-target-s3": "There is no "
    "storage of that kind here.",
    "z3-target-bigquery 0.7.2": "There is no account.",
}
"""Targets that are not tried, and why."""
