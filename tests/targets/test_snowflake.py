"""The tables that target-snowflake makes of the tap's schemas, in an emulator.

fakesnow runs Snowflake's SQL on DuckDB. It makes tables, and tells their types, as
Snowflake does; loading goes through stages in ways that it does not know. So nothing is
loaded here, and nothing shown of loading.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.places import ROOT
from tests.support.running import Output, run_tap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


EMULATOR = "fakesnow==0.12.1"
# Loads the tap's outputs one after the other, as that many runs of the target would.
LOAD = """
import io, json, sys
import fakesnow, snowflake.connector
from target_snowflake.target import TargetSnowflake

config, outputs = json.load(sys.stdin)
with fakesnow.patch():
    for output in outputs:
        TargetSnowflake(config=config).listen(io.StringIO(output))
    cursor = snowflake.connector.connect(database=config["database"]).cursor()
    tables = cursor.execute("SHOW TABLES IN SCHEMA targetads").fetchall()
    found = {}
    for table in sorted(row[1] for row in tables):
        # Without quotes, as people write names.
        cursor.execute(f"SELECT * FROM targetads.{table.lower()}")
        cursor.execute(f"DESCRIBE TABLE targetads.{table.lower()}")
        found[table] = [[row[0], row[1], row[3]] for row in cursor.fetchall()]
    cursor.execute("SHOW PRIMARY KEYS IN SCHEMA targetads")
    keys = [[row[3], row[4]] for row in cursor.fetchall()]
print(json.dumps([found, keys]))
"""
TYPES = {
    "date-time": "TIMESTAMP_NTZ(9)",
    "date": "DATE",
    "integer": "NUMBER(38,0)",
    "number": "FLOAT",
    "boolean": "BOOLEAN",
    "string": "VARCHAR(16777216)",
}


def load(outputs: Sequence[Output]) -> tuple[dict[str, list[Any]], list[list[str]]]:
    """The tables and their columns, and the columns of primary keys."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    loaders = project["plugins"]["loaders"]
    (loader,) = (entry for entry in loaders if entry["name"] == "target-snowflake")
    account = {"account": "a", "user": "u", "password": "p", "database": "ANALYTICS"}
    lines = ["".join(json.dumps(m) + "\n" for m in o.messages) for o in outputs]
    where = ["uv", "run", "--no-project", "--with", EMULATOR]
    done = subprocess.run(
        [*where, "--with", loader["pip_url"], "python", "-c", LOAD],
        input=json.dumps([{**loader["config"], **account}, lines]),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found, keys = json.loads(done.stdout)
    return found, keys


def type_of(schema: dict[str, Any]) -> str:
    """The column's type for a property."""
    if length := schema.get("maxLength"):
        return f"VARCHAR({length})"
    return TYPES[schema.get("format") or schema["type"][0]]


def without_lengths(output: Output) -> Output:
    """What versions before 0.2 wrote, which gave no length to the row key."""
    for message in output.messages:
        message["schema"]["properties"].get("_row_key", {}).pop("maxLength", None)
    return output


def schemas(folder: Path, config: dict[str, Any]) -> Output:
    output = run_tap(folder, config, "--test=schema")
    assert output.exit_code == 0
    return output


@pytest.mark.slow
def test_snowflakes_tables_have_the_types_and_keys_of_the_schemas(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    first = schemas(tmp_path, config)
    # A second run finds its tables; a field that was selected since becomes a column.
    config["extra_fields"] = ["InteractionCity"]
    second = schemas(tmp_path, config)

    found, keys = load([first, first, second])

    streams = {m["stream"]: m for m in second.messages}
    assert set(found) == {name.upper() for name in streams}
    for name, message in streams.items():
        columns = {
            column.upper(): type_of(schema)
            for column, schema in message["schema"]["properties"].items()
        }
        assert len(columns) == len(message["schema"]["properties"]), "as one name"
        own = {c: kind for c, kind, _ in found[name.upper()] if c[:5] != "_SDC_"}
        assert own == columns, name
        primary = {key.upper() for key in message["key_properties"]}
        assert {column for table, column in keys if table == name.upper()} == primary
        assert {c for c, _, null in found[name.upper()] if null == "N"} == primary
    clicks = {column: kind for column, kind, _ in found["CLICKS"]}
    assert clicks["INTERACTIONTIME"] == "TIMESTAMP_NTZ(9)"
    assert "INTERACTIONCITY" in clicks


@pytest.mark.slow
def test_snowflakes_tables_of_an_older_version_take_the_rows_of_this_one(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    older = without_lengths(schemas(tmp_path, config))

    found, keys = load([older, schemas(tmp_path, config)])

    columns = {column: kind for column, kind, _ in found["CLICKS"]}
    assert columns["_ROW_KEY"] == TYPES["string"]
    assert ["CLICKS", "_ROW_KEY"] in keys


@pytest.mark.slow
def test_without_a_row_key_snowflakes_tables_have_no_primary_key(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    found, keys = load([schemas(tmp_path, {**config, "row_key": False})])

    assert "_ROW_KEY" not in {column for column, _, _ in found["CLICKS"]}
    assert "CLICKS" not in {table for table, _ in keys}
    assert "CAMPAIGNS" in {table for table, _ in keys}
