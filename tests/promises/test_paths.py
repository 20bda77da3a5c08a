"""Paths to conversions, as the command line delivers them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from targetads_sandbox import Sandbox, World
from tests.conftest import END_OF_JANUARY, PROJECT
from tests.support.records import assert_same_paths, paths
from tests.support.running import only, run_tap

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page_size", [7, 100_000])
def test_paths_arrive_whole_in_any_paging(
    tmp_path: Path, world: World, config: dict[str, Any], page_size: int
) -> None:
    catalog = only(config, "conversion_paths")

    output = run_tap(tmp_path, {**config, "page_size": page_size}, catalog=catalog)

    assert_same_paths(output.records["conversion_paths"], paths(world))
    assert output.bookmark("conversion_paths", PROJECT) == END_OF_JANUARY


def test_no_path_is_cut_by_the_edge_of_a_window(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    output = run_tap(tmp_path, config, catalog=only(config, "conversion_paths"))

    whole = defaultdict(list)
    for record in output.records["conversion_paths"]:
        key = [record[n] for n in ("conversion_date", "PathDeviceID", "TargetEcomId")]
        whole[(*key, record["TargetEventName"])].append(record)
    before = 0
    for path in whole.values():
        assert len(path) % path[0]["PathLength"] == 0
        before += any(r["InteractionTime"][:10] < r["conversion_date"] for r in path)
    assert before, "some paths began on an earlier day"


@pytest.mark.parametrize("model", ["Weight_MLI", "Weight_FL", "Weight_FTDM_30"])
def test_the_weights_of_a_path_sum_to_one(
    tmp_path: Path, config: dict[str, Any], model: str
) -> None:
    output = run_tap(tmp_path, config, catalog=only(config, "conversion_paths"))

    sums: dict[Any, float] = defaultdict(float)
    for r in output.records["conversion_paths"]:
        key = (r["conversion_date"], r["PathDeviceID"], r["TargetEcomId"])
        sums[key] += r[model]
    for total in sums.values():
        # A device may have several conversions without an order on a day.
        assert round(total) >= 1
        assert total == pytest.approx(round(total), abs=1e-5)


def test_weights_that_change_keep_their_keys(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    world = World(rows_per_day=40)
    catalog = only(config, "conversion_paths")
    with Sandbox(world) as sandbox:
        changing = {**config, "api_url": sandbox.url, "lookback_days": 3}
        first = run_tap(tmp_path, changing, catalog=catalog)
        world.change_weights(PROJECT, date(2024, 1, 30))
        second = run_tap(tmp_path, changing, state=first.state, catalog=catalog)

    old = {r["_row_key"]: r for r in first.records["conversion_paths"]}
    new = {r["_row_key"]: r for r in second.records["conversion_paths"]}
    assert set(new) < set(old)
    assert any(new[key] != old[key] for key in new)
