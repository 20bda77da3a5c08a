"""Fixtures: a sandbox, and a tap that never waits."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings

from tap_targetads.api.retries import retry_waits
from tap_targetads.config.environment import PREFIX
from tap_targetads.config.settings import Settings
from tap_targetads.run import Run
from targetads_sandbox.server.sandbox import Sandbox
from targetads_sandbox.world.world import World

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

pytest.register_assert_rewrite("tests.support")

# Nothing may hang; but how fast an example is depends on what else the machine does.
settings.register_profile(
    "patient", deadline=30_000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
# uv run pytest tests/fuzz --hypothesis-profile=ten_thousand
settings.register_profile("ten_thousand", max_examples=10_000, print_blob=True)

PROJECT = 12486
OTHER_PROJECT = 12487
END_OF_JANUARY = "2024-01-31T20:59:59+00:00"
"""The bookmark at the end of the month that is read, in Moscow."""


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(
    config: pytest.Config,
) -> Generator[None, int, int]:
    """Two workers per core, since tests wait for half of their time.

    A file runs in one worker, whose start one alone can do without.
    """
    cores = yield
    (argument, *more) = config.args
    return 0 if ".py" in argument and not more else 2 * cores


@pytest.fixture(scope="session")
def world() -> World:
    """A small world: some dozens of rows a day."""
    return World(rows_per_day=40)


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """A sandbox of its own for each test, with a world that nobody changes."""
    with Sandbox(world) as sandbox:
        yield sandbox


@pytest.fixture
def config(sandbox: Sandbox) -> dict[str, Any]:
    """Settings that read a month of one project from the sandbox."""
    return {
        "api_url": sandbox.url,
        "auth_token": sandbox.tokens[PROJECT],
        "project_id": PROJECT,
        "start_date": "2024-01-01",
        "end_date": "2024-01-31",
    }


@pytest.fixture
def clicks(config: dict[str, Any]) -> dict[str, Any]:
    """Settings that read clicks only."""
    return {**config, "interaction_types": ["Click"]}


@pytest.fixture
def batch_folder(tmp_path: Path) -> Path:
    """Where batch files go."""
    return tmp_path / "batches"


@pytest.fixture(scope="session")
def meltano_environment() -> dict[str, str]:
    """The environment for Meltano, without what is set for somebody's own runs."""
    own = ("TAP_", "TARGET_", "MELTANO_", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(own)}
    return {**inherited, "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def somewhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings from the environment, nor from the `.env` of the clone.

    What a test puts into the environment, by an `.env` of its own too, ends with it.
    """
    with patch.dict(os.environ):
        for name in [n for n in os.environ if n.startswith(PREFIX)]:
            del os.environ[name]
        monkeypatch.chdir(tmp_path)
        yield


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that the tap's client would have made; it makes none."""
    seconds: list[float] = []

    def no_waits() -> Generator[float, Exception, None]:
        real = retry_waits()
        failure = yield next(real)
        while True:
            seconds.append(real.send(failure))
            failure = yield 0

    monkeypatch.setattr(Run, "retry_waits", staticmethod(no_waits))
    monkeypatch.setattr(Run, "sleep", staticmethod(lambda _: None))
    return seconds


@pytest.fixture
def february(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 10 February 2024: January is within the history of version 2."""
    monkeypatch.setattr(Settings, "last_complete_day", lambda *_: date(2024, 2, 9))
