from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from targetads_sandbox import DOCUMENTED, Sandbox, World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def _serving() -> Iterator[Sandbox]:
    with Sandbox(World(rows_per_day=100)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_serving: Sandbox) -> Sandbox:
    """A sandbox that serves; its world is shared by all tests, nothing else is."""
    _serving.dialect = DOCUMENTED
    _serving.faults.clear()
    _serving.clear_requests()
    return _serving
