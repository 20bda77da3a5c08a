"""The pipeline as users run it: Meltano, the tap, and a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from scripts.mistakes import MISTAKES, line
from scripts.mistakes import variables as variables_of
from tap_targetads.tap import TapTargetADS
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.truth import (
    expected_paths,
    expected_records,
    expected_report,
)
from targetads_sandbox.world.world import World
from tests.conftest import OTHER_PROJECT, PROJECT
from tests.support.places import ROOT
from tests.support.records import (
    DIMENSIONS,
    FIELDS,
    MEDIA_METRICS,
    STREAMS,
    TARGET_METRICS,
)
from tests.support.warehouse import (
    META_ROWS,
    Meltano,
    Warehouse,
    assert_is_truth,
    variables,
)

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
        made_up = "SANDBOX: true" in str(environment).replace("'", "").replace(
            "sandbox: True", "SANDBOX: true"
        )
        assert made_up == (environment["name"] in {"sandbox", "reports"})


FILLED = {
    "TAP_TARGETADS_PROJECT_ID": "777",
    "TAP_TARGETADS_PROJECTS": '[{"project_id": 777}]',
    "TAP_TARGETADS_START_DATE": "2023-05-01",
    "TAP_TARGETADS_END_DATE": "2023-05-02",
    "TAP_TARGETADS_TIMEZONE": "Asia/Tokyo",
    "TAP_TARGETADS_INTERACTION_TYPES": '["Click"]',
    "TAP_TARGETADS_MEDIA_CAMPAIGN_IDS": "[1]",
    "TAP_TARGETADS_EXTRA_FIELDS": '["Color"]',
    "TAP_TARGETADS_REPORTS": '[{"name": "mine", "report": "raw"}]',
    "TAP_TARGETADS_STREAM_MAPS": '{"clicks": null}',
}
"""What somebody's own `.env` may hold, and every setting that makes other rows."""


@pytest.mark.slow
@pytest.mark.meltano
def test_what_somebody_has_set_changes_nothing_in_the_sandbox(meltano: Meltano) -> None:
    def settings(**variables: str) -> dict[str, Any]:
        text = meltano.run(
            "--environment=sandbox", "config", "print", "tap-targetads", **variables
        )
        found: dict[str, Any] = json.loads(text[text.index("\n{") :])
        return {k: v for k, v in found.items() if k != "project_id"}

    assert settings(**FILLED) == settings()
    log = meltano.run(
        "--environment=sandbox", "invoke", "tap-targetads", "--test", **FILLED
    )
    assert re.findall(r"Project (\d+): ok", log) == ["12486", "12487"]
    assert "page_views" in log
    assert "mine" not in log


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_common_mistake_is_one_line_under_meltano_too(
    meltano: Meltano, mistake: str
) -> None:
    with Sandbox(World(rows_per_day=10)) as sandbox:
        wrong = MISTAKES[mistake]
        command = meltano.command(
            "invoke", "tap-targetads", "--test", **variables_of(sandbox, wrong)
        )
        done = subprocess.run(**command, check=False)
        told = line(sandbox, wrong)

    assert done.returncode == 1
    assert done.stdout.count(told) == 1
    assert "Traceback" not in done.stdout


@pytest.mark.slow
@pytest.mark.meltano
def test_meltano_passes_days_on_as_they_are_written(meltano: Meltano) -> None:
    variables = {
        "TAP_TARGETADS_PROJECT_ID": "12486",
        "TAP_TARGETADS_AUTH_TOKEN": "4f3c-secret",
        "TAP_TARGETADS_START_DATE": "01.02.2024",
        "TAP_TARGETADS_END_DATE": "31.01.2024",
    }
    command = meltano.command("invoke", "tap-targetads", "--test", **variables)

    done = subprocess.run(**command, check=False)

    assert done.returncode == 1
    assert "2024-02-01 is after `end_date` 2024-01-31" in done.stdout


def test_meltano_knows_every_capability() -> None:
    capabilities = {c.value for c in TapTargetADS.capabilities}

    # The SDK sees it in the settings from 0.55 on; Meltano does not know it.
    assert set(TAP["capabilities"]) == capabilities - {"start-date"}


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
    assert {name: found[name] for name in META_ROWS} == META_ROWS
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
