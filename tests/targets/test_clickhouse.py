"""Files, then ClickHouse: its engine runs the SQL of examples/clickhouse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.file_target import append
from tests.support.places import ROOT
from tests.support.records import META, STREAMS, all_reports, change, in_order, truth
from tests.support.running import Record, discover, run_tap

if TYPE_CHECKING:
    from pathlib import Path

PROJECTS = [PROJECT, OTHER_PROJECT]

# ClickHouse's engine as a Python package. It does with a script what
# clickhouse-client does with --queries-file.
ENGINE = "chdb-core==26.9.0"
ASK = """
import sys
from chdb import session
clickhouse = session.Session(sys.argv[1])
print(clickhouse.query(sys.stdin.read(), "JSONEachRow"))
"""


class Laptop:
    """A folder for target-jsonl's files, and a ClickHouse of one's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.catalog = folder / "discovered.json"

    def ask(self, script: str) -> list[Record]:
        """Run SQL; the rows of its query."""
        python = ["uv", "run", "--no-project", "--with", ENGINE, "python", "-c", ASK]
        done = subprocess.run(
            [*python, str(self.folder / "clickhouse")],
            input=script,
            env={**os.environ, "TZ": "America/New_York"},  # as of a server elsewhere
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines() if line]

    def script(self, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Let the example write its SQL."""
        self.catalog.write_text(json.dumps(discover(config)))
        example = ROOT / "examples" / "clickhouse" / "load_sql.py"
        return subprocess.run(
            [sys.executable, str(example), str(self.catalog), str(self.files)],
            check=False,
            capture_output=True,
            text=True,
        )

    def load(self, config: dict[str, Any]) -> None:
        done = self.script(config)
        assert done.returncode == 0, done.stderr
        self.ask(done.stdout)

    def remove_files(self) -> None:
        for file in self.files.iterdir():
            file.unlink()

    def tables(self, *names: str, final: str = "FINAL") -> dict[str, list[Record]]:
        """The rows of some tables, in the forms that the tap's records have."""
        # A row as one text, so that tables of different columns go into one answer.
        result = []
        for name in names:
            row = "formatRowNoNewline('JSONEachRow', *)"
            result.append(
                f"SELECT '{name}' AS name, {row} AS row FROM targetads.{name} {final}"  # noqa: S608
            )
        found: dict[str, list[Record]] = {name: [] for name in names}
        for line in self.ask(" UNION ALL ".join(result)):
            found[line["name"]].append(plain(json.loads(line["row"])))
        return found


def plain(row: Record) -> Record:
    """A row with its times as the tap writes them."""
    return {
        name: datetime.fromisoformat(f"{value}+00:00").isoformat()
        if value is not None and name.endswith(("Time", "_created", "_at"))
        else value
        for name, value in row.items()
    }


@pytest.mark.slow
def test_clickhouse_holds_each_row_once_and_as_the_source_has_it_now(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    laptop = Laptop(tmp_path)
    with Sandbox(world) as sandbox:
        tokens = sandbox.tokens
        projects = [{"project_id": p, "auth_token": tokens[p]} for p in PROJECTS]
        config = {**config, "api_url": sandbox.url, "projects": projects}
        del config["project_id"], config["auth_token"]
        everything = discover(config)
        config["end_date"] = "2024-01-29"
        first = run_tap(tmp_path, config, catalog=everything)
        append(first, laptop.files)
        laptop.load(config)
        laptop.load(config)  # as if the files had not been removed after the first time
        laptop.remove_files()
        change(world)
        config |= {"end_date": "2024-01-31", "lookback_days": 5}
        second = run_tap(tmp_path, config, catalog=everything, state=first.state)
        append(second, laptop.files)
        laptop.load(config)

    found = laptop.tables(*STREAMS, "conversion_paths", "media_report", *META)
    expected = all_reports(world, PROJECTS)
    for name, rows in expected.items():
        assert in_order(found[name]) == in_order(rows), name
    for name in META:
        assert in_order(found[name]) == in_order(second.records[name]), name
    assert "зелёный 🍵" in str(found["purchases"])


@pytest.mark.slow
def test_clickhouse_appends_rows_without_keys_and_adds_fields_selected_since(
    tmp_path: Path, config: dict[str, Any], world: World
) -> None:
    laptop = Laptop(tmp_path)
    config |= {"row_key": False, "end_date": "2024-01-02"}
    append(run_tap(tmp_path, config), laptop.files)
    laptop.load(config)
    laptop.remove_files()
    config |= {"extra_fields": ["InteractionCity"], "start_date": "2024-01-03"}
    config["end_date"] = "2024-01-04"
    append(run_tap(tmp_path, config), laptop.files)
    laptop.load(config)

    found = laptop.tables(*STREAMS, final="")
    for stream in STREAMS:
        rows = truth(world, stream, end=date(2024, 1, 4), row_key=False)
        assert len(found[stream]) == len(rows)
        assert all("InteractionCity" in row for row in found[stream])


@pytest.mark.slow
def test_what_a_table_has_no_place_for_is_an_error_and_digits_are_kept(
    tmp_path: Path, config: dict[str, Any], world: World
) -> None:
    laptop = Laptop(tmp_path)
    laptop.files.mkdir()
    row = {**truth(world, "purchases")[0], "InteractionEcomAmount": 16.129999999999999}
    for wrong in ({"Unknown": 1}, {"_row_key": None}, {"InteractionTime": None}):
        file = laptop.files / "purchases.jsonl"
        file.write_text(json.dumps({**row, **wrong}))
        with pytest.raises(subprocess.CalledProcessError):
            laptop.load(config)
    file.write_text(json.dumps(row))
    laptop.load(config)

    assert laptop.tables("purchases") == {"purchases": [row]}


def test_without_rows_or_catalog_the_sql_is_one_clear_line_instead(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    laptop = Laptop(tmp_path)
    laptop.files.mkdir()
    nothing = laptop.script(config)
    (laptop.files / "others.jsonl").touch()
    unknown = laptop.script(config)

    assert nothing.returncode == unknown.returncode == 1
    assert "there are no .jsonl files in" in nothing.stderr
    assert unknown.stderr.splitlines() == [f"Not in {laptop.catalog}: others."]
    assert not nothing.stdout + unknown.stdout
