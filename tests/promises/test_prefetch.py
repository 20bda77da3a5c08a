from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox.server.faults import Fault
from tests.support.records import assert_is_truth
from tests.support.running import run_tap

if TYPE_CHECKING:
    from pathlib import Path

    from targetads_sandbox.server.sandbox import Sandbox
    from targetads_sandbox.world.world import World


@pytest.mark.parametrize("at_once", [1, 2, 8])
@pytest.mark.parametrize("page_size", [3, 1000])
def test_records_are_the_same_and_in_order_however_many_are_under_way(
    tmp_path: Path, world: World, config: dict[str, Any], at_once: int, page_size: int
) -> None:
    config |= {"page_size": page_size, "window_days": 2}
    alone = run_tap(tmp_path, {**config, "concurrent_requests": 1})

    output = run_tap(tmp_path, {**config, "concurrent_requests": at_once})

    assert_is_truth(output, world)
    assert output.records == alone.records
    assert output.states == alone.states


def test_faults_hit_what_is_sent_ahead_and_nothing_is_lost(
    tmp_path: Path, sandbox: Sandbox, world: World, config: dict[str, Any]
) -> None:
    kinds: list[Any] = ["server_error", "cut", "malformed", "rate_limit", "bad_gateway"]
    sandbox.faults.set([Fault(kind, rate=0.08) for kind in kinds])
    config |= {"page_size": 5, "window_days": 1, "max_retries": 20}

    output = run_tap(tmp_path, {**config, "concurrent_requests": 8})

    assert_is_truth(output, world)
    assert sum(sandbox.faults.happened.values()) > 10


def test_few_requests_are_in_vain(
    tmp_path: Path, sandbox: Sandbox, config: dict[str, Any]
) -> None:
    config |= {"page_size": 5, "window_days": 1, "interaction_types": ["PageView"]}
    run_tap(tmp_path, {**config, "concurrent_requests": 1})
    alone = len(sandbox.requests)
    sandbox.clear_requests()

    run_tap(tmp_path, {**config, "concurrent_requests": 8})

    # The number of pages of a day is guessed from the day before.
    assert alone <= len(sandbox.requests) <= alone + 2 * 31


def test_the_budget_holds_for_a_whole_run(
    tmp_path: Path,
    sandbox: Sandbox,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tap_targetads.run.Run.sleep", waits.append)

    output = run_tap(tmp_path, {**config, "requests_per_minute": 10})

    assert output.exit_code == 0
    assert len(sandbox.requests) == 20
    assert len(waits) == 10
    assert max(waits) <= 60
