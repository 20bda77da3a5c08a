"""What target-postgres makes of the tap's output, by its settings."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.places import ROOT
from tests.support.records import change
from tests.support.running import Output, discover, run_tap
from tests.support.warehouse import Warehouse, assert_is_truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOADER: dict[str, Any] = next(
    loader
    for loader in yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))[
        "plugins"
    ]["loaders"]
    if loader["name"] == "target-postgres"
)
CAREFUL = {"use_copy": False, "validate_records": True}
TYPES = {
    "date-time": "timestamp without time zone",
    "date": "date",
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "string": "text",
}

pytestmark = pytest.mark.slow


def load(
    folder: Path,
    warehouse: Warehouse,
    outputs: Sequence[Output],
    *packages: str,
    **settings: Any,
) -> None:
    """Load what the tap wrote, run by run, with the settings of meltano.yml.

    Packages are those that are installed beside the target.
    """
    target = ["uv", "tool", "run", "--quiet", "--from", LOADER["pip_url"]]
    target += [f"--with={package}" for package in packages]
    address = warehouse.variables()["TARGET_POSTGRES_SQLALCHEMY_URL"]
    where = {"sqlalchemy_url": address, "default_target_schema": warehouse.schema}
    config = folder / "target.json"
    config.write_text(json.dumps({**LOADER["config"], **where, **settings}))
    for output in outputs:
        assert output.exit_code == 0
        done = subprocess.run(
            [*target, LOADER["executable"], "--config", str(config)],
            input="".join(json.dumps(m) + "\n" for m in output.messages),
            env={**os.environ, **LOADER["env"]},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-5000:]


def test_copy_without_validation_loads_the_same_as_insert_with_it(
    tmp_path: Path, config: dict[str, Any], database: str
) -> None:
    world = World(rows_per_day=40)
    warehouse = Warehouse(database, "fast")
    with Sandbox(world) as sandbox:
        config |= {"api_url": sandbox.url, "end_date": "2024-01-29"}
        everything = discover(config)
        first = run_tap(tmp_path, config, catalog=everything)
        change(world)
        config |= {"end_date": "2024-01-31", "lookback_days": 5}
        second = run_tap(tmp_path, config, catalog=everything, state=first.state)
    plain = Warehouse(database, "plain")

    assert LOADER["config"]["use_copy"]
    assert not LOADER["config"]["validate_records"]
    load(tmp_path, warehouse, [first, second], add_record_metadata=False)
    load(tmp_path, plain, [first, second], **CAREFUL)

    assert_is_truth(warehouse, world, [PROJECT])
    assert "🍵" in str(warehouse.rows("purchases"))
    assert warehouse.everything() == plain.everything()


def test_postgresqls_tables_have_the_types_and_keys_of_the_schemas(
    tmp_path: Path, config: dict[str, Any], database: str
) -> None:
    warehouse = Warehouse(database, "types")
    output = run_tap(tmp_path, config, "--test=schema")

    load(tmp_path, warehouse, [output])

    columns = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'types' AND column_name NOT LIKE '\\_sdc%'
    """
    keys = """
        SELECT table_name, column_name FROM information_schema.key_column_usage
        WHERE table_schema = 'types'
    """
    with psycopg.connect(database) as connection:
        found = set(connection.execute(columns).fetchall())
        primary = set(connection.execute(keys).fetchall())
    assert found == {
        (message["stream"], name, TYPES[schema.get("format") or schema["type"][0]])
        for message in output.messages
        for name, schema in message["schema"]["properties"].items()
    }
    assert primary == {
        (message["stream"], key)
        for message in output.messages
        for key in message["key_properties"]
    }


def test_the_key_and_not_load_method_says_whether_rows_are_replaced_or_appended(
    tmp_path: Path, config: dict[str, Any], world: World, database: str
) -> None:
    config["end_date"] = "2024-01-03"
    later = {**config, "end_date": "2024-01-05", "lookback_days": 2}
    first = run_tap(tmp_path, config)
    second = run_tap(tmp_path, later, state=first.state)
    without = run_tap(tmp_path, {**config, "row_key": False})

    for method in ("append-only", "overwrite"):
        keyed = Warehouse(database, f"keyed_{method[:6]}")
        load(tmp_path, keyed, [first, second], load_method=method)
        assert_is_truth(keyed, world, [PROJECT], end=date(2024, 1, 5))

    keyless = Warehouse(database, "keyless")
    load(tmp_path, keyless, [without, without], load_method="overwrite")
    tables = keyless.everything()
    assert {stream: len(rows) for stream, rows in tables.items()} == {
        stream: 2 * len(rows) for stream, rows in without.records.items()
    }


@pytest.mark.parametrize("encoding", ["jsonl", "parquet"])
def test_postgresql_loads_batches_with_the_same_rows(
    tmp_path: Path, config: dict[str, Any], world: World, database: str, encoding: str
) -> None:
    # The target reads Parquet only with its library beside it.
    beside = ["pyarrow"] if encoding == "parquet" else []
    warehouse = Warehouse(database, f"batches_{encoding}")
    config["end_date"] = "2024-01-05"
    config["batch_config"] = {
        "encoding": {"format": encoding},
        "storage": {"root": (tmp_path / "batches").as_uri()},
        "batch_size": 100,
    }
    output = run_tap(tmp_path, config)
    assert output.of_type("BATCH")
    assert not output.records

    load(tmp_path, warehouse, [output], *beside)

    assert_is_truth(warehouse, world, [PROJECT], end=date(2024, 1, 5))
