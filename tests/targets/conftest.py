"""Fixtures of real loaders: Meltano, and a PostgreSQL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support import postgres
from tests.support.warehouse import Meltano

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A PostgreSQL whose sessions are in New York unless they say otherwise.

    One that the environment names stays as it is.
    """
    with postgres.database() as url:
        if postgres.VARIABLE not in os.environ:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "ALTER DATABASE postgres SET timezone = 'America/New_York'"
                )
        yield url


@pytest.fixture(scope="session")
def meltano(
    tmp_path_factory: pytest.TempPathFactory, meltano_environment: Mapping[str, str]
) -> Meltano:
    """Meltano, with this project's tap and its loader for PostgreSQL."""
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
