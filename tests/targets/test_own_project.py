"""A Meltano project of the user's own, made with the words of the README."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import yaml
from psycopg.conninfo import make_conninfo

from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World
from tests.conftest import PROJECT
from tests.support.places import ROOT
from tests.support.warehouse import Warehouse, assert_is_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

PLUGINS = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]
(TAP,) = (e for e in PLUGINS["extractors"] if e["name"] == "tap-targetads")
(LOADER,) = (e for e in PLUGINS["loaders"] if e["name"] == "target-postgres")


def documented(language: str) -> str:
    """The block of a language in what the page on warehouses says of PostgreSQL."""
    page = (ROOT / "docs" / "warehouses.md").read_text(encoding="utf-8")
    section = page.partition("\n## PostgreSQL\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(block)


def block_of_the_readme() -> dict[str, Any]:
    """What the README says to put into `meltano.yml`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert len(block.splitlines()) <= 20
    loaded: dict[str, Any] = yaml.safe_load(block)
    return loaded


(RECIPE,) = yaml.safe_load(documented("yaml"))["plugins"]["loaders"]


PROJECTS = {
    "the README's block": block_of_the_readme(),
    "copied from meltano.yml": {
        "plugins": {"extractors": [TAP], "loaders": [LOADER]},
    },
    "the loader from elsewhere, with the recipe": {
        "plugins": {
            "extractors": [TAP],
            # Without what only this project's has.
            "loaders": [
                {
                    **{
                        k: v
                        for k, v in LOADER.items()
                        if k not in {"env", "config", "pip_url"}
                    },
                    **RECIPE,
                }
            ],
        },
    },
}


# The README's is what most users start with.
BLOCKS = [
    pytest.param(block, marks=pytest.mark.long if number else pytest.mark.slow)
    for number, block in enumerate(PROJECTS)
]


@dataclass
class OwnProject:
    """A project that `meltano init` has made."""

    folder: Path
    environment: Mapping[str, str]

    def meltano(self, *arguments: str, **more: str) -> None:
        done = subprocess.run(
            [Path(sys.executable).with_name("meltano"), *arguments],
            cwd=self.folder if self.folder.exists() else self.folder.parent,
            env={**self.environment, **more},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-5000:]

    def use(self, block: Mapping[str, Any], **more: Any) -> None:
        """Put a tap and a loader into the project.

        Args:
            block: Their definitions.
            more: Further settings of the tap.
        """
        file = self.folder / "meltano.yml"
        project = yaml.safe_load(file.read_text(encoding="utf-8")) | copy.deepcopy(
            block
        )
        (tap,), (loader,) = project["plugins"].values()
        tap |= {"pip_url": f"-e {ROOT}[sandbox]", "config": more}
        # The tests' server listens on a socket, which has neither host nor port.
        loader["settings"] = [*loader.get("settings", []), {"name": "sqlalchemy_url"}]
        file.write_text(yaml.safe_dump(project), encoding="utf-8")


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, meltano_environment: Mapping[str, str]
) -> OwnProject:
    folder = tmp_path_factory.mktemp("own") / "analytics"
    project = OwnProject(folder, meltano_environment)
    project.meltano("init", "analytics", "--no-usage-stats")
    project.use(PROJECTS["the README's block"])
    project.meltano("install", "extractor", "tap-targetads")
    project.meltano("install", "loader", "target-postgres")
    return project


@pytest.fixture(scope="module")
def moscow(database: str) -> str:
    """A database whose sessions are in Moscow."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS moscow")
        connection.execute("CREATE DATABASE moscow")
        connection.execute("ALTER DATABASE moscow SET timezone = 'Europe/Moscow'")
    return make_conninfo(database, dbname="moscow")


@pytest.mark.meltano
@pytest.mark.parametrize("block", BLOCKS)
def test_in_a_project_of_ones_own_times_and_keys_are_right_on_a_server_in_moscow(
    project: OwnProject, moscow: str, block: str
) -> None:
    world = World(rows_per_day=40)
    warehouse = Warehouse(moscow, re.sub(r"\W", "_", block).lower())
    command = ("run", f"--state-id-suffix={warehouse.schema}")
    with Sandbox(world) as sandbox:
        project.use(PROJECTS[block], api_url=sandbox.url, end_date="2024-01-31")
        environment = {
            **warehouse.variables(),
            "TAP_TARGETADS_PROJECT_ID": str(PROJECT),
            "TAP_TARGETADS_AUTH_TOKEN": sandbox.tokens[PROJECT],
            "TAP_TARGETADS_START_DATE": "2024-01-01",
        }

        project.meltano("invoke", "tap-targetads", "--test", **environment)
        project.meltano(*command, "tap-targetads", "target-postgres", **environment)
        once = warehouse.everything()
        assert_is_truth(warehouse, world, [PROJECT])

        sandbox.clear_requests()
        project.meltano(*command, "tap-targetads", "target-postgres", **environment)
        assert not [r for r in sandbox.requests if "/reports/" in r.path]
        assert warehouse.everything() == once
    assert "interactions" not in once  # the same rows once more
    query = documented("sql").replace("targetads.", f"{warehouse.schema}.")
    with psycopg.connect(moscow) as connection:
        rows = connection.execute(query).fetchall()
    assert rows
    assert {time.date() for time, _ in rows} == {date(2024, 1, 31)}
